"""What differentiable networks minimise, by what a task asks of their outputs."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from drift.tasks.base import Objective


def mean_loss(output: Tensor, targets: Tensor, objective: Objective) -> Tensor:
    """Return the mean loss of a batch.

    Parameters
    ----------
    output : torch.Tensor
        (sample, output), or for the next token its logits (sample, position, token).
    targets : torch.Tensor
        (sample, output), classes as ones and zeros; for the next token its number (sample,
        position), of any dtype.
    objective : {"squared_error", "cross_entropy", "next_token"}
        Mean over samples and outputs of the squared error; mean over samples, or over samples and
        positions, of the cross-entropy.
    """
    if objective == "next_token":
        return functional.cross_entropy(output.flatten(0, 1), targets.flatten().long())
    return (
        functional.cross_entropy(output, targets)
        if objective == "cross_entropy"
        else functional.mse_loss(output, targets)
    )


def sample_losses(output: Tensor, targets: Tensor, objective: Objective) -> Tensor:
    """Return the loss of each sample, for numbers (mean over outputs) and classes; (sample,)."""
    if objective == "cross_entropy":
        return functional.cross_entropy(output, targets, reduction="none")
    return (output - targets).square().mean(1)
