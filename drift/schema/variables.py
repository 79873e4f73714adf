"""The table of variables: what each one is, in one row that all parts of repdrift read."""

from __future__ import annotations

from typing import NamedTuple


class Variable(NamedTuple):
    """What one variable of the labelled form is; all that treats some variables in another way than
    others reads it here.

    Attributes
    ----------
    dims : tuple of str
        Optional ones in addition.
    units, meaning : str
        As they stand on the array.
    of_place : bool
        Whether it is measured in one environment; in a Dataset of several it has the dim
        ``environment``.
    over_place_units : bool
        Whether its mean over units is that over place units.
    per_time : bool
        Whether it is proportional to the rates.
    flag : bool
        Whether it says yes or no, and may be bool.
    label : str
        What it is called in comparisons, reports and figures, which show all that have one.
    of_correction : bool
        Whether comparisons show it on request alone, with the corrected information.
    of_halves : bool
        Whether comparisons show it on request alone, with halves of sessions.
    over_stimuli : str
        What it means where maps run over stimuli instead of places, if that is said otherwise.
    """

    dims: tuple[str, ...]
    units: str
    meaning: str
    of_place: bool = False
    over_place_units: bool = False
    per_time: bool = False
    flag: bool = False
    label: str = ""
    of_correction: bool = False
    of_halves: bool = False
    over_stimuli: str = ""


SESSION = ("subject", "session")
VARIABLES: dict[str, Variable] = {
    "activity": Variable(
        ("sample", "unit"), "as recorded", "activity of each unit in each sample, not negative"
    ),
    "position": Variable(("sample",), "cm", "where the subject is"),
    "velocity": Variable(("sample",), "cm/s", "speed, signed where the track is one-dimensional"),
    "direction": Variable(
        ("sample",), "1", "running direction: 1 towards larger positions, -1 back, 0 neither"
    ),
    "trial": Variable(("sample",), "1", "trial number, 0 outside of trials"),
    "duration": Variable(("sample",), "s", "how long the activity of each sample was counted"),
    "rate": Variable(
        (*SESSION, "unit", "place"),
        "as activity",
        "unsmoothed rate map; NaN where a place was not visited",
        of_place=True,
        per_time=True,
        over_stimuli="unsmoothed tuning curve; NaN where a stimulus was not shown",
    ),
    "occupancy": Variable(
        (*SESSION, "place"),
        "s or sample",
        "time spent at each place",
        of_place=True,
        over_stimuli="time for which each stimulus was shown",
    ),
    "rate_half": Variable(
        (*SESSION, "unit", "half", "place"),
        "as activity",
        "unsmoothed rate map of each of two independent halves; NaN where a place was not visited",
        of_place=True,
        per_time=True,
        over_stimuli="unsmoothed tuning curve of each of two independent halves; NaN where a "
        "stimulus was not shown",
    ),
    "occupancy_half": Variable(
        (*SESSION, "half", "place"),
        "s or sample",
        "time spent at each place in each of two halves",
        of_place=True,
        over_stimuli="time for which each stimulus was shown in each of two halves",
    ),
    "event_count": Variable(
        (*SESSION, "unit", "place"),
        "events",
        "events at each place: spikes, or samples with an event where rates are of amplitudes; NaN "
        "where a place was not visited, or activity holds no events",
        of_place=True,
        over_stimuli="events at each stimulus: spikes, or samples with an event where rates are of "
        "amplitudes; NaN where a stimulus was not shown, or activity holds no events",
    ),
    "event_count_half": Variable(
        (*SESSION, "unit", "half", "place"),
        "events",
        "events at each place in each of two halves, as event_count",
        of_place=True,
        over_stimuli="events at each stimulus in each of two halves, as event_count",
    ),
    "environment_loss": Variable(
        SESSION,
        "squared output",
        "mean squared error on the noise-free samples of each environment",
        of_place=True,
    ),
    "steps_learned": Variable(
        SESSION, "step", "steps in which each environment was learned so far", of_place=True
    ),
    "running_time": Variable(
        SESSION,
        "s",
        "time that counts: position known, faster than the minimum, in a running direction",
        over_stimuli="time that counts: a stimulus shown and, if that is required, running",
    ),
    "tracked_time": Variable(
        SESSION,
        "s",
        "time with a known position, at rest or running",
        over_stimuli="time with a stimulus, at rest or running",
    ),
    "mean_speed": Variable(
        SESSION, "as position/s", "mean speed while running: over the time that counts"
    ),
    "laps": Variable(
        SESSION,
        "1",
        "laps run in the session, half of the way at least, or trials",
        over_stimuli="presentations of stimuli, or trials",
    ),
    "visits": Variable(
        SESSION, "1", "times that the subject has been in this environment, this session included"
    ),
    "recorded": Variable(
        (*SESSION, "unit"),
        "1",
        "1 where the unit was observed in the session, 0 where it is absent",
        flag=True,
    ),
    "detected_units": Variable(
        SESSION, "1", "units observed in the session: the denominator of fractions"
    ),
    "fraction_place_units": Variable(
        SESSION,
        "1",
        "place units over observed units",
        label="fraction of place cells",
        over_stimuli="units informative of the stimulus over observed units",
    ),
    "active_units": Variable(
        SESSION,
        "1",
        "observed units with any activity: a numerator",
        label="number of active cells",
    ),
    "place_units": Variable(
        SESSION,
        "1",
        "observed units that count as place units: a numerator",
        over_stimuli="observed units that are informative of the stimulus: a numerator",
    ),
    "loss": Variable(SESSION, "squared output", "mean squared error on the noise-free task"),
    "relative_loss": Variable(SESSION, "1", "loss over the variance of the targets"),
    "fraction_active_units": Variable(
        SESSION, "1", "units active in any sample over observed units"
    ),
    "fraction_active_responses": Variable(
        SESSION, "1", "responses above zero over all responses of observed units"
    ),
    "participation_ratio": Variable(
        SESSION, "1", "effective number of dimensions of the population activity"
    ),
    "spatial_information": Variable(
        (*SESSION, "unit"),
        "bits/event",
        "Skaggs information per event; NaN for a silent unit",
        of_place=True,
        over_place_units=True,
        over_stimuli="Skaggs information about the stimulus per event; NaN for a silent unit",
        label="spatial information",
    ),
    "spatial_information_rate": Variable(
        (*SESSION, "unit"),
        "bits/second",
        "Skaggs information per second; 0 for a silent unit",
        of_place=True,
        over_place_units=True,
        per_time=True,
        over_stimuli="Skaggs information about the stimulus per second; 0 for a silent unit",
    ),
    "spatial_information_shuffle_reduced": Variable(
        (*SESSION, "unit"),
        "bits/event",
        "information minus that of shuffled activity",
        of_place=True,
        over_place_units=True,
    ),
    "spatial_information_scaled_shuffle_reduced": Variable(
        (*SESSION, "unit"),
        "bits/event",
        "information corrected by scaled shuffle reduction",
        of_place=True,
        over_place_units=True,
    ),
    "spatial_information_extrapolated": Variable(
        (*SESSION, "unit"),
        "bits/event",
        "information corrected by bounded asymptotic extrapolation",
        of_place=True,
        over_place_units=True,
    ),
    "spatial_information_standard_error": Variable(
        (*SESSION, "unit"),
        "bits/event",
        "standard error of the information of a unit",
        of_place=True,
    ),
    "population_spatial_information": Variable(
        SESSION, "bits/event", "mean information of the place units", of_place=True
    ),
    "population_spatial_information_shuffle_reduced": Variable(
        SESSION,
        "bits/event",
        "mean information of the place units minus that of shuffled activity",
        of_place=True,
    ),
    "population_spatial_information_scaled_shuffle_reduced": Variable(
        SESSION,
        "bits/event",
        "scaled shuffle reduction of the mean information curve of the place units",
        of_place=True,
        label="spatial information, bias reduced by shuffling",
        of_correction=True,
    ),
    "population_spatial_information_extrapolated": Variable(
        SESSION,
        "bits/event",
        "bounded asymptotic extrapolation of the mean information curve of the place units",
        of_place=True,
        label="spatial information, extrapolated to long recordings",
        of_correction=True,
    ),
    "population_scaled_shuffle_reduction_stability": Variable(
        SESSION, "1", "1 where the correction does not depend on the recorded time"
    ),
    "population_extrapolation_r_squared": Variable(
        SESSION, "1", "1 where the extrapolated curve fits"
    ),
    "population_scaled_shuffle_reduction_error": Variable(
        SESSION,
        "bits/event",
        "error expected of the scaled shuffle reduction with so few events on so many places",
    ),
    "population_extrapolation_error": Variable(
        SESSION,
        "bits/event",
        "error expected of the extrapolation with so few events on so many places",
    ),
    "mutual_information": Variable(
        (*SESSION, "unit"),
        "bits",
        "information of the response in a sample about place; 0 for a silent unit",
        of_place=True,
    ),
    "place_unit": Variable(
        (*SESSION, "unit"),
        "1",
        "1 where the unit counts as a place unit, 0 where not, NaN where absent",
        of_place=True,
        flag=True,
        over_stimuli="1 where the unit is informative of the stimulus, 0 where not, NaN if absent",
    ),
    "place_unit_by_direction": Variable(
        (*SESSION, "unit", "direction"),
        "1",
        "1 where the unit counts as a place unit in a running direction, 0 where not, NaN absent",
        of_place=True,
        flag=True,
    ),
    "place_unit_half": Variable(
        (*SESSION, "unit", "half"),
        "1",
        "1 where the unit counts as a place unit in one of two halves, by the rule of the session",
        of_place=True,
        flag=True,
        over_stimuli="1 where the unit is informative of the stimulus in one of two halves",
    ),
    "decoding_error": Variable(
        (*SESSION, "session_other"),
        "cm",
        "mean distance between the position and the place that another session decodes",
    ),
    "refitted_decoding_error": Variable(
        (*SESSION, "session_other"),
        "cm",
        "mean decoding error of a readout of the tested session itself, on the same units",
    ),
    "median_decoding_error": Variable(
        (*SESSION, "session_other"),
        "cm",
        "median distance between the position and the place that another session decodes",
    ),
    "decoding_accuracy": Variable(
        (*SESSION, "session_other"),
        "1",
        "share of the decoded windows whose place was decoded",
        over_stimuli="share of the decoded windows whose stimulus was decoded",
    ),
    "shuffled_decoding_error": Variable(
        (*SESSION, "session_other"),
        "cm",
        "mean decoding error with the units of the tested session in disorder",
    ),
    "shuffled_decoding_accuracy": Variable(
        (*SESSION, "session_other"),
        "1",
        "decoding accuracy with the units of the tested session in disorder",
    ),
    "shifted_decoding_error": Variable(
        (*SESSION, "session_other"),
        "cm",
        "mean decoding error with the true path moved in time",
    ),
    "shifted_decoding_accuracy": Variable(
        (*SESSION, "session_other"),
        "1",
        "decoding accuracy with the true path moved in time",
    ),
    "readout_error": Variable(
        (*SESSION, "session_other"),
        "squared output",
        "mean squared error of the outputs of a linear readout: positions, around a ring cosine "
        "and sine of the angle",
    ),
    "decoded_windows": Variable(
        (*SESSION, "session_other"),
        "1",
        "windows of the tested session that were decoded",
    ),
    "decoding_units": Variable(
        (*SESSION, "session_other"),
        "1",
        "units observed in both sessions and active in either",
    ),
    "weight_change": Variable(
        (*SESSION, "session_other"),
        "1",
        "change of a constrained readout since the session before over the length of its weights",
    ),
    "confusion": Variable(
        (*SESSION, "session_other", "place", "place_decoded"),
        "1",
        "share of the windows of each place in which a place was decoded",
        over_stimuli="share of the windows of each stimulus in which a stimulus was decoded",
    ),
    "rate_map_correlation": Variable(
        (*SESSION, "session_other"),
        "1",
        "correlation of rate maps between two sessions",
        of_place=True,
        label="rate-map correlation",
    ),
    "population_vector_correlation": Variable(
        (*SESSION, "session_other"),
        "1",
        "correlation across units at each place, averaged over places",
        of_place=True,
    ),
    "ensemble_rate_correlation": Variable(
        (*SESSION, "session_other"),
        "1",
        "correlation across units of their mean rates",
        of_place=True,
    ),
    "within_session_correlation": Variable(
        (*SESSION, "unit"),
        "1",
        "correlation of rate maps between two halves of a session",
        of_place=True,
    ),
    "reliability": Variable(
        SESSION, "1", "mean correlation of rate maps between two halves", of_place=True
    ),
    "corrected_similarity": Variable(
        (*SESSION, "session_other"),
        "1",
        "similarity of two sessions with the noise of both taken out",
        of_place=True,
        label="rate-map similarity without noise",
        of_halves=True,
    ),
    "match_probability": Variable(
        (*SESSION, "session_other", "unit"),
        "1",
        "probability that the unit is the same cell in both sessions",
    ),
    "drift_index": Variable(
        (*SESSION, "session_other", "unit"),
        "1",
        "representational drift index: similarity within sessions that is lost between them",
        of_place=True,
    ),
    "centroid": Variable(
        (*SESSION, "unit"), "as place", "centre of mass of the rate map", of_place=True
    ),
    "centroid_shift": Variable(
        (*SESSION, "session_other", "unit"),
        "as place",
        "centroid in the other session minus centroid in the session",
        of_place=True,
    ),
    "kept": Variable(
        (*SESSION, "session_other"), "1", "units of the group in both sessions", of_place=True
    ),
    "gained": Variable(
        (*SESSION, "session_other"),
        "1",
        "units of the group in the other session only",
        of_place=True,
    ),
    "lost": Variable(
        (*SESSION, "session_other"), "1", "units of the group in the session only", of_place=True
    ),
    "shared_units": Variable(
        (*SESSION, "session_other"), "1", "units observed in both sessions", of_place=True
    ),
    "kept_by_chance": Variable(
        (*SESSION, "session_other"),
        "1",
        "units in both sessions if membership were drawn anew",
        of_place=True,
    ),
    "correlation": Variable(
        ("subject", "lag"),
        "1",
        "similarity of two sessions by the time between them",
        of_place=True,
    ),
    "pairs": Variable(("subject", "lag"), "1", "pairs of sessions that entered", of_place=True),
    "drift_rate": Variable(
        ("subject",), "1/elapsed", "similarity lost per unit of elapsed time", of_place=True
    ),
    "intercept": Variable(
        ("subject",), "1", "similarity lost at no lag at all: noise of the maps", of_place=True
    ),
    "longest_lag": Variable(
        ("subject",), "as elapsed", "longest lag that enters the drift rate", of_place=True
    ),
    "similarity_loss": Variable(
        SESSION, "squared input similarity", "mean squared mismatch of input and output similarity"
    ),
    "squared_norm": Variable(SESSION, "1", "sum of all squared weights"),
    "hessian_trace": Variable(SESSION, "1", "trace of the Hessian of the noise-free loss"),
    "largest_eigenvalue": Variable(
        SESSION, "1", "largest eigenvalue of the Hessian of the noise-free loss"
    ),
    "fraction_positive_eigenvalues": Variable(
        SESSION, "1", "eigenvalues of the Hessian above zero over all weights, as published"
    ),
    "gauss_newton_spectrum": Variable(
        (*SESSION, "eigenvalue"),
        "1",
        "eigenvalues of the Gauss-Newton part of the Hessian, ascending",
    ),
    "gauss_newton_rank": Variable(SESSION, "1", "rank of the Gauss-Newton part of the Hessian"),
    "gauss_newton_log_determinant": Variable(
        SESSION, "1", "sum of ln eigenvalues over the rank of the Gauss-Newton part"
    ),
    "input_weights": Variable((*SESSION, "unit", "input"), "1", "weights from inputs to units"),
    "bias": Variable((*SESSION, "unit"), "1", "bias of each unit"),
    "output_weights": Variable((*SESSION, "output", "unit"), "1", "weights from units to outputs"),
    "excitability": Variable(
        (*SESSION, "unit"), "1", "slow shift or log gain of each unit's drive"
    ),
    "context_weight_autocorrelation": Variable(
        (*SESSION, "session_other"),
        "1",
        "correlation of the weights of inputs that tell the context, less their mean over units, "
        "in two sessions",
    ),
    "weight_autocorrelation": Variable(
        (*SESSION, "session_other"),
        "1",
        "correlation of the input weights of two sessions, less what all units have in common",
    ),
    "input_correlation": Variable(
        ("subject", "place", "place_other"), "1", "correlation of the inputs at two places"
    ),
    "neural_filters": Variable(
        (*SESSION, "unit", "input"), "1", "weights M^-1 W from inputs to resting outputs"
    ),
    "input_covariance": Variable(
        ("subject", "input", "input_other"), "1", "mean product of two inputs over all samples"
    ),
    "drive_gain": Variable((*SESSION, "unit"), "1", "homeostatic gain on the drive of each unit"),
    "residual": Variable(
        SESSION, "1", "largest relative change per time constant that was left; up to 1e-5 at rest"
    ),
    "sample_activity": Variable(
        (*SESSION, "sample", "unit"), "1", "activity of each unit for each sample of the task"
    ),
    "noisy_loss": Variable(
        SESSION, "squared output", "loss with the noise of learning on the inputs"
    ),
    "noisy_fraction_active_responses": Variable(
        SESSION, "1", "responses above zero over all responses, with noise on the inputs"
    ),
    "active_fraction_deviation": Variable(
        SESSION, "1", "standard deviation over inputs of the fraction of active units"
    ),
    "count_variation": Variable(
        SESSION, "1", "coefficient of variation over inputs of the number of active units"
    ),
    "top_k_overlap": Variable(
        SESSION, "1", "Jaccard index of the active units with the units of largest drive"
    ),
    "fraction_dead_units": Variable(
        SESSION, "1", "units whose activity summed over all inputs is next to nothing"
    ),
    "bias_mean": Variable(SESSION, "1", "mean bias over units"),
    "bias_deviation": Variable(SESSION, "1", "standard deviation of the biases over units"),
    "fraction_negative_biases": Variable(SESSION, "1", "units with a negative bias"),
    "key_norm_mean": Variable(SESSION, "1", "mean length of the input weights of a unit"),
    "key_norm_variation": Variable(
        SESSION, "1", "coefficient of variation over units of the length of their input weights"
    ),
    "activity_entropy": Variable(
        SESSION, "bits", "entropy of the shares of the units in the summed activity"
    ),
    "reconstruction_accuracy": Variable(
        SESSION, "1", "outputs whose nearest clean image is their own"
    ),
    "key_value_alignment": Variable(
        SESSION, "1", "cosine of input and output weights of a unit, mean over units"
    ),
    "margin_fraction": Variable(
        SESSION, "1", "clean drives within one standard deviation of their noise from threshold"
    ),
    "mean_margin_loss": Variable(
        SESSION, "1", "unit loss L of the distance of clean drives from threshold, mean"
    ),
    "key_overlap": Variable(
        SESSION, "1", "mean absolute cosine between input weights of two units"
    ),
    "specialisation": Variable(
        SESSION,
        "squared input",
        "mean squared input along the input weights of a unit, mean over units",
    ),
    "sparsify_term": Variable(
        SESSION, "squared output", "implicit loss of noise: variance of the activity"
    ),
    "margin_term": Variable(
        SESSION, "squared output", "implicit loss of noise: mean shift of the activity"
    ),
    "overlap_term": Variable(
        SESSION, "squared output", "implicit loss of noise: units that vary together"
    ),
    "elapsed": Variable(SESSION, "step, min or day", "real elapsed time of the session"),
}


def compared(corrected: bool = False, halves: bool = False) -> tuple[str, ...]:
    """Names of the measures that comparisons, reports and figures show: those with a label.

    Parameters
    ----------
    corrected : bool
        Those of corrected information, too.
    halves : bool
        Those that need two halves of each session, too.

    Returns
    -------
    tuple of str
        In the order of the table, those of corrected information and of halves last.
    """
    rows = {name: row for name, row in VARIABLES.items() if row.label}
    plain = [name for name, row in rows.items() if not (row.of_correction or row.of_halves)]
    corrections = [name for name, row in rows.items() if row.of_correction and corrected]
    by_half = [name for name, row in rows.items() if row.of_halves and halves]
    return (*plain, *corrections, *by_half)


def label_of(name: str) -> str:
    """What a measure is called in comparisons, reports and figures; its name in words where it has
    no label.

    Parameters
    ----------
    name : str
        Of a variable, in the table or not.
    """
    label = VARIABLES[name].label if name in VARIABLES else ""
    return label or name.replace("_", " ")
