"""How estimators are trained: by Adam with a rate that falls to nothing, keeping the weights that
describe best the runs that are held out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

EPOCHS, PATIENCE, BATCH = 40, 12, 256
RATE, DECAY, LONGEST = 5e-3, 1e-3, 5.0  # learning rate, weight decay, length of a gradient


def fitted(
    module: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    data: tuple[Tensor, Tensor],
    held: np.ndarray,
    order: np.random.Generator,
) -> None:
    """Learn from windows that are not held, and keep the weights with which the loss of those that
    are was least.

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place.
    loss : callable
        Of rows of both arrays, a mean over them.
    data : tuple of torch.Tensor
        (window, ...) each.
    held : numpy.ndarray
        (window,) bool; whole runs.
    order : numpy.random.Generator
        Of the batches.
    """
    optimizer = torch.optim.Adam(module.parameters(), lr=RATE, weight_decay=DECAY)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    rows, aside = np.flatnonzero(~held), torch.as_tensor(np.flatnonzero(held))
    least, waited, best = np.inf, 0, _copied(module)
    for _epoch in range(EPOCHS):
        _epoch_of(module, optimizer, loss, data, order.permutation(rows))
        falling.step()
        with torch.no_grad():
            reached = float(loss(data[0][aside], data[1][aside]))
        waited += 1
        if reached < least:
            least, waited, best = reached, 0, _copied(module)
        if waited >= PATIENCE:
            break
    module.load_state_dict(best)


def _epoch_of(
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Callable[[Tensor, Tensor], Tensor],
    data: tuple[Tensor, Tensor],
    rows: np.ndarray,
) -> None:
    for batch in np.array_split(rows, max(len(rows) // BATCH, 1)):
        take = torch.as_tensor(batch)
        optimizer.zero_grad()
        loss(data[0][take], data[1][take]).backward()
        nn.utils.clip_grad_norm_(module.parameters(), LONGEST)
        optimizer.step()


def _copied(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}
