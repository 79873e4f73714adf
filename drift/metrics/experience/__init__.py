"""Does a code drift with the days, with visits or with behaviour, and which of its units?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from drift.metrics.experience.pair_model import time_and_experience
    from drift.metrics.experience.unit_predictors import stability_predictors

__getattr__, __dir__ = lazily(__name__)
