"""Measures of sparse codes: active units, thresholds, keys, receptive fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from drift.metrics.sparse_codes.sparse_codes import (
        active_fraction,
        active_fraction_deviation,
        count_variation,
        top_k_overlap,
        fraction_dead_units,
        activity_entropy,
        sparsity_change,
    )
    from drift.metrics.sparse_codes.keys import (
        key_norm,
        key_norm_mean,
        key_norm_variation,
        key_value_alignment,
        key_overlap,
        specialisation,
    )
    from drift.metrics.sparse_codes.thresholds import (
        bias_mean,
        bias_deviation,
        fraction_negative_biases,
        fraction_silenced_by_bias,
        fraction_activated_by_bias,
        margin_fraction,
        mean_margin_loss,
    )

__getattr__, __dir__ = lazily(__name__)
