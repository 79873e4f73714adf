"""Excitability: a slow variable of each unit that comes and goes whatever is learned."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from pydantic import Field

from drift.door.quantities import Count, Seed
from drift.recipe import Recipe
from drift.streams import stream

LARGEST_STD = 1e3


class Excitability(Recipe):
    """A slow Ornstein-Uhlenbeck variable e of each unit, which begins stationary.

    e(t + 1) = r e(t) + std sqrt(1 - r^2) xi with r = exp(-1 / lifetime), so that its
    autocorrelation after a lag is exp(-lag / lifetime). It is a state of the animal: sessions see
    the network with the excitability of that time (Delamare et al. 2024; Climer et al. 2025).

    Parameters
    ----------
    std : float
        Standard deviation over time, in units of drive for "threshold", of the logarithm of the
        gain for "drive".
    lifetime : float
        Time in which the autocorrelation falls to 1/e; in steps of learning for a network, in
        units of elapsed for a circuit.
    acts_on : {"threshold", "drive"}
        Add e to the drive of the unit, or multiply the drive by exp(e), which leaves the set of
        active units as it is where units are rectified.
    """

    kind: Literal["excitability"] = "excitability"
    std: float = Field(ge=0, le=LARGEST_STD)
    lifetime: float = Field(gt=0, le=1e15)
    acts_on: Literal["threshold", "drive"] = "threshold"

    @property
    def keep(self) -> float:
        """Autocorrelation r after one step."""
        return math.exp(-1.0 / self.lifetime)

    @property
    def renewal(self) -> float:
        """Standard deviation of what a step adds, std sqrt(1 - r^2)."""
        return self.std * math.sqrt(-math.expm1(-2.0 / self.lifetime))

    def first(self, units: Count, seed: Seed) -> np.ndarray:
        """Return the excitability before the first step, (unit,); chance comes from the stream
        ``excitability`` of the seed."""
        return self.std * stream(seed, "excitability", 0).standard_normal(units)

    def applied(self, drive: Any, excitability: Any) -> Any:
        """Return the drive (sample, unit) of units with their excitability (unit,)."""
        if self.acts_on == "threshold":
            return drive + excitability
        return drive * np.exp(excitability)
