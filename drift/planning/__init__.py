"""How many animals, units, sessions and minutes does a question about drift need?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from drift.planning.design import StudyDesign, study_like
    from drift.planning.effects import DriftRateEffect, ExperienceEffect, GroupEffect
    from drift.planning.grid import power
    from drift.planning.cheapest import cheapest_design

__getattr__, __dir__ = lazily(__name__)
