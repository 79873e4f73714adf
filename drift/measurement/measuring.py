"""From recorded sessions to the labelled form that networks share: maps, information, active
fractions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Count, Draws, NotNegative, Seed
from drift.errors import RefusedInputError
from drift.measurement.joining import Measured, joined_sessions
from drift.measurement.running_samples import (
    is_directed,
    positions_by_axis,
    session_grid,
    session_name,
    some_running_samples,
    visited_cells,
)
from drift.metrics.activity import event_counts
from drift.metrics.clocks import durations, refuse_times
from drift.metrics.event_kinds import KINDS, activity_kind
from drift.metrics.information.corrected import corrected_spatial_information
from drift.metrics.information.significance import circular_shift_p_values
from drift.metrics.labels import described, observed_units, trust
from drift.metrics.maps import directed_places, rate_maps
from drift.metrics.place_code import activity_code, place_code
from drift.metrics.places import refuse_absurd
from drift.schema.labelled_form import check
from drift.streams import stream

LABELS = ("subject", "session", "elapsed", "environment", "sampling_rate", "unit_identity")
SIGNIFICANCE = 0.05
FEWEST_SHUFFLES = 20  # p = 1 / (shuffles + 1) where none reaches the observed value


class _Rules(NamedTuple):
    """What the caller asked for; None means what the session recommends."""

    bin_size: float | None
    minimum_speed: float | None
    minimum_occupancy: float
    direction: str
    shuffles: int
    minimum_events: float
    minimum_shift: float
    repetitions: int
    seed: int


def _labels(session: xr.Dataset) -> dict:
    missing = [label for label in LABELS if label not in session.coords]
    if missing:
        raise RefusedInputError(
            f"a session Dataset lacks the scalar coordinates {', '.join(missing)}: add them "
            "with assign_coords."
        )
    labels = {label: session[label].item() for label in LABELS}
    if not np.isfinite(labels["elapsed"]) or not labels["sampling_rate"] > 0:
        raise RefusedInputError(
            f"{session_name(session)}: elapsed must be finite and sampling_rate above 0, got "
            f"{labels['elapsed']} and "
            f"{labels['sampling_rate']}: give real elapsed time and samples per second."
        )
    return {**labels, "elapsed_units": str(session["elapsed"].attrs.get("units", "1"))}


def _recommended(session: xr.Dataset, name: str, given: float | None) -> float:
    value = session.attrs.get(name) if given is None else given
    if value is None or not float(value) >= 0 or (name == "bin_size" and float(value) == 0):
        raise RefusedInputError(
            f"{session_name(session)}: {name} is {value}, but a number is needed: pass "
            f"{name}=... to measure."
        )
    return float(value)


def _checked(session: xr.Dataset) -> xr.DataArray:
    """Which units were observed, (unit) bool, in a session that can be measured."""
    check(session, "activity", "position")
    if session.sizes.get("unit", 0) == 0:
        raise RefusedInputError(
            f"{session_name(session)}: there is no unit: leave the session out or relax the "
            "unit filter."
        )
    try:
        observed = observed_units(session["activity"])
    except RefusedInputError as error:
        raise RefusedInputError(f"{session_name(session)}: {error}") from error
    if not bool(observed.any()):
        raise RefusedInputError(
            f"{session_name(session)}: every unit is NaN throughout, so none was observed: "
            "leave the session out."
        )
    return observed.reset_coords(drop=True).drop_vars("unit", errors="ignore")


def _generator(session: xr.Dataset, rules: _Rules) -> np.random.Generator:
    # A stream of its own for every session number: what other sessions or subjects were measured
    # changes nothing.
    return stream(rules.seed, "shuffle", int(session["session"].item()))


def _significant(
    session: xr.Dataset, activity: xr.DataArray, place: xr.DataArray, rules: _Rules
) -> xr.DataArray:
    """1 for units with enough events while moving whose information beats circular shifts."""
    rate = session["sampling_rate"].item()
    rng, shift = _generator(session, rules), max(1, round(rules.minimum_shift * rate))
    duration = durations(session)
    p_values = circular_shift_p_values(
        activity,
        place,
        duration,
        rules.shuffles,
        shift,
        rng,
        minimum_occupancy=rules.minimum_occupancy,
    )
    flags = (p_values < SIGNIFICANCE) & (event_counts(activity) >= rules.minimum_events)
    return described(flags.astype(float).where(observed_units(activity)), "place_unit")


def _corrected(
    session: xr.Dataset,
    activity: xr.DataArray,
    place: xr.DataArray,
    place_unit: xr.DataArray,
    rules: _Rules,
) -> dict[str, xr.DataArray]:
    if not rules.repetitions:
        return {}
    rng, duration = _generator(session, rules).spawn(1)[0], durations(session)
    try:
        estimates = corrected_spatial_information(
            activity,
            place,
            duration,
            place_unit,
            rng,
            rules.repetitions,
            rules.minimum_occupancy,
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
) -> dict[str, xr.DataArray]:
    """Numerators, denominator and the ratios formed of them."""
    recorded = observed_units(activity)
    present = recorded.sum().astype(float)
    detected = session["detected_units"].astype(float) if "detected_units" in session else present
    if bool(detected < present):
        raise RefusedInputError(
            f"{session_name(session)}: detected_units is {detected.item():g} but "
            f"{present.item():g} units are present: the denominator counts all."
        )
    measures = activity_code(activity)
    # Units that were detected but left out of the file because they were silent belong to the
    # denominator.
    of_detected = {
        "recorded": recorded.astype(float),
        "active_units": measures["active_units"].astype(float),
        "fraction_active_units": measures["active_units"] / detected,
        "fraction_active_responses": measures["fraction_active_responses"] * present / detected,
    }
    occupancy = maps["occupancy"].assign_attrs(units="s")
    code = place_code(maps["rate"], occupancy, recorded, detected=detected, place_unit=place_unit)
    return {**measures, **code, **of_detected}


def _timed(session: xr.Dataset) -> xr.Dataset:
    """The session with the duration of each sample where it has times, before samples are chosen
    among."""
    if "time" not in session.coords:
        return session
    # Samples that were chosen among are farther apart than the rate says; then durations tell.
    rate = None if "duration" in session else session["sampling_rate"].item()
    refuse_times(session["time"].values.astype(float), f"time of {session_name(session)}", rate)
    return session.assign(duration=durations(session))


def _times(session: xr.Dataset, running: xr.Dataset) -> dict[str, xr.DataArray]:
    """Time with a known position, and time that counts, s."""
    tracked = np.isfinite(positions_by_axis(session)).all(axis=1)
    everything = np.ones(running.sizes["sample"], dtype=bool)
    return {"running_time": _total(running, everything), "tracked_time": _total(session, tracked)}


def _total(session: xr.Dataset, counted: np.ndarray) -> xr.DataArray:
    duration = durations(session)
    if isinstance(duration, xr.DataArray):
        return xr.DataArray(float(duration.values[counted].sum()))
    return xr.DataArray(counted.sum() * duration)


def _measured(session: xr.Dataset, rules: _Rules) -> Measured:
    check(session)
    labels = _labels(session)
    observed = _checked(session)
    bin_size, minimum_speed = (
        _recommended(session, name, getattr(rules, name)) for name in ("bin_size", "minimum_speed")
    )
    directed = is_directed(session, rules.direction)
    session = _timed(session)
    grid = session_grid(session, bin_size)
    refuse_absurd(positions_by_axis(session), grid, session_name(session))
    running, cells, place = visited_cells(
        some_running_samples(session, minimum_speed, directed), grid
    )
    direction = running["direction"].reset_coords(drop=True) if directed else None
    running = running.drop_vars(["sample", "unit"], errors="ignore")
    activity = trust(running["activity"].reset_coords(drop=True), observed)
    maps = rate_maps(
        activity, place, len(cells), direction, None, durations(running), rules.minimum_occupancy
    )
    if not bool(maps["rate"].notnull().any()):
        raise RefusedInputError(
            f"{session_name(session)}: no place was visited for more than "
            f"{rules.minimum_occupancy:g} s: widen bin_size or lower the minimum."
        )
    index = place if direction is None else directed_places(place, direction)
    place_unit = _significant(running, activity, index, rules) if rules.shuffles else None
    numbers = _numbers(running, activity, maps, place_unit)
    numbers |= _times(session, running)
    numbers |= _corrected(running, activity, index, numbers["place_unit"], rules)
    attrs = {
        "bin_size": bin_size,
        "minimum_speed": minimum_speed,
        "geometry": str(session.attrs.get("geometry", "unknown")),
        "source": str(session.attrs.get("source", "unknown")),
        "position_units": str(session["position"].attrs.get("units", "cm")),
        "activity_units": str(session["activity"].attrs.get("units", "events")),
        "activity_kind": activity_kind(session["activity"]),
    }
    units = [
        int(unit) for unit in session["unit"].values
    ]  # counts from 0 where the coordinate is absent
    names = session["unit_label"].values if "unit_label" in session.coords else units
    labels["track_length"] = session.attrs.get("track_length")
    return Measured(
        session_name(session),
        labels,
        attrs,
        units,
        [str(name) for name in names],
        grid,
        cells,
        {
            **{str(name): values.variable for name, values in maps.items()},
            **{name: values.variable for name, values in numbers.items()},
        },
    )


def _attrs(measured: list[Measured], rules: _Rules) -> dict[str, str | float]:
    shift_test = (
        f"circular shift p < {SIGNIFICANCE} of {rules.shuffles}, at least "
        f"{rules.minimum_events:g} events"
    )
    first = measured[0].attrs
    kinds = {session.attrs["activity_kind"] for session in measured}
    return {
        **{name: first[name] for name in ("bin_size", "minimum_speed", "geometry", "source")},
        "activity_kind": max(kinds, key=KINDS.index),
        "minimum_occupancy": rules.minimum_occupancy,
        "place_unit_rule": shift_test
        if rules.shuffles
        else "spatial_information > 0.01 bits/event",
        "seed": rules.seed,
    }


@opened
def measure(
    sessions: xr.Dataset | Iterable[xr.Dataset],
    *,
    bin_size: float | None = None,
    minimum_speed: float | None = None,
    minimum_occupancy: NotNegative = 0.1,
    direction: Literal["auto", "split", "pooled"] = "auto",
    shuffles: Draws = 0,
    minimum_events: NotNegative = 10,
    minimum_shift: float = 10.0,
    corrected: bool = False,
    repetitions: Count = 100,
    seed: Seed = 0,
    progress: bool = False,
) -> xr.Dataset:
    """Measure recorded sessions: rate maps, spatial information, place units and active fractions
    over sessions and subjects.

    Samples count while the position is known and the speed exceeds ``minimum_speed``; activity at
    rest enters nothing. Speed is what the session has as ``velocity``, or else the slope of the
    positions over half a second, so that neither jitter nor held frames count as speed or rest, and
    no gap or wrap is run through; see ``drift.measurement.speeds``. Where a session has times, each
    sample lasts as long as they say (``drift.metrics.clocks``), in occupancy, rates, information
    and shift test alike. Bins start at position 0, or at the first edge where the session has
    edges, and are ``bin_size`` wide, so that sessions share a grid; a position at the end of the
    track lies in the last bin, one outside of edges that were given in none. On a ring the last bin
    is next to the first. Sessions are taken one at a time and only their maps are kept. Units of
    one number are the same unit in sessions of the same ``unit_identity``, and unrelated otherwise.

    Parameters
    ----------
    sessions : iterable of xarray.Dataset
        Session Datasets with ``activity`` (sample, unit), ``position`` (sample[, axis]), optional
        ``velocity``, ``direction`` and ``detected_units``, and the scalar coordinates subject,
        session, elapsed, environment, sampling_rate and unit_identity.
    bin_size : float, optional
        Width of a bin in units of position; by default what the session recommends in its
        attributes.
    minimum_speed : float, optional
        In units of position per second; 0 keeps samples at rest too. By default what the session
        recommends.
    minimum_occupancy : float
        In s; a place visited for longer has a rate, any other is NaN.
    direction : {"auto", "split", "pooled"}
        Split maps by running direction where the session has it, always, or never.
    shuffles : int
        Circular shifts of the significance test of place units, 20 or more; 0 takes the published
        threshold of 0.01 bits/event instead.
    minimum_events : float
        Events while running that a place unit needs in the shift test; see
        ``drift.metrics.event_counts``.
    minimum_shift : float
        Smallest circular shift, in s.
    corrected : bool
        Add information corrected for limited sampling, of units and population; see
        ``drift.metrics.information.corrected``. Takes seconds a session.
    repetitions : int
        Of the whole recording in these corrections.
    seed : int
        Seed of the shift test and of the corrections.
    progress : bool
        Show a progress bar.

    Returns
    -------
    xarray.Dataset
        Longitudinal Dataset (subject, session, unit, place[, direction]) as in ``drift.schema``.
        Places on a track are bin centres; in a plane they are numbers of visited bins with the
        coordinates ``place_x`` and ``place_y``. The attributes of these coordinates say
        ``bin_size``, ``origin``, ``length`` of the track and whether it is a ring. Fractions are
        over ``detected_units``. ``running_time`` and ``tracked_time`` (subject, session) are the
        seconds that count and those with a known position.

    Warns
    -----
    UserWarning
        If track lengths differ between sessions; they are kept in the coordinate ``track_length``.

    Raises
    ------
    RefusedInputError
        If there is no session, a session has no unit or no running sample, activity is negative or
        partly NaN, a session occurs twice, elapsed falls, or sessions do not share grid, units and
        directions.
    SchemaError
        If a session lacks a variable.

    References
    ----------
    Ratzon, Derdikman & Barak 2024, Methods; bins of 4 cm, samples faster than 1 cm/s.
    """
    if direction not in ("auto", "split", "pooled"):
        raise RefusedInputError(
            f'direction must be "auto", "split" or "pooled", got {direction!r}: choose how '
            "running directions enter."
        )
    if 0 < shuffles < FEWEST_SHUFFLES:
        raise RefusedInputError(
            f"with shuffles={shuffles} no p value can fall below {SIGNIFICANCE}, so that no "
            "unit would be a place unit: ask for "
            f"{FEWEST_SHUFFLES} or more, or for 0, which takes the published threshold."
        )
    if shuffles < 0 or minimum_occupancy < 0 or minimum_shift < 0 or repetitions < 1:
        raise RefusedInputError(
            "shuffles, minimum_occupancy and minimum_shift must not be negative and "
            "repetitions must be at least 1, got "
            f"{shuffles}, {minimum_occupancy}, {minimum_shift} and {repetitions}."
        )
    subsampled = repetitions if corrected else 0
    rules = _Rules(
        bin_size,
        minimum_speed,
        minimum_occupancy,
        direction,
        shuffles,
        minimum_events,
        minimum_shift,
        subsampled,
        seed,
    )
    stream_of_sessions = [sessions] if isinstance(sessions, xr.Dataset) else sessions
    if progress:
        from drift.progress import progress_bar

        stream_of_sessions = progress_bar(stream_of_sessions, unit="session")
    measured = [_measured(session, rules) for session in stream_of_sessions]
    if not measured:
        raise RefusedInputError(
            "there is no session to measure: check the path and the filters of the reader."
        )
    return joined_sessions(measured, _attrs(measured, rules))
