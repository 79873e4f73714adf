"""One recorded session, reduced to maps and numbers of its units."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.measurement.admission import checked_units, session_labels, timed
from drift.measurement.domains import Domain, Places, session_domain
from drift.measurement.event_counting import counts_of_maps, happened
from drift.measurement.halves import laps_run, session_half_of, session_halves, with_laps
from drift.measurement.joining import Measured
from drift.measurement.place_unit_tests import (
    session_generator,
    significant,
    significant_in_halves,
)
from drift.measurement.recommended import bin_width, speed_limit
from drift.measurement.rules import Measurement
from drift.measurement.running_samples import (
    SPEED,
    is_directed,
    known_samples,
    positions_by_axis,
    session_name,
    some_running_samples,
)
from drift.metrics.clocks import durations
from drift.metrics.event_kinds import activity_kind
from drift.metrics.information.corrected import corrections
from drift.metrics.labels import observed_units, trust
from drift.metrics.maps import directed_places, rate_maps
from drift.metrics.place_code import activity_code, place_code
from drift.metrics.places import refuse_absurd
from drift.schema.labelled_form import check
from drift.schema.map_dims import PLACE


def _corrected(
    session: xr.Dataset,
    activity: xr.DataArray,
    place: xr.DataArray,
    direction: xr.DataArray | None,
    place_unit: xr.DataArray,
    rules: Measurement,
) -> dict[str, xr.DataArray]:
    if not rules.corrected:
        return {}
    rng, duration = session_generator(session, rules).spawn(1)[0], durations(session)
    try:
        estimates, _population = corrections(
            activity,
            place,
            duration,
            place_unit,
            rng,
            rules.repetitions,
            rules.minimum_occupancy,
            direction=direction,
        )
    except RefusedInputError as error:
        raise RefusedInputError(f"{session_name(session)}: {error}") from error
    return {
        str(name): estimates[name] for name in estimates.data_vars if name != "spatial_information"
    }


def _numbers(
    session: xr.Dataset,
    activity: xr.DataArray,
    maps: xr.Dataset,
    place_unit: xr.DataArray | None,
    rules: Measurement,
) -> dict[str, xr.DataArray]:
    """Numerators, denominator and the ratios formed of them."""
    recorded = observed_units(activity)
    present = float(recorded.values.sum())
    told = session.variables.get("detected_units")
    detected = present if told is None else float(told.values)
    if detected < present:
        raise RefusedInputError(
            f"{session_name(session)}: detected_units is {detected:g} but "
            f"{present:g} units are present: the denominator counts all."
        )
    measures = activity_code(activity, rules.active_events)
    active, responses = (
        float(measures[name].values) for name in ("active_units", "fraction_active_responses")
    )
    # Units that were detected but left out of the file because they were silent belong to the
    # denominator.
    of_detected = {
        "recorded": recorded.astype(float),
        "active_units": xr.DataArray(active),
        "fraction_active_units": xr.DataArray(active / detected),
        "fraction_active_responses": xr.DataArray(responses * present / detected),
    }
    occupancy = maps["occupancy"].assign_attrs(units="s")
    code = place_code(
        maps["rate"],
        occupancy,
        recorded,
        detected=xr.DataArray(detected),
        place_unit=place_unit,
        directions=rules.directions,
    )
    return {**measures, **code, **of_detected}


def _behaviour(session: xr.Dataset, running: xr.Dataset, domain: Domain) -> dict[str, xr.DataArray]:
    """Time with a known position or a stimulus and time that counts in s, speed, and laps."""
    tracked = known_samples(session)
    everything = np.ones(running.sizes["sample"], dtype=bool)
    return {
        "running_time": _total(running, everything),
        "tracked_time": _total(session, tracked),
        "mean_speed": _mean_speed(running),
        "laps": xr.DataArray(laps_run(session, domain)),
    }


def _mean_speed(running: xr.Dataset) -> xr.DataArray:
    """Mean over time; NaN where samples at rest count too and no speed was recorded."""
    if SPEED not in running:
        return xr.DataArray(np.nan)
    speed = running[SPEED].values
    told = np.isfinite(speed)
    weight = np.broadcast_to(durations(running), speed.shape)[told]
    return xr.DataArray(float(weight @ speed[told] / weight.sum()) if told.any() else np.nan)


def _total(session: xr.Dataset, counted: np.ndarray) -> xr.DataArray:
    duration = durations(session)
    if isinstance(duration, xr.DataArray):
        return xr.DataArray(float(duration.values[counted].sum()))
    return xr.DataArray(counted.sum() * duration)


def _attributes(session: xr.Dataset, domain: Domain, minimum_speed: float) -> dict:
    observation = {name: session.attrs[name] for name in ("observation",) if name in session.attrs}
    described = {
        "minimum_speed": minimum_speed,
        "source": str(session.attrs.get("source", "unknown")),
    }
    if isinstance(domain, Places):
        described = {
            "bin_size": domain.grid.bin_size,
            "minimum_speed": minimum_speed,
            "geometry": str(session.attrs.get("geometry", "unknown")),
            **described,
            "position_units": domain.units,
        }
    return {
        **described,
        "activity_units": str(session["activity"].attrs.get("units", "events")),
        "activity_kind": activity_kind(session["activity"]),
        **observation,
    }


def _maps(
    activity: xr.DataArray,
    kind: str,
    where: tuple[xr.DataArray, xr.DataArray | None],
    places: int,
    running: xr.Dataset,
    rules: Measurement,
) -> xr.Dataset:
    """Rates, time and numbers of events at each place and, where it is known, in each direction."""
    place, direction = where
    options = (places, direction, None, durations(running), rules.minimum_occupancy)
    maps = rate_maps(activity, place, *options)
    events = rate_maps(happened(activity), place, *options) if kind == "amplitudes" else maps
    return maps.assign(event_count=counts_of_maps(events, kind))


def _code(
    session: xr.Dataset,
    domain: Domain,
    observed: xr.DataArray,
    minimum_speed: float,
    rules: Measurement,
) -> tuple[np.ndarray, dict[str, xr.DataArray]]:
    """Visited cells of the grid, or stimuli, and maps and numbers of the units while the animal
    runs."""
    directed = is_directed(session, rules.direction)
    running, cells, place = domain.visited(some_running_samples(session, minimum_speed, directed))
    direction = running["direction"].reset_coords(drop=True) if directed else None
    running = running.drop_vars(["sample", "unit"], errors="ignore")
    activity = trust(running["activity"].reset_coords(drop=True), observed)
    kind = activity_kind(session["activity"])
    maps = _maps(activity, kind, (place, direction), len(cells), running, rules)
    if domain.dim != PLACE:
        maps = maps.rename_dims({PLACE: domain.dim})
    if not np.isfinite(maps["rate"].values).any():
        none, remedy = (
            ("place was visited", "widen bin_size or lower the minimum")
            if isinstance(domain, Places)
            else ("stimulus was shown", "lower minimum_occupancy")
        )
        raise RefusedInputError(
            f"{session_name(session)}: no {none} for more than "
            f"{rules.minimum_occupancy:g} s: {remedy}."
        )
    index = place if direction is None else directed_places(place, direction)
    coded = (place, direction) if rules.directions == "apart" else (index, None)
    place_unit = significant(running, activity, *coded, rules) if rules.shuffles else None
    numbers = _numbers(running, activity, maps, place_unit, rules)
    numbers |= _behaviour(session, running, domain)
    half_of = session_half_of(running, place, domain.dim, rules)
    where, along = (place, direction), (len(cells), domain.dim)
    halves = session_halves(running, activity, kind, where, along, half_of, rules)
    numbers |= halves
    numbers |= significant_in_halves(running, activity, *coded, halves, half_of, rules)
    flags = numbers["place_unit_by_direction" if rules.directions == "apart" else "place_unit"]
    numbers |= _corrected(running, activity, *coded, flags, rules)
    return cells, {**{str(name): values for name, values in maps.items()}, **numbers}


def _certainty(session: xr.Dataset) -> list[float] | None:
    """How certain each unit is the same over sessions, where the session tells."""
    if "registration_confidence" not in session.coords:
        return None
    return [float(value) for value in session["registration_confidence"].values]


def measured_session(session: xr.Dataset, rules: Measurement) -> Measured:
    """Reduce a session to maps and numbers.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset, see ``drift.measure``.
    rules : Measurement

    Returns
    -------
    Measured

    Raises
    ------
    RefusedInputError
        If it has no unit, no running sample or no visited place, or lacks a label.
    SchemaError
        If it lacks a variable.
    """
    check(session)
    labels = session_labels(session)
    observed = checked_units(session)
    bin_size, minimum_speed = bin_width(session, rules), speed_limit(session, rules)
    session = timed(session)
    domain = session_domain(session, bin_size)
    if isinstance(domain, Places):
        refuse_absurd(positions_by_axis(session), domain.grid, session_name(session))
    if rules.halves is not None:
        session = with_laps(session, rules.halves, domain)
    cells, code = _code(session, domain, observed, minimum_speed, rules)
    # counts from 0 where the coordinate is absent
    units = [int(unit) for unit in session["unit"].values]
    names = session["unit_label"].values if "unit_label" in session.coords else units
    placed = isinstance(domain, Places)
    labels["track_map"] = str(session.attrs.get("track_map", ""))
    labels["track_length"] = session.attrs.get("track_length") if placed else None
    return Measured(
        session_name(session),
        labels,
        _attributes(session, domain, minimum_speed),
        units,
        [str(name) for name in names],
        _certainty(session),
        domain,
        cells,
        {name: values.variable for name, values in code.items()},
    )
