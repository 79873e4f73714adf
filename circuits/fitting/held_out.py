"""Sessions that a fit has not seen: what it predicts of them, beside what needs no circuit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from scipy.optimize import least_squares

from circuits.base import Circuit
from circuits.fitting.bounds import Bounds
from circuits.fitting.fitting import default_width, fit
from circuits.fitting.model import Model
from circuits.fitting.statistics import (
    OF_LAG,
    Codes,
    chosen_statistics,
    codes,
    population_similarity,
    rate_similarity,
)
from circuits.fitting.surroundings import Surroundings, is_lifted
from circuits.simulation.settled_rates import Engine
from drift.door import opened
from drift.door.quantities import Count, Seed
from drift.errors import RefusedInputError
from drift.files.store import provenance
from drift.observation.expected_maps import Lens, lens, well_counted

PREDICTORS = ("circuit", "circuit_levelled", "persistence", "exponential", "mean")
ECHOES = 8  # simulations of the fitted circuit, whose mean is the prediction
UNLIFTED = ("map_similarity", "population_similarity")  # where nothing moves rates for themselves
FEWEST = 3  # sessions to fit, which give two lags


@opened
def held_out(
    circuit: Circuit,
    recording: xr.Dataset,
    parameters: Mapping[str, tuple[float, float]],
    sessions: Count,
    *,
    subject: int = 0,
    input_width: float | None = None,
    engine: Engine = "fixed_point",
    seed: Seed = 0,
    **options: Any,
) -> xr.Dataset:
    """Fit a circuit to the first sessions and predict how similar each of them is to the later
    ones, beside predictions that need no circuit.

    Circuit levelled: what the circuit makes, times measured over predicted similarity of the pairs
    of first sessions: the circuit then tells the change alone, and first sessions its level.
    Persistence: each first session is as similar to every later one as it was to the last of the
    first sessions (the last one: as it was to the one before). Exponential: a exp(-t / T) through
    the pairs of first sessions by least squares. Mean: that of these pairs.

    Parameters
    ----------
    circuit : Circuit
        To be fitted.
    recording : xarray.Dataset
        Longitudinal Dataset of ``measure``; of later sessions the fit knows dates and behaviour
        alone.
    parameters : mapping
        Bounds by name, as for ``fit``.
    sessions : int
        How many of the first sessions are fitted, of those in which the subject was recorded.
    subject : int
        Position along the dim.
    input_width, engine, seed, **options
        As for ``fit``, such as ``weight_lifetime`` or ``law``.

    Returns
    -------
    xarray.Dataset
        ``measured`` (measure, pair), ``predicted`` (predictor, measure, pair) and
        ``root_mean_square_error`` (predictor, measure) for map and population similarity, and for
        that of rates where there is a context or excitability, with the coordinates ``session``,
        ``session_other`` (positions) and ``lag`` of each pair.

    Raises
    ------
    RefusedInputError
        If fewer than three sessions are left to fit or none to predict, units are not tracked, or
        the fit is refused.
    """
    own = recording.isel(subject=[subject])
    present = (own["recorded"] == 1).any("unit").isel(subject=0).values
    own = own.isel(session=np.flatnonzero(present))
    if not FEWEST <= sessions < own.sizes["session"]:
        raise RefusedInputError(
            f"sessions must be from {FEWEST} to {own.sizes['session'] - 1}, so that some are "
            f"fitted and some predicted, got {sessions}."
        )
    first = lens(own.isel(session=slice(0, sessions)))
    whole = well_counted(lens(own), sessions)
    width = default_width(first) if input_width is None else input_width
    fitted = fit(
        circuit, own.isel(session=slice(0, sessions)), parameters, input_width=width,
        engine=engine, seed=seed, **options,
    )  # fmt: skip
    held = {name: options[name] for name in options if name in Surroundings.model_fields}
    surroundings = Surroundings(input_width=width, **held)
    names = Bounds.checked(parameters).names
    measures = OF_LAG if is_lifted(surroundings, names) else UNLIFTED
    selection = chosen_statistics(whole, measures)
    model = Model(circuit, whole, selection, names, surroundings, seed, engine)
    return _scored(
        _recorded(whole, measures),
        _recorded(first, measures),
        _predicted(model, fitted.dataset["best"].values[0], measures),
        whole,
        measures,
    )


def _recorded(seen: Lens, measures: Sequence[str]) -> np.ndarray:
    halves = None if seen.halves is None else seen.halves.rate
    return _similarities(codes(seen.rate, seen, halves), measures)


def _similarities(seen: Codes, measures: Sequence[str]) -> np.ndarray:
    """(measure, session, session) of each similarity."""
    return np.stack([SIMILARITIES[measure](seen) for measure in measures])


def _mean_map_similarity(seen: Codes) -> np.ndarray:
    """(session, session), mean over units."""
    defined = np.isfinite(seen.map_similarity)
    total = np.where(defined, seen.map_similarity, 0.0).sum(axis=0)
    count = defined.sum(axis=0)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


SIMILARITIES = {
    "map_similarity": _mean_map_similarity,
    "population_similarity": population_similarity,
    "rate_similarity": rate_similarity,
}


def _predicted(model: Model, candidate: np.ndarray, measures: Sequence[str]) -> np.ndarray:
    """(measure, session, session) of the fitted circuit, mean over several simulations."""
    seeds = [model.seed + number for number in range(ECHOES)]
    rates = model.rates(np.tile(candidate, (ECHOES, 1)), seeds)
    drawn = [
        _similarities(model.seen_codes(rate, seed), measures)
        for rate, seed in zip(rates, seeds, strict=True)
    ]
    return np.asarray(np.nanmean(drawn, axis=0))


def _scored(
    measured: np.ndarray,
    first_measured: np.ndarray,
    predicted: np.ndarray,
    whole: Lens,
    measures: Sequence[str],
) -> xr.Dataset:
    """Score predictions (measure, session, session), those without a circuit made of the first
    sessions as they were measured without the later ones."""
    lag = np.abs(whole.elapsed[:, np.newaxis] - whole.elapsed)
    sessions = first_measured.shape[-1]
    comparable = np.full(lag.shape, True) if whole.comparable is None else whole.comparable
    first, later = np.nonzero(comparable)
    used = (first < sessions) & (later >= sessions)
    first, later = first[used], later[used]
    paired = np.triu(comparable[:sessions, :sessions], k=1)
    rows = [_without_circuit(similar, lag, first, later, paired) for similar in first_measured]
    of_circuit = predicted[:, first, later]
    level = _level(first_measured, predicted[:, :sessions, :sessions], paired)
    levelled = np.clip(of_circuit * level[:, np.newaxis], -1.0, 1.0)
    values = np.stack([of_circuit, levelled, *np.moveaxis(np.array(rows), 1, 0)])
    error = np.sqrt(np.nanmean((values - measured[:, first, later]) ** 2, axis=-1))
    return xr.Dataset(
        {
            "measured": (("measure", "pair"), measured[:, first, later]),
            "predicted": (("predictor", "measure", "pair"), values),
            "root_mean_square_error": (("predictor", "measure"), error),
        },
        coords={
            "predictor": list(PREDICTORS), "measure": list(measures),
            "session": ("pair", first), "session_other": ("pair", later),
            "lag": ("pair", lag[first, later]),
        },
        attrs=provenance(),
    )  # fmt: skip


def _level(measured: np.ndarray, predicted: np.ndarray, paired: np.ndarray) -> np.ndarray:
    """Measured over predicted similarity of pairs of first sessions, (measure,): 1 where either is
    not positive."""
    both = paired & np.isfinite(measured) & np.isfinite(predicted)  # (measure, session, session)
    total, expected = (
        np.where(both, values, 0.0).sum(axis=(1, 2)) for values in (measured, predicted)
    )
    sound = (total > 0) & (expected > 0)
    return np.divide(total, expected, out=np.ones(len(measured)), where=sound)


def _without_circuit(
    similar: np.ndarray, lag: np.ndarray, first: np.ndarray, later: np.ndarray, paired: np.ndarray
) -> np.ndarray:
    """(persistence, exponential or mean, pair) from the pairs of first sessions."""
    defined = paired & np.isfinite(similar)
    if not defined.any():
        raise RefusedInputError(
            "no two of the first sessions can be compared: fit more sessions, of one environment."
        )
    last = len(similar) - 1
    lasting = similar[first, np.where(first == last, last - 1, last)]
    pairs, lags = similar[defined], lag[: len(similar), : len(similar)][defined]
    decay = least_squares(
        lambda values: values[0] * np.exp(-values[1] * lags) - pairs,
        [pairs.max(), 1 / lags.max()],
        bounds=([0.0, 0.0], [np.inf, np.inf]),
    ).x
    return np.stack([
        np.where(np.isfinite(lasting), lasting, pairs.mean()),
        decay[0] * np.exp(-decay[1] * lag[first, later]),
        np.full(first.size, pairs.mean()),
    ])  # fmt: skip
