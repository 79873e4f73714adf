"""Curves normalised to the first session, as each panel of Ratzon, Derdikman & Barak (2024), Fig. 3, does it.

Normalise-then-average differs per panel: A is published normalised, B divides means, C and D divide each animal and then average
(C normalises the average again). Each convention is a name in ``NORMALISATIONS``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from data_adapters.options import nearest
from drift.door import opened
from drift.schema import RefusedInputError, check


class Curve(NamedTuple):
    """(session,) mean and its standard error, both over the first session, and how many entered."""

    mean: NDArray[np.float64]
    error: NDArray[np.float64]
    entered: NDArray[np.int64]


def ratio_of_means(values: NDArray[np.float64], faithful: bool = False) -> Curve:
    """Mean over animals divided by that of the first session (panel B).

    mean_s = <x_s> / <x_0>, sem_s = std(x_s) / sqrt(n) / <x_0>, std over n (not n - 1), as published.

    Parameters
    ----------
    values : numpy.ndarray
        (subject, session), NaN where there is none.
    faithful : bool
        n counts all animals, also those that are NaN; otherwise the animals present.

    Returns
    -------
    Curve

    Raises
    ------
    RefusedInputError
        If the first session is empty or 0.
    """
    mean, error, count = _moments(values, faithful)
    first = _first(mean[:1])[0]
    return Curve(mean / first, error / first, count)


def mean_of_ratios(values: NDArray[np.float64], faithful: bool = False, renormalised: bool = False) -> Curve:
    """Each animal divided by its first session, then averaged (panels C and D).

    mean_s = <x_s / x_0>, sem_s = std(x_s / x_0) / sqrt(n), std over n (not n - 1), as published.

    Parameters
    ----------
    values : numpy.ndarray
        (subject, session), NaN where there is none. An animal without a first session does not enter.
    faithful : bool
        n counts all animals, also those that are NaN; otherwise the animals present.
    renormalised : bool
        Divide by the first mean once more (panel C); of effect only where it is not 1.

    Returns
    -------
    Curve

    Raises
    ------
    RefusedInputError
        If no animal has a first session, or one is 0.
    """
    mean, error, count = _moments(values / _first(values[:, 0])[:, np.newaxis], faithful)
    scale = mean[0] if renormalised else 1.0
    return Curve(mean / scale, error / scale, count)


def _first(values: NDArray[np.float64]) -> NDArray[np.float64]:
    if np.isnan(values).all() or (values == 0).any():
        got = "0" if (values == 0).any() else "none"
        raise RefusedInputError(f"values of the first session were expected above 0 to divide by, got {got}: leave the animal out.")
    return values


def _moments(values: NDArray[np.float64], faithful: bool) -> Curve:
    """Mean and standard error over the first dim; NaN where no value is."""
    known = np.isfinite(values)
    count = known.sum(axis=0)
    empty = np.full(values.shape[1], np.nan)
    mean = np.divide(np.where(known, values, 0).sum(axis=0), count, out=empty.copy(), where=count > 0)
    variance = np.divide(np.where(known, (values - mean) ** 2, 0).sum(axis=0), count, out=empty.copy(), where=count > 0)
    divisor = np.full(count.shape, len(values)) if faithful else count
    return Curve(mean, np.sqrt(np.divide(variance, divisor, out=empty.copy(), where=count > 0)), count)


def _khatib(published: xr.Dataset, faithful: bool) -> tuple[Curve, Curve]:
    curves = []
    for name in ("normalised_fraction_place_units", "normalised_spatial_information"):
        mean, error = published[name].values, published[f"{name}_sem"].values
        curves.append(Curve(mean, error, np.full(len(mean), -1)))
    return curves[0], curves[1]


def _jercog(published: xr.Dataset, faithful: bool) -> tuple[Curve, Curve]:
    cells = published["pooled_spatial_information"].transpose("unit", "session").values
    return ratio_of_means(_by_animal(published, "active_units"), faithful), ratio_of_means(cells)


def _karlsson(published: xr.Dataset, faithful: bool) -> tuple[Curve, Curve]:
    fraction, information = (_by_animal(published, name) for name in ("fraction_place_units", "mean_spatial_information"))
    return mean_of_ratios(fraction, faithful, True), mean_of_ratios(information, faithful, True)


def _sheintuch(published: xr.Dataset, faithful: bool) -> tuple[Curve, Curve]:
    fraction, information = (_by_animal(published, name) for name in ("fraction_place_units", "mean_spatial_information"))
    return mean_of_ratios(fraction, faithful), mean_of_ratios(information, faithful)


def _by_animal(published: xr.Dataset, name: str) -> NDArray[np.float64]:
    return published[name].transpose("subject", "session").values.astype(float)


class Normalisation(NamedTuple):
    """How one panel normalises: what its activity is, the variables that it needs, and the function."""

    activity: str
    needed: tuple[str, ...]
    curves: Callable[[xr.Dataset, bool], tuple[Curve, Curve]]


FRACTION = ("fraction_place_units", "mean_spatial_information")
NORMALISATIONS: dict[str, Normalisation] = {
    "khatib2023": Normalisation(
        "fraction of place cells",
        tuple(f"normalised_{name}{suffix}" for name in ("fraction_place_units", "spatial_information") for suffix in ("", "_sem")),
        _khatib,
    ),
    "jercog2019": Normalisation("number of active cells", ("active_units", "pooled_spatial_information"), _jercog),
    "karlsson2015": Normalisation("fraction of place cells", FRACTION, _karlsson),
    "sheintuch2023": Normalisation("fraction of place cells", FRACTION, _sheintuch),
}


@opened
def normalised(name: str, published: xr.Dataset, faithful: bool = False) -> xr.Dataset:
    """Normalised activity and spatial information with standard errors, in the convention of one panel.

    Parameters
    ----------
    name : str
        A key of ``NORMALISATIONS``.
    published : xarray.Dataset
        As ``summary(name, path)`` gives it, or any Dataset with the same variables.
    faithful : bool
        As published: standard errors over all animals, those without the session included, and the index of the session as time axis.

    Returns
    -------
    xarray.Dataset
        ``activity``, ``spatial_information``, their ``_sem`` and ``_count`` by (session); count -1 where it is not published. The
        coordinate ``elapsed`` is real elapsed time with its unit (the mean over animals), or the index (unit "session") where faithful. The
        attribute ``activity`` says what activity is.

    Raises
    ------
    RefusedInputError
        If the name is unknown or a first session is missing or 0.
    SchemaError
        If a variable is missing.
    """
    if name not in NORMALISATIONS:
        raise RefusedInputError(f"normalisation {name!r} is unknown: {nearest(name, NORMALISATIONS)}.")
    rule = NORMALISATIONS[name]
    check(published)
    missing = [variable for variable in (*rule.needed, "elapsed") if variable not in published.variables]
    if missing:
        raise RefusedInputError(
            f"the normalisation {name} needs {', '.join(rule.needed)}, got none of {', '.join(missing)}: use its summary."
        )
    activity, information = rule.curves(published, faithful)
    variables = {
        f"{measure}{suffix}": ("session", values, {"units": "1"})
        for measure, curve in (("activity", activity), ("spatial_information", information))
        for suffix, values in zip(("", "_sem", "_count"), curve)
    }
    coords = {"session": published["session"].values, "elapsed": _elapsed(published, faithful)}
    return xr.Dataset(variables, coords=coords, attrs={"normalisation": name, "activity": rule.activity})


def _elapsed(published: xr.Dataset, faithful: bool) -> tuple[str, NDArray[np.float64], dict[str, str]]:
    elapsed = published["elapsed"]
    if faithful:
        return "session", np.arange(published.sizes["session"], dtype=float), {"units": "session"}
    values = elapsed.values.astype(float)
    if "subject" in elapsed.dims:
        values = _moments(elapsed.transpose("subject", "session").values.astype(float), faithful).mean
    return "session", values, {"units": str(elapsed.attrs.get("units", "1"))}
