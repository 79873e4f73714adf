"""How wide bins are and how fast an animal must be: what the rules of a measurement say, or else
what the session recommends."""

from __future__ import annotations

import xarray as xr

from drift.errors import RefusedInputError
from drift.measurement.rules import Measurement
from drift.measurement.running_samples import has_stimuli, session_name


def _recommended(session: xr.Dataset, name: str, given: float | None) -> float:
    value = session.attrs.get(name) if given is None else given
    if value is None or not float(value) >= 0 or (name == "bin_size" and float(value) == 0):
        raise RefusedInputError(
            f"{session_name(session)}: {name} is {value}, but a number is needed: pass "
            f"{name}=... to measure."
        )
    return float(value)


def bin_width(session: xr.Dataset, rules: Measurement) -> float | None:
    """Width of the bins of positions; stimuli have none.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset.
    rules : Measurement
        Options of ``drift.measure``.

    Returns
    -------
    float or None
        In units of position.

    Raises
    ------
    RefusedInputError
        If neither the rules nor the session say it, or there are stimuli, too.
    """
    if not has_stimuli(session):
        return _recommended(session, "bin_size", rules.bin_size)
    if "position" in session:
        raise RefusedInputError(
            f"{session_name(session)}: maps run over the position or over the stimulus, got both: "
            "drop one of them."
        )
    if rules.bin_size is not None:
        raise RefusedInputError(
            f"{session_name(session)}: bin_size={rules.bin_size:g} is for positions, but the "
            "session is labelled by stimuli: bin the labels before session_dataset."
        )
    return None


def speed_limit(session: xr.Dataset, rules: Measurement) -> float:
    """Speed above which samples count; with stimuli none, unless one is wanted.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset.
    rules : Measurement
        Options of ``drift.measure``.

    Returns
    -------
    float
        In units of position per second.

    Raises
    ------
    RefusedInputError
        If nothing says it, or nothing tells the speed of samples with stimuli.
    """
    if not has_stimuli(session):
        return _recommended(session, "minimum_speed", rules.minimum_speed)
    recommended = float(session.attrs.get("minimum_speed", 0.0))
    speed = recommended if rules.minimum_speed is None else rules.minimum_speed
    if speed > 0 and "velocity" not in session:
        raise RefusedInputError(
            f"{session_name(session)}: minimum_speed={speed:g} needs the variable velocity where "
            "samples are labelled by stimuli: give it to session_dataset, or leave out "
            "minimum_speed."
        )
    return speed
