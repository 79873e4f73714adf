"""Means over units and subjects with their errors, and straight lines through sessions."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr
from scipy.stats import t as student

from drift.door import opened
from drift.errors import RefusedInputError
from drift.metrics.intervals.subjects import error_over_subjects
from drift.metrics.labels import require_dims
from drift.metrics.rooms import environment_labels, environments, session_environments
from drift.schema.labelled_form import VARIABLES, check

SAME_TIME = 1e-12  # relative; times that differ by less are one
# Share of the largest value of a series: what is smaller, or differs by less, is rounding of sums.
ROUNDING = 1e-12


def within_rounding(values: np.ndarray, scale: np.ndarray | float) -> np.ndarray:
    """Tell which values cannot be told from 0: they are at most ``ROUNDING`` of a scale, so that no
    ratio to them says anything.

    Parameters
    ----------
    values : numpy.ndarray
        In any units; NaN is not known, and no 0.
    scale : numpy.ndarray or float
        Size of the numbers that they were computed from, in the same units.
    """
    return np.asarray(np.abs(values) <= ROUNDING * np.abs(scale))


def is_constant(values: np.ndarray) -> bool:
    """Tell whether the known values of a series are one value, but for rounding.

    Parameters
    ----------
    values : numpy.ndarray
        (session), NaN where not known.
    """
    finite = values[np.isfinite(values)]
    return finite.size > 0 and bool(within_rounding(np.ptp(finite), np.abs(finite).max()))


@opened
def of_subject(dataset: xr.Dataset, name: str) -> xr.DataArray:
    """One number per subject and session: the mean of a variable over units, over place units for
    spatial information.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset; with ``place_unit`` if spatial information is asked for.
    name : str
        A variable.

    Returns
    -------
    xarray.DataArray
        Without the dim ``unit``; NaN units are left out, and NaN stands where no unit is left.
        Information that was measured in each running direction is averaged over the units and
        directions in which these are place units.

    References
    ----------
    Ratzon, Derdikman & Barak 2024: mean spatial information is over place cells.
    """
    values = check(dataset, name)[name]
    if "unit" not in values.dims:
        return values
    members = ["unit"]
    if VARIABLES[name].over_place_units:
        members += [dim for dim in ("direction",) if dim in values.dims]
        flags = "place_unit_by_direction" if "direction" in members else "place_unit"
        values = values.where(check(dataset, flags)[flags] == 1)
    return _mean(values, members).assign_attrs(values.attrs)


def _mean(values: xr.DataArray, dim: str | list[str]) -> xr.DataArray:
    count = values.notnull().sum(dim)
    return values.sum(dim) / count.where(count > 0)


@opened
def summary(dataset: xr.Dataset, *names: str) -> xr.Dataset:
    """Mean over subjects of each variable in each session, with the standard error over the
    subjects present.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset.
    *names : str
        Variables; those with a unit dim are averaged over units first, spatial information over
        place units.

    Returns
    -------
    xarray.Dataset
        For each name: ``name`` (session, ...), ``name_standard_error`` = sd / sqrt(n) with n - 1
        degrees of freedom, NaN for one subject, and ``name_subjects`` = n, the subjects whose value
        is not NaN. Where several environments were visited, the coordinate ``environment``
        (session) says which; a session in which subjects were in different ones bears them all ("A,
        B"), and a warning says that its means mix them.

    Raises
    ------
    RefusedInputError
        If no name is given.
    SchemaError
        If a variable is missing.
    """
    if not names:
        raise RefusedInputError(
            "summary needs the name of at least one variable, got none: for example "
            "fraction_active_units."
        )
    result = xr.Dataset()
    for name in names:
        values = of_subject(dataset, name)
        subjects, mean = values.notnull().sum("subject"), _mean(values, "subject")
        error = error_over_subjects(values)
        result[name] = mean.assign_attrs(values.attrs)
        result[f"{name}_standard_error"] = error.assign_attrs(units=values.attrs.get("units", "1"))
        result[f"{name}_subjects"] = subjects.assign_attrs(units="1")
    return _with_rooms(result, dataset)


def _with_rooms(result: xr.Dataset, dataset: xr.Dataset) -> xr.Dataset:
    """Means that say in which environments they were measured, if there were several."""
    if len(environments(dataset)) < 2:
        return result
    rooms = session_environments(dataset)
    if mixed := [number for number, names in enumerate(rooms) if len(names) > 1]:
        first, more = mixed[0], f" and {len(mixed) - 1} more" if len(mixed) > 1 else ""
        warnings.warn(
            f"the means of session {dataset['session'].values[first]}{more} mix environments "
            f"({', '.join(rooms[first])}): take one room "
            "by metrics.in_environment, or one subject.",
            stacklevel=4,
        )
    return result.assign_coords(environment=("session", [", ".join(names) for names in rooms]))


def _seen(values: np.ndarray, time: np.ndarray, rooms: np.ndarray) -> np.ndarray:
    """Sessions that tell something: known ones, and of several environments those that were seen
    twice."""
    finite = np.isfinite(values) & np.isfinite(time)
    again = np.array([(rooms[finite] == room).sum() > 1 for room in rooms]) & finite
    return again if again.any() else finite


def _over_first(values: np.ndarray, rooms: np.ndarray) -> np.ndarray:
    """Values over the first one in the same environment."""
    firsts = np.array([values[rooms == room][0] for room in rooms])
    if values.size and within_rounding(firsts, np.abs(values).max()).any():
        raise RefusedInputError(
            "values cannot be normalised to a first session of 0: pass normalise=False or "
            "start at a later session."
        )
    return np.asarray(values / firsts)


def _within(values: np.ndarray, rooms: np.ndarray) -> np.ndarray:
    """Values less their mean in the same environment."""
    return values - np.array([values[rooms == room].mean() for room in rooms])


def fitted_line(
    values: np.ndarray, time: np.ndarray, rooms: np.ndarray, normalise: bool
) -> np.ndarray:
    """Slope, its standard error, two-sided p, mean intercept, n of one series without labels;
    environments have intercepts of their own.

    Parameters
    ----------
    values, time : numpy.ndarray
        (session), NaN where not known.
    rooms : numpy.ndarray
        (session) number of the environment.
    normalise : bool
        See ``slope``.

    Returns
    -------
    numpy.ndarray
        (5) NaN for what cannot be told.

    Raises
    ------
    RefusedInputError
        See ``slope``.
    """
    informative = _seen(values, time, rooms)
    values, time, rooms, count = (
        values[informative],
        time[informative],
        rooms[informative],
        int(informative.sum()),
    )
    values = _over_first(values, rooms) if normalise and count else values
    deviation = _within(time, rooms)
    power = (deviation**2).sum()
    if count < 2 or power <= (SAME_TIME * np.abs(time).max()) ** 2:
        return np.array([np.nan, np.nan, np.nan, np.nan, count])
    slope = (deviation * values).sum() / power
    intercept = values.mean() - slope * time.mean()
    freedom = count - np.unique(rooms).size - 1
    if freedom < 1:
        return np.array([slope, np.nan, np.nan, intercept, count])
    residual = _within(values, rooms) - slope * deviation
    error = np.sqrt((residual**2).sum() / freedom / power)
    p_value = 2 * student.sf(abs(slope) / error, freedom) if error > 0 else float(slope == 0)
    return np.array([slope, error, p_value, intercept, count])


def _rooms(values: xr.DataArray, elapsed: xr.DataArray, across: bool) -> xr.DataArray:
    """([subject,] session) a number for each environment, 0 throughout where none is labelled."""
    subjects = max(array.sizes.get("subject", 1) for array in (values, elapsed))
    labels = environment_labels(
        values, elapsed, subjects=subjects, sessions=elapsed.sizes["session"]
    )
    numbers = np.unique(labels, return_inverse=True)[1].reshape(labels.shape) * (not across)
    if (numbers == numbers[:1]).all():
        return xr.DataArray(numbers[0], dims="session")
    return xr.DataArray(numbers, dims=("subject", "session"))


@opened
def slope(
    values: xr.DataArray,
    elapsed: xr.DataArray,
    normalise: bool = True,
    *,
    across_environments: bool = False,
) -> xr.Dataset:
    """Straight line y = intercept + slope t through sessions, with a t-test of the slope against 0.

    Sessions in different environments (coordinate ``environment`` of values or elapsed) have
    intercepts of their own and one slope, so that what differs between rooms is no change over
    time; a room that was seen once tells nothing.

    Parameters
    ----------
    values : xarray.DataArray
        (..., session); NaN sessions are left out. Average over subjects first for the published
        slopes, see ``summary``.
    elapsed : xarray.DataArray
        ([subject,] session) real elapsed time, with the attribute ``units``; the index of a session
        is no elapsed time.
    normalise : bool
        Divide each series by its first observed session (in each environment), as published.
    across_environments : bool
        Take all sessions as if they were recorded in one room.

    Returns
    -------
    xarray.Dataset
        ``slope`` (per elapsed unit), ``standard_error``, ``p_value`` (two-sided; n - 2 degrees of
        freedom, one less for every further environment), ``intercept`` (mean over environments),
        and ``sessions`` n, each (...); standard error and p are NaN without a degree of freedom.

    Raises
    ------
    RefusedInputError
        If dims are missing or the first session is 0, or within rounding of it (1e-12 of the
        largest value), and ``normalise`` is set.

    References
    ----------
    Ratzon, Derdikman & Barak 2024, Fig. 3 (fit with intercept, t-test on the slope).
    """
    require_dims(values, "values", "session")
    require_dims(elapsed, "elapsed", "session")
    numbers = xr.apply_ufunc(
        fitted_line,
        values.astype(float),
        elapsed.astype(float),
        _rooms(values, elapsed, across_environments),
        input_core_dims=[["session"], ["session"], ["session"]],
        output_core_dims=[["quantity"]],
        vectorize=True,
        kwargs={"normalise": normalise},
    )
    time = str(elapsed.attrs.get("units", "1"))
    size = "1" if normalise else str(values.attrs.get("units", "1"))
    units = {
        "slope": f"{size}/{time}",
        "standard_error": f"{size}/{time}",
        "p_value": "1",
        "intercept": size,
        "sessions": "1",
    }
    result = xr.Dataset(
        {
            name: numbers.isel(quantity=index).assign_attrs(units=units[name])
            for index, name in enumerate(units)
        }
    )
    return result.assign(sessions=result["sessions"].astype(int))
