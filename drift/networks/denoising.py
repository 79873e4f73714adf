"""Networks that learn to remove noise: one hidden layer between an encoder and a readout, both with
biases."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from drift.door.memory import refuse_beyond_memory
from drift.door.quantities import Count, Seed
from drift.errors import RefusedInputError
from drift.networks.differentiable import DifferentiableNetwork, Disturb, Explore, Response
from drift.networks.inhibition import AnyInhibition, Moment, Selection
from drift.networks.inhibition.base import uniform
from drift.streams import stream

if TYPE_CHECKING:
    from torch import Tensor


class DenoisingNetwork(DifferentiableNetwork):
    """yhat = D h + c, h = f(W x + b), one hidden layer that is trained on noisy inputs to give the
    clean target.

    Weights and biases start uniform between +-1 / sqrt(inputs) (W, b) and +-1 / sqrt(units) (D, c)
    (Bricken et al. 2023). The readout gives an image, or with a task of labels the logits of its
    classes.

    Parameters
    ----------
    units : int
        Hidden units m.
    activation : {"relu", "gelu", "sigmoid", "tanh", "elu"}
        f.
    bias : {"free", "shared", "none"}
        One bias for each unit, one for all that starts at 0, or none.
    readout_bias : bool
        Whether outputs have biases c.
    tied : bool
        D = W^T, for targets that are the inputs.
    normalised : bool
        Give inputs and rows of W unit length, the rows after every step; published Top-K networks
        do so, without biases.
    activity_penalty : float
        lambda of the L1 baseline: lambda times the summed activity of an input is added to its
        loss.
    inhibition : Inhibition, optional
        Competition between the units; see ``drift.networks.inhibition``.
    """

    one_layer: ClassVar[bool] = True

    kind: Literal["denoising"] = "denoising"
    units: int = Field(default=1000, ge=1, le=10**6)
    activation: Literal["relu", "gelu", "sigmoid", "tanh", "elu"] = "relu"
    bias: Literal["free", "shared", "none"] = "free"
    readout_bias: bool = True
    tied: bool = False
    normalised: bool = False
    activity_penalty: float = Field(default=0.0, ge=0)
    inhibition: AnyInhibition | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        active_units = 0 if self.inhibition is None else self.inhibition.least_units()
        if active_units > self.units:
            raise ValueError(
                f"inhibition cannot leave {active_units} of {self.units} units active: ask for "
                "fewer, or give more units"
            )
        return self

    def is_plain(self) -> bool:
        """Tell whether units are rectified, have biases and weights of their own, and do not
        compete."""
        own_weights = self.bias == "free" and self.readout_bias and not self.tied
        return self.has_plain_drive() and own_weights and not self.activity_penalty

    def has_plain_drive(self) -> bool:
        """Tell whether noise on the inputs reaches the drive of a rectified unit through its input
        weights alone."""
        return self.activation == "relu" and not self.normalised and self.inhibition is None

    def first_weights(self, inputs: Count, outputs: Count, seed: Seed) -> dict[str, np.ndarray]:
        """Return the weights before learning, float32.

        Parameters
        ----------
        inputs, outputs : int
            Of the task.
        seed : int
            Of the subject; draws come from the stream ``weights``, in the same order whatever the
            network leaves out.

        Returns
        -------
        dict of str to array
            ``input_weights (unit, input)``, ``bias (unit or 1,)``, ``output_weights (output,
            unit)``, ``output_bias (output,)``, as far as the network has them, and the weights of
            its inhibition.

        Raises
        ------
        RefusedInputError
            If the weights are tied and the task's outputs differ from its inputs in number.
        """
        if self.tied and inputs != outputs:
            raise RefusedInputError(
                f"tied weights need as many outputs as inputs, got {outputs} and {inputs}: "
                "use tied=False."
            )
        refuse_beyond_memory(
            "weights, units x (inputs + outputs),", self.units, inputs + outputs + 1
        )
        rng, inward, outward = (
            stream(seed, "weights"),
            1 / math.sqrt(inputs),
            1 / math.sqrt(self.units),
        )
        weights = {
            "input_weights": uniform(rng, inward, self.units, inputs),
            "bias": uniform(rng, inward, self.units),
        }
        weights |= {
            "output_weights": uniform(rng, outward, outputs, self.units),
            "output_bias": uniform(rng, outward, outputs),
        }
        if self.bias == "shared":
            weights["bias"] = np.zeros(1, np.float32)
        absent = {
            "bias": self.bias == "none",
            "output_weights": self.tied,
            "output_bias": not self.readout_bias,
        }
        weights = {name: values for name, values in weights.items() if not absent.get(name, False)}
        own = {} if self.inhibition is None else self.inhibition.first_weights(self.units, rng)
        if self.normalised:
            weights["input_weights"] /= np.linalg.norm(
                weights["input_weights"], axis=1, keepdims=True
            )
        return weights | own

    def respond(
        self,
        weights: Mapping[str, Tensor],
        inputs: Tensor,
        step: int = 0,
        disturb: Disturb | None = None,
        explore: Explore | None = None,
    ) -> Response:
        """Return what inputs evoke.

        Parameters
        ----------
        weights : mapping of str to torch.Tensor
            As ``first_weights`` names them.
        inputs : torch.Tensor
            (sample, input).
        step : int
            Of learning, for inhibition that changes with time.
        disturb : callable, optional
            Adds noise; without it the response is noise-free.
        explore : callable, optional
            Fills a tensor with standard normal numbers, for inhibition that learns from samples.
        """
        from torch.nn import functional

        add = disturb or (lambda place, values: values)
        received = add("input", inputs)
        if self.normalised:
            received = functional.normalize(received, dim=-1)
        bias = weights["bias"].expand(self.units) if "bias" in weights else None
        drive = add("preactivation", functional.linear(received, weights["input_weights"], bias))
        selection = self._selected(
            drive, weights, Moment(step, getattr(functional, self.activation), explore)
        )
        hidden = add("hidden", selection.hidden)
        outward = weights["input_weights"].T if self.tied else weights["output_weights"]
        return Response(selection, functional.linear(hidden, outward, weights.get("output_bias")))

    def _selected(self, drive: Tensor, weights: Mapping[str, Tensor], moment: Moment) -> Selection:
        if self.inhibition is None:
            return Selection(drive, moment.activation(drive))
        return self.inhibition.selected(drive, weights, moment)

    def rates(self) -> dict[str, float]:
        """Return by how much the learning rate of a weight of the inhibition exceeds that of the
        network, where it does."""
        return {} if self.inhibition is None else self.inhibition.rates()

    def objective(self, loss: Tensor, response: Response, losses: Callable[[], Tensor]) -> Tensor:
        """Return the loss with the credit of sampled inhibition and the activity penalty."""
        selection = response.selection
        if self.inhibition is not None and selection.log_probability is not None:
            credit = self.inhibition.credit(selection, losses())
            loss = loss if credit is None else loss + credit
        return (
            loss + self.activity_penalty * selection.hidden.abs().sum(1).mean()
            if self.activity_penalty
            else loss
        )

    def normalise(self, weights: Mapping[str, Tensor]) -> None:
        """Give the rows of W unit length again, in place, where the network asks for it, and bound
        the weights of its inhibition."""
        if self.normalised:
            rows = weights["input_weights"]
            rows.div_(rows.norm(dim=1, keepdim=True).clamp_(min=1e-12))
        if self.inhibition is not None:
            self.inhibition.bound(weights)
