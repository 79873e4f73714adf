"""How alike two sessions are, unit by unit and place by place, in one room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from drift.metrics.stability.correlations import (
        rate_map_correlation,
        mean_rate_map_correlation,
        population_vector_correlation,
        ensemble_rate_correlation,
        shuffled_identity,
    )
    from drift.metrics.stability.halves import reliability, within_session_correlation
    from drift.metrics.stability.across_rooms import remapping
    from drift.metrics.stability.corrected import corrected_similarity
    from drift.metrics.stability.matching import match_probability
    from drift.metrics.stability.sensitivity import wrong_matches
    from drift.metrics.stability.unit_drift import drift_index, half_correlations
    from drift.metrics.stability.centroids import centroid, centroid_shift

__getattr__, __dir__ = lazily(__name__)
