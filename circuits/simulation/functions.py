"""Functions of Brian2's equations as compiled loops know them; each is copied into the loops that
call it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

FUNCTIONS = {
    "clip": "clipped",
    "sign": "np.sign",
    "int": "np.int32",
    "ceil": "ceiling",
    "floor": "floor",
    "exprel": "exprel",
    "abs": "abs",
    "arcsin": "math.asin",
    "arccos": "math.acos",
    "arctan": "math.atan",
    **{
        name: f"math.{name}"
        for name in (
            "sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "log", "log10", "expm1", "log1p",
            "sqrt",
        )
    },
}  # fmt: skip
"""What the functions of Brian2 are called in a compiled loop."""


def clipped(value: float, low: float, high: float) -> float:
    """Return a value between two bounds; NaN stays NaN."""
    return low if value < low else (high if value > high else value)


def ceiling(value: float) -> int:
    """Return the smallest whole number that is not below a value."""
    return np.int32(math.ceil(value))  # type: ignore[return-value]


def floor(value: float) -> int:
    """Return the largest whole number that is not above a value."""
    return np.int32(math.floor(value))  # type: ignore[return-value]


def exprel(value: float) -> float:
    """Return (exp(x) - 1) / x, 1 at 0."""
    return 1.0 if value == 0.0 else math.expm1(value) / value


WRITTEN: dict[str, Callable[..., Any]] = {
    "clipped": clipped,
    "ceiling": ceiling,
    "floor": floor,
    "exprel": exprel,
}
"""Those of them that stand in this module."""
