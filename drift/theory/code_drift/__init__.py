"""How fast does a sparse code drift when its weights do, and what does a recording tell of it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from drift.theory.code_drift.closed_forms import (
        alike,
        weight_autocorrelation,
        population_vector_similarity,
        active_set_overlap,
        pooled_rate_map_correlation,
        code_similarity,
        deep_drift,
        effective_correlation,
    )
    from drift.theory.code_drift.weight_laws import (
        turnover_probabilities,
        multiplicative_moments,
        increment_kurtosis,
        jump_overlap,
    )
    from drift.theory.code_drift.mixed_drives import (
        drive_correlation,
        gain_overlap,
        two_stream_similarity,
        stream_autocorrelations,
    )
    from drift.theory.code_drift.similarity import active_units, measured_similarity
    from drift.theory.code_drift.sampled import (
        pooled,
        square_root,
        drifting_preactivations,
        over_seeds,
        sampled_code_similarity,
        sampled_deep_drift,
    )
    from drift.theory.code_drift.prediction import activity_maps, subject_label, predict
    from drift.theory.code_drift.estimation import estimate
    from drift.theory.code_drift.estimation_bias import simulated_recording
    from drift.theory.code_drift.readout import readout_error, sampled_readout_error
    from drift.theory.code_drift.following import (
        following_readout_error,
        sampled_following_readout_error,
    )
    from drift.theory.code_drift.place_fields import (
        place_field_statistics,
        curvature,
        sampled_place_field_statistics,
    )

__getattr__, __dir__ = lazily(__name__)
