"""What a study may be out to find, and whether it does: a rate of drift, an effect of visits beside
that of time, a difference between two groups."""

from __future__ import annotations

import warnings
from typing import Annotated, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field, Strict
from scipy.stats import t as student

from drift.errors import RefusedInputError
from drift.metrics.experience.pair_model import time_and_experience
from drift.metrics.time_course.lags import drift_rate
from drift.planning.design import StudyDesign
from drift.planning.studies import (
    Array,
    as_similarity,
    labelled_sessions,
    observed_similarity,
    redrawn_maps,
)
from drift.recipe import Recipe

BLOCK = 2e6  # counts that are drawn at a time, for memory

Rate = Annotated[float, Strict(), Field(ge=0)]


class DriftRateEffect(Recipe):
    """Is there drift? The mean rate of drift of the animals against 0, by Student's t.

    Attributes
    ----------
    rate : float
        Similarity lost per day, -d log C / dt, mean over animals.
    spread : float
        Standard deviation of the rate between animals.
    """

    kind: Literal["drift_rate"] = "drift_rate"
    rate: float = Field(default=0.05, ge=0)
    spread: float = Field(default=0.02, ge=0)

    @property
    def groups(self) -> int:
        """Groups of animals."""
        return 1

    def p_values(
        self, design: StudyDesign, animals: tuple[int, ...], rng: np.random.Generator, studies: int
    ) -> Array:
        """(study, number of animals) of studies with the first of the same animals."""
        rates = _drawn(rng, self.rate, self.spread, (studies, max(animals)))
        measured = measured_rates(design, rates, rng)
        return np.stack([_one_sample(measured[:, :count]) for count in animals], axis=1)


class GroupEffect(Recipe):
    """Do two groups drift at different rates? By Student's t of two samples.

    Attributes
    ----------
    rates : tuple of float
        Similarity lost per day in either group, means over animals.
    spread : float
        Standard deviation of the rate between animals of a group.
    """

    kind: Literal["groups"] = "groups"
    rates: tuple[Rate, Rate] = Field(default=(0.05, 0.1), strict=False)
    spread: float = Field(default=0.02, ge=0)

    @property
    def groups(self) -> int:
        """Groups of animals."""
        return 2

    def p_values(
        self, design: StudyDesign, animals: tuple[int, ...], rng: np.random.Generator, studies: int
    ) -> Array:
        """(study, number of animals in a group)."""
        shape = studies, max(animals)
        groups = [
            measured_rates(design, _drawn(rng, rate, self.spread, shape), rng)
            for rate in self.rates
        ]
        return np.stack(
            [_two_samples(*(group[:, :count] for group in groups)) for count in animals], axis=1
        )


class ExperienceEffect(Recipe):
    """Does the code change with visits, beside the days that pass? The coefficient of experience of
    ``metrics.time_and_experience`` against 0, by its Student's t. The design needs two environments
    that are visited at different intervals.

    Attributes
    ----------
    visit_rate, time_rate : float
        Similarity lost per visit and per day, means over animals.
    spread : float
        Standard deviation between animals, as a part of both.
    """

    kind: Literal["experience"] = "experience"
    visit_rate: float = Field(default=0.06, ge=0)
    time_rate: float = Field(default=0.02, ge=0)
    spread: float = Field(default=0.3, ge=0)

    @property
    def groups(self) -> int:
        """Groups of animals."""
        return 1

    def p_values(
        self, design: StudyDesign, animals: tuple[int, ...], rng: np.random.Generator, studies: int
    ) -> Array:
        """(study, number of animals)."""
        if len(set(design.intervals)) < 2:
            raise RefusedInputError(
                "an effect of visits beside that of time needs two environments that are visited "
                f"at different intervals, got {design.intervals}: use intervals=(2.0, 4.0)."
            )
        shape = studies, max(animals)
        own = _drawn(rng, 1.0, self.spread, shape)
        similarity = _similarities(design, self.time_rate * own, self.visit_rate * own, rng)
        return np.array(
            [[_experience_p(design, study[:count]) for count in animals] for study in similarity]
        )


Effect = DriftRateEffect | GroupEffect | ExperienceEffect


def _drawn(rng: np.random.Generator, mean: float, spread: float, shape: tuple[int, ...]) -> Array:
    """Numbers of animals, gamma distributed: none below 0."""
    if mean == 0 or spread == 0:
        return np.full(shape, mean)
    return rng.gamma((mean / spread) ** 2, spread**2 / mean, shape)


def _similarities(
    design: StudyDesign, time_rates: Array, visit_rates: Array, rng: np.random.Generator
) -> Array:
    """(study, animal, session, session), as many studies at a time as memory holds."""
    sessions = design.sessions * len(design.intervals)
    size = 2 * sessions * design.units * design.places * time_rates.shape[1]
    step = max(1, int(BLOCK / size))
    blocks = []
    for start in range(0, len(time_rates), step):
        rates = time_rates[start : start + step], visit_rates[start : start + step]
        maps = redrawn_maps(design, rates[0].ravel(), rates[1].ravel(), rng)
        blocks.append(observed_similarity(maps, design, rng))
    return np.concatenate(blocks).reshape(*time_rates.shape, sessions, sessions)


def measured_rates(design: StudyDesign, rates: Array, rng: np.random.Generator) -> Array:
    """(study, animal) drift rate of ``metrics.drift_rate`` of animals that drift at these rates."""
    similarity = _similarities(design, rates, np.zeros(rates.shape), rng)
    flat = similarity.reshape(-1, *similarity.shape[2:])
    elapsed = labelled_sessions(design, len(flat))["elapsed"]
    rate = drift_rate(as_similarity(flat), elapsed)["drift_rate"]
    return np.asarray(rate.values.reshape(rates.shape))


def _one_sample(values: Array) -> Array:
    """(study) two-sided p of Student's t of (study, animal) against 0; 1 with fewer than two."""
    count = np.isfinite(values).sum(axis=1)
    mean, variance = _moments(values, count)
    error = np.sqrt(variance / np.maximum(count, 1))
    return _p(mean, error, count - 1)


def _two_samples(first: Array, second: Array) -> Array:
    """(study) two-sided p of Student's t of the difference, with a common variance."""
    counts = [np.isfinite(values).sum(axis=1) for values in (first, second)]
    (mean, variance), (mean_other, variance_other) = (
        _moments(values, count) for values, count in zip((first, second), counts, strict=True)
    )
    degrees = counts[0] + counts[1] - 2
    squares = variance * (counts[0] - 1) + variance_other * (counts[1] - 1)
    pooled = squares / np.maximum(degrees, 1)
    error = np.sqrt(pooled * (1 / np.maximum(counts[0], 1) + 1 / np.maximum(counts[1], 1)))
    return _p(mean - mean_other, error, degrees)


def _moments(values: Array, count: NDArray[np.int64]) -> tuple[Array, Array]:
    """(study) mean and variance over animals that could be measured."""
    finite = np.isfinite(values)
    mean = np.where(finite, values, 0.0).sum(axis=1) / np.maximum(count, 1)
    squares = np.where(finite, (values - mean[:, np.newaxis]) ** 2, 0.0).sum(axis=1)
    return mean, squares / np.maximum(count - 1, 1)


def _p(difference: Array, error: Array, degrees: NDArray[np.int64]) -> Array:
    size = np.abs(difference) / np.maximum(error, 1e-300)
    return np.where(degrees > 0, 2 * student.sf(size, np.maximum(degrees, 1)), 1.0)


def _experience_p(design: StudyDesign, similarity: Array) -> float:
    """Of one study; pairs of which nothing measurable is left do not enter. 1 where animals are too
    few."""
    if len(similarity) < 2:
        return 1.0
    dataset = labelled_sessions(design, len(similarity))
    alike: xr.DataArray = as_similarity(np.where(similarity > 0, similarity, np.nan))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = time_and_experience(dataset, alike, behaviour=(), permutations=0)
    own = model.sel(term="experience")
    size = abs(float(own["estimate"])) / max(float(own["standard_error"]), 1e-300)
    return float(2 * student.sf(size, float(own["degrees_of_freedom"])))
