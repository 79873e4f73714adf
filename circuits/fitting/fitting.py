"""Fit a drifting circuit to a recording, and say what the recording does and does not tell about
it.

The circuit is simulated at the recorded sessions and places, seen through the lens of the
recording (its occupancy, its event rates, Poisson counts), and measured by the same functions. The
distance of its statistics from the recorded ones is minimised (the method of simulated moments), in
the search with weights by a bootstrap, then with those by the scatter of simulated recordings.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from scipy.stats import chi2

from circuits.base import Circuit
from circuits.fitting.calibration import (
    Calibration,
    calibrated_half_widths,
    calibrated_p_value,
    calibration,
    estimated_errors,
    inflation,
    looks,
)
from circuits.fitting.certainty import at_bounds, certain, left_out, settled
from circuits.fitting.labels import with_units
from circuits.fitting.model import Model, Surroundings, refuse_impossible
from circuits.fitting.one_lifetime import one_lifetime
from circuits.fitting.predictive import predictive_check
from circuits.fitting.refinement import Refined, echo_seeds, gone_on, refine
from circuits.fitting.result import Fit
from circuits.fitting.search import (
    Bounds,
    Searched,
    distances,
    half_widths,
    profile,
    search,
)
from circuits.fitting.sharing import joint, shared_parameters
from circuits.fitting.statistics import GROUPS, bootstrap_covariance, chosen_statistics, codes
from circuits.fitting.statistics import statistics as statistics_of
from circuits.simulation.settled_rates import Engine
from drift.door import opened
from drift.door.quantities import Count, Draws, Seed
from drift.files.store import provenance
from drift.metrics.places import require_track
from drift.metrics.rooms import environments
from drift.observation.expected_maps import Lens, lens, well_counted
from drift.schema.labelled_form import RefusedInputError
from drift.streams import stream

CONFIDENCE = 0.95
REJECTED = 0.05  # p value below which a circuit does not describe a recording
# of the covariance, towards its diagonal: a bootstrap cannot tell all correlations of two dozen
# statistics
DIAGONAL_SHARE = 0.3
FEWEST_SIMULATIONS = 20  # recordings, of which none farther is a p value below 5 %
PROFILE_POINTS = 41
FEWEST_FREEDOM = 2  # of the covariance, which rests on as many sessions and on many more units
SIMILARITIES = ("map_similarity", "population_similarity")


class Effort(NamedTuple):
    """How hard to search."""

    restarts: int
    population: int
    generations: int
    bootstraps: int
    calibrated: int


@opened
def fit(
    circuit: Circuit,
    recording: xr.Dataset,
    parameters: Mapping[str, tuple[float, float]],
    *,
    statistics: Sequence[str] = GROUPS,
    input_width: float | None = None,
    weight_lifetime: float | None = None,
    fast_weight_lifetime: float | None = None,
    fast_share: float = 0.0,
    engine: Engine = "fixed_point",
    seed: Seed = 0,
    restarts: Draws = 2,
    population: Count = 8,
    generations: Count = 100,
    bootstraps: Draws = 200,
    calibrated: Draws = 0,
    shared: Sequence[str] = (),
    progress: bool = True,
) -> Fit:
    """Fit parameters of a circuit, of its input and of its drift to the subjects of a recording.

    Parameters
    ----------
    circuit : Circuit
        Its kind, number of units and the parameters that are not fitted. More units than were
        recorded make the simulated statistics more certain than the recorded ones.
    recording : xarray.Dataset
        Longitudinal Dataset of ``measure`` (of real sessions, or of ``observe``); every subject is
        fitted by itself.
    parameters : mapping
        Bounds (low, high) by name: parameters of the circuit, ``weight_lifetime`` in units of
        elapsed, ``input_width`` in units of place, ``fast_share`` and ``fast_weight_lifetime`` of
        two time scales. Searched in logarithms where both bounds are positive; weight_lifetime T
        as exp(-lag / T), with the mean lag of the sessions.
    statistics : sequence of str
        What is compared: groups of statistics, active_fraction, spatial_information, place_fields,
        event_rate, map_similarity and population_similarity (the last two against lag, for tracked
        units), or single ones such as "active_fraction, of units".
    input_width, weight_lifetime : float
        Their values where they are not fitted: a tenth of the track, and no drift.
    fast_weight_lifetime, fast_share : float
        Likewise, of the part of the weights that is lost soon: r(t) = s exp(-t / T_fast) + (1 - s)
        exp(-t / T). A lifetime far below the shortest time between sessions cannot be told, only
        its share: then give the lifetime and fit the share. Similarity within sessions, which
        tells noise from fast loss, needs a recording measured with halves.
    engine : {"brian2", "compiled", "fixed_point"}
        Settle circuits in Brian2 or in loops compiled from its code, a whole generation in one run,
        or take their closed form, which gives the same rates to 1e-6 in a fraction of the time.
    seed : int
        Of all draws.
    restarts, population, generations : int
        Independent searches by CMA-ES, candidates of each in a generation, most generations: a
        search ends by itself where it has converged, which took 20 to 60 for four parameters of
        recordings simulated with the counts of a mouse.
    bootstraps : int
        Samples of units and sessions, for the covariance of the recorded statistics.
    calibrated : int
        Recordings that are simulated at the estimate, with the sessions, places, units and events
        of the recording, and estimated alike: what they are off by gives the intervals, and their
        distances the p value. 0 for intervals by the covariance of the statistics.
    shared : sequence of str
        Parameters that all subjects have in common, such as ["weight_lifetime"]: their estimates
        are those at which the distances of all together are least. Whether the subjects agree is
        told.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Fit
        Estimates with 95 % intervals, which of them are identified, profiles, correlations,
        goodness of fit and a figure.

    Raises
    ------
    RefusedInputError
        If a name or bound is not usable, places lie in a plane, or the recording has too few
        sessions, units or events.

    References
    ----------
    circuits, section 4.11 (identifiability); Hansen 2016, arXiv:1604.00772 (CMA-ES); McFadden 1989,
    Econometrica 57:995.
    """
    bounds = Bounds.checked(parameters)
    effort = Effort(
        *map(
            _whole,
            Effort._fields,
            (restarts, population, generations, bootstraps, calibrated),
            (1, 4, 1, 20, 0),
        )
    )
    if 0 < calibrated < FEWEST_SIMULATIONS:
        raise RefusedInputError(
            f"calibrated must be 0 or at least {FEWEST_SIMULATIONS} simulated recordings, got "
            f"{calibrated}: fewer give no interval of 95 %."
        )
    seed = _whole("seed", seed, 0)
    if not isinstance(circuit, Circuit):
        raise RefusedInputError(
            f"a circuit is needed, got {circuit!r}: pass one such as "
            "circuits.LinearInterneuron(units=300)."
        )
    if not isinstance(recording, xr.Dataset) or not recording.sizes.get("subject"):
        raise RefusedInputError(
            f"a longitudinal Dataset with subjects is needed, got {type(recording).__name__}: "
            "pass drift.measure(...)."
        )
    require_track(recording, "a fit of a circuit", "measure positions along a track")
    common = shared_parameters(shared, bounds, recording.sizes["subject"])
    lenses = [
        well_counted(lens(recording, subject)) for subject in range(recording.sizes["subject"])
    ]
    lags = [_mean_lag(own_lens) for own_lens in lenses]
    searched = []
    for own_lens, lag, label in zip(lenses, lags, recording["subject"].values, strict=True):
        around = Surroundings(
            input_width=default_width(own_lens) if input_width is None else input_width,
            weight_lifetime=weight_lifetime,
            fast_weight_lifetime=fast_weight_lifetime,
            fast_share=fast_share,
        )
        refuse_impossible(circuit, around, bounds)
        selection = chosen_statistics(own_lens, statistics)
        # animals that share an estimate must not share the chance of simulations
        own_seed = _seed_of(str(label), seed) if common.any() else seed
        model = Model(circuit, own_lens, selection, bounds.names, around, own_seed, engine)
        # what is shared is searched in the same coordinates
        own_bounds = bounds._replace(lag=float(np.mean(lags)) if common.any() else lag)
        searched.append(_found(model, own_bounds, effort, str(label), progress))
    agreement = np.full(common.size, np.nan)
    if common.any():
        searched, agreement = _joined(searched, common)
    fits = [
        _finished(own).assign(environments=("subject", [_rooms(recording.isel(subject=[subject]))]))
        for subject, own in enumerate(searched)
    ]
    joined = xr.concat(fits, "subject", join="outer", combine_attrs="override")
    if common.any():
        joined["shared"] = ("parameter", common.astype("int8"))
        joined["agreement_p_value"] = ("parameter", agreement)
    described = {
        "circuit": circuit.to_json(),
        "engine": engine,
        "seed": seed,
        "source": str(recording.attrs.get("source", "unknown")),
    }
    return Fit(with_units(joined, recording).assign_attrs({**provenance(), **described}))


def _seed_of(label: str, seed: int) -> int:
    """A seed of one animal, by its label."""
    return seed + zlib.crc32(label.encode())


def _mean_lag(own_lens: Lens) -> float:
    """Mean time between two sessions, in units of elapsed."""
    lag = np.abs(own_lens.elapsed[:, np.newaxis] - own_lens.elapsed)
    return float(lag[np.triu_indices(len(lag), k=1)].mean())


def _rooms(own: xr.Dataset) -> str:
    """Environments of one subject with their sessions, if there are several."""
    session_counts = environments(own)
    said = ", ".join(
        f"{room} ({count} session{'s' * (count != 1)})" for room, count in session_counts.items()
    )
    return said if len(session_counts) > 1 else ""


def _whole(name: str, value: Any, smallest: int) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < smallest:
        raise RefusedInputError(
            f"{name} must be a whole number of at least {smallest}, got {value!r}."
        )
    return int(value)


def default_width(own_lens: Lens) -> float:
    """Return the input width where none is given: a tenth of the track.

    Parameters
    ----------
    own_lens : Lens
        Of the recording.
    """
    return 0.1 * (own_lens.around or float(np.ptp(own_lens.coordinates, axis=0).max()))


class Found(NamedTuple):
    """A subject after the search: its ``model`` and ``bounds``, where searches ended, its estimate,
    its statistics, which of them are ``usable``, and what simulated recordings are estimated off
    by, if there are any, ``errors (simulation, parameter)``."""

    label: str
    model: Model
    bounds: Bounds
    optima: Searched
    refined: Refined
    target: np.ndarray
    usable: np.ndarray
    precision: np.ndarray
    errors: np.ndarray | None


def _found(model: Model, bounds: Bounds, effort: Effort, label: str, progress: bool) -> Found:
    halves = model.lens.halves
    measured = codes(model.lens.rate, model.lens, None if halves is None else halves.rate)
    target = statistics_of(measured, model.wanted)
    recorded = bootstrap_covariance(
        measured, model.wanted, stream(model.seed, "bootstrap"), effort.bootstraps
    )
    # what never varies, such as a saturated quantile, has no scale
    usable = np.isfinite(target) & (np.diagonal(recorded) > 0)
    if usable.sum() < len(bounds.names):
        raise RefusedInputError(
            f"subject {label} offers {usable.sum()} statistics for {len(bounds.names)} "
            "parameters: fit fewer, or take more sessions."
        )
    recorded, aim = recorded[np.ix_(usable, usable)], target[usable]
    # a bootstrap of two dozen statistics is too rough to be inverted whole
    precision = np.diag(1 / np.diagonal(recorded))

    def simulator(candidates: np.ndarray, seeds: Sequence[int] | None = None) -> np.ndarray:
        return model(candidates, seeds)[:, usable]

    with _bar(effort.generations, label, progress) as bar:

        def report(distance: float) -> None:
            bar.set_postfix(distance=f"{distance:.3g}")
            bar.update()

        optima = search(
            simulator,
            bounds,
            aim,
            precision,
            seed=model.seed,
            restarts=effort.restarts,
            population=effort.population,
            generations=effort.generations,
            report=report,
        )
    seeds = echo_seeds(model.seed)

    def whole(unit: np.ndarray, count: int) -> np.ndarray:
        return looks(model, bounds, unit, usable, count)

    refined = refine(simulator, whole, bounds, optima, aim, recorded, seeds, effort.calibrated)
    errors = estimated_errors(refined) if effort.calibrated else None
    return Found(label, model, bounds, optima, refined, target, usable, precision, errors)


def _joined(found: list[Found], common: np.ndarray) -> tuple[list[Found], np.ndarray]:
    """Subjects at the estimates that they share, and whether they agree, (parameter,)."""
    errors = [animal.errors for animal in found if animal.errors is not None]
    together = joint([animal.refined for animal in found], common, errors or None)
    split = together.errors if together.errors is not None else [None] * len(found)
    moved = [
        animal._replace(refined=refined, errors=own)
        for animal, refined, own in zip(found, together.refined, split, strict=True)
    ]
    return moved, together.agreement


def _finished(found: Found) -> xr.Dataset:
    """The Dataset of one subject."""
    model, bounds, refined, usable = found.model, found.bounds, found.refined, found.usable

    def simulator(candidates: np.ndarray) -> np.ndarray:
        return model(candidates)[:, usable]

    simulated = None
    if found.errors is not None:
        simulated = calibration(refined, found.errors, _shrunk)
    aim = found.target[usable]
    optima = gone_on(found.optima, refined, simulator, bounds, aim, found.precision)
    frozen = _still(model, bounds, refined, usable, echo_seeds(model.seed))
    return _labelled(
        model, bounds, optima, refined, found.target, usable, frozen, simulated
    ).expand_dims(subject=[found.label])


def _still(
    model: Model, bounds: Bounds, refined: Refined, usable: np.ndarray, seeds: list[int]
) -> np.ndarray:
    """Statistics (all statistics,) of the estimate if weights had stayed: those of the fit, less
    what drift takes from the circuit."""
    candidate = bounds.values(refined.unit)
    drifting = model(np.tile(candidate, (len(seeds), 1)), seeds).mean(axis=0)
    level = refined.law.statistics - drifting[usable]
    return model.frozen(candidate, seeds) + _spread(np.nan_to_num(level), usable)


def _shrunk(covariance: np.ndarray) -> np.ndarray:
    """Return a covariance that can be inverted, for the distance of statistics: a part of it is
    moved to the diagonal."""
    return (1 - DIAGONAL_SHARE) * covariance + DIAGONAL_SHARE * np.diag(np.diagonal(covariance))


def _bar(total: int, label: str, progress: bool) -> Any:
    from drift.progress import progress_bar

    return progress_bar(
        total=total, desc=f"fit of subject {label}", unit="generation", disable=not progress
    )


def _labelled(
    model: Model,
    bounds: Bounds,
    optima: Searched,
    refined: Refined,
    target: np.ndarray,
    usable: np.ndarray,
    frozen: np.ndarray,
    simulated: Calibration | None,
) -> xr.Dataset:
    unit, law, own_uncertainty = refined.unit, refined.law, refined.known
    half = np.sqrt(np.diagonal(own_uncertainty.covariance))
    rests_on = max(FEWEST_FREEDOM, model.lens.elapsed.size - 1)
    covariance = _shrunk(refined.covariance)
    precision = np.linalg.inv(covariance)
    freedom = max(1, int(usable.sum()) - unit.size)
    distance = float(distances(law.statistics[np.newaxis], target[usable], precision)[0])
    p_value, usual = float(chi2.sf(distance, freedom)), float(freedom)
    reach = half_widths(own_uncertainty.covariance, CONFIDENCE, rests_on)
    if simulated is not None:
        p_value, usual = (
            calibrated_p_value(simulated, distance),
            float(simulated.distance.mean()),
        )
        reach = calibrated_half_widths(simulated, CONFIDENCE)
    wider = inflation(distance, usual, p_value < REJECTED)
    reach = wider * reach
    interval = np.stack([bounds.values(unit - reach), bounds.values(unit + reach)], axis=-1)
    edge, ended = at_bounds(unit, refined.aimed, optima), settled(optima, reach)
    told = ended & (edge == 0)  # (parameter,) where there is an estimate with an interval
    # (point, parameter)
    grid = np.clip(unit + 3 * half * np.linspace(-1, 1, PROFILE_POINTS)[:, np.newaxis], 0.0, 1.0)
    profiles = [
        profile(law, target[usable], refined.precision, unit, number, grid[:, number])
        for number in range(unit.size)
    ]
    of_lag = np.array([group in SIMILARITIES for group in model.wanted.groups])[usable]
    parameter, statistic = ("parameter",), ("statistic",)
    error, predicted = (
        _spread(values, usable)
        for values in (np.sqrt(np.diagonal(refined.covariance)), law.statistics)
    )
    variables = {
        "estimate": (parameter, np.where(edge == 0, bounds.values(unit), np.nan)),
        "best": (parameter, bounds.values(unit)),
        "at_bound": (parameter, edge.astype("int8")),
        "settled": ((), np.int8(ended)),
        "interval": (("parameter", "bound"), np.where(told[:, np.newaxis], interval, np.nan)),
        "identified": (parameter, (told & certain(optima, bounds, unit, reach)).astype("int8")),
        "parameter_correlation": (
            ("parameter", "parameter_other"),
            own_uncertainty.covariance / np.outer(half, half),
        ),
        "condition_number": ((), own_uncertainty.condition_number),
        "restart_estimate": (("restart", "parameter"), bounds.values(optima.unit)),
        "restart_distance": (("restart",), optima.distance),
        "converged": (("restart",), optima.converged.astype("int8")),
        "profile_value": (("parameter", "point"), bounds.values(grid).T),
        "profile_distance": (("parameter", "point"), np.array(profiles)),
        "measured": (statistic, target),
        "measured_error": (statistic, error),
        "predicted": (statistic, predicted),
        "frozen": (statistic, frozen),
        "left_out": (statistic, left_out(target, usable, model.wanted.groups)),
        "distance": ((), distance),
        "degrees_of_freedom": ((), freedom),
        "p_value": ((), p_value),
        "calibrated": ((), 0 if simulated is None else len(simulated.distance)),
        "inflation": ((), wider),
        **predictive_check(target, predicted, error, usable, simulated),
        **_against_frozen(law.statistics, frozen[usable], target[usable], covariance, of_lag),
        "simulated_candidates": ((), optima.simulated),
        **_one_lifetime(model, bounds, unit, simulated, bool(told.all()), wider),
    }
    coords = {
        "parameter": list(bounds.names),
        "parameter_other": list(bounds.names),
        "bound": ["low", "high"],
        "statistic": list(model.wanted.names),
        "group": ("statistic", list(model.wanted.groups)),
        "search_low": (parameter, bounds.low),
        "search_high": (parameter, bounds.high),
    }
    return xr.Dataset(variables, coords=coords)


def _one_lifetime(
    model: Model,
    bounds: Bounds,
    unit: np.ndarray,
    simulated: Calibration | None,
    told: bool,
    wider: float,
) -> dict:
    """The lifetime that weights would have if it were one; its interval where all parameters have
    one."""
    fitted = model.wandering(bounds.values(unit))
    if fitted is None:
        return {}
    lifetime, ends = one_lifetime(fitted, model.lens.elapsed), np.full(2, np.nan)
    if simulated is not None and told:
        points = bounds.values(unit + simulated.unit)
        drifts = [drift for drift in map(model.wandering, points) if drift is not None]
        lifetimes = np.array([one_lifetime(drift, model.lens.elapsed) for drift in drifts])
        reach = calibrated_half_widths(
            simulated._replace(unit=np.log(lifetimes / lifetime)[:, np.newaxis]), CONFIDENCE
        )
        ends = lifetime * np.exp(wider * np.array([-reach[0], reach[0]]))
    return {"one_lifetime": ((), lifetime), "one_lifetime_interval": (("bound",), ends)}


def _spread(values: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Return values (usable statistic,) among all statistics, NaN for the others."""
    padded_values = np.full(usable.size, np.nan)
    padded_values[usable] = values
    return padded_values


def _against_frozen(
    predicted: np.ndarray,
    frozen: np.ndarray,
    target: np.ndarray,
    covariance: np.ndarray,
    of_lag: np.ndarray,
) -> dict:
    """Distances of the similarities alone: of the fit, and of the same circuit with weights that
    stay."""
    if not of_lag.any():
        return {}
    precision = np.linalg.inv(covariance[np.ix_(of_lag, of_lag)])
    fitted, still = distances(np.stack([predicted, frozen])[:, of_lag], target[of_lag], precision)
    return {
        "similarity_distance": ((), fitted),
        "frozen_distance": ((), still),
        "frozen_p_value": ((), float(chi2.sf(still, int(of_lag.sum())))),
    }
