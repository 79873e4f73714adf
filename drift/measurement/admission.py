"""What a session must have before anything is measured of it: labels, observed units, times."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.measurement.running_samples import has_stimuli, session_name
from drift.metrics.clocks import durations, refuse_times
from drift.metrics.labels import observed_units
from drift.schema.labelled_form import check

LABELS = ("subject", "session", "elapsed", "environment", "sampling_rate", "unit_identity")


def session_labels(session: xr.Dataset) -> dict:
    """Labels of a session that can be placed among others.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset.

    Returns
    -------
    dict
        ``LABELS``, ``elapsed_units`` and ``visits``, None where the session does not tell.

    Raises
    ------
    RefusedInputError
        If a label is missing, or elapsed or sampling_rate is no such number.
    """
    missing = [label for label in LABELS if label not in session.coords]
    if missing:
        raise RefusedInputError(
            f"a session Dataset lacks the scalar coordinates {', '.join(missing)}: add them "
            "with assign_coords."
        )
    labels = {label: session[label].item() for label in LABELS}
    labels["visits"] = session["visits"].item() if "visits" in session.coords else None
    if not np.isfinite(labels["elapsed"]) or not labels["sampling_rate"] > 0:
        raise RefusedInputError(
            f"{session_name(session)}: elapsed must be finite and sampling_rate above 0, got "
            f"{labels['elapsed']} and "
            f"{labels['sampling_rate']}: give real elapsed time and samples per second."
        )
    return {**labels, "elapsed_units": str(session["elapsed"].attrs.get("units", "1"))}


def checked_units(session: xr.Dataset) -> xr.DataArray:
    """Which units were observed, (unit) bool, in a session that can be measured.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset.

    Raises
    ------
    RefusedInputError
        If there is no unit, or none that was observed.
    SchemaError
        If activity, or a position or stimulus, is missing.
    """
    check(session, "activity", *([] if has_stimuli(session) else ["position"]))
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


def timed(session: xr.Dataset) -> xr.Dataset:
    """The session with the duration of each sample where it has times, before samples are chosen
    among.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset.

    Raises
    ------
    RefusedInputError
        If the times cannot be those of samples; see ``drift.metrics.clocks.refuse_times``.
    """
    if "time" not in session.coords:
        return session
    # Samples that were chosen among are farther apart than the rate says; then durations tell.
    rate = None if "duration" in session else session["sampling_rate"].item()
    refuse_times(session["time"].values.astype(float), f"time of {session_name(session)}", rate)
    return session.assign(duration=durations(session))
