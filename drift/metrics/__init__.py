"""Measures of labelled activity: rate maps, information, significance, activity, stability, life
tables of fields, sparse codes, receptive fields, summaries."""

from typing import TYPE_CHECKING

from drift.faces import lazily
from drift.metrics.activity import (
    active_units,
    event_counts,
    fraction_active_responses,
    fraction_active_units,
    participation_ratio,
)
from drift.metrics.information.bias import (
    event_weighted_mean,
    population_curves,
    scaled_shuffle_reduction,
    shuffle_reduction,
)
from drift.metrics.stability.centroids import centroid, centroid_shift
from drift.metrics.information.corrected import corrected_spatial_information
from drift.metrics.information.extrapolation import (
    asymptotic_extrapolation,
    bounded_asymptotic_extrapolation,
)
from drift.metrics.information.validity import expected_error
from drift.metrics.event_kinds import activity_kind
from drift.metrics.fields.detection import place_fields
from drift.metrics.fields.thinning import thinned_halves
from drift.metrics.fields.returning import recurrence
from drift.metrics.fields.life_times import survival
from drift.metrics.fields.hazards import hazard
from drift.metrics.fields.memory import markov_order
from drift.metrics.fields.shifts import field_shift, shift_distribution
from drift.metrics.fields.increments import field_diffusion
from drift.metrics.fields.density import centroid_density
from drift.metrics.information.skaggs import spatial_information, spatial_information_rate
from drift.metrics.sparse_codes.keys import (
    key_norm,
    key_norm_mean,
    key_norm_variation,
    key_overlap,
    key_value_alignment,
    specialisation,
)
from drift.metrics.intervals.nested import nested_interval
from drift.metrics.intervals.words import interval_text
from drift.metrics.time_course.components import change_components
from drift.metrics.time_course.half_life import half_life
from drift.metrics.time_course.interval_measures import (
    by_lag_interval,
    drift_rate_interval,
    reliability_interval,
)
from drift.metrics.time_course.interval_tables import half_life_table, lag_table
from drift.metrics.time_course.lag_classes import curve_by_lag, lag_classes
from drift.metrics.time_course.lags import by_lag, drift_rate
from drift.metrics.information.mutual_information import mutual_information
from drift.metrics.sparse_codes.nearest_images import nearest_image_cosine, reconstruction_accuracy
from drift.metrics.maps import (
    assign_places,
    bin_edges,
    directed_places,
    published_rate_maps,
    rate_maps,
    signed_position,
    smoothed,
)
from drift.metrics.sparse_codes.receptive_fields import (
    receptive_field_fractions,
    receptive_fields,
    sampled_units,
)
from drift.metrics.rooms import environments, in_environment
from drift.metrics.information.significance import circular_shift_p_values, place_units
from drift.metrics.sparse_codes.sparse_codes import (
    active_fraction,
    active_fraction_deviation,
    activity_entropy,
    count_variation,
    fraction_dead_units,
    sparsity_change,
    top_k_overlap,
)
from drift.metrics.time_course.sparsification import published_log_rate, sparsification_time
from drift.metrics.stability.ceiling import correlation_ceiling
from drift.metrics.stability.across_rooms import remapping
from drift.metrics.stability.corrected import corrected_similarity
from drift.metrics.stability.matching import match_probability
from drift.metrics.stability.sensitivity import wrong_matches
from drift.metrics.stability.unit_drift import drift_index, half_correlations
from drift.metrics.stability.unit_moments import unrelated_similarity
from drift.metrics.stability.halves import reliability, within_session_correlation
from drift.metrics.stability.session_pairs import session_pairs
from drift.metrics.stability.correlations import (
    ensemble_rate_correlation,
    mean_rate_map_correlation,
    population_vector_correlation,
    rate_map_correlation,
    shuffled_identity,
)
from drift.metrics.information.subsampling import information_curves
from drift.metrics.averages import of_subject, slope, summary
from drift.metrics.sparse_codes.thresholds import (
    bias_deviation,
    bias_mean,
    fraction_activated_by_bias,
    fraction_negative_biases,
    fraction_silenced_by_bias,
    margin_fraction,
    mean_margin_loss,
)
from drift.metrics.time_course.turnover import turnover

if TYPE_CHECKING:  # they need sessions, and what reads these needs measures
    from drift.metrics.decoders.across_sessions import decoding
    from drift.metrics.experience.pair_model import time_and_experience
    from drift.metrics.experience.unit_predictors import stability_predictors
    from drift.metrics.geometry.alignment import drift_alignment, frozen_alignment
    from drift.metrics.geometry.coordination import drift_coordination
    from drift.metrics.geometry.dimension import drift_dimension
    from drift.metrics.geometry.dissimilarity import crossnobis, representational_stability
    from drift.metrics.geometry.exchanged_trials import exchanged_trial_p_values
    from drift.metrics.geometry.geometry_table import geometry_table
    from drift.metrics.geometry.noise import noise_covariance
    from drift.metrics.geometry.transformations import drift_transformations
    from drift.metrics.geometry.trial_noise import trial_noise_covariance
    from drift.metrics.decoders.triple import decoder_triple, with_decoding

__getattr__, __dir__ = lazily(__name__)

__all__ = [
    "active_fraction",
    "active_fraction_deviation",
    "active_units",
    "activity_entropy",
    "activity_kind",
    "assign_places",
    "asymptotic_extrapolation",
    "bias_deviation",
    "bias_mean",
    "bin_edges",
    "bounded_asymptotic_extrapolation",
    "by_lag",
    "by_lag_interval",
    "centroid",
    "centroid_density",
    "centroid_shift",
    "change_components",
    "circular_shift_p_values",
    "corrected_similarity",
    "corrected_spatial_information",
    "correlation_ceiling",
    "count_variation",
    "crossnobis",
    "curve_by_lag",
    "decoder_triple",
    "decoding",
    "directed_places",
    "drift_alignment",
    "drift_coordination",
    "drift_dimension",
    "drift_index",
    "drift_rate",
    "drift_rate_interval",
    "drift_transformations",
    "ensemble_rate_correlation",
    "environments",
    "event_counts",
    "event_weighted_mean",
    "exchanged_trial_p_values",
    "expected_error",
    "field_diffusion",
    "field_shift",
    "fraction_activated_by_bias",
    "fraction_active_responses",
    "fraction_active_units",
    "fraction_dead_units",
    "fraction_negative_biases",
    "fraction_silenced_by_bias",
    "frozen_alignment",
    "geometry_table",
    "half_correlations",
    "half_life",
    "half_life_table",
    "hazard",
    "in_environment",
    "information_curves",
    "interval_text",
    "key_norm",
    "key_norm_mean",
    "key_norm_variation",
    "key_overlap",
    "key_value_alignment",
    "lag_classes",
    "lag_table",
    "margin_fraction",
    "markov_order",
    "match_probability",
    "mean_margin_loss",
    "mean_rate_map_correlation",
    "mutual_information",
    "nearest_image_cosine",
    "nested_interval",
    "noise_covariance",
    "of_subject",
    "participation_ratio",
    "place_fields",
    "place_units",
    "population_curves",
    "population_vector_correlation",
    "published_log_rate",
    "published_rate_maps",
    "rate_map_correlation",
    "rate_maps",
    "receptive_field_fractions",
    "receptive_fields",
    "reconstruction_accuracy",
    "recurrence",
    "reliability",
    "reliability_interval",
    "remapping",
    "representational_stability",
    "sampled_units",
    "scaled_shuffle_reduction",
    "session_pairs",
    "shift_distribution",
    "shuffle_reduction",
    "shuffled_identity",
    "signed_position",
    "slope",
    "smoothed",
    "sparsification_time",
    "sparsity_change",
    "spatial_information",
    "spatial_information_rate",
    "specialisation",
    "stability_predictors",
    "summary",
    "survival",
    "thinned_halves",
    "time_and_experience",
    "top_k_overlap",
    "trial_noise_covariance",
    "turnover",
    "unrelated_similarity",
    "with_decoding",
    "within_session_correlation",
    "wrong_matches",
]
