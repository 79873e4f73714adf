"""Pictures of labelled results: each function draws one panel on the axes it is given and returns
them.

Colours and markers are distinct in grey and for the colour-blind (Okabe & Ito).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from drift.plots.sessions import (
        COLOURS,
        MARKERS,
        DASHES,
        SOURCES,
        time_course,
        sorted_rate_maps,
        correlation_matrix,
        changes,
        normalised_curves,
        side_by_side,
    )
    from drift.plots.rate_maps import rate_maps_over_sessions, arena_maps
    from drift.plots.sparse_codes import (
        receptive_field_mosaic,
        density_over_sessions,
        sparsity_against_noise,
    )
    from drift.plots.tracked_maps import tracked_rate_maps, cells_by_place
    from drift.plots.examples import example_cells, example_units
    from drift.plots.stability.frozen_twins import recorded_beside_frozen
    from drift.plots.stability.several_codes import similarity_of_codes
    from drift.plots.elapsed_matrix import correlation_over_elapsed, correlation_by_environment
    from drift.plots.stability.correlation_curves import PARTS, correlation_by_lag
    from drift.plots.lag_curves import similarity_by_lag, room_style
    from drift.plots.stability.life_tables import recurrence_by_lag, survival_curve, shift_histogram
    from drift.plots.stability.geometry import (
        alignment_with_null,
        dimension_by_lag,
        transformation_shares,
        dissimilarity_matrix,
    )
    from drift.plots.stability.similarity_curves import (
        similarity_and_ceiling,
        jumps_by_lag,
        displacement_by_lag,
    )
    from drift.plots.stability.field_tables import hazard_by_age, field_density
    from drift.plots.stability.overview import stability_overview
    from drift.plots.stability.decoding_curves import decoding_by_lag, confusion_matrix
    from drift.plots.studies import similarity_by_clock, power_by_animals
    from drift.plots.session_curves import measure_over_elapsed
    from drift.plots.publication import publication_settings, sheet
    from drift.plots.arenas import arena_plan, eye_view
    from drift.plots.mechanisms import mechanism_posterior, identifiability_map
    from drift.plots.predictions import predicted_drift, estimated_drift, wrong_match_sensitivity

__getattr__, __dir__ = lazily(__name__)
