"""The labelled form shared by networks, circuits and animals: which variables exist, with which
dims and units.

Two kinds of Dataset travel through repdrift. A *session* Dataset holds what was recorded once, by
sample: ``activity (sample, unit)`` and ``position (sample[, axis])``. A *longitudinal* Dataset
holds what sessions have in common, by place and over days or learning steps: ``rate (subject,
session, unit, place[, direction])`` and everything that is measured on it. NaN means not observed,
0 means silent.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

import drift.schema.accessor  # noqa: F401  (gives every Dataset its entry ``dataset.drift``)
from drift.door import opened
from drift.door.quantities import LazyDataset
from drift.errors import RefusedInputError, SchemaError, did_you_mean

__all__ = [
    "VARIABLES",
    "RefusedInputError",
    "SchemaError",
    "Variable",
    "check",
    "combine",
    "described",
    "labelled",
]

VERSION = 1
OPTIONAL_DIMS = ("direction", "environment", "lag", "axis")


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
    """

    dims: tuple[str, ...]
    units: str
    meaning: str
    of_place: bool = False
    over_place_units: bool = False
    per_time: bool = False
    flag: bool = False


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
    ),
    "occupancy": Variable(
        (*SESSION, "place"), "s or sample", "time spent at each place", of_place=True
    ),
    "running_time": Variable(
        SESSION,
        "s",
        "time that counts: position known, faster than the minimum, in a running direction",
    ),
    "tracked_time": Variable(SESSION, "s", "time with a known position, at rest or running"),
    "recorded": Variable(
        (*SESSION, "unit"),
        "1",
        "1 where the unit was observed in the session, 0 where it is absent",
        flag=True,
    ),
    "detected_units": Variable(
        SESSION, "1", "units observed in the session: the denominator of fractions"
    ),
    "active_units": Variable(SESSION, "1", "observed units with any activity: a numerator"),
    "place_units": Variable(SESSION, "1", "observed units that count as place units: a numerator"),
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
    ),
    "spatial_information_rate": Variable(
        (*SESSION, "unit"),
        "bits/second",
        "Skaggs information per second; 0 for a silent unit",
        of_place=True,
        over_place_units=True,
        per_time=True,
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
    ),
    "population_spatial_information_extrapolated": Variable(
        SESSION,
        "bits/event",
        "bounded asymptotic extrapolation of the mean information curve of the place units",
        of_place=True,
    ),
    "population_scaled_shuffle_reduction_stability": Variable(
        SESSION, "1", "1 where the correction does not depend on the recorded time"
    ),
    "population_extrapolation_r_squared": Variable(
        SESSION, "1", "1 where the extrapolated curve fits"
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
    ),
    "fraction_place_units": Variable(SESSION, "1", "place units over observed units"),
    "rate_map_correlation": Variable(
        (*SESSION, "session_other"),
        "1",
        "correlation of rate maps between two sessions",
        of_place=True,
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
    "weight_autocorrelation": Variable(
        (*SESSION, "session_other"),
        "1",
        "correlation of the input weights of two sessions, less what all units have in common",
    ),
    "input_correlation": Variable(
        ("subject", "place", "place_other"), "1", "correlation of the inputs at two places"
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


def _faults(dataset: xr.Dataset, name: str) -> Iterable[str]:
    if name not in dataset.variables:
        similar = did_you_mean(name, dataset.variables)
        yield f"{name} is missing" + (f" ({similar})" if similar.endswith("?") else "")
        return
    if name not in VARIABLES:
        yield f"{name} is not in the table of variables ({did_you_mean(name, VARIABLES)})"
        return
    expected, found = VARIABLES[name].dims, dataset[name].dims
    missing = [dim for dim in expected if dim not in found]
    surplus = [str(dim) for dim in found if dim not in expected and dim not in OPTIONAL_DIMS]
    if missing or surplus:
        yield f"{name} has dims ({', '.join(map(str, found))}) instead of ({', '.join(expected)})"
    if not VARIABLES[name].flag and not np.issubdtype(dataset[name].dtype, np.number):
        yield f"{name} holds {dataset[name].dtype} instead of numbers"
    elif dataset[name].size == 0:
        yield f"{name} is empty"


@opened
def check(dataset: LazyDataset, *names: str) -> xr.Dataset:
    """Return the Dataset if it holds the named variables as the labelled form has them.

    Parameters
    ----------
    dataset : xarray.Dataset
        Session or longitudinal Dataset.
    *names : str
        Variables that the caller needs; see ``VARIABLES``.

    Returns
    -------
    xarray.Dataset
        The same Dataset.

    Raises
    ------
    SchemaError
        With all faults in one message; a misspelt name is answered by the most similar one.
    """
    if not isinstance(dataset, xr.Dataset):
        raise SchemaError(
            f"an xarray Dataset is needed, got {type(dataset).__name__}: pass the result of "
            "train, measure or load."
        )
    faults = [fault for name in names for fault in _faults(dataset, name)]
    if faults:
        raise SchemaError(
            "the Dataset does not fit: "
            + "; ".join(faults)
            + ". See drift.schema.VARIABLES for the labelled form."
        )
    return dataset


def variable_of(name: str) -> Variable:
    """Return the row of the table.

    Parameters
    ----------
    name : str
        A name in ``VARIABLES``.

    Raises
    ------
    SchemaError
        If there is none.
    """
    if name not in VARIABLES:
        raise SchemaError(
            f"{name} is not in the table of variables drift.schema.VARIABLES: "
            f"{did_you_mean(name, VARIABLES)}"
            " A new measure needs a row there."
        )
    return VARIABLES[name]


def described(array: xr.DataArray, name: str, **attributes: str | float) -> xr.DataArray:
    """Return ``array`` under a name of the labelled form, with the units and the meaning that
    belong to it.

    Parameters
    ----------
    array : xarray.DataArray
        The numbers.
    name : str
        A name in ``VARIABLES``.
    **attributes
        Attributes that add to or replace ``units`` and ``long_name``.

    Returns
    -------
    xarray.DataArray

    Raises
    ------
    SchemaError
        If the table has no such name.
    """
    variable = variable_of(name)
    return array.rename(name).assign_attrs(
        {"units": variable.units, "long_name": variable.meaning, **attributes}
    )


def labelled(
    name: str, dims: Sequence[str], values: object, **attributes: str | float
) -> xr.DataArray:
    """Return a DataArray with the units and the meaning that the labelled form gives to ``name``.

    Parameters
    ----------
    name : str
        A name in ``VARIABLES``.
    dims : sequence of str
        Dims of ``values``.
    values : array_like
        The numbers.
    **attributes
        Attributes that add to or replace ``units`` and ``long_name``.

    Returns
    -------
    xarray.DataArray

    Raises
    ------
    SchemaError
        If the table has no such name.
    """
    return described(xr.DataArray(np.asarray(values), dims=tuple(dims)), name, **attributes)


def combine(subjects: Sequence[xr.Dataset]) -> xr.Dataset:
    """Join single-subject longitudinal Datasets along ``subject``; what a subject lacks becomes
    NaN, never 0.

    Parameters
    ----------
    subjects : sequence of xarray.Dataset
        Longitudinal Datasets with a ``subject`` dim, units and sessions numbered from 0.

    Returns
    -------
    xarray.Dataset
        With dims ``subject`` first; attributes of the first subject.

    Raises
    ------
    SchemaError
        If the list is empty.
    """
    if not subjects:
        raise SchemaError(
            "there is no subject to combine: give at least one experiment or recording."
        )
    if len(subjects) == 1:
        return subjects[0]
    joined = xr.concat(
        _alike(subjects),
        dim="subject",
        join="outer",
        data_vars="all",
        coords="different",
        compat="equals",
        combine_attrs="override",
    )
    if "recorded" in joined:
        joined["recorded"] = (
            joined["recorded"].fillna(0).astype("int8").assign_attrs(subjects[0]["recorded"].attrs)
        )
    return joined


def _alike(subjects: Sequence[xr.Dataset]) -> list[xr.Dataset]:
    """Return the Datasets with the same optional dims, so that nothing is copied where nothing was
    observed."""
    if len({"direction" in one.dims for one in subjects if "rate" in one}) > 1:
        raise SchemaError(
            "rate maps with and without running direction cannot stand in one Dataset: "
            "measure them the same way."
        )
    named = {
        dim: one[dim]
        for one in subjects
        for dim in ("environment", "direction", "place")
        if dim in one.dims
    }
    subjects = [
        one.assign_coords(
            {dim: axis for dim, axis in named.items() if dim not in (*one.dims, "environment")}
        )
        for one in subjects
    ]
    if "environment" not in named:
        return subjects
    several = {
        name: "environment" in values.dims
        for one in subjects
        if "environment" in one.dims
        for name, values in one.items()
    }
    return [
        one if "environment" in one.dims else _one_environment(one, several) for one in subjects
    ]


def _one_environment(subject: xr.Dataset, several: dict[Hashable, bool]) -> xr.Dataset:
    """A subject of one environment among others of several: what was measured by environment was
    measured in the first.

    ``several`` tells of the variables of the others whether they have the dim; the table tells of
    the rest.
    """
    by_place = [
        str(name)
        for name in subject
        if several.get(name, name in VARIABLES and VARIABLES[str(name)].of_place)
    ]
    return subject.assign(
        {name: subject[name].expand_dims("environment", axis=-1) for name in by_place}
    ).assign_coords(environment=[0])
