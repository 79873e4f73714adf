"""What the measures of stability are formed of: maps with two halves of every session, as far as
they can be known, and errors of readouts where there are frames."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

import xarray as xr

from drift.errors import RefusedInputError
from drift.measurement.event_counting import counted_events, counted_maps
from drift.measurement.measuring import measure
from drift.metrics.decoders.triple import COUNTS, TRIPLE, decoder_triple, with_decoding
from drift.metrics.directions import directions_of
from drift.metrics.event_kinds import activity_kind
from drift.metrics.fields.thinning import thinned_halves
from drift.metrics.information.significance import place_units
from drift.metrics.information.skaggs import spatial_information
from drift.metrics.stability.halves import has_halves, with_halves
from drift.observation.lens import untrained_sessions
from drift.schema.labelled_form import check
from drift.stability.rules import StabilityRules

Halves = Literal["trials", "time"]
THRESHOLD = "spatial_information >"  # how a rule begins that needs maps alone
NO_FRAMES = (
    "readouts are tested frame by frame, got maps alone: pass the sessions, or maps measured with "
    "readouts (metrics.with_decoding, repdrift measure --decoding); of a run "
    "drift.observe(run, like=recording)."
)


class Material(NamedTuple):
    """What is measured.

    Attributes
    ----------
    maps : xarray.Dataset
        Longitudinal Dataset after learning, with ``rate_half`` where halves can be known, and with
        errors of readouts where there are frames.
    rules : StabilityRules
    halves : str
        What a half is: "trials", "time", "coin" (events dealt to either), "exact" (rates without
        noise) or "none".
    absent : dict of str to str
        Reasons for what is not among the maps.
    """

    maps: xr.Dataset
    rules: StabilityRules
    halves: str
    absent: dict[str, str]

    @property
    def least_events(self) -> float:
        """Events that make a unit active; any activity counts where rates are made of no events."""
        noiseless = self.maps["occupancy"].attrs.get("units") == "sample"
        counted = self.maps.attrs.get("activity_kind", "counts") == "counts"
        return self.rules.minimum_events if counted and not noiseless else 0.0


def material_of(source: xr.Dataset | Iterable[xr.Dataset], rules: StabilityRules) -> Material:
    """Maps and readouts of sessions, or what is there of a longitudinal Dataset.

    Parameters
    ----------
    source : xarray.Dataset or iterable of xarray.Dataset
        Session Datasets, or a longitudinal Dataset.
    rules : StabilityRules

    Raises
    ------
    RefusedInputError, SchemaError
        If it is neither.
    """
    if isinstance(source, xr.Dataset) and "sample" not in source.dims:
        return material_of_maps(
            _after_learning(check(source, "rate", "occupancy", "elapsed")), rules
        )
    sessions = [source] if isinstance(source, xr.Dataset) else list(source)
    counted = [_counted(session) for session in sessions]
    measured = _with_halves(counted, rules)
    try:
        return material_of_maps(
            with_decoding(measured, decoder_triple(counted, **rules.of_readouts)), rules
        )
    except RefusedInputError as refusal:
        material = material_of_maps(measured, rules)
        return material._replace(absent=material.absent | {"decoder triple": str(refusal)})


def _counted(session: xr.Dataset) -> xr.Dataset:
    """A session whose events are counted; traces hold none, and stay."""
    amplitudes = activity_kind(check(session, "activity")["activity"]) == "amplitudes"
    return next(iter(counted_events(session))) if amplitudes else session


def _with_halves(sessions: list[xr.Dataset], rules: StabilityRules) -> xr.Dataset:
    """Maps with halves of laps, else of blocks of time, else without."""
    kinds: tuple[Halves, ...] = ("trials", "time") if rules.halves == "auto" else (rules.halves,)
    for kind in kinds:
        try:
            return measure(sessions, halves=kind, half_place_units=True, **rules.of_maps)
        except RefusedInputError:
            continue
    return measure(sessions, **rules.of_maps)


def _after_learning(run: xr.Dataset) -> xr.Dataset:
    """Sessions after learning, of the first environment where maps of several are one session."""
    single = run.isel(environment=0) if "environment" in run.dims else run
    first = untrained_sessions(single)
    later = slice(first if single.sizes["session"] > first else 0, None)
    dims = [dim for dim in ("session", "session_other") if dim in single.dims]
    return single.isel(dict.fromkeys(dims, later))


def material_of_maps(maps: xr.Dataset, rules: StabilityRules) -> Material:
    """What is there of maps, with all of their sessions.

    Parameters
    ----------
    maps : xarray.Dataset
        Longitudinal Dataset.
    rules : StabilityRules
    """
    maps, absent = _with_readouts(_in_events(maps), rules)
    halved, kind, reason = _halves(maps, rules)
    if reason:
        absent["noise of maps"] = reason
    names = {
        "rate", "occupancy", "recorded", "place_unit", "detected_units", "rate_half",
        "occupancy_half", "place_unit_half", "event_count", "event_count_half", *TRIPLE, *COUNTS,
    }  # fmt: skip
    present = [name for name in halved.data_vars if name in names]
    return Material(_with_tested_halves(halved[present]), rules, kind, absent)


def _in_events(maps: xr.Dataset) -> xr.Dataset:
    """Maps of amplitudes as maps of the events that were counted beside them, if they were: a
    recording has one stability, whether its sessions are given or its maps."""
    counted = maps.attrs.get("activity_kind") == "amplitudes" and "event_count" in maps
    return counted_maps(maps, "the stability of a code") if counted else maps


def _with_readouts(maps: xr.Dataset, rules: StabilityRules) -> tuple[xr.Dataset, dict[str, str]]:
    """Maps with errors of readouts where they hold them or are those of a run, and why they are
    not there."""
    if set(TRIPLE[:2]) <= set(maps.data_vars):
        return maps, {}
    if maps["occupancy"].attrs.get("units") != "sample":
        return maps, {"decoder triple": NO_FRAMES}
    try:
        return with_decoding(maps, decoder_triple(maps, **rules.of_readouts)), {}
    except RefusedInputError as refusal:
        return maps, {"decoder triple": str(refusal)}


def _halves(maps: xr.Dataset, rules: StabilityRules) -> tuple[xr.Dataset, str, str]:
    """Maps with halves, what these are, and why there are none."""
    if "rate_half" in maps:
        stated = '"time"' if '"halves":"time"' in _stated(maps) else '"trials"'
        return maps, stated.strip('"'), ""
    if has_halves(maps):
        return with_halves(maps), "exact", ""
    try:
        return thinned_halves(maps, rules.seed), "coin", ""
    except RefusedInputError as refusal:
        return maps, "none", str(refusal)


def _stated(maps: xr.Dataset) -> str:
    return str(maps.attrs.get("measurement", "")).replace(" ", "")


def _with_tested_halves(maps: xr.Dataset) -> xr.Dataset:
    """Place units of halves, where the rule needs maps alone, or rates hold no noise."""
    if "place_unit_half" in maps or not {"rate_half", "place_unit"} <= set(maps.data_vars):
        return maps
    if maps["occupancy"].attrs.get("units") == "sample":
        return maps.assign(place_unit_half=maps["place_unit"].expand_dims(half=2, axis=-1))
    if not str(maps.attrs.get("place_unit_rule", "")).startswith(THRESHOLD):
        return maps
    information = spatial_information(
        maps["rate_half"], maps["occupancy_half"], directions=directions_of(maps)
    )
    flags = place_units(information, maps["recorded"])
    either = flags.max("direction") if "direction" in flags.dims else flags
    return maps.assign(place_unit_half=either)
