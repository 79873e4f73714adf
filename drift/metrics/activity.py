"""How much of a population is active, and in how many dimensions."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Count
from drift.metrics.event_kinds import activity_kind
from drift.metrics.labels import described, observed_units


def _observed(activity: xr.DataArray, recorded: xr.DataArray | None) -> np.ndarray:
    """(..., unit) bool, or (unit) where that is the same for all. Labels were compared at the door,
    so that bare arrays suffice inside."""
    observed = observed_units(activity).variable
    both = observed if recorded is None else observed & (recorded.variable == 1)
    return np.asarray(both.transpose(*_outer(activity), "unit").values)


def _outer(activity: xr.DataArray) -> tuple[str, ...]:
    """Dims beside samples and units."""
    return tuple(str(dim) for dim in activity.dims if dim not in ("sample", "unit"))


def _bare(activity: xr.DataArray) -> np.ndarray:
    """(..., sample, unit) numbers."""
    return np.asarray(activity.variable.transpose(*_outer(activity), "sample", "unit").values)


def _labelled(values: np.ndarray, activity: xr.DataArray, name: str) -> xr.DataArray:
    """What is left of the labels of activity once samples and units are gone."""
    coords = {
        key: label
        for key, label in activity.coords.items()
        if not {"sample", "unit"} & {*label.dims}
    }
    return described(xr.DataArray(values, coords=coords, dims=_outer(activity)), name)


def _active(activity: xr.DataArray, minimum_events: int) -> np.ndarray:
    """(..., unit) bool, units with any activity, or with that many events."""
    if minimum_events == 1:
        return np.asarray((_bare(activity) > 0).any(axis=-2))
    counts = event_counts(activity).variable.transpose(*_outer(activity), "unit").values
    return np.asarray(counts >= minimum_events)


def _share(numerator: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Quotient (...), NaN where there are no units."""
    nothing = np.full(np.shape(units), np.nan)
    return np.divide(numerator, units, out=nothing, where=np.asarray(units > 0))


@opened
def active_units(
    activity: xr.DataArray, recorded: xr.DataArray | None = None, minimum_events: Count = 1
) -> xr.DataArray:
    """Number of observed units with any activity, or with a least number of events: the numerator
    of ``fraction_active_units``.

    Parameters
    ----------
    activity : xarray.DataArray
        (..., sample, unit) not negative; a unit that is NaN throughout is not observed.
    recorded : xarray.DataArray, optional
        (..., unit) 1 where the unit was observed.
    minimum_events : int
        Events that make a unit active, by ``event_counts``; 1 takes any activity.

    Returns
    -------
    xarray.DataArray
        (...) counts.

    Raises
    ------
    RefusedInputError
        If activity is empty, negative, or NaN in a part of the samples of a unit.
    """
    observed = _observed(activity, recorded)
    active = (_active(activity, minimum_events) & observed).sum(axis=-1)
    return _labelled(active, activity, "active_units")


@opened
def fraction_active_units(
    activity: xr.DataArray, recorded: xr.DataArray | None = None, minimum_events: Count = 1
) -> xr.DataArray:
    """Share of the observed units that respond in at least one sample, mean over units of [any_t
    h_t > 0], or that have a least number of events.

    Parameters
    ----------
    activity : xarray.DataArray
        (..., sample, unit) not negative; a unit that is NaN throughout is not observed.
    recorded : xarray.DataArray, optional
        (..., unit) 1 where the unit was observed.
    minimum_events : int
        Events that make a unit active, by ``event_counts``; 1 takes any activity.

    Returns
    -------
    xarray.DataArray
        (...) between 0 and 1; NaN without an observed unit.

    Raises
    ------
    RefusedInputError
        If activity is empty, negative, or NaN in a part of the samples of a unit.

    References
    ----------
    Ratzon, Derdikman & Barak 2024, Methods (fraction of active units).
    """
    observed = _observed(activity, recorded)
    active = (_active(activity, minimum_events) & observed).sum(axis=-1)
    return _labelled(_share(active, observed.sum(axis=-1)), activity, "fraction_active_units")


@opened
def fraction_active_responses(
    activity: xr.DataArray, recorded: xr.DataArray | None = None
) -> xr.DataArray:
    """Share of all responses of observed units that are above zero: mean over samples and units of
    [h > 0].

    Parameters
    ----------
    activity : xarray.DataArray
        (..., sample, unit) not negative; a unit that is NaN throughout is not observed.
    recorded : xarray.DataArray, optional
        (..., unit) 1 where the unit was observed.

    Returns
    -------
    xarray.DataArray
        (...) between 0 and 1; NaN without an observed unit.

    Raises
    ------
    RefusedInputError
        If activity is empty, negative, or NaN in a part of the samples of a unit.

    References
    ----------
    Ratzon, Derdikman & Barak 2024, Methods (active fraction).
    """
    observed = _observed(activity, recorded)
    of_unit = np.where(observed, (_bare(activity) > 0).mean(axis=-2), 0.0)
    share = _share(of_unit.sum(axis=-1), observed.sum(axis=-1))
    return _labelled(share, activity, "fraction_active_responses")


def _participation(activity: np.ndarray) -> np.ndarray:
    """(tr C)^2 / tr C^2 of (..., sample, unit), through the Gram matrix over whichever of the two
    dims is smaller."""
    centred = activity - activity.mean(axis=-2, keepdims=True)
    samples, units = centred.shape[-2:]
    transposed = np.swapaxes(centred, -1, -2)
    gram = centred @ transposed if samples <= units else transposed @ centred
    trace = np.trace(gram, axis1=-2, axis2=-1)
    power = (gram**2).sum(axis=(-2, -1))
    return np.divide(trace**2, power, out=np.full(trace.shape, np.nan), where=power > 0)


@opened
def participation_ratio(
    activity: xr.DataArray, recorded: xr.DataArray | None = None
) -> xr.DataArray:
    """Effective number of dimensions of the population activity, (tr C)^2 / tr(C^2).

    C is the covariance between units over samples. The ratio is 1 for units that covary perfectly,
    and n for n independent ones of equal variance.

    Parameters
    ----------
    activity : xarray.DataArray
        (..., sample, unit) not negative; a unit that is NaN throughout is not observed and left
        out.
    recorded : xarray.DataArray, optional
        (..., unit) 1 where the unit was observed.

    Returns
    -------
    xarray.DataArray
        (...) at least 1; NaN where nothing varies.

    Raises
    ------
    RefusedInputError
        If activity is empty, negative, or NaN in a part of the samples of a unit.

    References
    ----------
    Gao & Ganguli 2015, Curr Opin Neurobiol 32:148.
    """
    observed = _observed(activity, recorded)[..., np.newaxis, :]
    constant_if_absent = np.where(observed, _bare(activity).astype(float), 0.0)
    return _labelled(_participation(constant_if_absent), activity, "participation_ratio")


@opened
def event_counts(activity: xr.DataArray) -> xr.DataArray:
    """Number of events of each unit: the sum of spike counts, otherwise the samples with an event.

    Amplitudes of calcium events have no common scale, so that their sum says nothing about how many
    events there were; whole numbers are not always counts. What the activity is, its attribute
    ``kind`` says; without it, what its numbers look like.

    Parameters
    ----------
    activity : xarray.DataArray
        (..., sample, unit) not negative.

    Returns
    -------
    xarray.DataArray
        (..., unit) counts; NaN where the unit was not observed.

    Raises
    ------
    RefusedInputError
        If activity is empty, negative, or NaN in a part of the samples of a unit, or ``kind`` is
        unknown.

    See Also
    --------
    drift.metrics.activity_kind
    """
    observed = observed_units(activity)
    counts = activity.fillna(0.0)
    spikes = activity_kind(activity) == "counts"
    return (
        (counts if spikes else counts > 0)
        .sum("sample")
        .where(observed)
        .rename("event_counts")
        .drop_attrs()
    )
