"""What a session Dataset says beside its samples, as the arguments that ``session_dataset`` would
make the same session of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from data_adapters.session import integers, session_dataset
from drift.schema.labelled_form import RefusedInputError, check
from drift.schema.map_dims import STIMULUS

NEEDED = ("subject", "session", "elapsed", "environment", "sampling_rate", "unit_identity")
SAMPLED = ("velocity", "direction", "trial", "duration")
CONFIDENCE = "registration_confidence"
OWN = {*NEEDED, "unit", "unit_label", "detected_units", CONFIDENCE}
RECOMMENDED = ("geometry", "bin_size", "minimum_speed", "source")


def session_name(session: xr.Dataset) -> str:
    """What a session is called in messages; ``?`` where it lacks a name."""
    subject, number = (
        session[name].item() if name in session.coords and session[name].ndim == 0 else "?"
        for name in NEEDED[:2]
    )
    return f"session {number} of {subject}"


def checked(session: xr.Dataset) -> xr.Dataset:
    """Return the session as ``session_dataset`` makes it, so that whatever that one refuses is
    refused on the way out too.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset of a reader or of ``drift.observe``.

    Returns
    -------
    xarray.Dataset
        Samples first, float64 or int64.

    Raises
    ------
    RefusedInputError
        If a label is missing, samples are labelled by stimuli instead of positions, or the Dataset
        holds what files of sessions have no place for.
    SchemaError
        If it is no session Dataset.
    """
    check(session, "activity")
    if STIMULUS in session.coords:
        raise RefusedInputError(
            f"{session_name(session)} was expected to have a position, got a stimulus, which "
            "to_nwb and to_pynapple do not write: use data_adapters.interchange.write_interchange."
        )
    check(session, "activity", "position")
    missing = [name for name in NEEDED if name not in session.coords or session[name].ndim]
    if missing:
        raise RefusedInputError(
            f"{session_name(session)} was expected to have the scalar coordinates "
            f"{', '.join(NEEDED)}, got none of the name "
            f"{' or '.join(missing)}: add them with assign_coords."
        )
    permitted_names = {"activity", "position", *SAMPLED, *OWN, "time"}
    unknown = [
        str(name)
        for name, values in session.variables.items()
        if name not in permitted_names and (values.ndim or name not in session.coords)
    ]
    if unknown:
        raise RefusedInputError(
            f"{session_name(session)} was expected to hold samples of "
            f"{', '.join(('activity', 'position', *SAMPLED))}, got also "
            f"{', '.join(unknown)}: leave it out with drop_vars."
        )
    return session_dataset(**session_labels(session), **sampled(session))


def session_labels(session: xr.Dataset) -> dict[str, Any]:
    """Arguments of ``session_dataset`` that hold everything but the samples.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset.

    Returns
    -------
    dict
        Numbers and text; ``unit`` and ``unit_label`` are arrays; ``coords`` and ``attrs`` hold what
        is left.
    """
    units = session.sizes["unit"]
    labels: dict[str, Any] = {
        **{name: session[name].item() for name in NEEDED},
        "elapsed_units": str(session["elapsed"].attrs.get("units", "day")),
        **_what_is_measured(session),
        "detected_units": _counted(session["detected_units"])
        if "detected_units" in session
        else units,
        "unit": session["unit"].values if "unit" in session.coords else np.arange(units),
        "source": "unknown",
        "events_are": _kind(session["activity"]),
        **{name: session.attrs[name] for name in RECOMMENDED if name in session.attrs},
        "coords": {
            str(name): values.item()
            for name, values in session.coords.items()
            if not values.ndim and name not in OWN
        },
        "attrs": {
            str(name): value for name, value in session.attrs.items() if name not in RECOMMENDED
        },
    }
    if CONFIDENCE in session.coords:
        labels["unit_confidence"] = session[CONFIDENCE].values
    return labels | (
        {"unit_label": session["unit_label"].values.tolist()}
        if "unit_label" in session.coords
        else {}
    )


def _what_is_measured(session: xr.Dataset) -> dict[str, Any]:
    """Units of positions, or what stimuli are."""
    if "stimulus" not in session.coords:
        return {"position_units": str(session["position"].attrs.get("units", "cm"))}
    attrs = session["stimulus"].attrs
    return {
        "stimulus": session["stimulus"].values,
        "stimulus_metric": attrs.get("metric"),
        "stimulus_period": attrs.get("period"),
        "stimulus_units": str(attrs.get("units", "")),
    }


def _kind(activity: xr.DataArray) -> str | None:
    """What the activity says of itself, unless its values were changed since."""
    kind = activity.attrs.get("kind")
    return None if kind == "counts" and (activity != np.floor(activity)).any() else kind


def sampled(session: xr.Dataset) -> dict[str, Any]:
    """Arguments of ``session_dataset`` that hold the samples, (sample, ...) arrays."""
    names = [
        name for name in ("activity", "position", *SAMPLED, "time") if name in session.variables
    ]
    arrays = {name: session[name].transpose("sample", ...).values for name in names}
    return {**arrays, "activity": session["activity"].transpose("sample", "unit").values}


def is_simulated(attrs: Mapping[Any, Any]) -> bool:
    """Tell whether ``drift.observe`` made a session with these attributes."""
    return "run_session" in attrs


def _counted(detected: xr.DataArray) -> int:
    """Number of detected units of a session."""
    if detected.ndim:
        raise RefusedInputError(
            f"detected_units must be one number for a session, got the dims {detected.dims}: "
            "take one session."
        )
    return int(integers(detected, "detected_units"))
