"""Information as a function of how much was recorded: the curves from which its bias is
estimated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Count, NotNegative
from drift.errors import RefusedInputError
from drift.loops.event_counts import information_of_subsamples
from drift.metrics.activity import event_counts
from drift.metrics.directions import in_each_direction, of_samples
from drift.metrics.information.events import (
    counted,
)
from drift.metrics.information.mutual_information import (
    classed_events,
    information_of_classes,
    response_classes,
)
from drift.metrics.labels import observed_units
from drift.metrics.maps import ROUNDING, check_place_index, occupancy_of
from drift.schema.labelled_form import VARIABLES

FINE_FRACTIONS = tuple(count / 20 for count in range(1, 21))
COARSE_FRACTIONS = tuple(count / 10 for count in range(1, 11))
ORDERS = ("observed", "shuffled")
SKAGGS = ("spatial_information", "spatial_information_rate")

TOGETHER = 2**16  # counts that are measured at once: they stay in the cache


class _Subsamples(NamedTuple):
    """Samples that are drawn ``samples (repetition, entry)``, their ``place (repetition, order,
    entry)`` as observed and in random order, and the ``visits (repetition, place)``."""

    samples: np.ndarray
    place: np.ndarray
    visits: np.ndarray


# information (repetition, quantity, order, unit)
Measure = Callable[[_Subsamples], np.ndarray]


class _Moments(NamedTuple):
    """Means over repetitions, (fraction, quantity, order, unit), and the spread of the observed
    ones, (fraction, quantity, unit)."""

    mean: np.ndarray
    spread: np.ndarray


def _skaggs(activity: np.ndarray, sample_duration: float | np.ndarray) -> Measure:
    event, unit = np.nonzero(activity > 0)
    size = activity[event, unit].astype(float)
    starts = np.searchsorted(event, np.arange(len(activity) + 1))

    def occupancy(drawn: _Subsamples) -> np.ndarray:
        """(repetition, order, place): where samples last differently, one whose place is shuffled
        takes its own time along."""
        repetitions, places = drawn.visits.shape
        shape = (repetitions, len(ORDERS), places)
        if not isinstance(sample_duration, np.ndarray):
            seconds = (drawn.visits * sample_duration)[:, np.newaxis]
            return np.broadcast_to(seconds, shape).copy()
        own = sample_duration[drawn.samples]
        pairs = [(row, times) for rows, times in zip(drawn.place, own, strict=True) for row in rows]
        return np.reshape([np.bincount(row, times, places) for row, times in pairs], shape)

    def measured(drawn: _Subsamples) -> np.ndarray:
        both = information_of_subsamples(
            starts, unit, size, drawn.samples, drawn.place, occupancy(drawn), activity.shape[1]
        )
        return np.stack(both, axis=1)

    return measured


def _mutual(classes: np.ndarray) -> Measure:
    events, present = classed_events(classes)

    def measured(drawn: _Subsamples) -> np.ndarray:
        places = drawn.visits.shape[1]
        where = np.full((*drawn.place.shape[:2], len(classes)), places)  # left out: nowhere
        np.put_along_axis(where, drawn.samples[:, np.newaxis], drawn.place, axis=-1)
        values = [
            [information_of_classes(events, present, row[events.sample], own) for row in rows]
            for rows, own in zip(where, drawn.visits, strict=True)
        ]
        return np.array(values)[:, np.newaxis]

    return measured


def _drawn(
    place: np.ndarray, places: int, size: int, few: int, rng: np.random.Generator
) -> _Subsamples:
    """A few subsamples of ``size`` random samples, one drawn after the other."""
    samples, orders = np.empty((few, size), dtype=int), np.empty((few, 2, size), dtype=int)
    visits = np.empty((few, places), dtype=int)
    everything = np.arange(place.size)
    for own, (visited, shuffled), often in zip(samples, orders, visits, strict=True):
        own[:] = (
            rng.choice(place.size, size, replace=False, shuffle=False)
            if size < place.size
            else everything
        )
        np.take(place, own, out=visited, mode="clip")  # without a copy, unlike "raise"
        shuffled[:] = visited
        rng.shuffle(shuffled)
        often[:] = np.bincount(visited, minlength=places)
    return _Subsamples(samples, orders, visits)


class _Sums:
    """Sums over repetitions of (quantity, order, unit), one added after the other."""

    def __init__(self) -> None:
        self.total, self.squares, self.count = (np.zeros((1, 1, 1, 1)) for _ in range(3))

    def add(self, values: np.ndarray) -> None:
        """Add values (repetition, quantity, order, unit). A unit silent in a subsample has no
        information per event there: counted as 0 it would pull the curve down."""
        finite = np.isfinite(values)
        filled = np.where(finite, values, 0.0)
        self.total, self.squares, self.count = (
            np.concatenate([np.broadcast_to(before, (1, *values.shape[1:])), more]).sum(
                axis=0, keepdims=True
            )
            for before, more in (
                (self.total, filled), (self.squares, filled**2), (self.count, finite),
            )
        )  # fmt: skip

    def mean_and_spread(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean (quantity, order, unit), and the standard deviation of the observed ones,
        (quantity, unit)."""
        total, squares, count = self.total[0], self.squares[0], self.count[0]
        mean = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
        power = np.divide(squares, count, out=np.full(total.shape, np.nan), where=count > 0)
        return mean, np.sqrt(np.maximum(power - mean**2, 0.0))[:, 0]


def _moments(
    measures: Sequence[Measure],
    place: np.ndarray,
    units: int,
    plan: Sequence[tuple[int, int]],  # size and repeats of each fraction
    rng: np.random.Generator,
    progress: bool,
) -> _Moments:
    places, moments = int(place.max()) + 1, []
    together = max(1, TOGETHER // (len(ORDERS) * units * places))
    steps = iter(counted(sum(repeats for _size, repeats in plan), "subsample", progress))
    for size, repeats in plan:
        sums = _Sums()
        for first in range(0, repeats, together):
            few = min(together, repeats - first)
            drawn = _drawn(place, places, size, few, rng)
            sums.add(np.concatenate([measure(drawn) for measure in measures], axis=1))
            for _ in islice(steps, few):
                pass  # moves a progress bar
        moments.append(sums.mean_and_spread())
    next(steps, None)  # closes a progress bar
    means, spreads = zip(*moments)
    return _Moments(np.stack(means), np.stack(spreads))


def _plan(fractions: Sequence[float], samples: int, repetitions: int) -> list[tuple[int, int]]:
    grid = np.asarray(fractions, dtype=float)
    if (
        grid.ndim != 1
        or grid.size < 3
        or not (np.diff(grid) > 0).all()
        or not grid[0] > 0
        or grid[-1] != 1
    ):
        raise RefusedInputError(
            "fractions must be at least three increasing numbers above 0 that end with 1, "
            f"got {list(fractions)}: take FINE_FRACTIONS."
        )
    sizes = np.floor(grid * samples * (1 + ROUNDING)).astype(int)
    if repetitions < 1 or sizes[0] < 1 or not (np.diff(sizes) > 0).all():
        raise RefusedInputError(
            "subsamples need at least one repetition and a sample more at each fraction, got "
            f"repetitions={repetitions} and {samples} "
            "samples at valid places: record longer or take fewer fractions."
        )
    return [
        (int(size), int(np.ceil(repetitions / fraction * (1 - ROUNDING))))
        for size, fraction in zip(sizes, grid)
    ]


def _valid(
    place_index: xr.DataArray, sample_duration: float | xr.DataArray, minimum_occupancy: float
) -> np.ndarray:
    """(sample) bool, samples at places that were visited for long enough in the whole recording."""
    index = place_index.values.astype(int)
    occupancy = occupancy_of(index, sample_duration)
    return (index >= 0) & (occupancy > minimum_occupancy * (1 + ROUNDING))[index]


def _apart(direction: xr.DataArray, curves: Callable[[np.ndarray], xr.Dataset]) -> xr.Dataset:
    """Curves in each direction on one axis of samples."""
    counts = ["samples", "events", "places"]
    both = in_each_direction(direction, lambda samples: curves(samples).reset_coords(counts))
    size, places = both["samples"].mean("direction"), both["places"].max("direction")
    return both.drop_vars(counts).assign_coords(samples=size, events=both["events"], places=places)


@opened
def information_curves(
    activity: xr.DataArray,
    place_index: xr.DataArray,
    sample_duration: float | xr.DataArray,
    rng: np.random.Generator,
    repetitions: Count = 100,
    fractions: Sequence[float] = FINE_FRACTIONS,
    mutual: bool = False,
    minimum_occupancy: NotNegative = 0.0,
    progress: bool = False,
    direction: xr.DataArray | None = None,
) -> xr.Dataset:
    """Mean information of random subsamples of a recording, as observed and after their activity
    was shuffled.

    For each fraction f, m = floor(f T) of the T samples are drawn without replacement,
    ceil(repetitions / f) times; the shuffled curve takes a random permutation of the activity
    within the same subsample. A unit that is silent in a subsample is left out of its mean per
    event, and counts 0 per second and as mutual information. All units share the subsamples.

    Parameters
    ----------
    activity : xarray.DataArray
        (sample, unit) events in running samples only; a unit that is NaN throughout is not
        observed.
    place_index : xarray.DataArray
        (sample) int place, or (place, direction) pair, -1 for samples that do not count.
    sample_duration : float or xarray.DataArray
        Of all samples, or (sample) of each, in s; a sample whose place is shuffled keeps its own.
        Mutual information counts samples.
    rng : numpy.random.Generator
        Source of the subsamples and permutations.
    repetitions : int
        Of the whole recording; the smaller the fraction, the more.
    fractions : sequence of float
        Increasing, the last one 1: ``FINE_FRACTIONS`` .05, .1, ..., 1 or ``COARSE_FRACTIONS`` .1,
        .2, ..., 1.
    mutual : bool
        Add mutual information, whose response classes are those of the whole recording.
    minimum_occupancy : float
        In s; places with more in the whole recording are valid.
    progress : bool
        Show a progress bar.
    direction : xarray.DataArray, optional
        (sample) 1, -1 or 0: curves of each running direction by itself; ``place_index`` holds
        places alone.

    Returns
    -------
    xarray.Dataset
        ``spatial_information`` (bits/event), ``spatial_information_rate`` (bits/second) and, if
        asked for, ``mutual_information`` (bits), each (order, fraction, unit[, direction]) with
        order "observed" or "shuffled"; ``<name>_spread`` (fraction, unit[, direction]), their
        standard deviation over the observed subsamples; coordinates ``samples`` (fraction) = m,
        the mean over directions, ``events`` (unit[, direction]) and ``places``, how many are valid.

    Raises
    ------
    RefusedInputError
        If inputs do not fit, no place is valid, or the recording is too short for the fractions.

    References
    ----------
    Sheintuch, Rubin & Ziv 2022, PLoS Comput Biol 18:e1009832, Methods.
    """
    if direction is not None:
        return _apart(
            direction,
            lambda samples: information_curves(
                activity.isel(sample=samples),
                place_index.isel(sample=samples),
                of_samples(sample_duration, samples),
                rng,
                repetitions,
                fractions,
                mutual,
                minimum_occupancy,
                progress,
            ),
        )
    observed = observed_units(activity)
    check_place_index(activity, place_index, int(place_index.max()) + 1, sample_duration)
    keep = _valid(place_index, sample_duration, minimum_occupancy)
    plan = _plan(fractions, int(keep.sum()), repetitions)
    durations = (
        sample_duration.values.astype(float)[keep]
        if isinstance(sample_duration, xr.DataArray)
        else sample_duration
    )
    measures = [_skaggs(activity.transpose("sample", "unit").values[keep], durations)]
    names = (*SKAGGS, "mutual_information") if mutual else SKAGGS
    if mutual:
        measures.append(_mutual(response_classes(activity).values[keep]))
    places_of_samples = place_index.values.astype(int)[keep]
    moments = _moments(measures, places_of_samples, observed.size, plan, rng, progress)
    events = event_counts(activity.isel(sample=np.flatnonzero(keep)))
    coords = {
        "order": list(ORDERS),
        "fraction": np.asarray(fractions, dtype=float),
        "samples": ("fraction", [size for size, _repeats in plan]),
        "events": ("unit", events.transpose("unit").values.astype(float)),
        "places": np.unique(place_index.values[keep]).size,
    }
    result = xr.Dataset(coords={**coords, **observed.coords})
    for index, name in enumerate(names):
        mean = xr.DataArray(moments.mean[:, index], dims=("fraction", "order", "unit")).transpose(
            "order", "fraction", "unit"
        )
        spread = xr.DataArray(moments.spread[:, index], dims=("fraction", "unit"))
        units = {"units": VARIABLES[name].units}
        result[name] = mean.where(observed.values).assign_attrs(units)
        result[f"{name}_spread"] = spread.where(observed.values).assign_attrs(units)
    return result
