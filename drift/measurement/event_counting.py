"""Counts from amplitudes: what is known of how often something happened, where the sizes of events
have no common scale."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.metrics.event_kinds import activity_kind
from drift.schema.labelled_form import check

WHOLE = 1e-3  # how far rate x occupancy of counts may be from whole numbers, by rounding


@opened
def counted_events(sessions: xr.Dataset | Iterable[xr.Dataset]) -> Iterator[xr.Dataset]:
    """Count the events of sessions that hold their amplitudes: 1 in a sample with an event, 0 in
    one without.

    Amplitudes of calcium events add up to no number of events, so that nothing that is drawn or
    tested by Poisson counts can be set beside them: ``observe``, ``compare``, ``estimate`` and
    ``circuits.fit`` take counts. Sessions of counts stay as they are.

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
    happened = (activity > 0).astype(float).where(activity.notnull())
    return happened.assign_attrs({**activity.attrs, "units": "events", "kind": "counts"})


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
    kind = str(recorded.attrs.get("activity_kind", "counts" if _whole(recorded) else "amplitudes"))
    if kind == "counts":
        return
    meant = "amplitudes of events" if kind == "amplitudes" else "a trace"
    remedy = (
        "measure counts by drift.measure(drift.counted_events(sessions)) or repdrift measure "
        "--counted"
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
