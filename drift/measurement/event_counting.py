"""Counts from amplitudes: what is known of how often something happened, where the sizes of events
have no common scale."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.metrics.directions import directions_of, place_flags
from drift.metrics.event_kinds import activity_kind
from drift.metrics.place_code import place_code
from drift.schema.labelled_form import check, described

# measures of the sizes of events that are made of samples, or of what is made of those
OF_SIZES = ("spatial_information_", "population_", "mutual_information", "participation_ratio")
WHOLE = 1e-3  # how far rate x occupancy of counts may be from whole numbers, by rounding


@opened
def counted_events(sessions: xr.Dataset | Iterable[xr.Dataset]) -> Iterator[xr.Dataset]:
    """Count the events of sessions that hold their amplitudes: 1 in a sample with an event, 0 in
    one without.

    Amplitudes of calcium events add up to no number of events, so that nothing that is drawn or
    tested by Poisson counts can be set beside them. ``measure`` counts events beside them
    (``event_count``), and ``observe``, ``compare``, ``estimate`` and ``circuits.fit`` take these;
    counted sessions have information and place units of counts, too. Sessions of counts stay as
    they are.

    Parameters
    ----------
    sessions : xarray.Dataset or iterable of xarray.Dataset
        Session Datasets with ``activity`` (sample, unit).

    Yields
    ------
    xarray.Dataset
        Like each session; NaN where a unit was not observed.

    Raises
    ------
    RefusedInputError
        If the activity is a trace, which holds no events.
    SchemaError
        If a session has no activity.

    Examples
    --------
    >>> recorded = drift.measure(drift.counted_events(sessions))
    """
    for session in [sessions] if isinstance(sessions, xr.Dataset) else sessions:
        check(session, "activity")
        kind = activity_kind(session["activity"])
        if kind == "trace":
            labels = ", ".join(
                f"{name} {session[name].item()}"
                for name in ("subject", "session")
                if name in session.coords
            )
            raise RefusedInputError(
                f"events of {labels or 'a session'} cannot be counted in a trace of "
                "fluorescence: detect events first."
            )
        yield (
            session if kind == "counts" else session.assign(activity=_counted(session["activity"]))
        )


def _counted(activity: xr.DataArray) -> xr.DataArray:
    return happened(activity).assign_attrs({**activity.attrs, "units": "events", "kind": "counts"})


def happened(activity: xr.DataArray) -> xr.DataArray:
    """1 in samples with an event, 0 in those without, NaN where a unit was not observed."""
    return (activity > 0).astype(float).where(activity.notnull())


def counts_of_maps(maps: xr.Dataset, kind: str) -> xr.DataArray:
    """Whole numbers of events behind maps of counts; NaN where activity is a trace.

    Parameters
    ----------
    maps : xarray.Dataset
        ``rate`` of events and ``occupancy``, see ``drift.metrics.rate_maps``.
    kind : str
        See ``drift.metrics.activity_kind``.
    """
    rate, occupancy = maps["rate"], maps["occupancy"]
    alike = rate.variable * (occupancy.variable if kind != "trace" else np.nan)
    return described(
        rate.copy(data=np.round(alike.transpose(*rate.dims).values)).drop_attrs(deep=False),
        "event_count",
    )


def counted_maps(recorded: xr.Dataset, what: str) -> xr.Dataset:
    """Return a measured recording in events: rates of amplitudes give way to those of their events,
    and so does what follows from them; a recording of counts stays as it is.

    Place units that a test on the samples has found stay; by the threshold of information they are
    told anew. What only samples tell of amplitudes (corrected information, dimensions) is left out.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset of ``measure``; designs, which hold mean rates alone, are taken.
    what : str
        Who needs counts, such as "a fit".

    Returns
    -------
    xarray.Dataset

    Raises
    ------
    RefusedInputError
        If the rates are those of a trace, or amplitudes without ``event_count``.
    """
    if _kind(recorded) == "amplitudes" and "event_count" in recorded:
        if "rate_half" in recorded and "event_count_half" not in recorded:
            recorded = recorded.drop_vars(["rate_half", "occupancy_half"])
        return _in_events(recorded)
    refuse_uncounted(recorded, what)
    return recorded


def _in_events(recorded: xr.Dataset) -> xr.Dataset:
    rates = {
        f"rate{half}": recorded[f"event_count{half}"] / recorded[f"occupancy{half}"]
        for half in ("", "_half")
        if f"event_count{half}" in recorded
    }
    rates = {
        name: values.transpose(*recorded[name].dims).assign_attrs(
            {**recorded[name].attrs, "units": "events/s"}
        )
        for name, values in rates.items()
    }
    tested = "shift" in str(recorded.attrs.get("place_unit_rule", ""))
    flags = place_flags(recorded)
    code = place_code(
        rates["rate"],
        recorded["occupancy"],
        recorded["recorded"],
        detected=recorded.get("detected_units"),
        place_unit=recorded[flags] if tested and flags in recorded else None,
        directions=directions_of(recorded),
    )
    code = {name: values for name, values in code.items() if name not in ("recorded",)}
    stale = [
        name for name in recorded.data_vars if str(name).startswith(OF_SIZES) and name not in code
    ]
    return recorded.drop_vars(stale).assign({**code, **rates}).assign_attrs(activity_kind="counts")


def _kind(recorded: xr.Dataset) -> str:
    return str(recorded.attrs.get("activity_kind", "counts" if _whole(recorded) else "amplitudes"))


def refuse_uncounted(recorded: xr.Dataset, what: str) -> None:
    """Refuse a measured recording whose rates are amplitudes, or a trace, per time: they tell no
    number of events.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset of ``measure``; designs, which hold mean rates alone, are taken.
    what : str
        Who needs counts, such as "a fit".

    Raises
    ------
    RefusedInputError
    """
    kind = _kind(recorded)
    if kind == "counts":
        return
    meant = "amplitudes of events" if kind == "amplitudes" else "a trace"
    remedy = (
        "measure it anew, which counts events beside amplitudes, or drift.counted_events(sessions)"
    )
    remedy = remedy if kind == "amplitudes" else "detect events first"
    raise RefusedInputError(
        f"{what} needs counts of events, but the rates of this recording are {meant}, which "
        f"tell no number: {remedy}."
    )


def _whole(recorded: xr.Dataset) -> bool:
    """Tell whether a recording from before the label may hold counts: it was not measured, or rate
    x occupancy is whole."""
    if "place_unit_rule" not in recorded.attrs or not {"rate", "occupancy"} <= set(
        recorded.data_vars
    ):
        return True
    events = (recorded["rate"] * recorded["occupancy"]).fillna(0.0).values
    return bool(np.abs(events - np.rint(events)).max(initial=0.0) < WHOLE)
