"""How much the number of events in a sample tells about place: mutual information of response
classes and place."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.special import xlogy

from drift.door import opened
from drift.door.quantities import OfSamplesAlone, OfSamplesAndUnitsAlone
from drift.errors import RefusedInputError
from drift.metrics.information.events import Events, events_by_place, listed_events
from drift.metrics.labels import described, observed_units
from drift.metrics.maps import check_place_index

ROUNDED_FROM, ROUNDED_TO = 5, 20
AMPLITUDE_CLASSES = 10


def _class_numbers(size: np.ndarray, counts: bool) -> np.ndarray:
    """(event) class of each event size, 0 for what counts as no event."""
    if size.size == 0 or (counts and (size == np.floor(size)).all()):
        return size.astype(int)
    if ROUNDED_FROM <= size.max() <= ROUNDED_TO:
        return np.floor(size + 0.5).astype(int)
    edges = np.geomspace(size.min(), size.max(), AMPLITUDE_CLASSES + 1)
    centres = (edges[1:] + edges[:-1]) / 2
    return 1 + np.searchsorted((centres[1:] + centres[:-1]) / 2, size, side="right")


def response_classes(activity: xr.DataArray) -> xr.DataArray:
    """Class of each response, as mutual information takes it.

    Counts (whole numbers that no attribute ``kind`` calls amplitudes) stay as they are. Otherwise,
    if the largest value lies between 5 and 20, values are rounded (halves up); otherwise 0 is one
    class and the rest falls into ten, to the nearest of the means of eleven logarithmically spaced
    edges from the smallest to the largest value. The choice depends on all units together, so the
    information of a unit can change with its company.

    Parameters
    ----------
    activity : xarray.DataArray
        (sample, unit) events or amplitudes, not negative.

    Returns
    -------
    xarray.DataArray
        (sample, unit) int; 0 also for units that were not observed.

    Raises
    ------
    RefusedInputError
        If activity is empty, negative, infinite, or NaN in a part of the samples of a unit.

    References
    ----------
    Sheintuch, Rubin & Ziv 2022, PLoS Comput Biol 18:e1009832, Methods and published analysis.
    """
    observed_units(activity)
    values = activity.transpose("sample", "unit")
    classes = np.zeros(values.shape, dtype=int)
    event = values.values > 0
    counts = activity.attrs.get("kind", "counts") == "counts"
    classes[event] = _class_numbers(values.values[event].astype(float), counts)
    return values.copy(data=classes).rename("response_class").drop_attrs()


def classed_events(classes: np.ndarray) -> tuple[Events, int]:
    """Events of classes above 0, with one row for each pair of unit and class.

    Parameters
    ----------
    classes : numpy.ndarray
        (sample, unit) int, see ``response_classes``.

    Returns
    -------
    events, present : Events, int
        Events whose ``unit`` is unit times ``present`` + class, and the number of different classes
        above 0.
    """
    events = listed_events(classes)
    numbers, index = np.unique(classes[events.sample, events.unit], return_inverse=True)
    present = max(numbers.size, 1)  # a silent recording keeps one empty class
    row = events.unit * present + index.reshape(-1)
    return events._replace(unit=row, size=None, units=events.units * present), present


def _n_log_n(samples: int) -> np.ndarray:
    count = np.arange(samples + 1, dtype=float)
    return xlogy(count, count)


def information_of_classes(
    events: Events, present: int, place: np.ndarray, visits: np.ndarray
) -> np.ndarray:
    """Plug-in mutual information of classed events and place.

    Parameters
    ----------
    events, present : Events, int
        See ``classed_events``.
    place : numpy.ndarray
        (event) int, where each happened; the number of places stands for nowhere.
    visits : numpy.ndarray
        (place) int, samples spent at each place.

    Returns
    -------
    numpy.ndarray
        (unit) bits.
    """
    samples, power = int(visits.sum()), _n_log_n(int(visits.sum()))
    classed = (
        events_by_place(events, place, visits.size).astype(int).reshape(-1, present, visits.size)
    )
    unclassed = visits - classed.sum(axis=1)
    of_pairs = power[classed].sum(axis=(1, 2)) + power[unclassed].sum(axis=1)
    of_classes = power[classed.sum(axis=2)].sum(axis=1) + power[unclassed.sum(axis=1)]
    return (of_pairs - of_classes - power[visits].sum() + power[samples]) / (samples * np.log(2))


@opened
def mutual_information(
    activity: OfSamplesAndUnitsAlone, place_index: OfSamplesAlone
) -> xr.DataArray:
    """Mutual information of the response of each unit in a sample and the place of the sample.

    I = H(response) - sum_x p(x) H(response | x), with entropies of the observed frequencies
    (plug-in) and responses sorted by ``response_classes``. Like every plug-in estimate it is biased
    upwards; see ``drift.metrics.information.bias``.

    Parameters
    ----------
    activity : xarray.DataArray
        (sample, unit) events or amplitudes.
    place_index : xarray.DataArray
        (sample) int place, or (place, direction) pair, -1 for samples that do not count.

    Returns
    -------
    xarray.DataArray
        (unit) bits; 0 for a silent unit, NaN for one that was not observed.

    Raises
    ------
    RefusedInputError
        If activity is not usable, lengths differ, or no sample has a place.

    References
    ----------
    Sheintuch, Rubin & Ziv 2022, PLoS Comput Biol 18:e1009832, Methods.
    """
    observed = observed_units(activity)
    check_place_index(activity, place_index, int(place_index.max()) + 1, 1.0)
    place = place_index.values.astype(int)
    if not (place >= 0).any():
        raise RefusedInputError(
            "no sample has a place, so there is nothing to be informed about: check place_index."
        )
    events, present = classed_events(response_classes(activity).values)
    visits = np.bincount(place[place >= 0])
    where = np.where(place >= 0, place, visits.size)
    values = information_of_classes(events, present, where[events.sample], visits)
    return described(
        observed.copy(data=np.where(observed.values, values, np.nan)), "mutual_information"
    )
