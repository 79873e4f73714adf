"""Effective sparsity and drift of the weights behind a recorded code, read off its place fields and its decay.

The recording is taken for that of a Top-K layer with random drifting weights. All that is used is blind to the gain of each unit: where
it is active, how many fields that makes, how similar neighbouring places and different sessions are.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import xarray as xr
from scipy.optimize import least_squares

from drift.errors import RefusedInputError
from drift.metrics.pairs import tracked_pairs
from drift.schema import check
from drift.streams import stream
from drift.theory.depth import correlation_map
from drift.theory.drift_prediction import subject_label
from drift.theory.kernels import joint_activation, kappa, mean_square_activity, threshold

NOISE = ("poisson", "none", "fitted")
FRACTIONS = np.geomspace(0.002, 0.6, 60)  # active fractions at which a code is compared with the theory
ANGLE = np.linspace(np.pi, 0, 1001)
ESTIMATES = ("active_fraction", "weight_lifetime", "place_extent", "attenuation")
COUNTS = ("places", "active", "single", "double", "steps", "starts", "fields", "single_fields", "double_fields")
LOUD = 8.0  # times the usual rate of active units, above which a unit is turned down
LONGEST_LIFETIME = 1e4  # times the longest lag: a code that does not decay


class _Sums(NamedTuple):
    """What is added up over units and sessions, so that either can be drawn anew."""

    counts: np.ndarray  # (count, session, unit) in the order of COUNTS
    neighbours: np.ndarray  # (product or power, offset 1 or 2, session, unit)
    products: np.ndarray  # (unit, session, session) of activity at equal places
    powers: np.ndarray  # (unit, session, session) of the first session at these places, without the noise
    lags: np.ndarray  # (session, session), NaN where units are not tracked
    attenuated: bool  # powers still hold the noise


class _Curves(NamedTuple):
    """Expectations on the grid of active fractions."""

    cosine: np.ndarray  # (fraction, angle) kappa(cos angle) / k1
    joint: np.ndarray  # (fraction, angle) P(active at both)
    density: np.ndarray  # (fraction) fields per unit length at lambda_2 = 1


def _curves() -> _Curves:
    column, correlation = FRACTIONS[:, np.newaxis], np.cos(ANGLE)
    cosine = kappa(correlation, column) / mean_square_activity(column)
    return _Curves(cosine, joint_activation(correlation, column), np.exp(-(threshold(FRACTIONS) ** 2) / 2) / (2 * np.pi))


def _track(recording: xr.Dataset, subject: int) -> tuple[np.ndarray, np.ndarray]:
    """Rates (session, unit, way, place) and occupancies (session, 1, way, place) of one subject."""
    rate, occupancy = recording["rate"].isel(subject=subject), recording["occupancy"].isel(subject=subject)
    if rate.sizes.get("environment", 1) > 1 or "place_x" in recording.coords:
        raise RefusedInputError("places must follow one another on one track, got a plane or several environments: select one track.")
    rate, occupancy = (one.isel(environment=0) if "environment" in one.dims else one for one in (rate, occupancy))
    if "direction" not in rate.dims:
        rate = rate.expand_dims("direction")
    occupancy = occupancy.broadcast_like(rate.isel(unit=0, drop=True))
    ordered = rate.transpose("session", "unit", "direction", "place").values.astype(float)
    return ordered, occupancy.transpose("session", "direction", "place").values.astype(float)[:, np.newaxis]


def _events(rate: np.ndarray, occupancy: np.ndarray, label: str) -> np.ndarray:
    counts = np.nan_to_num(rate * occupancy)
    if np.abs(counts - np.rint(counts)).max(initial=0.0) > 1e-3:
        raise RefusedInputError(
            f"subject {label}: Poisson noise needs whole numbers of events, but rate x occupancy is not whole: pass noise='none' for the "
            "exact rates of a run or noise='fitted' for amplitudes."
        )
    return np.rint(counts)


def _totals(values: np.ndarray, active: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the runs of active places (bool), and the sum of values of each run where it ends."""
    ends = active.copy()
    ends[..., :-1] &= ~active[..., 1:]
    total = np.zeros_like(values)
    running = np.zeros(values.shape[:-1])
    for place in range(values.shape[-1]):
        running = np.where(active[..., place], running + values[..., place], 0.0)
        total[..., place] = running
    return ends, total


def _counted(rate: np.ndarray, events: np.ndarray) -> np.ndarray:
    """(count, session, unit) as named by COUNTS: of places, of steps between places and those into a field, and of fields."""
    known, active = np.isfinite(rate), np.nan_to_num(rate) > 0
    steps = known[..., 1:] & known[..., :-1]
    starts = steps & active[..., 1:] & ~active[..., :-1]
    ends, total = _totals(events, active)
    found = [known, active, events == 1, events == 2, steps, starts, ends, ends & (total == 1), ends & (total == 2)]
    return np.stack([one.sum(axis=(2, 3)) for one in found]).astype(float)


def _neighbours(rate: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """(product or power, offset, session, unit) of places one and two steps apart."""
    known, filled = np.isfinite(rate), np.nan_to_num(rate)
    power, result = filled**2 - variance, []
    for offset in (1, 2):
        both = known[..., offset:] & known[..., :-offset]
        product = filled[..., offset:] * filled[..., :-offset]
        result.append([np.where(both, one, 0.0).sum((2, 3)) for one in (product, (power[..., offset:] + power[..., :-offset]) / 2)])
    return np.moveaxis(np.array(result), 0, 1)


def _sums(recording: xr.Dataset, subject: int, tracked: np.ndarray, noise: str) -> _Sums:
    rate, occupancy = _track(recording, subject)
    poisson = noise == "poisson"
    events = _events(rate, occupancy, subject_label(recording, subject)) if poisson else np.zeros_like(rate)
    time = np.where(occupancy > 0, occupancy, 1.0)
    variance = np.nan_to_num(rate) / time if poisson else np.zeros_like(rate)  # of the noise, estimated without bias
    flat = rate.transpose(1, 0, 2, 3).reshape(rate.shape[1], len(rate), -1)  # (unit, session, place)
    known, filled = np.isfinite(flat).astype(float), np.nan_to_num(flat)
    power = filled**2 - variance.transpose(1, 0, 2, 3).reshape(flat.shape)
    elapsed = recording["elapsed"].isel(subject=subject).values.astype(float)
    lags = np.where(tracked, np.abs(elapsed[:, np.newaxis] - elapsed), np.nan)
    weight = _weights(flat)
    products = weight[:, np.newaxis, np.newaxis] * (filled @ filled.transpose(0, 2, 1))
    powers = weight[:, np.newaxis, np.newaxis] * (power @ known.transpose(0, 2, 1))
    neighbours = weight * _neighbours(rate, variance)
    present = np.isfinite(flat).any(-1)
    both = present[:, :, np.newaxis] & present[:, np.newaxis]
    return _Sums(_counted(rate, events), neighbours, np.where(both, products, 0.0), np.where(both, powers, 0.0), lags, noise == "fitted")


def _weights(rate: np.ndarray) -> np.ndarray:
    """(unit) 1 / (g^2 + LOUD^2), g the mean rate of a unit where it is active over that of all units.

    Without it a few units of large gain are all that is seen; equal say for all would tell against units that are active by chance.
    """
    filled = np.nan_to_num(rate)
    total, active = filled.sum((1, 2)), (filled > 0).sum((1, 2))
    usual = total.sum() / max(active.sum(), 1)
    return 1 / ((total / np.maximum(active, 1) / (usual or 1.0)) ** 2 + LOUD**2)


def _unseen(singles: float, doubles: float) -> float:
    """Members that left no event, from those with one and two: n_0 = n_1^2 / n_2, exact where rates are exponential over members."""
    return singles**2 / doubles if doubles > 0 else 0.0


def _decay(sums: _Sums, units: np.ndarray, sessions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lags, mean cosine at each and its weight, for units and sessions that count as often as told."""
    product, power = (np.tensordot(units, one, 1) for one in (sums.products, sums.powers))
    scale = power * power.T
    first, second = np.triu_indices(len(sessions), k=1)
    used = np.isfinite(sums.lags[first, second]) & (scale[first, second] > 0) & (sessions[first] * sessions[second] > 0)
    first, second = first[used], second[used]
    lags, group = np.unique(sums.lags[first, second].round(9), return_inverse=True)
    weight = sessions[first] * sessions[second]
    total = np.bincount(group, weight, minlength=lags.size)
    return lags, np.bincount(group, weight * product[first, second] / np.sqrt(scale[first, second]), minlength=lags.size) / total, total


def _fields(sums: _Sums, units: np.ndarray, sessions: np.ndarray) -> tuple[float, float]:
    """Fraction of active places and of places where a field begins, both with what left no event."""
    counts = dict(zip(COUNTS, np.einsum("cau,a,u->c", sums.counts, sessions, units)))
    active = (counts["active"] + _unseen(counts["single"], counts["double"])) / counts["places"]
    hidden = _unseen(counts["single_fields"], counts["double_fields"]) / max(counts["fields"], 1.0)
    return active, counts["starts"] * (1 + hidden) / counts["steps"]


def _active_fraction(active: float, begun: float, cosines: np.ndarray, curves: _Curves) -> tuple[float, float]:
    """Fraction active at a point and extent of places, 0 for points, 1 for whole bins.

    A bin is active if any of its points is: B = f + beta R, with R the fraction of bins where a field begins. At points R = f - L(c0(h)),
    along a line R = h sqrt(lambda_2) exp(-tau^2 / 2) / (2 pi); both follow from f and the similarity of neighbouring places.
    """
    near, far = (np.array([1 - np.cos(np.interp(cosine, row, ANGLE)) for row in curves.cosine]) for cosine in cosines)
    at_points = FRACTIONS - np.array([np.interp(-np.arccos(1 - c), -ANGLE, row) for c, row in zip(near, curves.joint)])
    along_line = np.sqrt(np.maximum(16 * near - far, 0.0) / 6) * curves.density
    extent = np.clip((active - FRACTIONS) / begun, 0.0, 1.0)
    surplus = (1 - extent) * at_points + extent * along_line - begun
    low, high = max(active - begun, FRACTIONS[0]), active
    above = np.flatnonzero((surplus > 0) & (low < FRACTIONS))
    if above.size == 0 or above[0] == 0:
        fraction = high
    else:
        right = above[0]
        share = surplus[right] / (surplus[right] - surplus[right - 1]) if surplus[right - 1] < 0 else 1.0
        fraction = float(FRACTIONS[right] * (FRACTIONS[right - 1] / FRACTIONS[right]) ** share)
    fraction = float(np.clip(fraction, low, high))
    return fraction, float(np.clip((active - fraction) / begun, 0.0, 1.0))


def _cosine(lags: np.ndarray, fraction: float, lifetime: float) -> np.ndarray:
    return np.asarray(correlation_map(np.exp(-lags / lifetime), fraction))


def _lifetime(decay: tuple[np.ndarray, np.ndarray, np.ndarray], fraction: float, attenuated: bool) -> tuple[float, float]:
    """Time constant of the weights and the cosine at lag 0, which noise that is not accounted for keeps below 1."""
    lags, cosine, weight = decay
    later = lags > 0
    lags, cosine, root = lags[later], cosine[later], np.sqrt(weight[later])

    def residual(parameters: np.ndarray) -> np.ndarray:
        return root * ((parameters[1] if attenuated else 1.0) * _cosine(lags, fraction, np.exp(parameters[0])) - cosine)

    free = 2 if attenuated else 1
    bounds = ([np.log(lags[0]) - 4, 0.0][:free], [np.log(lags[-1] * LONGEST_LIFETIME), 2.0][:free])
    fit = least_squares(residual, [np.log(lags[-1] / 2), 1.0][:free], bounds=bounds)
    return float(np.exp(fit.x[0])), float(fit.x[1]) if attenuated else 1.0


def _estimates(sums: _Sums, units: np.ndarray, sessions: np.ndarray, curves: _Curves) -> np.ndarray:
    """(estimate) in the order of ESTIMATES."""
    active, begun = _fields(sums, units, sessions)
    product, power = np.einsum("kdau,a,u->kd", sums.neighbours, sessions, units)
    decay = _decay(sums, units, sessions)
    attenuation, fraction = 1.0, active
    for _ in range(4 if sums.attenuated else 1):
        fraction, extent = _active_fraction(active, begun, product / power / attenuation, curves)
        lifetime, attenuation = _lifetime(decay, fraction, sums.attenuated)
    return np.array([fraction, lifetime, extent, attenuation])


def _drawn(sums: _Sums, curves: _Curves, repetitions: int, rng: np.random.Generator) -> np.ndarray:
    """(repetition, estimate) of units and sessions drawn with replacement."""
    sessions, units = sums.counts.shape[1:]
    found: list[np.ndarray] = []
    while len(found) < repetitions:
        of_units, of_sessions = (rng.multinomial(size, np.full(size, 1 / size)).astype(float) for size in (units, sessions))
        if (_decay(sums, of_units, of_sessions)[0] > 0).sum() > 1:
            found.append(_estimates(sums, of_units, of_sessions, curves))
    return np.array(found)


def estimate(
    recording: xr.Dataset,
    *,
    noise: Literal["poisson", "none", "fitted"] = "poisson",
    repetitions: int = 200,
    confidence: float = 0.95,
    seed: int = 0,
) -> xr.Dataset:
    """Estimate how sparse a recorded code is and how fast the weights behind it drift, as if it were a random Top-K layer.

    Place fields give the active fraction f: the fraction of active places B, the fraction R of places where a field begins and the
    similarity of neighbouring places tell how much of B is due to the extent of the places. Places and fields that left no event are
    counted from those that left one and two. The decay of the cosine of population vectors, A kappa(exp(-t / T)) / k1, gives the
    lifetime T of the weights; their norms are freed of the noise, so that A = 1, unless the noise is unknown. None of this depends on
    the gains of the units, but for units that are much louder than most, which are turned down.

    Parameters
    ----------
    recording : xarray.Dataset
        Longitudinal Dataset of ``measure`` with ``rate`` (subject, session, unit, place[, direction]), ``occupancy`` and ``elapsed``;
        places in order along a track; units that were silent throughout should be in it, otherwise f is that among detected units.
    noise : {"poisson", "none", "fitted"}
        Of the rates: that of counted events; none, for the exact rates of a run; or unknown, then the similarity at lag 0 is extrapolated
        from the decay.
    repetitions : int
        Of the bootstrap over units and sessions.
    confidence : float
        Of the intervals.
    seed : int
        Of the bootstrap.

    Returns
    -------
    xarray.Dataset
        ``active_fraction``, ``weight_lifetime`` (units of elapsed), ``place_extent`` (0 where rates are those of points, 1 of whole bins)
        and ``attenuation`` A (subject), each with ``*_interval`` (subject, bound); ``measurement`` and ``fit`` (subject, lag) of the cosine
        and ``r_squared``, ``rms_residual`` (subject) of the fit.

    Raises
    ------
    RefusedInputError
        If units are not tracked, fewer than three different lags are known, places do not follow one another, no field begins, or rates do
        not fit the noise.
    SchemaError
        If a variable is missing.

    Notes
    -----
    Gains that go with the code, such as a unit's gain being set by its activity in the first session, bias the lifetime, which is then
    too short by up to a fifth where it exceeds the recording; the intervals do not know of it.

    References
    ----------
    Specification of kernels, 2.9; Rice 1945, Bell System Technical Journal 24:46; Chao 1984, Scandinavian Journal of Statistics 11:265.
    """
    check(recording, "rate", "occupancy", "elapsed")
    if noise not in NOISE:
        raise RefusedInputError(f"noise must be one of {', '.join(NOISE)}, got {noise!r}: say how rates deviate from those of the code.")
    if repetitions < 2 or not 0 < confidence < 1:
        raise RefusedInputError(
            f"repetitions must be at least 2 and confidence within (0, 1), got {repetitions} and {confidence}: choose others."
        )
    tracked, curves, results = tracked_pairs(recording), _curves(), []
    for subject in range(recording.sizes["subject"]):
        sums = _sums(recording, subject, tracked[subject], noise)
        rng = stream(seed, "bootstrap").spawn(subject + 1)[-1]
        results.append(_described(sums, curves, _refused(sums, recording, subject), repetitions, confidence, rng))
    units = str(recording["elapsed"].attrs.get("units", "1"))
    return _labelled(xr.concat(results, dim="subject", join="outer"), [subject_label(recording, s) for s in range(len(results))], units)


def _refused(sums: _Sums, recording: xr.Dataset, subject: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The decay of a whole subject, or a sentence that says why it tells nothing."""
    sessions, units = sums.counts.shape[1:]
    label = subject_label(recording, subject)
    if not sums.counts[COUNTS.index("starts")].sum() > 0:
        raise RefusedInputError(f"subject {label}: no unit begins to be active from one place to the next: sparse rate maps are needed.")
    decay = _decay(sums, np.ones(units), np.ones(sessions))
    if (decay[0] > 0).sum() < 3:
        raise RefusedInputError(f"subject {label}: three different lags are needed, got {(decay[0] > 0).sum()}: record more sessions.")
    return decay


def _described(
    sums: _Sums,
    curves: _Curves,
    decay: tuple[np.ndarray, np.ndarray, np.ndarray],
    repetitions: int,
    confidence: float,
    rng: np.random.Generator,
) -> xr.Dataset:
    """Estimates, intervals and fit of one subject."""
    sessions, units = sums.counts.shape[1:]
    found = _estimates(sums, np.ones(units), np.ones(sessions), curves)
    tails = np.quantile(_drawn(sums, curves, repetitions, rng), [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    lags, cosine, weight = decay
    fitted = found[3] * _cosine(lags, found[0], found[1])
    later = lags > 0
    lost = np.average((cosine - fitted)[later] ** 2, weights=weight[later])
    spread = np.average((cosine[later] - np.average(cosine[later], weights=weight[later])) ** 2, weights=weight[later])
    result = xr.Dataset({"measurement": ("lag", cosine), "fit": ("lag", fitted)}, coords={"lag": lags})
    for number, name in enumerate(ESTIMATES):
        result[name], result[f"{name}_interval"] = found[number], ("bound", tails[:, number])
    return result.assign(r_squared=1 - lost / spread if spread > 0 else np.nan, rms_residual=np.sqrt(lost))


def _labelled(result: xr.Dataset, labels: list[str], units: str) -> xr.Dataset:
    result = result.assign_coords(subject=labels, bound=["low", "high"])
    for name, variable in result.data_vars.items():
        variable.attrs["units"] = units if str(name).startswith("weight_lifetime") else "1"
    result["lag"].attrs["units"] = units
    return result
