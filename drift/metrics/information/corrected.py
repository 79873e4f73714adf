"""Spatial information of one session four ways side by side: as it is, and with each correction of
its bias."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Count, NotNegative
from drift.metrics.activity import event_counts
from drift.metrics.directions import in_each_direction
from drift.metrics.information.bias import (
    population_curves,
    scaled_shuffle_reduction,
    shuffle_reduction,
    standard_error,
)
from drift.metrics.information.extrapolation import bounded_asymptotic_extrapolation
from drift.metrics.information.subsampling import information_curves
from drift.metrics.information.validity import Correction, expected_error, warn_of_error
from drift.metrics.labels import described

NAME = "spatial_information"
# Fewer leave nothing to correct: one event is worth log2 of the number of places however much is
# left
# out of the recording. With 20 events the mean over simulated cells is .3 bits off at most (truth
# .9,
# 12 to 50 places), with 10 up to .8.
FEWEST_EVENTS = 20


CORRECTIONS: tuple[Correction, ...] = ("scaled_shuffle_reduction", "extrapolation")


def _enough(
    activity: xr.DataArray, place_index: xr.DataArray, direction: xr.DataArray | None
) -> xr.DataArray:
    """(unit[, direction]) bool, whether enough events happened at places."""
    if direction is not None:
        return in_each_direction(
            direction,
            lambda samples: _enough(
                activity.isel(sample=samples), place_index.isel(sample=samples), None
            ),
        )
    events = event_counts(activity.isel(sample=np.flatnonzero(place_index.values >= 0)))
    return events >= FEWEST_EVENTS


def _of_population(enough: xr.DataArray, place_unit: xr.DataArray) -> bool:
    """Tell whether at least half of the units of the population have enough events."""
    place_units = (place_unit == 1).transpose(*enough.dims).values
    return bool(place_units.any()) and bool(enough.values[place_units].mean() >= 0.5)


def _estimates(curves: xr.DataArray) -> dict[str, xr.DataArray]:
    return {
        NAME: curves.isel(order=0, fraction=-1, drop=True),
        f"{NAME}_shuffle_reduced": shuffle_reduction(curves),
        f"{NAME}_scaled_shuffle_reduced": scaled_shuffle_reduction(curves)["estimate"],
        f"{NAME}_extrapolated": bounded_asymptotic_extrapolation(curves)["estimate"],
    }


def _expected_errors(population: xr.DataArray) -> dict[str, xr.DataArray]:
    """How large the error of each correction of the population is expected to be."""
    events, places = float(population["events"]), float(population["places"])
    return {
        f"population_{name}_error": xr.DataArray(
            expected_error(events, places, name).size if np.isfinite(events) else np.nan
        )
        for name in CORRECTIONS
    }


def _of_units(curves: xr.Dataset, enough: xr.DataArray) -> dict[str, xr.DataArray]:
    bare = curves.drop_vars(["events", "places"])
    estimates = {
        **_estimates(bare[NAME]),
        f"{NAME}_standard_error": standard_error(bare[f"{NAME}_spread"]),
    }
    return {
        name: value if name == NAME else value.where(enough) for name, value in estimates.items()
    }


def _of_mean(curves: xr.DataArray, whole: bool) -> dict[str, xr.DataArray]:
    bare = curves.drop_vars(["events", "places"])  # without them nothing warns
    estimates = {
        **{f"population_{name}": estimate for name, estimate in _estimates(bare).items()},
        "population_scaled_shuffle_reduction_stability": scaled_shuffle_reduction(bare)[
            "stability"
        ],
        "population_extrapolation_r_squared": bounded_asymptotic_extrapolation(bare)["r_squared"],
        **_expected_errors(curves),
    }
    return {
        name: value if name == f"population_{NAME}" else value.where(whole)
        for name, value in estimates.items()
    }


def corrections(
    activity: xr.DataArray,
    place_index: xr.DataArray,
    sample_duration: float | xr.DataArray,
    place_unit: xr.DataArray,
    rng: np.random.Generator,
    repetitions: int = 100,
    minimum_occupancy: float = 0.0,
    progress: bool = False,
    direction: xr.DataArray | None = None,
) -> tuple[xr.Dataset, xr.DataArray]:
    """``corrected_spatial_information`` without warnings, and the curves of the population."""
    curves = information_curves(
        activity,
        place_index,
        sample_duration,
        rng,
        repetitions,
        minimum_occupancy=minimum_occupancy,
        progress=progress,
        direction=direction,
    )
    enough = _enough(activity, place_index, direction)
    population = population_curves(curves[NAME], place_unit)
    values = {
        **_of_units(curves, enough),
        **_of_mean(population, _of_population(enough, place_unit)),
    }
    estimates = xr.Dataset({name: described(value, name) for name, value in values.items()})
    return estimates, population


@opened
def corrected_spatial_information(
    activity: xr.DataArray,
    place_index: xr.DataArray,
    sample_duration: float | xr.DataArray,
    place_unit: xr.DataArray,
    rng: np.random.Generator,
    repetitions: Count = 100,
    minimum_occupancy: NotNegative = 0.0,
    progress: bool = False,
    direction: xr.DataArray | None = None,
) -> xr.Dataset:
    """Naive, shuffle-reduced, scaled-shuffle-reduced and extrapolated information of each unit and
    of the population.

    Population values are the corrections of the curves averaged over the place units. Corrected
    values of single units are rough: they come with the standard error of the naive one. Where a
    unit has fewer than ``FEWEST_EVENTS`` events its information cannot be corrected, nor that of a
    population of which most units have fewer: NaN.

    Parameters
    ----------
    activity : xarray.DataArray
        (sample, unit) events in running samples only.
    place_index : xarray.DataArray
        (sample) int place, or (place, direction) pair, -1 for samples that do not count.
    sample_duration : float or xarray.DataArray
        Of all samples, or (sample) of each, in s.
    place_unit : xarray.DataArray
        (unit[, direction]) 1 for the units of the population.
    rng : numpy.random.Generator
        Source of the subsamples and permutations.
    repetitions : int
        See ``information_curves``.
    minimum_occupancy : float
        In s; places with more are valid.
    progress : bool
        Show a progress bar.
    direction : xarray.DataArray, optional
        (sample) 1, -1 or 0: correct the information in each running direction by itself, as
        published; ``place_index`` holds places alone, and the population are the place units in
        each direction.

    Returns
    -------
    xarray.Dataset
        ``spatial_information``, ``spatial_information_shuffle_reduced``,
        ``spatial_information_scaled_shuffle_reduced``, ``spatial_information_extrapolated`` and
        ``spatial_information_standard_error``, (unit[, direction]) in bits/event; the first four
        again with the prefix ``population_``, without dims;
        ``population_scaled_shuffle_reduction_stability`` and
        ``population_extrapolation_r_squared``, near 1 where the estimate does not depend on the
        recorded time and the curve fits, which does not make it right: few events on many places
        bias stable estimates, too; ``population_scaled_shuffle_reduction_error`` and
        ``population_extrapolation_error`` are the errors to expect, see ``expected_error``.

    Warns
    -----
    UserWarning
        If more than .1 bits are to be expected.

    Raises
    ------
    RefusedInputError
        If inputs do not fit or the recording is too short.

    References
    ----------
    Sheintuch, Rubin & Ziv 2022, PLoS Comput Biol 18:e1009832.
    """
    estimates, population = corrections(
        activity,
        place_index,
        sample_duration,
        place_unit,
        rng,
        repetitions,
        minimum_occupancy,
        progress,
        direction,
    )
    for name in CORRECTIONS:
        if np.isfinite(estimates[f"population_{name}_error"]):
            warn_of_error(population, name, stacklevel=4)
    return estimates
