"""An interval in words, with the number of independent subjects beside it."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError

NUMBERS = ("estimate", "lower", "upper", "independent_subjects")


@opened
def interval_text(interval: xr.Dataset) -> str:
    """Return an interval as text, such as "0.05 (95 %: 0.031 to 0.069; 5 independent subjects)".

    Parameters
    ----------
    interval : xarray.Dataset
        One entry of ``nested_interval``, without dims: ``estimate``, ``lower``, ``upper``,
        ``independent_subjects`` and the coordinate ``confidence``.

    Returns
    -------
    str
        Where limits or an estimate cannot be told, the text says so and, if known, why.

    Raises
    ------
    RefusedInputError
        If a variable is missing, or there is more than one entry.
    """
    estimate, lower, upper, count = (_number(interval, name) for name in NUMBERS)
    units = str(interval["estimate"].attrs.get("units", "1"))
    unit = "" if units == "1" else f" {units}"
    subjects = independent_text(count)
    reason = f": {interval['reason'].item()}" if "reason" in interval else ""
    if not np.isfinite(estimate):
        bound = f"at least {lower:.3g}{unit}" if np.isfinite(lower) else "cannot be told"
        return f"{bound} ({subjects}){reason}"
    if not (np.isfinite(lower) and np.isfinite(upper)):
        return f"{estimate:.3g}{unit} (no interval; {subjects})"
    confidence = 100 * float(interval["confidence"])
    limits = f"{lower:.3g} to {upper:.3g}"
    return f"{estimate:.3g}{unit} ({confidence:g} %: {limits}; {subjects})"


def independent_text(count: float) -> str:
    """How many subjects an interval rests on, such as "5 independent subjects"."""
    return f"{count:.0f} independent subject{'s' * (count != 1)}"


def _number(interval: xr.Dataset, name: str) -> float:
    single = all(
        own in interval and interval[own].size == 1 and interval[own].dtype.kind in "fiu"
        for own in (name, "confidence")
    )
    if not single:
        raise RefusedInputError(
            f"an interval in words needs one {name} and its confidence: pass one entry of "
            "nested_interval, such as .isel(lag=0)."
        )
    return float(interval[name].item())
