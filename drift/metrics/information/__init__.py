"""Information about place in events: plug-in, corrected, and its test against shifted events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from drift.metrics.information.skaggs import spatial_information, spatial_information_rate
    from drift.metrics.information.bias import (
        population_curves,
        shuffle_reduction,
        scaled_shuffle_reduction,
        event_weighted_mean,
    )
    from drift.metrics.information.extrapolation import (
        bounded_asymptotic_extrapolation,
        asymptotic_extrapolation,
    )
    from drift.metrics.information.validity import expected_error
    from drift.metrics.information.corrected import corrected_spatial_information
    from drift.metrics.information.significance import place_units, circular_shift_p_values
    from drift.metrics.information.subsampling import information_curves

__getattr__, __dir__ = lazily(__name__)
