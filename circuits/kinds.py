"""The circuits by kind: one line for each."""

from __future__ import annotations

from circuits.base import Circuit
from circuits.competitive import Majani
from circuits.count_control import CountControl
from circuits.explaining_away import ExplainingAway
from circuits.linear import LinearInterneuron
from circuits.random_interneurons import RandomInterneurons
from circuits.saturating import SaturatingUnits
from circuits.threshold import ThresholdInterneuron

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
