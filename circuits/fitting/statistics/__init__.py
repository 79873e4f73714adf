"""The statistics in which a circuit and a recording are compared: sparsity, tuning, event rates and
similarity over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from circuits.fitting.statistics.bootstrap import bootstrap_covariance
    from circuits.fitting.statistics.chosen import (
        GROUPS,
        OF_LAG,
        OFFERED,
        Statistics,
        chosen_statistics,
    )
    from circuits.fitting.statistics.unit_codes import Codes, codes
    from circuits.fitting.statistics.population import (
        population_similarity,
        rate_similarity,
        statistics,
    )

__getattr__, __dir__ = lazily(__name__)
