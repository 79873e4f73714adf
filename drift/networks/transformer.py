"""A small transformer that tells the next token of a text, with noise in front of each MLP."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from drift.door.quantities import Count, Seed
from drift.networks.differentiable import DifferentiableNetwork, Disturb, Explore, Response
from drift.networks.inhibition import Selection
from drift.streams import stream
from drift.tasks.base import Objective

if TYPE_CHECKING:
    from torch import Tensor

WEIGHT_STD = 0.02  # of first weights (Radford et al. 2019)


class Transformer(DifferentiableNetwork):
    """Blocks of causal attention and an MLP behind it, both of which add to one stream, as in
    GPT-2.

    In every block u <- u + attention(N1(u)), then u <- u + V f(K (N2(u) + xi) + b) + c, where u
    (sample, position, width) begins as the embedding of the token plus that of its position, N1 and
    N2 normalise and rescale each position (layer norms), and xi is the noise. The logits of the
    next token are E N(u), with the embedding E of tokens.

    ``InputNoise`` enters in front of each MLP, after its layer norm and afresh in every block, for
    both placements "input" and "hidden"; "preactivation" adds it to the drive of the MLP's units.
    The noise of the published language model is in front of each MLP and its activity is that
    behind the nonlinearity of layer 1, which sessions record here, positions among the samples
    (Bricken et al. 2023; sparse coding, 2.11). Weights start normal with standard deviation 0.02,
    those that write to the stream smaller by sqrt(2 blocks), biases at 0 and layer norms as they
    are (Radford A et al. (2019) Language models are unsupervised multitask learners).

    Parameters
    ----------
    units : int
        Units of each MLP.
    activation : {"relu", "gelu"}
        f; GPT-2 has "gelu", whose units are rarely exactly silent.
    width : int
        Numbers in the stream at each position; a multiple of the heads.
    heads : int
        Attention heads of each block.
    blocks : int
        Layers.
    """

    objectives: ClassVar[tuple[Objective, ...]] = ("next_token",)

    kind: Literal["transformer"] = "transformer"
    units: int = Field(default=512, ge=1, le=10**6)
    activation: Literal["relu", "gelu"] = "relu"
    width: int = Field(default=128, ge=1, le=10**5)
    heads: int = Field(default=4, ge=1)
    blocks: int = Field(default=3, ge=1, le=100)

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.width % self.heads:
            raise ValueError(
                f"width must be a multiple of heads, got {self.width} and {self.heads}: change one"
            )
        return self

    def first_weights(self, inputs: Count, outputs: Count, seed: Seed) -> dict[str, np.ndarray]:
        """Return the weights before learning, float32.

        Parameters
        ----------
        inputs, outputs : int
            Positions and tokens of the task.
        seed : int
            Of the subject; draws come from the stream ``weights``.

        Returns
        -------
        dict of str to array
            ``token_weights (token, width)``, ``position_weights (position, width)``, ``norm_gain``
            and ``norm_bias (width,)`` of the output, and with the axis block in front
            ``query_key_value_weights (3 width, width)``, ``attention_weights (width, width)``,
            ``key_weights (unit, width)``, ``value_weights (width, unit)``, their biases, and
            ``attention_norm_gain, attention_norm_bias, mlp_norm_gain, mlp_norm_bias (width,)``.
        """
        rng, width, units = stream(seed, "weights"), self.width, self.units
        matrices = {
            "query_key_value": (3 * width, width),
            "attention": (width, width),
            "key": (units, width),
            "value": (width, units),
        }
        inner = {
            "token_weights": _normal(rng, WEIGHT_STD, outputs, width),
            "position_weights": _normal(rng, WEIGHT_STD, inputs, width),
            "norm_gain": np.ones(width, np.float32),
            "norm_bias": np.zeros(width, np.float32),
        }
        for name, shape in matrices.items():
            std = (
                WEIGHT_STD / math.sqrt(2 * self.blocks)
                if name in ("attention", "value")
                else WEIGHT_STD
            )
            inner[f"{name}_weights"] = _normal(rng, std, self.blocks, *shape)
            inner[f"{name}_bias"] = np.zeros((self.blocks, shape[0]), np.float32)
        for name in ("attention_norm", "mlp_norm"):
            inner[f"{name}_gain"] = np.ones((self.blocks, width), np.float32)
            inner[f"{name}_bias"] = np.zeros((self.blocks, width), np.float32)
        return inner

    def respond(
        self,
        weights: Mapping[str, Tensor],
        inputs: Tensor,
        step: int = 0,
        disturb: Disturb | None = None,
        explore: Explore | None = None,
    ) -> Response:
        """Return the activity of the first MLP and the logits at every position; nothing here
        explores or changes with the step.

        Parameters
        ----------
        weights : mapping of str to torch.Tensor
            As ``first_weights`` names them.
        inputs : torch.Tensor
            Numbers of tokens (sample, position), of any dtype.
        step : int
            Of learning.
        disturb : callable, optional
            Adds noise; without it the response is noise-free.
        explore : callable, optional
            Source of chance for networks that learn from samples.
        """
        from torch.nn.functional import embedding, linear

        add = disturb or (lambda place, values: values)
        carried = (
            embedding(inputs.long(), weights["token_weights"])
            + weights["position_weights"][: inputs.shape[1]]
        )
        selections = []  # of each block
        for block in _blocks(weights):
            carried = carried + self._attended(block, _normed(carried, block, "attention_norm"))
            received = add("hidden", add("input", _normed(carried, block, "mlp_norm")))
            drive = add("preactivation", linear(received, block["key_weights"], block["key_bias"]))
            hidden = self._active(drive)
            carried = carried + linear(hidden, block["value_weights"], block["value_bias"])
            selections.append(Selection(drive.flatten(0, 1), hidden.flatten(0, 1)))
        return Response(
            selections[0], linear(_normed(carried, weights, "norm"), weights["token_weights"])
        )

    def _active(self, drive: Tensor) -> Tensor:
        from torch.nn import functional

        return functional.relu(drive) if self.activation == "relu" else functional.gelu(drive)

    def _attended(self, block: Mapping[str, Tensor], received: Tensor) -> Tensor:
        """Return what each position takes from itself and those before it, (sample, position,
        width)."""
        from torch.nn.functional import linear, scaled_dot_product_attention

        projections = linear(
            received, block["query_key_value_weights"], block["query_key_value_bias"]
        )
        # (query or key or value, sample, head, position, width / heads)
        heads = projections.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        queries, keys, values = heads.unbind(0)
        attended = scaled_dot_product_attention(queries, keys, values, is_causal=True)
        return linear(
            attended.transpose(1, 2).flatten(2), block["attention_weights"], block["attention_bias"]
        )


def _blocks(weights: Mapping[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    """Yield the weights of each block by name; ``unbind`` gives their gradients back in one
    piece."""
    outside = ("token_weights", "position_weights", "norm_gain", "norm_bias")
    names = [name for name in weights if name not in outside]
    for tensors in zip(*(weights[name].unbind(0) for name in names), strict=True):
        yield dict(zip(names, tensors, strict=True))


def _normed(values: Tensor, weights: Mapping[str, Tensor], name: str) -> Tensor:
    from torch.nn.functional import layer_norm

    return layer_norm(values, values.shape[-1:], weights[f"{name}_gain"], weights[f"{name}_bias"])


def _normal(rng: np.random.Generator, std: float, *shape: int) -> np.ndarray:
    return np.float32(std) * rng.standard_normal(shape, dtype=np.float32)
