"""Measures of labelled activity: rate maps, information, significance, activity, stability, sparsification, summaries."""

from drift.metrics.activity import active_units, event_counts, fraction_active_responses, fraction_active_units, participation_ratio
from drift.metrics.bias import (
    asymptotic_extrapolation,
    bounded_asymptotic_extrapolation,
    event_weighted_mean,
    population_curves,
    scaled_shuffle_reduction,
    shuffle_reduction,
)
from drift.metrics.centroids import centroid, centroid_shift
from drift.metrics.corrected import corrected_spatial_information
from drift.metrics.information import spatial_information, spatial_information_rate
from drift.metrics.lags import by_lag, drift_rate
from drift.metrics.mutual_information import mutual_information
from drift.metrics.rate_maps import (
    assign_places,
    bin_edges,
    directed_places,
    published_rate_maps,
    rate_maps,
    signed_position,
    smoothed,
)
from drift.metrics.significance import circular_shift_p_values, place_units
from drift.metrics.sparsification import published_log_rate, sparsification_time
from drift.metrics.stability import (
    ensemble_rate_correlation,
    mean_rate_map_correlation,
    population_vector_correlation,
    rate_map_correlation,
    shuffled_identity,
)
from drift.metrics.subsampling import information_curves
from drift.metrics.summary import of_subject, slope, summary
from drift.metrics.turnover import turnover

__all__ = [
    "active_units",
    "assign_places",
    "asymptotic_extrapolation",
    "bin_edges",
    "bounded_asymptotic_extrapolation",
    "by_lag",
    "centroid",
    "centroid_shift",
    "circular_shift_p_values",
    "corrected_spatial_information",
    "directed_places",
    "drift_rate",
    "ensemble_rate_correlation",
    "event_counts",
    "event_weighted_mean",
    "fraction_active_responses",
    "fraction_active_units",
    "information_curves",
    "mean_rate_map_correlation",
    "mutual_information",
    "of_subject",
    "participation_ratio",
    "place_units",
    "population_curves",
    "population_vector_correlation",
    "published_log_rate",
    "published_rate_maps",
    "rate_map_correlation",
    "rate_maps",
    "scaled_shuffle_reduction",
    "shuffle_reduction",
    "shuffled_identity",
    "signed_position",
    "slope",
    "smoothed",
    "sparsification_time",
    "spatial_information",
    "spatial_information_rate",
    "summary",
    "turnover",
]
