"""Numbers of pynapple's series, also of those that it leaves in an NWB file until they are used.

pynapple does not apply ``conversion`` and ``offset`` of such a file; the numbers of a series that
it left there are turned into those that the file means.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_adapters.exchange.nwb_format import is_length, lengths, plain_unit

PER_SECOND = ("/s", "/sec", "/second", " per second")


def loaded(series: Any) -> NDArray[Any]:
    """Numbers of a series, times ``conversion`` plus ``offset`` where they lie in an NWB file."""
    values, told = np.asarray(series.values), _told(series)
    conversion, offset = float(told.get("conversion", 1.0)), float(told.get("offset", 0.0))
    return values if (conversion, offset) == (1.0, 0.0) else values * conversion + offset


def in_length(series: Any, labels: Collection[str]) -> tuple[NDArray[np.float64], str | None]:
    """Positions, or speeds, in the unit of length that an NWB file says, and which it is.

    Parameters
    ----------
    series : pynapple object
        ``Tsd`` or ``TsdFrame``.
    labels : collection of str
        What the caller says of the session; with ``scale`` the numbers stay as they are.

    Returns
    -------
    values : numpy.ndarray
        In cm or pixel (per second) where the file says a length, else as they are.
    units : {"cm", "pixel"} or None
        None: not told.
    """
    told = _told(series)
    if "scale" in labels:
        return np.asarray(series.values).astype(float), None
    unit = plain_unit(told.get("unit", ""))
    for ending in PER_SECOND:
        unit = unit.removesuffix(ending)
    if "position_units" in labels or not is_length(unit):
        return loaded(series).astype(float), None
    values = np.asarray(series.values).astype(float)
    return lengths(values, unit, float(told.get("conversion", 1.0)), float(told.get("offset", 0.0)))


def _told(series: Any) -> dict[str, Any]:
    """What an HDF5 file says of numbers that lie in it; empty for others."""
    attrs = getattr(series.values, "attrs", None)
    return {} if attrs is None else dict(attrs)
