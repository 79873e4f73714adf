"""Which samples the next steps take: from the stream ``order``, the same in every engine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drift.training.engines.base import Subject
from drift.training.engines.draws import HostDraws


class Order(HostDraws):
    """Samples of minibatches, for subjects with as many samples each.

    A sample is drawn with the probability that the recipe gives it, all alike by default, whatever
    was drawn before. What a step draws does not depend on how many steps are drawn at once.
    """

    def __init__(self, subjects: Sequence[Subject]) -> None:
        super().__init__([subject.experiment.seed for subject in subjects], "order")
        self._samples = len(subjects[0].inputs)
        self.size = subjects[0].experiment.minibatch or 0
        self._upper = [_upper_bounds(subject) for subject in subjects]

    def batches(self, steps: int = 1) -> np.ndarray:
        """Return the numbers of the samples of the next steps, shape (subject, steps x samples)."""
        count = steps * self.size
        drawn = [
            generator.integers(self._samples, size=count)
            if upper is None
            else np.searchsorted(upper, generator.random(count), side="right")
            for generator, upper in zip(self._generators, self._upper, strict=True)
        ]
        return np.array(drawn)


def _upper_bounds(subject: Subject) -> np.ndarray | None:
    """Where in [0, 1) the share of each sample ends; the last one with a share takes what rounding
    leaves."""
    probabilities = subject.experiment.sample_probabilities
    if probabilities is None:
        return None
    ends = np.cumsum(probabilities)
    ends[np.flatnonzero(probabilities)[-1] :] = 1.0
    return ends
