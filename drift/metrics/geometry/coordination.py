"""Do units drift on the same days?"""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Draws, Seed
from drift.metrics.geometry.draws import own_stream
from drift.metrics.geometry.vectors import (
    CERTAIN,
    KINDS,
    LEVEL,
    Array,
    DriftVectors,
    drift_vectors,
)
from drift.metrics.stability.correlations import per_environment

FEWEST_STEPS = 3
SAME_INTERVAL = 0.25  # share of the median interval by which an interval may differ from it

NEIGHBOURS = (5 / 3) ** 0.5  # of the error of independent steps, as two steps share a session


@opened
@per_environment
def drift_coordination(
    dataset: xr.Dataset,
    *,
    keep: xr.DataArray | None = None,
    p_values: xr.DataArray | None = None,
    shuffles: Draws = 200,
    seed: Seed = 0,
) -> xr.Dataset:
    """Excess covariance over pairs of units of their squared increments: are there days on which
    all units change more?

    With q_i(t) the squared change of the map of unit i, summed over conditions, from session t to
    the next, and sums over all pairs of different units,

        coordination = sum_ij cov_t(q_i, q_j) / sum_ij <q_i> <q_j>,

    0 for units that drift independently. If one factor common to all units scales their drift, it
    is the variance of that factor around its mean of 1. The naive q holds noise, and noise is
    larger on days with little running; the cross-validated one is sum d_a d_b.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``elapsed`` and ``rate_half``, or of a network whose rates hold no
        noise. Steps between consecutive sessions of an environment count, if they last as long as
        the median of them (within a quarter); a unit counts that was recorded in all of their
        sessions.
    keep : xarray.DataArray, optional
        Bool over any of subject, session, unit: units to measure.
    p_values : xarray.DataArray, optional
        Of ``exchanged_trial_p_values``, by which there is a drift where p of half of the steps
        is below .023; by default told by
        halves, which take more codes at rest for drifting ones where laps differ in how much all
        units fire.
    shuffles : int
        Draws in which the steps of each unit are put in another order, for ``shuffled``.
    seed : int
        Of these.

    Returns
    -------
    xarray.Dataset
        ``coordination``, ``shuffled`` and ``shuffled_deviation`` (subject, kind), kind naive,
        frozen (of the noise of the sessions alone) and cross_validated; ``steps`` and
        ``units_compared`` (subject). NaN with fewer than three steps or two units; cross-validated
        also where there is no drift: where the sum of q is within 2 standard errors of 0, over
        units or of noise that units share.

    Raises
    ------
    RefusedInputError
        If rates are noisy and there are no halves, or no two sessions may be compared.
    """
    vectors = list(drift_vectors(dataset, keep, p_values))
    names = ("coordination", "shuffled", "shuffled_deviation")
    subjects = dataset.sizes["subject"]
    values = {name: np.full((subjects, len(KINDS)), np.nan) for name in names}
    counts = {name: np.zeros(subjects) for name in ("steps", "units_compared")}
    for subject in range(subjects):
        steps = _steps([pair for pair in vectors if pair.at[0] == subject], dataset, subject)
        squares = _squares(steps)
        counts["steps"][subject] = len(steps)
        counts["units_compared"][subject] = squares["naive"].shape[1]
        if len(steps) < FEWEST_STEPS or squares["naive"].shape[1] < 2:
            continue
        generator = own_stream(dataset, (subject,), seed)
        errors = [step.shared_error / step.conditions.size for step in steps]
        shared_error = NEIGHBOURS * float(np.linalg.norm(errors)) / len(steps)
        doubt = CERTAIN * max(_error(squares[KINDS[-1]]), shared_error)
        doubt = _told_by_trials(steps, doubt)
        columns = np.array(
            [
                _numbers(squares[kind], doubt if kind == KINDS[-1] else 0.0, shuffles, generator)
                for kind in KINDS
            ]
        )
        for name, column in zip(names, columns.T, strict=True):
            values[name][subject] = column
    variables = {
        name: (("subject", "kind"), array, {"units": "1"}) for name, array in values.items()
    }
    numbers = {name: ("subject", array, {"units": "1"}) for name, array in counts.items()}
    coords = {"subject": dataset["subject"].values} if "subject" in dataset.coords else {}
    return xr.Dataset({**variables, **numbers}, coords={**coords, "kind": list(KINDS)})


def _told_by_trials(steps: list[DriftVectors], doubt: float) -> float:
    """What the sum of squared changes must exceed: 0 where trials tell a drift in half of the
    steps, endless where they do not, ``doubt`` where they are not known."""
    p_values = np.array([step.p_value for step in steps])
    if not np.isfinite(p_values).all():
        return doubt
    return 0.0 if np.median(p_values) < LEVEL else np.inf


def _steps(pairs: list[DriftVectors], dataset: xr.Dataset, subject: int) -> list[DriftVectors]:
    """Pairs of consecutive sessions that lie as far apart as most."""
    elapsed: Array = np.arange(dataset.sizes["session"]).astype(float)
    if "elapsed" in dataset:
        elapsed = dataset["elapsed"].transpose("subject", "session").values[subject].astype(float)
    next_session: dict[int, DriftVectors] = {}
    for pair in pairs:
        first, second = sorted(pair.at[1:], key=lambda session: elapsed[session])
        if first not in next_session or elapsed[second] < _end(next_session[first], elapsed):
            next_session[first] = pair
    steps = list(next_session.values())
    if not steps:
        return steps
    intervals = np.array([np.ptp(elapsed[list(step.at[1:])]) for step in steps])
    usual = np.median(intervals)
    alike = np.abs(intervals - usual) <= SAME_INTERVAL * usual
    return [step for step, same in zip(steps, alike, strict=True) if same]


def _end(pair: DriftVectors, elapsed: Array) -> float:
    return float(elapsed[list(pair.at[1:])].max())


def _squares(steps: list[DriftVectors]) -> dict[str, Array]:
    """(step, unit) mean squared change over the conditions of a step, by kind, of the units of all
    steps."""
    if not steps:
        return {kind: np.zeros((0, 0)) for kind in KINDS}
    units = steps[0].units
    for step in steps[1:]:
        units = np.intersect1d(units, step.units)
    rows: dict[str, list[Array]] = {kind: [] for kind in KINDS}
    for step in steps:
        columns = np.searchsorted(step.units, units)
        naive = (step.drift[:, columns] ** 2).mean(axis=0)
        frozen = (step.noise[:, :, columns] ** 2).sum(axis=0).mean(axis=0)
        for kind, row in zip(KINDS, (naive, frozen, naive - frozen), strict=True):
            rows[kind].append(row)
    return {kind: np.stack(rows[kind]) for kind in KINDS}


def _error(squares: Array) -> float:
    """Standard error over units of the summed squared change of a step."""
    each = squares.mean(axis=0)
    return float(each.std(ddof=1) * np.sqrt(each.size))


def _numbers(
    squares: Array, doubt: float, shuffles: int, generator: np.random.Generator
) -> tuple[float, float, float]:
    """Coordination, and mean and standard deviation of it with steps in another order."""
    if not squares.mean(axis=0).sum() > doubt:
        return np.nan, np.nan, np.nan
    null = [_coordination(generator.permuted(squares, axis=0)) for _ in range(shuffles)]
    deviation = np.std(null, ddof=1) if len(null) > 1 else np.nan
    return _coordination(squares), float(np.mean(null)) if null else np.nan, float(deviation)


def _coordination(squares: Array) -> float:
    """Of (step, unit)."""
    mean = squares.mean(axis=0)
    apart = squares - mean
    count = len(squares) - 1
    covariance = ((apart.sum(axis=1) ** 2).sum() - (apart**2).sum()) / count
    return float(covariance / (mean.sum() ** 2 - (mean**2).sum()))
