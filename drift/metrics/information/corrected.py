"""Spatial information of one session four ways side by side: as it is, and with each correction of
its bias."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Count, NotNegative
from drift.metrics.activity import event_counts
from drift.metrics.information.bias import (
    bounded_asymptotic_extrapolation,
    population_curves,
    scaled_shuffle_reduction,
    shuffle_reduction,
    standard_error,
)
from drift.metrics.information.subsampling import information_curves
from drift.metrics.labels import described

NAME = "spatial_information"
# Fewer leave nothing to correct: one event is worth log2 of the number of places however much is
# left
# out of the recording. With 20 events the mean over simulated cells is .3 bits off at most (truth
# .9,
# 12 to 50 places), with 10 up to .8.
FEWEST_EVENTS = 20


def _enough(activity: xr.DataArray, place_index: xr.DataArray) -> xr.DataArray:
    """(unit) number of events at places, where it lets information be corrected; NaN where not."""
    events = event_counts(activity.isel(sample=np.flatnonzero(place_index.values >= 0)))
    return events.where(events >= FEWEST_EVENTS)


def _of_population(
    activity: xr.DataArray, place_index: xr.DataArray, place_unit: xr.DataArray
) -> bool:
    """Tell whether at least half of the units of the population have enough events."""
    place_units = (place_unit == 1).values
    return (
        bool(np.isfinite(_enough(activity, place_index).values[place_units]).mean() >= 0.5)
        if place_units.any()
        else False
    )


def _estimates(curves: xr.DataArray) -> dict[str, xr.DataArray]:
    return {
        NAME: curves.isel(order=0, fraction=-1, drop=True),
        f"{NAME}_shuffle_reduced": shuffle_reduction(curves),
        f"{NAME}_scaled_shuffle_reduced": scaled_shuffle_reduction(curves)["estimate"],
        f"{NAME}_extrapolated": bounded_asymptotic_extrapolation(curves)["estimate"],
    }


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
        (unit) 1 for the units of the population.
    rng : numpy.random.Generator
        Source of the subsamples and permutations.
    repetitions : int
        See ``information_curves``.
    minimum_occupancy : float
        In s; places with more are valid.
    progress : bool
        Show a progress bar.

    Returns
    -------
    xarray.Dataset
        ``spatial_information``, ``spatial_information_shuffle_reduced``,
        ``spatial_information_scaled_shuffle_reduced``, ``spatial_information_extrapolated`` and
        ``spatial_information_standard_error``, (unit) in bits/event; the first four again with the
        prefix ``population_``, without dims; ``population_scaled_shuffle_reduction_stability`` and
        ``population_extrapolation_r_squared``, near 1 where the correction can be trusted.

    Raises
    ------
    RefusedInputError
        If inputs do not fit or the recording is too short.

    References
    ----------
    Sheintuch, Rubin & Ziv 2022, PLoS Comput Biol 18:e1009832.
    """
    curves = information_curves(
        activity,
        place_index,
        sample_duration,
        rng,
        repetitions,
        minimum_occupancy=minimum_occupancy,
        progress=progress,
    )
    population = population_curves(curves[NAME], place_unit)
    of_units = {
        **_estimates(curves[NAME]),
        f"{NAME}_standard_error": standard_error(curves[f"{NAME}_spread"]),
    }
    of_population = {
        **{f"population_{name}": estimate for name, estimate in _estimates(population).items()},
        "population_scaled_shuffle_reduction_stability": scaled_shuffle_reduction(population)[
            "stability"
        ],
        "population_extrapolation_r_squared": bounded_asymptotic_extrapolation(population)[
            "r_squared"
        ],
    }
    enough, whole = (
        _enough(activity, place_index).notnull().values,
        _of_population(activity, place_index, place_unit),
    )
    values = {
        **{
            name: value if name == NAME else value.where(enough) for name, value in of_units.items()
        },
        **{
            name: value if name == f"population_{NAME}" else value.where(whole)
            for name, value in of_population.items()
        },
    }
    return xr.Dataset({name: described(value, name) for name, value in values.items()})
