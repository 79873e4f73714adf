"""What may happen between drive and response of hidden units in the batched engine: activation,
dropout and excitability.

Functions such as exp are taken subject by subject, on storage that starts at a cache line: their
vector code rounds other than what is done with the entries that are left over.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from drift.networks.dropout import Dropout
from drift.networks.excitability import Excitability
from drift.networks.hidden_layer import Network
from drift.training.engines.base import Subject
from drift.training.engines.draws import Draws, draws

Allocate = Callable[[Sequence[int]], Tensor]  # zeros (subject, row, column)
ROOT_TWELVE = math.sqrt(12.0)


class Masks:
    """What takes part in a step, multiplied by the gain of the dropout, and 0 elsewhere."""

    def __init__(self, dropout: Dropout, source: Draws, masks: Sequence[Tensor]) -> None:
        self.masks, self._source = list(masks), source
        self._gain = dropout.gain
        # uniform numbers have mean 0 and variance 1
        self._threshold = (dropout.probability - 0.5) * ROOT_TWELVE

    def draw(self) -> None:
        """Draw who takes part in this step."""
        self._source.uniform(*self.masks)
        for mask in self.masks:
            torch.ge(mask, self._threshold, out=mask).mul_(self._gain)


class WeightMasks(Masks):
    """Dropout of weights: the bias, the last column of the first block, always takes part."""

    def __init__(
        self, dropout: Dropout, source: Draws, masks: Sequence[Tensor], used: list[Tensor]
    ) -> None:
        super().__init__(dropout, source, masks)
        self.used = used

    def draw(self) -> None:
        """Draw who takes part in this step."""
        super().draw()
        self.masks[0][..., -1] = 1.0

    def masked(self, parameters: Sequence[Tensor]) -> list[Tensor]:
        """Return the weights that take part, in buffers of their own."""
        for weights, mask, used in zip(parameters, self.masks, self.used, strict=True):
            torch.mul(weights, mask, out=used)
        return self.used


class SlowExcitability:
    """Excitability of the units of several subjects, (subject, 1, unit)."""

    def __init__(
        self,
        excitability: Excitability,
        subjects: Sequence[Subject],
        source: Draws,
        buffers: Sequence[Tensor],
    ) -> None:
        self.recipe, self._source = excitability, source
        self.values, self._normals, self._gain = buffers
        for subject, values in zip(subjects, self.values, strict=True):
            network = subject.experiment.network
            values[0] = torch.from_numpy(excitability.first(network.units, subject.experiment.seed))

    def advance(self) -> None:
        """Move on by one step."""
        self._source.normal(self._normals)
        self.values.mul_(self.recipe.keep).add_(self._normals, alpha=self.recipe.renewal)

    def apply(self, drive: Tensor) -> None:
        """Shift or scale a drive (subject, sample, unit) in place."""
        if self.recipe.acts_on == "threshold":
            drive.add_(self.values)
            return
        for values, gain in zip(self.values, self._gain, strict=True):
            torch.exp(values, out=gain)
        drive.mul_(self._gain)

    def scale(self, slope: Tensor) -> None:
        """Multiply what is handed back to the drive (subject, sample, unit) by its gain."""
        if self.recipe.acts_on == "drive":
            slope.mul_(self._gain)


class Layer:
    """The hidden layer of several subjects: from drive to response, and back."""

    def __init__(self, subjects: Sequence[Subject], device: str, zeros: Allocate) -> None:
        network: Network = subjects[0].experiment.network  # type: ignore[assignment]
        self._activation, self._dropout, self._zeros = network.activation, network.dropout, zeros
        self.sources: dict[str, Draws] = {}
        seeds = [subject.experiment.seed for subject in subjects]
        for name in ("dropout", "excitability"):
            if getattr(network, name) is not None:
                self.sources[name] = draws(seeds, name, device)
        self.units: Masks | None = None
        self.weights: WeightMasks | None = None
        self.excitability = (
            None
            if network.excitability is None
            else SlowExcitability(
                network.excitability,
                subjects,
                self.sources["excitability"],
                [zeros((len(subjects), 1, network.units)) for _buffer in range(3)],
            )
        )

    def allocate(
        self, activity: Sequence[int], like_parameters: Callable[[], list[Tensor]]
    ) -> None:
        """Take the shapes of activity (subject, sample, unit) and of the weights."""
        self._derivative = self._zeros(activity) if self._activation == "sigmoid" else None
        if self._dropout is None:
            return
        source = self.sources["dropout"]
        if self._dropout.acts_on == "units":
            self.units = Masks(self._dropout, source, [self._zeros(activity)])
        else:
            self.weights = WeightMasks(self._dropout, source, like_parameters(), like_parameters())

    def draw(self) -> None:
        """Draw who takes part in this step."""
        for masks in (self.units, self.weights):
            if masks is not None:
                masks.draw()

    def taking_part(self, parameters: Sequence[Tensor]) -> Sequence[Tensor]:
        """Return the weights that take part in this step."""
        return parameters if self.weights is None else self.weights.masked(parameters)

    def respond(self, drive: Tensor) -> None:
        """Turn a drive (subject, sample, unit) into the response, in place."""
        if self.excitability is not None:
            self.excitability.apply(drive)
        if self._activation == "relu":
            drive.relu_()
        elif self._derivative is not None:
            for values in drive:
                torch.sigmoid(values, out=values)
            torch.addcmul(drive, drive, drive, value=-1, out=self._derivative)
        if self.units is not None:
            drive.mul_(self.units.masks[0])

    def hand_back(self, slope: Tensor, response: Tensor) -> None:
        """Turn the slope of the loss along the response into that along the weighted input, in
        place."""
        if self._activation == "relu":
            slope.mul_(response > 0)
        elif self._derivative is not None:
            slope.mul_(self._derivative)
        if self.units is not None:
            slope.mul_(self.units.masks[0])
        if self.excitability is not None:
            self.excitability.scale(slope)

    def mask(self, gradient: Sequence[Tensor]) -> None:
        """Leave weights that take no part without a gradient, in place."""
        for slope, mask in zip(gradient, self.weights.masks if self.weights else (), strict=False):
            slope.mul_(mask)
