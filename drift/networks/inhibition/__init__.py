"""How hidden units inhibit each other: one rule each, registered here by kind."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, SerializeAsAny

from drift.networks.inhibition.base import Inhibition, Moment, Selection
from drift.networks.inhibition.lateral import ExplainingAway, Interneuron
from drift.networks.inhibition.learned_k import SampledTopK, SigmoidWindow
from drift.networks.inhibition.top_k import TopK
from drift.recipe import Recipe, chosen

INHIBITIONS: dict[str, type[Recipe]] = {
    "top_k": TopK,
    "sigmoid_window": SigmoidWindow,
    "sampled_top_k": SampledTopK,
    "explaining_away": ExplainingAway,
    "interneuron": Interneuron,
}
AnyInhibition = Annotated[
    SerializeAsAny[Inhibition], BeforeValidator(lambda value: chosen(INHIBITIONS, value))
]

__all__ = [
    "INHIBITIONS",
    "AnyInhibition",
    "ExplainingAway",
    "Inhibition",
    "Interneuron",
    "Moment",
    "SampledTopK",
    "Selection",
    "SigmoidWindow",
    "TopK",
]
