"""Networks that learn: one file each, registered here by kind."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, SerializeAsAny

from drift.networks.denoising import DenoisingNetwork
from drift.networks.hidden_layer import Network, hidden_activity
from drift.recipe import Recipe, chosen

NETWORKS: dict[str, type[Recipe]] = {"hidden_layer": Network, "denoising": DenoisingNetwork}


def _network(value: object) -> object:
    return chosen(NETWORKS, {"kind": "hidden_layer", **value} if isinstance(value, dict) else value)


AnyNetwork = Annotated[SerializeAsAny[Network | DenoisingNetwork], BeforeValidator(_network)]

__all__ = ["NETWORKS", "AnyNetwork", "DenoisingNetwork", "Network", "hidden_activity"]
