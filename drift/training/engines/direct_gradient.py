"""The gradient of a plain denoising network, written out: five matrix products that land where they
are needed.

Plain is what ``DenoisingNetwork.is_plain`` says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor


class DirectGradient:
    """Gradient of the mean squared error of yhat = D relu(W x + b) + c for the weights that it is
    given.

    With the error e = 2 (yhat - y) / (samples outputs) and the slope g = (e D) [h > 0]: dD = e^T h,
    dc = sum e, dW = g^T x, db = sum g.
    """

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        self._weights = [
            weights[name].detach()
            for name in ("input_weights", "bias", "output_weights", "output_bias")
        ]
        self._slopes = [torch.empty_like(each) for each in self._weights]
        self._buffers: tuple[Tensor, ...] = ()

    def __call__(
        self, inputs: Tensor, targets: Tensor, disturb: Callable[[str, Tensor], Tensor]
    ) -> list[Tensor]:
        """Return the slopes in the order of the weights, in buffers that the next call fills anew.

        Parameters
        ----------
        inputs, targets : torch.Tensor
            (sample, input), noise included, and (sample, output).
        disturb : callable
            Adds noise to drive and activity.
        """
        (inward, bias, outward, readout), (to_inward, to_bias, to_outward, to_readout) = (
            self._weights,
            self._slopes,
        )
        drive, error, slope = self._workspace(len(inputs))
        torch.addmm(bias, inputs, inward.T, out=drive)
        drive = disturb("preactivation", drive).relu_()
        hidden = disturb("hidden", drive)
        torch.addmm(readout, hidden, outward.T, out=error)
        error.sub_(targets).mul_(2 / error.numel())
        torch.mm(error.T, hidden, out=to_outward)
        torch.sum(error, 0, out=to_readout)
        torch.mm(error, outward, out=slope)
        torch.ops.aten.threshold_backward.grad_input(slope, drive, 0, grad_input=slope)
        torch.mm(slope.T, inputs, out=to_inward)
        torch.sum(slope, 0, out=to_bias)
        return self._slopes

    def _workspace(self, samples: int) -> tuple[Tensor, ...]:
        if not self._buffers or len(self._buffers[0]) != samples:
            inward, _, outward, _ = self._weights
            self._buffers = tuple(
                inward.new_empty(samples, width)
                for width in (len(inward), len(outward), len(inward))
            )
        return self._buffers
