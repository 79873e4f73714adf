"""Effective sparsity and drift of the weights behind a recorded code, read off its place fields and
its decay.

The recording is taken for that of a Top-K layer with random drifting weights. All that is used is
blind to the gain of each unit: where it is active, how many fields that makes, how similar
neighbouring places and different sessions are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

import numpy as np
import xarray as xr
from scipy.optimize import least_squares

from drift.door import opened
from drift.door.quantities import Confidence, Draws, Range, Seed
from drift.errors import RefusedInputError
from drift.files.store import provenance
from drift.measurement.event_counting import counted_maps
from drift.metrics.intervals.limits import of_percentiles
from drift.metrics.intervals.resampling import drawn_times
from drift.metrics.stability.pairs import comparable_pairs
from drift.schema.labelled_form import check
from drift.streams import stream
from drift.theory.code_drift.estimation_bias import simulated_recording
from drift.theory.code_drift.prediction import subject_label
from drift.theory.code_drift.recorded_sums import COUNTS, RecordedSums, recorded_sums
from drift.theory.kernels.checks import checked_number, counted
from drift.theory.kernels.depth import correlation_map
from drift.theory.kernels.one_layer import joint_activation, kappa, mean_square_activity, threshold

NOISE = ("poisson", "none", "fitted")
# active fractions at which a code is compared with the theory
FRACTIONS = np.geomspace(0.002, 0.6, 60)
ANGLE = np.linspace(np.pi, 0, 1001)
ESTIMATES = ("active_fraction", "weight_lifetime", "place_extent", "attenuation")
NOTE = (
    "one lifetime for all weights: where a part of them is lost within days, it lies between that "
    "of this part and that of the rest, and r_squared is small or negative; circuits.fit with "
    "fast_share tells both, and as one_lifetime the number that belongs here; each interval speaks "
    "of one animal (1 independent subject)"
)
MEANINGS = {
    "measurement": "cosine of population vectors",
    "fit": "cosine of population vectors of the fitted Top-K layer",
    "active_fraction": "fraction of units active at a place",
    "weight_lifetime": "time constant of the weights",
    "lifetime_bias": "estimated over true lifetime of the weights in simulated recordings",
    "place_extent": "extent of places, 0 for points and 1 for whole bins",
    "attenuation": "cosine at lag 0, which noise keeps below 1",
    "r_squared": "share of the variance over lags that the fit explains",
    "rms_residual": "root mean square of measurement less fit",
}
LASTING = 10  # times the longest lag, from which a lifetime is too long to be corrected
LONGEST_LIFETIME = 1e4  # times the longest lag: a code that does not decay


class _Curves(NamedTuple):
    """Expectations on the grid of active fractions."""

    cosine: np.ndarray  # (fraction, angle) kappa(cos angle) / k1
    joint: np.ndarray  # (fraction, angle) P(active at both)
    density: np.ndarray  # (fraction) fields per unit length at lambda_2 = 1


def _curves() -> _Curves:
    column, correlation = FRACTIONS[:, np.newaxis], np.cos(ANGLE)
    cosine = kappa(correlation, column) / mean_square_activity(column)
    return _Curves(
        cosine,
        joint_activation(correlation, column),
        np.exp(-(threshold(FRACTIONS) ** 2) / 2) / (2 * np.pi),
    )


def _unseen(singles: float, doubles: float) -> float:
    """Members that left no event, from those with one and two: n_0 = n_1^2 / n_2, exact where rates
    are exponential over members."""
    return singles**2 / doubles if doubles > 0 else 0.0


def _decay(
    sums: RecordedSums, units: np.ndarray, sessions: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lags, mean cosine at each and its weight, for units and sessions that count as often as
    told."""
    product, power = (
        np.tensordot(units, unit_sums, 1) for unit_sums in (sums.products, sums.powers)
    )
    scale = power * power.T
    first, second = np.triu_indices(len(sessions), k=1)
    used = (
        np.isfinite(sums.lags[first, second])
        & (scale[first, second] > 0)
        & (sessions[first] * sessions[second] > 0)
    )
    first, second = first[used], second[used]
    lags, group = np.unique(sums.lags[first, second].round(9), return_inverse=True)
    weight = sessions[first] * sessions[second]
    total = np.bincount(group, weight, minlength=lags.size)
    return (
        lags,
        np.bincount(
            group,
            weight * product[first, second] / np.sqrt(scale[first, second]),
            minlength=lags.size,
        )
        / total,
        total,
    )


def _fields(sums: RecordedSums, units: np.ndarray, sessions: np.ndarray) -> tuple[float, float]:
    """Fraction of active places and of places where a field begins, both with what left no
    event."""
    counts = dict(zip(COUNTS, np.einsum("cau,a,u->c", sums.counts, sessions, units)))
    active = (counts["active"] + _unseen(counts["single"], counts["double"])) / counts["places"]
    hidden = _unseen(counts["single_fields"], counts["double_fields"]) / max(counts["fields"], 1.0)
    return active, counts["starts"] * (1 + hidden) / counts["steps"]


def _active_fraction(
    active: float, begun: float, cosines: np.ndarray, curves: _Curves
) -> tuple[float, float]:
    """Fraction active at a point and extent of places, 0 for points, 1 for whole bins.

    A bin is active if any of its points is: B = f + beta R, with R the fraction of bins where a
    field begins. At points R = f - L(c0(h)), along a line R = h sqrt(lambda_2) exp(-tau^2 / 2) / (2
    pi); both follow from f and the similarity of neighbouring places.
    """
    near, far = (
        np.array([1 - np.cos(np.interp(cosine, row, ANGLE)) for row in curves.cosine])
        for cosine in cosines
    )
    at_points = FRACTIONS - np.array(
        [
            np.interp(-np.arccos(1 - distance), -ANGLE, row)
            for distance, row in zip(near, curves.joint)
        ]
    )
    along_line = np.sqrt(np.maximum(16 * near - far, 0.0) / 6) * curves.density
    extent = np.clip((active - FRACTIONS) / begun, 0.0, 1.0)
    surplus = (1 - extent) * at_points + extent * along_line - begun
    low, high = max(active - begun, FRACTIONS[0]), active
    above = np.flatnonzero((surplus > 0) & (low < FRACTIONS))
    if above.size == 0 or above[0] == 0:
        fraction = high
    else:
        right = above[0]
        share = (
            surplus[right] / (surplus[right] - surplus[right - 1])
            if surplus[right - 1] < 0
            else 1.0
        )
        fraction = float(FRACTIONS[right] * (FRACTIONS[right - 1] / FRACTIONS[right]) ** share)
    fraction = float(np.clip(fraction, low, high))
    return fraction, float(np.clip((active - fraction) / begun, 0.0, 1.0))


def _cosine(lags: np.ndarray, fraction: float, lifetime: float) -> np.ndarray:
    return np.asarray(correlation_map(np.exp(-lags / lifetime), fraction))


def _within_sessions(sums: RecordedSums, units: np.ndarray, sessions: np.ndarray) -> float:
    """Cosine of two whole recordings of one session, from that c of its halves: 2 c / (1 + c)
    (Spearman and Brown), 1 where there are no halves."""
    if sums.halves is None:
        return 1.0
    product, *powers = np.einsum("kua,u->ka", sums.halves, units)
    scale = powers[0] * powers[1]
    used = (scale > 0) & (powers[0] > 0) & (sessions > 0)
    if not used.any():
        return 1.0
    cosine = np.average(product[used] / np.sqrt(scale[used]), weights=sessions[used])
    return float(2 * cosine / (1 + cosine)) if cosine > 0 else 1.0


def _lifetime(
    decay: tuple[np.ndarray, np.ndarray, np.ndarray],
    fraction: float,
    attenuated: bool,
    level: float = 1.0,
) -> tuple[float, float]:
    """Time constant of the weights and the cosine at lag 0, which noise that is not accounted for
    keeps below 1: fitted, or the level that halves of sessions give."""
    lags, cosine, weight = decay
    later = lags > 0
    lags, cosine, root = lags[later], cosine[later], np.sqrt(weight[later])

    def residual(parameters: np.ndarray) -> np.ndarray:
        return root * (
            (parameters[1] if attenuated else level)
            * _cosine(lags, fraction, np.exp(parameters[0]))
            - cosine
        )

    free = 2 if attenuated else 1
    bounds = ([np.log(lags[0]) - 4, 0.0][:free], [np.log(lags[-1] * LONGEST_LIFETIME), 2.0][:free])
    fit = least_squares(residual, [np.log(lags[-1] / 2), 1.0][:free], bounds=bounds)
    return float(np.exp(fit.x[0])), float(fit.x[1]) if attenuated else level


def _estimates(
    sums: RecordedSums, units: np.ndarray, sessions: np.ndarray, curves: _Curves
) -> np.ndarray:
    """(estimate) in the order of ESTIMATES."""
    active, begun = _fields(sums, units, sessions)
    product, power = np.einsum("kdau,a,u->kd", sums.neighbours, sessions, units)
    decay = _decay(sums, units, sessions)
    attenuation, fraction = 1.0, active
    level = _within_sessions(sums, units, sessions)
    for _iteration in range(4 if sums.attenuated else 1):
        fraction, extent = _active_fraction(active, begun, product / power / attenuation, curves)
        lifetime, attenuation = _lifetime(decay, fraction, sums.attenuated, level)
    return np.array([fraction, lifetime, extent, attenuation])


def _drawn(
    sums: RecordedSums, curves: _Curves, repetitions: int, rng: np.random.Generator
) -> np.ndarray:
    """(repetition, estimate) of units and sessions drawn with replacement."""
    sessions, units = sums.counts.shape[1:]
    estimates: list[np.ndarray] = []
    while len(estimates) < repetitions:
        of_units, of_sessions = (
            drawn_times(size, 1, rng)[0].astype(float) for size in (units, sessions)
        )
        if (_decay(sums, of_units, of_sessions)[0] > 0).sum() > 1:
            estimates.append(_estimates(sums, of_units, of_sessions, curves))
    return np.array(estimates)


@opened
def estimate(
    recording: xr.Dataset,
    *,
    noise: Literal["poisson", "none", "fitted"] = "poisson",
    repetitions: Annotated[int, Range(2, 1_000_000)] = 200,
    confidence: Confidence = 0.95,
    simulations: Draws = 2,
    seed: Seed = 0,
) -> xr.Dataset:
    """Estimate how sparse a recorded code is and how fast the weights behind it drift, as if it
    were a random Top-K layer.

    Place fields give the active fraction f: the fraction of active places B, the fraction R of
    places where a field begins and the similarity of neighbouring places tell how much of B is due
    to the extent of the places. Places and fields that left no event are counted from those that
    left one and two. The decay of the cosine of population vectors, A kappa(exp(-t / T)) / k1,
    gives the lifetime T of the weights; their norms are freed of the noise of counting, so that A =
    1, unless the noise is unknown, or the recording has halves of sessions: then A is the cosine
    within a session, 2 c / (1 + c) for that c of its halves, which variation from lap to lap keeps
    below 1 and which is no drift. None of this depends on the gains of the units, but for units
    that are much louder than most, which are turned down.

    Parameters
    ----------
    recording : xarray.Dataset
        Longitudinal Dataset of ``measure`` with ``rate`` (subject, session, unit, place[,
        direction]), ``occupancy`` and ``elapsed``; places in order along a track; units that were
        silent throughout should be in it, otherwise f is that among detected units.
    noise : {"poisson", "none", "fitted"}
        Of the rates: that of counted events; none, for the exact rates of a run; or unknown, then
        the similarity at lag 0 is extrapolated from the decay.
    repetitions : int
        Of the bootstrap over units and sessions.
    confidence : float
        Of the intervals.
    simulations : int
        Recordings of a random Top-K layer with the estimated numbers, its places, occupancy and
        event rates those of the recording, that are estimated alike: T is divided by the factor
        that they get wrong on average, and so is its interval. 0 for no correction; there is none
        without Poisson noise, or where T is beyond ``LASTING`` times the longest lag.
    seed : int
        Of bootstrap and simulations.

    Returns
    -------
    xarray.Dataset
        ``active_fraction``, ``weight_lifetime`` (units of elapsed), ``place_extent`` (0 where rates
        are those of points, 1 of whole bins) and ``attenuation`` A (subject), each with
        ``*_interval`` (subject, bound); ``measurement`` and ``fit`` (subject, lag) of the cosine
        and ``r_squared``, ``rms_residual`` (subject) of the fit, before the correction;
        ``lifetime_bias`` (subject), 1 without one.

    Raises
    ------
    RefusedInputError
        If no two sessions may be compared, fewer than three different lags are known, places do not
        follow one another, no field begins, or rates do not fit the noise.
    SchemaError
        If a variable is missing.

    Notes
    -----
    Gains that go with the code, such as a unit's gain being set by its activity in the first
    session, bias the lifetime, which is then too short by up to a fifth where it exceeds the
    recording; simulations take back about half of it, and the intervals do not know of the rest.

    References
    ----------
    Derived here; Rice 1945, Bell System Technical Journal 24:46; Chao 1984, Scandinavian Journal of
    Statistics 11:265.
    """
    check(recording, "rate", "occupancy", "elapsed")
    if noise not in NOISE:
        raise RefusedInputError(
            f"noise must be one of {', '.join(NOISE)}, got {noise!r}: say how rates deviate "
            "from those of the code."
        )
    simulations = counted("simulations", simulations, 0)
    repetitions, seed = counted("repetitions", repetitions, 2), counted("seed", seed, 0)
    if not 0 < checked_number("confidence", confidence) < 1:
        raise RefusedInputError(
            f"confidence must lie within (0, 1), got {confidence}: use 0.95 for intervals of 95 %."
        )
    if noise == "poisson":
        recording = counted_maps(recording, "an estimate with Poisson noise")
    pairs, curves, results = comparable_pairs(recording), _curves(), []
    for subject in range(recording.sizes["subject"]):
        sums = recorded_sums(recording, subject, pairs[subject], noise)
        rng = stream(seed, "bootstrap").spawn(subject + 1)[-1]
        estimates = _described(
            sums, curves, _refused(sums, recording, subject), repetitions, confidence, rng
        )
        draws = (
            stream(seed, "weights").spawn(subject + 1)[-1].spawn(simulations)
            if noise == "poisson"
            else []
        )
        results.append(
            _corrected(
                estimates,
                _bias(
                    estimates,
                    sums,
                    recording.isel(subject=[subject]),
                    pairs[subject],
                    curves,
                    draws,
                ),
            )
        )
    units = str(recording["elapsed"].attrs.get("units", "1"))
    return _labelled(
        xr.concat(results, dim="subject", join="outer"),
        [subject_label(recording, subject) for subject in range(len(results))],
        units,
    )


def _refused(
    sums: RecordedSums, recording: xr.Dataset, subject: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The decay of a whole subject, or a sentence that says why it tells nothing."""
    sessions, units = sums.counts.shape[1:]
    label = subject_label(recording, subject)
    if not sums.counts[COUNTS.index("starts")].sum() > 0:
        raise RefusedInputError(
            f"subject {label}: no unit begins to be active from one place to the next: sparse "
            "rate maps are needed."
        )
    decay = _decay(sums, np.ones(units), np.ones(sessions))
    if (decay[0] > 0).sum() < 3:
        raise RefusedInputError(
            f"subject {label}: three different lags are needed, got {(decay[0] > 0).sum()}: "
            "record more sessions."
        )
    return decay


def _described(
    sums: RecordedSums,
    curves: _Curves,
    decay: tuple[np.ndarray, np.ndarray, np.ndarray],
    repetitions: int,
    confidence: float,
    rng: np.random.Generator,
) -> xr.Dataset:
    """Estimates, intervals and fit of one subject."""
    sessions, units = sums.counts.shape[1:]
    estimates = _estimates(sums, np.ones(units), np.ones(sessions), curves)
    tails = np.stack(
        of_percentiles(estimates, _drawn(sums, curves, repetitions, rng), confidence)[1:]
    )
    lags, cosine, weight = decay
    fitted = estimates[3] * _cosine(lags, estimates[0], estimates[1])
    later = lags > 0
    lost = np.average((cosine - fitted)[later] ** 2, weights=weight[later])
    spread = np.average(
        (cosine[later] - np.average(cosine[later], weights=weight[later])) ** 2,
        weights=weight[later],
    )
    if sums.halves is not None:  # what noise leaves within a session is the decay at lag 0
        lags, cosine, fitted = (
            np.append(first, values)
            for first, values in ((0.0, lags), (estimates[3], cosine), (estimates[3], fitted))
        )
    result = xr.Dataset(
        {"measurement": ("lag", cosine), "fit": ("lag", fitted)}, coords={"lag": lags}
    )
    for number, name in enumerate(ESTIMATES):
        result[name], result[f"{name}_interval"] = estimates[number], ("bound", tails[:, number])
    return result.assign(
        r_squared=1 - lost / spread if spread > 0 else np.nan, rms_residual=np.sqrt(lost)
    )


def _bend(estimates: xr.Dataset, sums: RecordedSums, curves: _Curves) -> float:
    """Curvature of the correlation of the inputs, per squared distance between neighbouring
    places."""
    product, power = np.einsum("kdau->kd", sums.neighbours)
    angles = [
        [np.interp(cosine, row, ANGLE) for row in curves.cosine] for cosine in product / power
    ]
    near, far = (
        1 - np.cos(np.interp(estimates["active_fraction"].item(), FRACTIONS, row)) for row in angles
    )
    return float(max(16 * near - far, 0.0) / 6)


def _bias(
    estimates: xr.Dataset,
    sums: RecordedSums,
    recording: xr.Dataset,
    pairs: np.ndarray,
    curves: _Curves,
    draws: Sequence[np.random.Generator],
) -> float:
    """Factor by which the lifetime of simulated weights is got wrong, 1 where it cannot be told."""
    fraction, lifetime, extent = (
        float(estimates[name]) for name in ("active_fraction", "weight_lifetime", "place_extent")
    )
    observed = (
        np.isfinite(recording["rate"].transpose("session", ...).values)
        .reshape(recording.sizes["session"], -1)
        .any(axis=1)
    )
    silent = not bool((recording["rate"].isel(session=int(observed.argmax())) > 0).any())
    if (
        silent
        or lifetime > LASTING * estimates["lag"].values.max()
        or round(fraction * recording.sizes["unit"]) < 1
    ):
        return 1.0
    bend, ratios = _bend(estimates, sums, curves), []
    for rng in draws:
        copy = simulated_recording(recording, 0, fraction, lifetime, extent, bend, rng)
        again = recorded_sums(copy, 0, pairs, "poisson")
        sessions, units = again.counts.shape[1:]
        if again.counts[COUNTS.index("starts")].sum() > 0:
            ratios.append(
                np.log(_estimates(again, np.ones(units), np.ones(sessions), curves)[1] / lifetime)
            )
    return float(np.exp(np.mean(ratios))) if ratios else 1.0


def _corrected(estimates: xr.Dataset, bias: float) -> xr.Dataset:
    for name in ("weight_lifetime", "weight_lifetime_interval"):
        estimates[name] = estimates[name] / bias
    return estimates.assign(lifetime_bias=bias)


def _labelled(result: xr.Dataset, labels: list[str], units: str) -> xr.Dataset:
    result = result.assign_coords(subject=labels, bound=["low", "high"])
    for name, variable in result.data_vars.items():
        estimated = str(name).removesuffix("_interval")
        meaning = (
            MEANINGS[estimated]
            if name == estimated
            else f"confidence interval of the {MEANINGS[estimated]}"
        )
        variable.attrs = {
            "units": units if estimated == "weight_lifetime" else "1",
            "long_name": meaning,
        }
    result["lag"].attrs = {"units": units, "long_name": "elapsed time between two sessions"}
    return result.assign_attrs(
        **provenance(), title="sparsity and drift of the weights behind a recorded code", note=NOTE
    )
