"""What reading and writing of NWB files share: the package, names of tables that ``to_nwb`` writes,
and units of length."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_adapters.positions import decimals
from drift.schema.labelled_form import RefusedInputError

CENTIMETRES = {
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), 100.0),
    **dict.fromkeys(("cm", "centimeter", "centimeters", "centimetre", "centimetres"), 1.0),
    **dict.fromkeys(("mm", "millimeter", "millimeters", "millimetre", "millimetres"), 0.1),
}
PIXELS = ("px", "pixel", "pixels")
GLOBAL = "global_roi_id"
ROOM = "repdrift"  # module in which to_nwb keeps what the standard has no place for
LABELS = {
    "subject": "who was recorded",
    "session": "number of the session, from 0",
    "elapsed": "real elapsed time, in elapsed_units",
    "elapsed_units": "day, min or step",
    "environment": "where",
    "unit_identity": "sessions of a subject with the same text share unit numbers",
    "sampling_rate": "samples per second, Hz",
    "source": "paper or data set",
    "position_units": "cm or pixel",
    "geometry": "of the track or arena",
    "bin_size": "recommended width of a place, in position_units",
    "events_are": "counts, amplitudes or trace",
    "minimum_speed": "speed above which samples count, in position_units per second",
    "detected_units": "units detected, silent ones included: the denominator of fractions",
    "samples": "further samples of the session, JSON",
    "coords": "further scalar coordinates, JSON",
    "attrs": "further attributes, JSON",
}


def package() -> Any:
    """Return pynwb with what is used of it, or refuse in one sentence where it is not installed."""
    try:
        import pynwb
        import pynwb.behavior
        import pynwb.misc
        import pynwb.ophys
    except ImportError as error:
        raise RefusedInputError(
            "NWB files were expected to find the package pynwb, got none: pip install "
            "repdrift[nwb]."
        ) from error
    return pynwb


@contextmanager
def quietly() -> Iterator[None]:
    """Silence what pynwb says of extensions, of older versions of the format and of its own
    future."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def plain_unit(unit: Any) -> str:
    """Name of a unit as the tables here have it."""
    text = unit.decode(errors="replace") if isinstance(unit, bytes) else str(unit)
    return text.strip().casefold()


def is_length(unit: Any) -> bool:
    """Tell whether a unit is one of length, or pixels."""
    return plain_unit(unit) in CENTIMETRES or plain_unit(unit) in PIXELS


def lengths(
    values: NDArray[np.float64], unit: Any, conversion: float = 1.0, offset: float = 0.0
) -> tuple[NDArray[np.float64], str]:
    """Numbers of a series, times ``conversion`` plus ``offset`` a length, in cm or pixel.

    Parameters
    ----------
    values : numpy.ndarray
        As in the file.
    unit : str
        One of ``CENTIMETRES`` or ``PIXELS``, see ``is_length``.
    conversion, offset : float
        From numbers to the unit.

    Returns
    -------
    values : numpy.ndarray
    units : {"cm", "pixel"}
    """
    name = plain_unit(unit)
    per_unit = CENTIMETRES.get(name, 1.0)
    # One factor, so that metres with a conversion of 0.01 give back the centimetres that were
    # written.
    factor = float(np.round(float(conversion) * per_unit, 12))
    scaled = (values if factor == 1 else decimals(values)) * factor + float(offset) * per_unit
    return scaled, "cm" if name in CENTIMETRES else "pixel"
