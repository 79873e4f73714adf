"""Tasks without a world: random and smoothed maps, their autoencoders, and prediction on a line
(Ratzon et al. 2024, Figs 4, 5).

``faithful=True`` draws from the generator of the published code (one legacy stream for inputs,
then targets) and keeps the quirks of that code; the default draws from the stream ``world`` and
mends them.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr
from pydantic import Field
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from drift.errors import RefusedInputError
from drift.streams import stream
from drift.tasks.base import Task, experience, symmetric_range

# fraction of the samples and of the features that one standard deviation of the filter covers
SMOOTHING = 5
ARENA, FIELD_OF_VIEW, STRIDE = 120, 30, 20  # of the abstract predictive task


class AbstractTask(Task):
    """Samples of a map between vectors."""

    samples: int = Field(default=10, ge=1, le=10**6)
    inputs: int = Field(default=20, ge=1, le=10**6)
    faithful: bool = False

    def extent(self) -> tuple[int, int, int]:
        """Return samples, inputs and outputs."""
        return self.samples, self.inputs, getattr(self, "outputs", self.inputs)

    def generator(self, seed: int) -> np.random.Generator | np.random.RandomState:
        """Return the source of this task's numbers: the stream ``world``, or the published legacy
        generator."""
        if not self.faithful:
            return stream(seed, "world")
        if seed >= 2**32:
            raise RefusedInputError(
                f"the published generator takes seeds below 2**32, got {seed}: use a smaller "
                "one or faithful=False."
            )
        return np.random.RandomState(seed)


class RandomTask(AbstractTask):
    """Independent uniform inputs and targets."""

    kind: Literal["random"] = "random"
    outputs: int = Field(default=10, ge=1, le=10**6)

    def draw(self, seed: int) -> xr.Dataset:
        """Return uniform inputs and targets, each scaled to [-1, 1]."""
        rng = self.generator(seed)
        inputs, targets = (
            rng.uniform(size=(self.samples, self.inputs)),
            rng.uniform(size=(self.samples, self.outputs)),
        )
        return experience(symmetric_range(inputs), symmetric_range(targets))


class SmoothedTask(AbstractTask):
    """Uniform inputs and targets, smoothed over samples and features.

    The published code smooths the features of the inputs with the width of the targets;
    ``faithful=True`` does so.
    """

    kind: Literal["smoothed"] = "smoothed"
    outputs: int = Field(default=10, ge=1, le=10**6)

    def draw(self, seed: int) -> xr.Dataset:
        """Return smoothed inputs and targets, each scaled to [-1, 1]."""
        rng = self.generator(seed)
        inputs, targets = (
            rng.uniform(size=(self.samples, self.inputs)),
            rng.uniform(size=(self.samples, self.outputs)),
        )
        return experience(
            _smoothed(inputs, self.outputs if self.faithful else self.inputs),
            _smoothed(targets, self.outputs),
        )


class RandomAutoencoderTask(AbstractTask):
    """Random inputs that are their own targets."""

    kind: Literal["random_autoencoder"] = "random_autoencoder"

    def draw(self, seed: int) -> xr.Dataset:
        """Return uniform inputs, scaled to [-1, 1], as inputs and as targets."""
        inputs = symmetric_range(self.generator(seed).uniform(size=(self.samples, self.inputs)))
        return experience(inputs, inputs.copy())


class SmoothedAutoencoderTask(AbstractTask):
    """Smoothed inputs that are their own targets.

    ``feature_smoothing`` is the number of features whose fifth is the standard deviation of the
    filter; the published code takes the configured number of outputs, which has no other effect
    there. By default it is the number of inputs.
    """

    kind: Literal["smoothed_autoencoder"] = "smoothed_autoencoder"
    feature_smoothing: int | None = Field(default=None, ge=1, le=10**6)

    def draw(self, seed: int) -> xr.Dataset:
        """Return smoothed inputs, scaled to [-1, 1], as inputs and as targets."""
        inputs = self.generator(seed).uniform(size=(self.samples, self.inputs))
        inputs = _smoothed(inputs, self.feature_smoothing or self.inputs)
        return experience(inputs, inputs.copy())


class PredictiveTask(AbstractTask):
    """Predict the next view of a smooth scene from the present one, without being told the step.

    The published code rescales inputs and targets in one shared buffer, so that all but the last
    target row are scaled twice; ``faithful=True`` keeps that.
    """

    kind: Literal["predictive"] = "predictive"

    def draw(self, seed: int) -> xr.Dataset:
        """Return views 0 ... T-1 as inputs and views 1 ... T as targets."""
        views = self._views(self.generator(seed))
        if self.faithful:
            return experience(*_aliased(views))
        views = symmetric_range(views)
        return experience(views[:-1], views[1:].copy())

    def _views(self, rng: np.random.Generator | np.random.RandomState) -> np.ndarray:
        scene = symmetric_range(
            gaussian_filter1d(rng.uniform(size=ARENA + 1), ARENA / FIELD_OF_VIEW)
        )
        steps = STRIDE * ARENA / self.samples * rng.uniform(size=self.samples + 1)
        eye = np.arange(self.inputs) * FIELD_OF_VIEW / max(self.inputs - 1, 1)
        # (sample, input)
        return np.interp((np.cumsum(steps)[:, None] + eye) % ARENA, np.arange(ARENA + 1), scene)


def _smoothed(values: np.ndarray, features: int) -> np.ndarray:
    return symmetric_range(gaussian_filter(values, (len(values) / SMOOTHING, features / SMOOTHING)))


def _aliased(views: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scale views the published way: both arrays share one buffer, whose first two operations act
    in place."""
    buffer = views.copy()
    scaled = []
    for rows in (buffer[:-1], buffer[1:]):
        rows -= rows.min() + 1e-5
        rows /= rows.max() + 1e-5
        scaled.append(2 * (rows - 0.5))
    return scaled[0], scaled[1]
