"""Networks that learn: one file each, registered here by kind."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, SerializeAsAny

from drift.networks.base import LearningNetwork
from drift.networks.denoising import DenoisingNetwork
from drift.networks.differentiable import DifferentiableNetwork
from drift.networks.dropout import Dropout
from drift.networks.excitability import Excitability
from drift.networks.hidden_layer import Network
from drift.networks.transformer import Transformer
from drift.recipe import chosen

NETWORKS: dict[str, type[LearningNetwork]] = {
    "hidden_layer": Network,
    "denoising": DenoisingNetwork,
    "transformer": Transformer,
}


def _network(value: object) -> object:
    return chosen(NETWORKS, {"kind": "hidden_layer", **value} if isinstance(value, dict) else value)


AnyNetwork = Annotated[SerializeAsAny[LearningNetwork], BeforeValidator(_network)]

__all__ = [
    "NETWORKS",
    "AnyNetwork",
    "DenoisingNetwork",
    "DifferentiableNetwork",
    "Dropout",
    "Excitability",
    "LearningNetwork",
    "Network",
    "Transformer",
]
