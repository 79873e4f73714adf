"""Geometry of drift: along what, in how many dimensions and how together a code moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from drift.metrics.geometry.noise import noise_covariance
    from drift.metrics.geometry.trial_noise import trial_noise_covariance
    from drift.metrics.geometry.exchanged_trials import exchanged_trial_p_values
    from drift.metrics.geometry.alignment import drift_alignment, frozen_alignment
    from drift.metrics.geometry.dimension import drift_dimension
    from drift.metrics.geometry.transformations import drift_transformations
    from drift.metrics.geometry.dissimilarity import crossnobis, representational_stability
    from drift.metrics.geometry.coordination import drift_coordination
    from drift.metrics.geometry.geometry_table import geometry_table

__getattr__, __dir__ = lazily(__name__)
