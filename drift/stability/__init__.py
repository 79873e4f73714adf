"""All measures that decide whether a code drifts, of a network, a circuit or an animal, in one
call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from drift.stability.measuring import code_stability
    from drift.stability.geometry import drift_geometry
    from drift.stability.absent import absent_measures
    from drift.stability.tables import stability_tables
    from drift.stability.rules import StabilityRules

__getattr__, __dir__ = lazily(__name__)
