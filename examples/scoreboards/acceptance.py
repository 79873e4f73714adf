"""What a row of a scoreboard is: a published statistic, ours, and the interval in which ours must
lie."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Check(NamedTuple):
    """One number of a row: what it is, the published value, ours, and the interval that ours must
    lie in."""

    what: str
    published: float
    ours: float
    low: float
    high: float

    @property
    def passed(self) -> bool:
        return self.low <= self.ours <= self.high

    @property
    def strain(self) -> float:
        """Deviation from the published value over the deviation allowed on that side: at most 1
        where it has passed."""
        allowed = (
            self.high - self.published if self.ours > self.published else self.published - self.low
        )
        if not self.passed:
            return math.inf
        deviation = abs(self.ours - self.published)
        return (
            deviation / allowed
            if deviation > 0 and math.isfinite(deviation) and math.isfinite(allowed)
            else 0.0
        )


class Request(NamedTuple):
    """What a row may ask for: the seed of its draws and the folders of the image sets that are at
    hand."""

    seed: int = 0
    folders: dict[str, Path] = {}  # noqa: RUF012


class Row(NamedTuple):
    """One row of a scoreboard: its id, its statistic, its cost class and the function that measures
    it."""

    id: str
    statistic: str
    cost: str  # seconds, minutes or hours on one thread
    measure: Callable[[Any], Iterable[Check]]
    needs: str = ""  # a package or an image set


def near(what: str, published: float, ours: float, tolerance: float) -> Check:
    """Ours within the tolerance of the published value."""
    return Check(
        what,
        float(published),
        float(ours),
        float(published - tolerance),
        float(published + tolerance),
    )


def all_near(what: str, published: object, ours: object, tolerance: object) -> Check:
    """The entry of two arrays that strains its tolerance most, as one check."""
    target, found, allowed = np.broadcast_arrays(
        np.asarray(published, float), np.asarray(ours, float), np.asarray(tolerance, float)
    )
    strain = np.abs(found - target) / allowed
    worst = np.unravel_index(
        int(np.argmax(np.where(np.isfinite(strain), strain, np.inf))), strain.shape
    )
    return near(what, target[worst], found[worst], allowed[worst])


def between(
    what: str, published: float, ours: float, low: float = -math.inf, high: float = math.inf
) -> Check:
    """Ours between two bounds."""
    return Check(what, float(published), float(ours), low, high)


def worst(checks: Iterable[Check]) -> Check:
    """The check that stands for its row: the one that strains its interval most."""
    return max(checks, key=lambda check: (not check.passed, check.strain))
