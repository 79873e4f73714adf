"""Where parameters are searched, and the coordinates from 0 to 1 in which they are: logarithms
where both bounds are positive, exp(-lag / T) of a lifetime T, e^2 / (1 + e^2) of a standard
deviation e of excitability.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from drift.schema.labelled_form import RefusedInputError

DECAYING = ("weight_lifetime", "context_lifetime", "excitability_lifetime")
LIFTING = ("excitability",)


class Bounds(NamedTuple):
    """Where to search: ``low`` and ``high`` (parameter,), in units of each parameter, and ``lag``
    in units of elapsed, at which statistics know of a lifetime; 0 where that is not known."""

    names: tuple[str, ...]
    low: np.ndarray
    high: np.ndarray
    lag: float = 0.0

    @classmethod
    def checked(cls, parameters: Mapping[str, tuple[float, float]]) -> Bounds:
        """Return bounds from ``{name: (low, high)}``, or refuse them."""
        if not isinstance(parameters, Mapping) or not parameters:
            raise RefusedInputError(
                f"there is no parameter to fit, got {parameters!r}: pass parameters={{name: "
                f"(low, high)}}."
            )
        pairs = np.array([_pair(str(name), pair) for name, pair in parameters.items()])
        return cls(tuple(map(str, parameters)), pairs[:, 0], pairs[:, 1])

    @property
    def logarithmic(self) -> np.ndarray:
        """Which parameters have positive bounds, (parameter,): they are searched in logarithms,
        those that decay apart."""
        return (self.low > 0) & ~self.lifting

    @property
    def lifting(self) -> np.ndarray:
        """Which parameters e are searched as e^2 / (1 + e^2), (parameter,): the share of the
        variance of drives that a standard deviation e brings, as a context is searched."""
        return np.isin(self.names, LIFTING)

    @property
    def decaying(self) -> np.ndarray:
        """Which parameters are searched as exp(-lag / T), (parameter,): statistics are about linear
        in what is left of the weights, and so are their errors, not in T or its logarithm."""
        return np.isin(self.names, DECAYING) & self.logarithmic & (self.lag > 0)

    def _bent(self, values: np.ndarray) -> np.ndarray:
        """Numbers in which the search range is even, (..., parameter)."""
        safe = np.where(self.logarithmic, values, 1.0)
        rising = np.where(self.logarithmic, np.log(safe), values)
        shares = np.where(self.lifting, np.square(values) / (1 + np.square(values)), rising)
        return np.where(self.decaying, np.exp(-self.lag / safe), shares)

    def values(self, unit: np.ndarray) -> np.ndarray:
        """Return parameters for coordinates between 0 and 1, (..., parameter)."""
        unit = np.clip(unit, 0.0, 1.0)
        low, high = self._bent(self.low), self._bent(self.high)
        bent = low + (high - low) * unit
        straight = np.where(self.logarithmic, np.exp(np.minimum(bent, 700.0)), bent)
        share = np.where(self.lifting, bent, 0.5)
        straight = np.where(self.lifting, np.sqrt(share / (1 - share)), straight)
        left = np.where(self.decaying, bent, 0.5)
        return np.clip(
            np.where(self.decaying, -self.lag / np.log(left), straight), self.low, self.high
        )

    def coordinates(self, values: np.ndarray) -> np.ndarray:
        """Return coordinates between 0 and 1 for parameters, (..., parameter)."""
        low, high = self._bent(self.low), self._bent(self.high)
        return (self._bent(np.asarray(values)) - low) / (high - low)

    def shares(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Return which share of the search range lies between two sets of parameters, (parameter,):
        of logarithms where bounds are positive."""
        even = self._replace(lag=0.0)
        return even.coordinates(high) - even.coordinates(low)


def _pair(name: str, pair: object) -> np.ndarray:
    """Return two finite rising numbers, or refuse them."""
    try:
        limits = np.asarray(pair, dtype=float)
    except (TypeError, ValueError):
        limits = np.array([])
    if limits.shape != (2,) or not (np.isfinite(limits).all() and limits[0] < limits[1]):
        raise RefusedInputError(
            f"the bounds of {name} must be two finite rising numbers, got {pair!r}: pass "
            "(low, high)."
        )
    return limits
