"""The kinds of numbers and arrays that public functions take, as types: the signature says what an
argument may be.

``drift.door.opened`` reads them at the first call of a function; to a type checker they are plain
``int``, ``float`` and arrays. A range that ends is there for memory or time: beyond it no computer
of a laboratory holds the answer.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, NamedTuple

import numpy as np
import xarray as xr


class Range(NamedTuple):
    """Numbers from ``low`` to ``high``; ``above`` and ``below`` leave out the end itself."""

    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    below: bool = False

    def holds(self, value: float) -> bool:
        """Return whether the number lies inside; NaN does not."""
        # an end may be beyond what numbers of the kind can be, as 1e100 is for half precision
        number = value.item() if isinstance(value, np.generic) else value
        return (number > self.low if self.above else number >= self.low) and (
            number < self.high if self.below else number <= self.high
        )

    def wording(self, whole: bool = False) -> str:
        """Return the range in words, with a blank in front, such as "from 0 to 1"."""
        low, high = f"{self.low:.10g}", f"{self.high:.10g}"
        if whole or self.high == math.inf:
            return (
                ""
                if self.low == -math.inf
                else f" {'from' if whole else 'above' if self.above else 'not below'} {low}"
            )
        if self.above and self.below:
            return f" between {low} and {high}, both excluded"
        return f" above {low} and at most {high}" if self.above else f" from {low} to {high}"


class Dims(tuple[str, ...]):
    """Names of the dims that a labelled array must have; others may stand beside them."""

    def __new__(cls, *names: str) -> Dims:
        return super().__new__(cls, names)


class Axes(tuple[str, ...]):
    """Names of the axes of a plain array; those of one name are equally long in one call, "..." in
    front stands for any others."""

    def __new__(cls, *names: str) -> Axes:
        return super().__new__(cls, names)


class Mark(str):
    """A property of an argument that is neither a range nor dims."""


UNBOUNDED = Mark("unbounded")  # infinity means something, as in the last edge of a list of edges
NUMBERS = Mark("numbers")  # one number, or any array of numbers
ALIKE = Mark("alike")  # broadcast with the other arguments of this mark
EXACT = Mark("exact")  # no other dims may stand beside those that are named
UNREAD = Mark("unread")  # of a Dataset only what is named is read: it stays lazy

NotNegative = Annotated[float, Range(0)]
"""A finite number that is 0 or more."""

Positive = Annotated[float, Range(0, above=True)]
"""A finite number above 0."""

Unbounded = Annotated[float, UNBOUNDED]
"""A number that may be infinite."""

Probability = Annotated[float, Range(0, 1)]
"""A number from 0 to 1."""

Fraction = Annotated[float, Range(0, 1, above=True)]
"""A part of something: above 0, at most 1."""

Share = Annotated[float, Range(0, 1, above=True, below=True)]
"""A part that is neither nothing nor all: between 0 and 1, both excluded."""

Smoothing = Annotated[float, Range(0, 10_000)]
"""Standard deviation of a Gaussian over bins, in bins; 0 for none."""

Size = Annotated[float, Range(1e-100, 1e100)]
"""A number above 0 whose powers a computer holds."""

NoiseSize = Annotated[float, Range(0, 1e100)]
"""Standard deviation or variance of noise; 0 for none."""

SamplingRate = Annotated[float, Range(0, 100_000, above=True)]
"""Samples per second."""

Confidence = Annotated[float, Range(0, 1, above=True, below=True)]
"""How often an interval covers: between 0 and 1, both excluded."""

Seed = Annotated[int, Range(0)]
"""Source of chance."""

Index = Annotated[int, Range(0, 2**31)]
"""Position along a dim, counted from 0."""

Places = Annotated[int, Range(1, 100_000)]
"""Number of bins of a track."""

Draws = Annotated[int, Range(0, 1_000_000)]
"""Number of shuffles, repetitions or bootstraps; 0 for none."""

Count = Annotated[int, Range(1, 1_000_000)]
"""Number of things that are held or done one after the other, at least one."""

Threads = Annotated[int, Range(1, 1024)]
"""Threads of this computer."""

Numbers = Annotated[Any, NUMBERS]
"""One number, or an array of numbers, labelled or not, of numpy or of torch."""

Alike = Annotated[Any, NUMBERS, ALIKE]
"""Numbers that are broadcast with the other ones of this kind in the same call."""

Edges = Annotated[np.ndarray, UNBOUNDED]
"""Increasing edges of bins; the outer ones may be infinite."""

OfSessions = Annotated[np.ndarray, Axes("session")]
"""One number for each session, in the order of time."""

OfPlacesAndUnits = Annotated[np.ndarray, Axes("place", "unit")]
"""A plain code: one number for each place and unit."""

WithUnits = Annotated[np.ndarray, Axes("...", "unit")]
"""An array whose last axis is that of units."""

Square = Annotated[np.ndarray, Axes("entry", "entry")]
"""A matrix with as many columns as rows."""

OfSamples = Annotated[xr.DataArray, Dims("sample")]
OfSamplesAlone = Annotated[xr.DataArray, Dims("sample"), EXACT]
OfSamplesAndUnitsAlone = Annotated[xr.DataArray, Dims("sample", "unit"), EXACT]
OfUnits = Annotated[xr.DataArray, Dims("unit")]
OfSamplesAndUnits = Annotated[xr.DataArray, Dims("sample", "unit")]
Centres = Annotated[xr.DataArray, Dims("subject", "session", "unit")]

LazyDataset = Annotated[xr.Dataset, UNREAD]
"""A Dataset that is written or looked through, and not read as a whole."""
