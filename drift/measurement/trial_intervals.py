"""How certain a measure of one animal is, given that it ran these laps and might have run
others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.functions import answer_of
from drift.door.quantities import Confidence
from drift.errors import RefusedInputError
from drift.measurement.admission import timed
from drift.measurement.domains import Places, session_domain
from drift.measurement.halves import LAP, Laps, laps_of, with_laps
from drift.measurement.joining import Measured, joined_sessions, numbered
from drift.measurement.recommended import bin_width, speed_limit
from drift.measurement.rules import Measurement
from drift.measurement.running_samples import (
    is_directed,
    sample_speeds,
    some_running_samples,
)
from drift.measurement.session import measured_session
from drift.metrics.intervals.limits import of_sources
from drift.metrics.intervals.resampling import corrected_jackknife_variance, jackknife_variance
from drift.schema.labelled_form import check

FEWEST = 3  # pairs of laps of a session, for a variance
MOST = 12  # groups of these that are left out one after the other


@opened
def trial_interval(
    measured: xr.Dataset,
    sessions: Iterable[xr.Dataset],
    statistic: Callable[[xr.Dataset], xr.DataArray],
    *,
    confidence: Confidence = 0.95,
) -> xr.Dataset:
    """Interval of a measure of each animal over the laps that it might have run.

    Laps are shared by all units, so that drawing units does not tell what their chance does, and
    maps do not know them any more: sessions are measured again without a pair of laps, an odd and
    an even one of the same kind, one pair after the other, so that each half of the session keeps
    the laps that it has; of more than twelve pairs twelve groups are left out in turn. With a_j the
    measure without pair j of the g pairs of session s, the jackknife gives

        V_s = (g - 1) / g  sum_j (a_j - mean a)^2,    a +- t sqrt(sum_s V_s),

    with the degrees of freedom (sum V_s)^2 / sum_s V_s^2 / (g_s - 1). Similarity is made of
    products of noise, which the jackknife counts twice (of simulated recordings with laps of
    different gain its standard error was 1.1 to 1.6 times the deviation over recordings, the more
    the fewer events, and 98 to 99 % were covered); what two pairs do together is therefore left out
    of V_s, by leaving out two at a time (``corrected_jackknife_variance``): then it was 1.0 to 1.2
    times, and 94 to 96 % were covered. Drawing laps with replacement would double the noise of
    halves. Place units are those of the whole sessions. Speaks of each animal alone, its units and
    its days.

    Parameters
    ----------
    measured : xarray.Dataset
        The sessions as ``measure(sessions, halves="trials", ...)`` returned them.
    sessions : iterable of xarray.Dataset
        The same session Datasets.
    statistic : callable
        Takes a measured Dataset of one subject and returns (subject, ...), such as ``lambda own:
        metrics.by_lag(metrics.corrected_similarity(own), own["elapsed"])["correlation"]``.
    confidence : float
        How often the interval covers.

    Returns
    -------
    xarray.Dataset
        ``estimate``, ``lower``, ``upper``, ``independent_subjects`` (1) and ``standard_error``
        (subject, ...), the coordinate ``confidence``; limits are NaN where a session has fewer than
        three pairs of laps, or the measure is not defined without one.

    Raises
    ------
    RefusedInputError
        If the measured Dataset has no halves of trials, or other sessions than these.

    References
    ----------
    Tukey 1958, Ann Math Stat 29:614; Efron & Stein 1981, Ann Stat 9:586; Satterthwaite 1946,
    Biometrics Bulletin 2:110.
    """
    check(measured, "place_unit", "elapsed")
    rules = Measurement.from_json(str(measured.attrs.get("measurement", "{}")))
    if rules.halves != "trials":
        raise RefusedInputError(
            "laps are left out of halves of laps, got a Dataset without them: measure the sessions "
            'with halves="trials".'
        )
    rules = rules.replace(shuffles=0, corrected=False)
    recorded = list(sessions)
    whole = numbered([measured_session(session, rules) for session in recorded])
    _refuse_others(measured, whole)
    results = [
        _of_subject(measured, str(name), (recorded, whole), statistic, rules, confidence)
        for name in measured["subject"].values
    ]
    result = xr.concat(results, dim="subject").assign_coords(confidence=float(confidence))
    words = "each subject alone, by its trials: other units and other days are another matter"
    return result.assign_attrs(speaks_of=words, method="jackknife")


def _refuse_others(measured: xr.Dataset, whole: list[Measured]) -> None:
    names = {(str(day.labels["subject"]), int(day.labels["session"])) for day in whole}
    elapsed = measured["elapsed"].transpose("subject", "session")
    subjects, numbers = measured["subject"].values, measured["session"].values
    are_numbered = np.issubdtype(numbers.dtype, np.integer)
    rows, columns = np.nonzero(np.isfinite(elapsed.values) & are_numbered)
    expected = {(str(subjects[row]), int(numbers[column])) for row, column in zip(rows, columns)}
    if names != expected:
        raise RefusedInputError(
            f"sessions were expected to be the {len(expected)} that were measured, got "
            f"{len(names)} of which {len(names & expected)} are these: pass the same sessions."
        )


def _of_subject(
    measured: xr.Dataset,
    name: str,
    sessions: tuple[list[xr.Dataset], list[Measured]],
    statistic: Callable[[xr.Dataset], xr.DataArray],
    rules: Measurement,
    confidence: float,
) -> xr.Dataset:
    members = [day for day, whole in enumerate(sessions[1]) if str(whole.labels["subject"]) == name]
    recorded = [sessions[0][day] for day in members]
    whole = [sessions[1][day] for day in members]
    place_unit = measured["place_unit"].sel(subject=[name])
    alone = measured.sel(subject=[name])
    estimate = answer_of(statistic, "statistic", alone, dims=("subject",))
    variances, freedoms = [], []
    for day, session in enumerate(recorded):
        values: dict[int, list[np.ndarray]] = {1: [], 2: []}
        for left_out, shorter in _without_pairs(session, rules):
            without = measured_session(shorter, rules)._replace(units=whole[day].units)
            own = joined_sessions([*whole[:day], without, *whole[day + 1 :]], measured.attrs)
            same = place_unit.isel(unit=slice(0, own.sizes["unit"])).sel(session=own["session"])
            own = own.assign(place_unit=same.variable)
            value = answer_of(statistic, "statistic", own, dims=("subject",)).values
            values[left_out].append(value)
        variances.append(_variance(estimate.values, values[1], values[2]))
        freedoms.append(max(len(values[1]) - 1, 1))
    return _labelled(estimate, variances, freedoms, confidence)


def _without_pairs(session: xr.Dataset, rules: Measurement) -> Iterator[tuple[int, xr.Dataset]]:
    """The session without each group of pairs of laps of a kind, a last odd lap being a pair by
    itself, and without each and the next one, with the number of groups left out; nothing where
    pairs are too few."""
    minimum_speed, whole = speed_limit(session, rules), timed(session)
    domain = session_domain(whole, bin_width(session, rules))
    lapped = with_laps(whole, "trials", domain)
    directed = is_directed(session, rules.direction)
    running, _, place = domain.visited(some_running_samples(lapped, minimum_speed, directed))
    laps = laps_of(running, None if isinstance(domain, Places) else place.values)
    numbers = lapped[LAP].values
    fixed = session.assign(trial=("sample", numbers))
    if isinstance(domain, Places):  # speeds at the seams are those of the whole session
        fixed = fixed.assign(velocity=("sample", sample_speeds(whole, minimum_speed)))
    pairs = _pairs(laps)
    groups = [np.concatenate(pairs[first::MOST]) for first in range(min(MOST, len(pairs)))]
    for number, group in enumerate(groups) if len(groups) >= FEWEST else ():
        yield 1, fixed.isel(sample=~np.isin(numbers, group))
        both = np.concatenate([group, groups[(number + 1) % len(groups)]])
        if len(groups) > FEWEST:  # else one is left
            yield 2, fixed.isel(sample=~np.isin(numbers, both))


def _pairs(laps: Laps) -> list[np.ndarray]:
    """Numbers of the laps of each pair."""
    counted = laps.ranks >= 0
    labels = np.stack([laps.kinds, laps.ranks // 2], axis=1)
    return [
        laps.numbers[counted & (labels == label).all(axis=1)]
        for label in np.unique(labels[counted], axis=0)
    ]


def _variance(
    whole: np.ndarray, left_out: list[np.ndarray], two_left_out: list[np.ndarray]
) -> np.ndarray:
    """Jackknife variance of one session; NaN where pairs of laps are too few."""
    if not left_out:
        return np.array(np.nan)
    if not two_left_out:
        return jackknife_variance(np.stack(left_out))
    return corrected_jackknife_variance(whole, np.stack(left_out), np.stack(two_left_out))


def _labelled(
    estimate: xr.DataArray, variances: list[np.ndarray], freedoms: list[int], confidence: float
) -> xr.Dataset:
    each = np.stack([np.broadcast_to(variance, estimate.shape) for variance in variances])
    _, lower, upper = of_sources(estimate.values, each, np.array(freedoms), confidence)
    numbers = {
        "estimate": estimate,
        "lower": estimate.copy(data=lower),
        "upper": estimate.copy(data=upper),
        "standard_error": estimate.copy(data=np.sqrt(each.sum(axis=0))),
        "independent_subjects": xr.ones_like(estimate, dtype=int).assign_attrs(units="1"),
    }
    return xr.Dataset(numbers)
