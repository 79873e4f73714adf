"""From recorded sessions to the labelled form that networks share: maps, information, active
fractions."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Literal

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Count, Draws, NotNegative, Seed
from drift.errors import RefusedInputError
from drift.measurement.joining import Measured, joined_sessions
from drift.measurement.rules import Measurement
from drift.measurement.session import measured_session
from drift.metrics.event_kinds import KINDS
from drift.metrics.information.corrected import CORRECTIONS
from drift.metrics.information.validity import TOLERATED, WORDS


def _attrs(measured: list[Measured], rules: Measurement) -> dict[str, str | float]:
    first = measured[0].attrs
    kinds = {session.attrs["activity_kind"] for session in measured}
    observations = {str(session.attrs.get("observation", "")) for session in measured}
    alike = (
        {"observation": first["observation"]} if observations == {first.get("observation")} else {}
    )
    return {
        **{
            name: first[name]
            for name in ("bin_size", "minimum_speed", "geometry", "source")
            if name in first
        },
        **alike,
        "activity_kind": max(kinds, key=KINDS.index),
        "minimum_occupancy": rules.minimum_occupancy,
        "place_unit_rule": rules.place_unit_rule(),
        "seed": rules.seed,
        "measurement": rules.to_json(),
    }


def _warn_of_corrections(recorded: xr.Dataset) -> None:
    """Say once which corrections of information are expected to be off, and in how many
    sessions."""
    far = {}
    for name in CORRECTIONS:
        errors = recorded.get(f"population_{name}_error", xr.DataArray(np.nan)).values
        if (errors > TOLERATED).any():
            off = f"up to {np.nanmax(errors):.2f} bits/event by {WORDS[name]}"
            far[name] = f"{off} in {(errors > TOLERATED).sum()} sessions"
    if far:
        warnings.warn(
            f"corrected information is expected to be off ({'; '.join(far.values())}), as place "
            "units have few events for so many places: see population_<correction>_error and "
            "metrics.expected_error, or widen bin_size.",
            stacklevel=4,
        )


@opened
def measure(
    sessions: xr.Dataset | Iterable[xr.Dataset],
    *,
    bin_size: float | None = None,
    minimum_speed: float | None = None,
    minimum_occupancy: NotNegative = 0.1,
    direction: Literal["auto", "split", "apart", "pooled"] = "auto",
    shuffles: Draws = 0,
    minimum_events: NotNegative = 10,
    minimum_shift: float = 10.0,
    active_events: Count = 1,
    corrected: bool = False,
    repetitions: Count = 100,
    halves: Literal["trials", "time"] | None = None,
    half_place_units: bool = False,
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
    is next to the first. Where samples are labelled by a ``stimulus`` instead of a position, tuning
    curves over stimuli stand in the place of rate maps, with the dim ``stimulus``, and every sample
    with a stimulus counts, at whatever speed. Sessions are taken one at a time and only their maps
    are kept. Units of one number are the same unit in sessions of the same ``unit_identity``, and
    unrelated otherwise.

    Parameters
    ----------
    sessions : iterable of xarray.Dataset
        Session Datasets with ``activity`` (sample, unit), ``position`` (sample[, axis]) or the
        coordinate ``stimulus`` (sample), optional
        ``velocity``, ``direction`` and ``detected_units``, and the scalar coordinates subject,
        session, elapsed, environment, sampling_rate and unit_identity.
    bin_size : float, optional
        Width of a bin in units of position; by default what the session recommends in its
        attributes. Stimuli have none.
    minimum_speed : float, optional
        In units of position per second; 0 keeps samples at rest too. By default what the session
        recommends; none with stimuli, where it needs ``velocity``.
    minimum_occupancy : float
        In s; a place visited, or a stimulus shown, for longer has a rate, any other is NaN.
    direction : {"auto", "split", "apart", "pooled"}
        Split maps by running direction where the session has it, always, always and measure each
        direction by itself, or never. Of split maps information is that of place and direction
        together. "apart" is the published convention for tracks (Sheintuch et al. 2022, 2023):
        information, its corrections and the shift test in each direction, a place unit is one in
        either, and means are over the unit-directions that are place units. Correlations of maps
        are had alike by ``directions="apart"`` of ``metrics.mean_rate_map_correlation``.
    shuffles : int
        Circular shifts of the significance test of place units, 20 or more; 0 takes the published
        threshold of 0.01 bits/event instead.
    minimum_events : float
        Events while running that a place unit needs in the shift test, with directions apart in
        the direction that is tested; see ``drift.metrics.event_counts``.
    minimum_shift : float
        Smallest circular shift, in s.
    active_events : int
        Events while running that an active unit needs in ``active_units`` and
        ``fraction_active_units``; 1 takes any activity.
    corrected : bool
        Add information corrected for limited sampling, of units and population; see
        ``drift.metrics.information.corrected``. Takes seconds a session.
    repetitions : int
        Of the whole recording in these corrections.
    halves : {"trials", "time"}, optional
        Add maps of two independent halves of every session, from which the noise of its maps is
        known (``drift.metrics.reliability``, ``corrected_similarity``). "trials": odd and even
        laps of each running direction, or presentations of each stimulus, by the variable
        ``trial``; where the session has none, a lap is a run from one end of the track to the
        other, or a turn of the ring. "time": blocks of 30 s in turn.
    half_place_units : bool
        Tell place units in each half, too, by the rule of the whole session at half the events, so
        that ``drift.metrics.recurrence`` knows what the noise of the test alone takes. Costs
        another shift test where there are ``shuffles``.
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
        ``bin_size``, ``origin``, ``length`` of the track and whether it is a ring. Stimuli are
        labels in order; the attributes of their coordinate say ``units``, ``metric`` and
        ``period``. Fractions are
        over ``detected_units``. ``running_time`` and ``tracked_time`` (subject, session) are the
        seconds that count and those with a known position, ``mean_speed`` that while they count,
        ``laps`` those of the session. The coordinate ``visits`` (subject, session) counts how often
        the subject has been in the environment, the session included: what a session says in a
        scalar coordinate ``visits``, which counts days without a recording too, else one more than
        at the session before in that environment. With ``halves``, ``rate_half`` and
        ``occupancy_half`` are maps over these and the dim ``half``, with ``half_place_units`` also
        the flags ``place_unit_half``. With directions apart, information has the dim ``direction``
        and ``place_unit_by_direction`` flags the place units of each. The attribute ``measurement``
        holds these options, see ``drift.measurement.Measurement``.

    Warns
    -----
    UserWarning
        If track lengths differ between sessions; they are kept in the coordinate ``track_length``.
        If a subject has several maps of one track in one environment, as the attribute
        ``track_map`` of its sessions says; they are kept in the coordinate ``track_map``.
        If corrected information is expected to be off by more than .1 bits, see
        ``metrics.expected_error``.

    Raises
    ------
    RefusedInputError
        If there is no session, a session has no unit, no running sample or no second half,
        activity is negative or partly NaN, a session occurs twice, elapsed falls, or sessions do
        not share grid, units and directions.
    SchemaError
        If a session lacks a variable.

    References
    ----------
    Ratzon, Derdikman & Barak 2024, Methods; bins of 4 cm, samples faster than 1 cm/s.
    """
    rules = Measurement(
        bin_size=bin_size,
        minimum_speed=minimum_speed,
        minimum_occupancy=minimum_occupancy,
        direction=direction,
        shuffles=shuffles,
        minimum_events=minimum_events,
        minimum_shift=minimum_shift,
        active_events=active_events,
        corrected=corrected,
        repetitions=repetitions,
        halves=halves,
        half_place_units=half_place_units,
        seed=seed,
    )
    stream_of_sessions = [sessions] if isinstance(sessions, xr.Dataset) else sessions
    if progress:
        from drift.progress import progress_bar

        stream_of_sessions = progress_bar(stream_of_sessions, unit="session")
    measured = [measured_session(session, rules) for session in stream_of_sessions]
    if not measured:
        raise RefusedInputError(
            "there is no session to measure: check the path and the filters of the reader."
        )
    recorded = joined_sessions(measured, _attrs(measured, rules))
    _warn_of_corrections(recorded)
    return recorded
