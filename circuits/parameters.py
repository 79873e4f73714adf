"""The parameters of circuits: numbers with units, checked at the door."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

SECOND = (0, 0, 1, 0, 0, 0, 0)  # exponents of metre, kilogram, second, ... as Brian2 keeps them


def _exponents(value: Any) -> tuple[float, ...] | None:
    # only Brian2 quantities have one, and Brian2 need not be imported to know
    dimension = getattr(value, "dim", None)
    return None if dimension is None else tuple(dimension._dims)


def in_seconds(value: Any) -> Any:
    """Return a Brian2 time in s, anything else as it is; a quantity of another dimension is a
    ValueError."""
    exponents = _exponents(value)
    if exponents is None:
        return value
    if exponents != SECOND:
        raise ValueError(
            f"a time is needed, got {value!r}: pass seconds as a number, or a Brian2 quantity "
            "such as 20*ms"
        )
    return float(value)


def _dimensionless(value: Any) -> Any:
    if _exponents(value) is not None:
        raise ValueError(
            f"a plain number is needed, got {value!r} with units: divide it by its unit"
        )
    return value


Seconds = Annotated[float, BeforeValidator(in_seconds), Field(gt=0)]
"""A duration in s: a positive number, or a Brian2 quantity of time."""

Positive = Annotated[float, BeforeValidator(_dimensionless), Field(gt=0)]
"""A positive number without units."""

NotNegative = Annotated[float, BeforeValidator(_dimensionless), Field(ge=0)]
"""A number without units that is 0 or more."""

Number = Annotated[float, BeforeValidator(_dimensionless)]
"""Any finite number without units."""

Fraction = Annotated[float, BeforeValidator(_dimensionless), Field(gt=0, lt=1)]
"""A number between 0 and 1, both excluded."""
