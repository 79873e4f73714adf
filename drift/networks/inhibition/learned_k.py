"""Top-K whose k is learned: by a soft window of ranks, or from samples of k."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from drift.door.quantities import Count
from drift.networks.inhibition.base import Inhibition, Moment, Selection

if TYPE_CHECKING:
    from torch import Tensor

RATE = 10.0  # of k against the other weights, as published
STEEPNESS = 20.0  # of the window at its edges
# of the law of log k; at a smaller one its slopes would outweigh those of all other weights
LEAST_DEVIATION = 0.1


class SigmoidWindow(Inhibition):
    """Keep the activity of ranks below k, fade that of ranks about k, and let k learn where it
    stands.

    With k0 = round(k), a window of ``width`` times the units about k0 and ranks r of the sorted
    activity, the gate is 1 below the window, 1 - sigmoid(u_r - (k - k0)) inside with u_r linear in
    r, and 0 above: the gradient reaches k through the offset k - k0 (Bricken et al. 2023).
    """

    kind: Literal["sigmoid_window"] = "sigmoid_window"
    first_active_units: float = Field(default=10.1, gt=0)
    width: float = Field(default=0.1, gt=0, le=1)

    def first_weights(self, units: Count, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return k."""
        return {"active_units": np.array([self.first_active_units], np.float32)}

    def rates(self) -> dict[str, float]:
        """Return the faster learning of k."""
        return {"active_units": RATE}

    def gate(self, active_units: Tensor, units: int) -> Tensor:
        """Return the factor on the activity of each rank, the largest activity first; shape
        (units,)."""
        import torch

        middle = min(
            max(round(float(active_units.detach().nan_to_num().clamp(0, units - 1))), 0), units - 1
        )
        half = max(round(self.width * units / 2), 1)
        below, above = max(middle - half, 0), min(middle + half, units - 1)
        gate = torch.zeros(units, dtype=active_units.dtype, device=active_units.device)
        gate[:below] = 1.0
        if above > below:
            span = above - below
            edges = (STEEPNESS * (below - middle) / span, STEEPNESS * (above - middle) / span)
            position = torch.linspace(*edges, span, dtype=gate.dtype, device=gate.device)
            fading = 1 - torch.sigmoid(position - (active_units - middle))
            gate = torch.cat([gate[:below], fading, gate[above:]])
        return gate

    def selected(self, drive: Tensor, weights: Mapping[str, Tensor], moment: Moment) -> Selection:
        """Return the gated activity."""
        hidden = moment.activation(drive)
        ordered, places = hidden.sort(dim=-1, descending=True)
        gated = (ordered * self.gate(weights["active_units"][0], drive.shape[-1])).to(hidden.dtype)
        return Selection(drive, hidden.new_zeros(hidden.shape).scatter(-1, places, gated))


class SampledTopK(Inhibition):
    """Draw k for each input from a log-normal law and learn the law from how well each k has done.

    log k ~ N(mu, s). The score-function estimator minimises mean[log p(sample) (loss - baseline)]
    with the sample held fixed and the mean loss of the other samples as baseline, which is unbiased
    (Williams 1992). ``faithful=True`` is the published code: the gradient also runs through the
    sample, so that mu never learns, the sign is reversed, and there is no baseline. Without noise
    the network responds with k = exp(mu).
    """

    kind: Literal["sampled_top_k"] = "sampled_top_k"
    log_mean: float = 6.0
    log_deviation: float = Field(default=1.0, gt=0)
    faithful: bool = False

    def first_weights(self, units: Count, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return mean and standard deviation of log k."""
        return {"log_active_units": np.array([self.log_mean, self.log_deviation], np.float32)}

    def rates(self) -> dict[str, float]:
        """Return the faster learning of the law of k."""
        return {"log_active_units": RATE}

    def selected(self, drive: Tensor, weights: Mapping[str, Tensor], moment: Moment) -> Selection:
        """Return the activity of the winners of each input, and the log probability of their
        number."""
        hidden, law = moment.activation(drive), weights["log_active_units"]
        import torch

        if moment.explore is None:
            return Selection(drive, _largest(hidden, law[:1].expand(len(drive))))
        mean, deviation = law[0], law[1]
        sample = mean + deviation * moment.explore(
            torch.empty(len(drive), dtype=law.dtype, device=law.device)
        )
        fixed = sample if self.faithful else sample.detach()
        log_probability = (
            -0.5 * ((fixed - mean) / deviation) ** 2 - deviation.log() - 0.5 * math.log(2 * math.pi)
        )
        return Selection(drive, _largest(hidden, sample), log_probability)

    def bound(self, weights: Mapping[str, Tensor]) -> None:
        """Keep the deviation of log k away from 0, and its mean within what a layer can have."""
        law, units = weights["log_active_units"], len(weights["input_weights"])
        law[0].clamp_(0.0, math.log(units))
        law[1].clamp_(min=LEAST_DEVIATION)

    def credit(self, selection: Selection, losses: Tensor) -> Tensor | None:
        """Return the score-function objective; its value means nothing, its gradient does."""
        if selection.log_probability is None:
            return None
        costs = losses.detach()
        if self.faithful:
            return -(selection.log_probability * costs).mean()
        baseline = (costs.sum() - costs) / max(len(costs) - 1, 1) if len(costs) > 1 else costs * 0
        return (selection.log_probability * (costs - baseline)).mean()


def _largest(hidden: Tensor, log_count: Tensor) -> Tensor:
    """Activity (sample, unit) of the exp(log_count) most active units of each sample."""
    import torch

    counts = log_count.detach().exp().round().clamp(1, hidden.shape[-1])  # (sample,)
    ordered, places = hidden.sort(dim=-1, descending=True)
    mask = torch.arange(hidden.shape[-1], device=hidden.device) < counts[:, None]
    return hidden.new_zeros(hidden.shape).scatter(-1, places, (ordered * mask).to(hidden.dtype))
