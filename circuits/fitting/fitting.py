"""Fit a drifting circuit to a recording, and say what the recording does and does not tell about
it.

The circuit is simulated at the recorded sessions and places, seen through the lens of the
recording (its occupancy, its event rates, Poisson counts), and measured by the same functions. The
distance of its statistics from the recorded ones is minimised (the method of simulated moments), in
the search with weights by a bootstrap, then with those by the scatter of simulated recordings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, Literal

import numpy as np
import xarray as xr

from circuits.base import Circuit
from circuits.fitting.bounds import Bounds
from circuits.fitting.described import described
from circuits.fitting.labels import with_units
from circuits.fitting.model import Model
from circuits.fitting.posterior import require_flows
from circuits.fitting.result import Fit
from circuits.fitting.sharing import shared_parameters
from circuits.fitting.statistics import GROUPS, OFFERED, chosen_statistics
from circuits.fitting.subject import Effort, joined_subjects, searched_subject
from circuits.fitting.surroundings import Surroundings, is_lifted, refuse_impossible
from circuits.simulation.settled_rates import Engine
from drift.door import opened
from drift.door.quantities import Count, Draws, Seed
from drift.files.store import provenance
from drift.metrics.places import require_track
from drift.metrics.rooms import environments
from drift.observation.expected_maps import Lens, lens, well_counted
from drift.schema.labelled_form import RefusedInputError
from drift.streams import child_of
from drift.theory.code_drift.closed_forms import WeightLaw

FEWEST_SIMULATIONS = 20  # recordings, of which none farther is a p value below 5 %
FEWEST_DRAWN = 200  # recordings, from which a posterior may be learned
SIMULATIONS = 1000  # for a posterior, by default


@opened
def fit(
    circuit: Circuit,
    recording: xr.Dataset,
    parameters: Mapping[str, tuple[float, float]],
    *,
    statistics: Sequence[str] | None = None,
    input_width: float | None = None,
    weight_lifetime: float | None = None,
    fast_weight_lifetime: float | None = None,
    fast_share: float = 0.0,
    law: WeightLaw = "ornstein_uhlenbeck",
    connected_share: float | None = None,
    multiplicative_noise: float | None = None,
    context_share: float = 0.0,
    context_lifetime: float | None = None,
    excitability: float = 0.0,
    excitability_lifetime: float | None = None,
    excitability_acts_on: Literal["threshold", "drive"] = "threshold",
    engine: Engine = "fixed_point",
    seed: Seed = 0,
    restarts: Draws = 2,
    population: Count = 8,
    generations: Count = 100,
    bootstraps: Draws = 200,
    calibrated: Draws = 0,
    shared: Sequence[str] = (),
    posterior: bool = False,
    simulations: Draws | None = None,
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
        two time scales, ``context_share`` and ``context_lifetime`` of two input streams,
        ``excitability`` and ``excitability_lifetime``, ``connected_share`` or
        ``multiplicative_noise`` of a law. Searched in logarithms where both bounds are positive;
        lifetimes T (of weights, context and excitability) as exp(-lag / T), with the mean lag of
        the sessions; excitability e as e^2 / (1 + e^2).
    statistics : sequence of str, optional
        What is compared: groups of statistics, active_fraction, spatial_information, place_fields,
        event_rate, map_similarity, population_similarity and rate_similarity (the last three
        against lag, for tracked units), or single ones such as "active_fraction, of units". By
        default all, rate_similarity only where there is a context or excitability.
    input_width, weight_lifetime : float
        Their values where they are not fitted: a tenth of the track, and no drift.
    fast_weight_lifetime, fast_share : float
        Likewise, of the part of the weights that is lost soon: r(t) = s exp(-t / T_fast) + (1 - s)
        exp(-t / T). A lifetime far below the shortest time between sessions cannot be told, only
        its share: then give the lifetime and fit the share. Similarity within sessions, which
        tells noise from fast loss, needs a recording measured with halves.
    law : str
        What weights do: "ornstein_uhlenbeck", "free_diffusion", "turnover" (with connected_share),
        "multiplicative" (with multiplicative_noise) or "jump"; see ``WeightDrift``.
    connected_share, multiplicative_noise : float, optional
        Of these laws, where they are not fitted.
    context_share, context_lifetime : float
        g, the share of the variance of drives that comes from a context, which is alike at all
        places, and the lifetime of its weights, by default that of the others; where they are not
        fitted. Mean rates then lose their likeness otherwise than tuning does.
    excitability, excitability_lifetime : float
        Standard deviation and lifetime of how excitable units are, where they are not fitted.
    excitability_acts_on : {"threshold", "drive"}
        Whether excitability is added to drives, whose mean square is 1, or multiplies them. What is
        added does to a unit what a context does; a fit takes one of them.
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
    posterior : bool
        Whether a posterior is estimated beside the intervals, by a neural spline flow of the
        package sbi (extra ``posterior``) that learns from simulated recordings: the first within
        the bounds, further ones where parameters remain possible. The prior is even in the
        coordinates of the search, and the circuit is taken for true. Not with ``shared``.
    simulations : int, optional
        How many recordings are simulated for it, in all rounds together: at least 200, by default
        1,000.
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
    simulations = _posterior_simulations(posterior, simulations, common)
    around = Surroundings(
        input_width=1.0 if input_width is None else input_width,
        weight_lifetime=weight_lifetime, fast_weight_lifetime=fast_weight_lifetime,
        fast_share=fast_share, law=law, connected_share=connected_share,
        multiplicative_noise=multiplicative_noise, context_share=context_share,
        context_lifetime=context_lifetime, excitability=excitability,
        excitability_lifetime=excitability_lifetime, excitability_acts_on=excitability_acts_on,
    )  # fmt: skip
    refuse_impossible(circuit, around, bounds)
    choice = default_statistics(around, bounds) if statistics is None else statistics
    lenses = [
        well_counted(lens(recording, subject)) for subject in range(recording.sizes["subject"])
    ]
    lags = [_mean_lag(own_lens) for own_lens in lenses]
    searched = []
    for own_lens, lag, label in zip(lenses, lags, recording["subject"].values, strict=True):
        width = default_width(own_lens) if input_width is None else input_width
        selection = chosen_statistics(own_lens, choice)
        # animals that share an estimate must not share the chance of simulations
        own_seed = _seed_of(str(label), seed) if common.any() else seed
        own_around = around.replace(input_width=width)
        model = Model(circuit, own_lens, selection, bounds.names, own_around, own_seed, engine)
        # what is shared is searched in the same coordinates
        own_bounds = bounds._replace(lag=float(np.mean(lags)) if common.any() else lag)
        searched.append(searched_subject(model, own_bounds, effort, str(label), progress))
    agreement = np.full(common.size, np.nan)
    if common.any():
        searched, agreement = joined_subjects(searched, common)
    fits = [
        described(own, simulations).assign(
            environments=("subject", [_rooms(recording.isel(subject=[subject]))])
        )
        for subject, own in enumerate(searched)
    ]
    joined = xr.concat(fits, "subject", join="outer", combine_attrs="override")
    if common.any():
        joined["shared"] = ("parameter", common.astype("int8"))
        joined["agreement_p_value"] = ("parameter", agreement)
    origin = {
        "circuit": circuit.to_json(),
        "engine": engine,
        "seed": seed,
        "source": str(recording.attrs.get("source", "unknown")),
        "surroundings": _surroundings(around, bounds, input_width),
    }
    return Fit(with_units(joined, recording).assign_attrs({**provenance(), **origin}))


def _surroundings(around: Surroundings, bounds: Bounds, input_width: float | None) -> str:
    """What was given and not fitted, as JSON."""
    numbers = around.model_dump(mode="json", exclude_defaults=True, exclude=set(bounds.names))
    if input_width is None:
        numbers.pop("input_width", None)
    return json.dumps(numbers)


def default_statistics(around: Surroundings, bounds: Bounds) -> Sequence[str]:
    """Return the groups of statistics that are compared where none are named.

    Parameters
    ----------
    around : Surroundings
        What is not fitted.
    bounds : Bounds
        Of what is fitted.
    """
    return OFFERED if is_lifted(around, bounds.names) else GROUPS


def _seed_of(label: str, seed: int) -> int:
    """A seed of one animal, by its label."""
    return seed + child_of(label)


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


def _posterior_simulations(posterior: bool, simulations: int | None, common: np.ndarray) -> int:
    """How many recordings are simulated for a posterior; 0 where none is wanted."""
    if not posterior:
        if simulations is not None:
            raise RefusedInputError(
                f"simulations are those of a posterior, got {simulations} without one: add "
                "posterior=True, or leave them out."
            )
        return 0
    if common.any():
        raise RefusedInputError(
            "a posterior is that of each subject by itself, got parameters that are shared: leave "
            "out shared or posterior."
        )
    require_flows()
    drawn = SIMULATIONS if simulations is None else simulations
    return _whole("simulations", drawn, FEWEST_DRAWN)
