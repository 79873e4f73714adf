"""The circuits by kind: one line for each."""

from __future__ import annotations

from circuits.base import Circuit
from circuits.kinds.competitive import Majani
from circuits.kinds.count_control import CountControl
from circuits.kinds.explaining_away import ExplainingAway
from circuits.kinds.linear import LinearInterneuron
from circuits.kinds.random_interneurons import RandomInterneurons
from circuits.kinds.saturating import SaturatingUnits
from circuits.kinds.threshold import ThresholdInterneuron

CIRCUITS: dict[str, type[Circuit]] = {
    "linear": LinearInterneuron,
    "threshold": ThresholdInterneuron,
    "saturating": SaturatingUnits,
    "random_interneurons": RandomInterneurons,
    "count_control": CountControl,
    "majani": Majani,
    "explaining_away": ExplainingAway,
}
"""What ``drift.recipe.chosen`` needs to read a circuit from its ``kind``."""
