"""Curves normalised to the first session, as each panel of Ratzon, Derdikman & Barak (2024), Fig.
3, does it.

Normalise-then-average differs per panel: A is published normalised, B divides means, C and D
divide each animal and then average (C normalises the average again). Each convention is a name in
``NORMALISATIONS``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from data_adapters.options import nearest
from drift.comparison.conventions import (
    Curve,
    mean_of_ratios,
    ratio_of_means,
    renormalised_mean_of_ratios,
)
from drift.door import opened
from drift.schema.labelled_form import RefusedInputError, check


def _with_first(values: NDArray[np.float64], first: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values whose first session, by which they are divided, is there and is not 0."""
    if np.isnan(first).all() or (first == 0).any():
        got = "0" if (first == 0).any() else "none"
        raise RefusedInputError(
            f"values of the first session were expected above 0 to divide by, got {got}: "
            "leave the animal out."
        )
    return values


def _divided_means(values: NDArray[np.float64], faithful: bool) -> Curve:
    first_session = values[np.isfinite(values[:, 0]), 0]
    return ratio_of_means(
        _with_first(
            values, first_session.mean(keepdims=True) if first_session.size else np.array([np.nan])
        ),
        faithful,
    )


def _khatib(published: xr.Dataset, faithful: bool) -> tuple[Curve, Curve]:
    curves = []
    for name in ("normalised_fraction_place_units", "normalised_spatial_information"):
        mean, error = published[name].values, published[f"{name}_sem"].values
        curves.append(Curve(mean, error, np.full(len(mean), -1)))
    return curves[0], curves[1]


def _jercog(published: xr.Dataset, faithful: bool) -> tuple[Curve, Curve]:
    cells = published["pooled_spatial_information"].transpose("unit", "session").values
    mean, error, count = _divided_means(cells, False)
    if faithful:  # deviations over n; n are the cells of the day, as no cell is absent
        error = np.where(count > 1, error * np.sqrt(1 - 1 / np.maximum(count, 1)), 0.0)
    return _divided_means(_by_animal(published, "active_units"), faithful), Curve(
        mean, error, count
    )


def _karlsson(published: xr.Dataset, faithful: bool) -> tuple[Curve, Curve]:
    fraction, information = (
        _with_first(values := _by_animal(published, name), values[:, 0]) for name in FRACTION
    )
    return renormalised_mean_of_ratios(fraction, faithful), renormalised_mean_of_ratios(
        information, faithful
    )


def _sheintuch(published: xr.Dataset, faithful: bool) -> tuple[Curve, Curve]:
    fraction, information = (
        _with_first(values := _by_animal(published, name), values[:, 0]) for name in FRACTION
    )
    return mean_of_ratios(fraction, faithful), mean_of_ratios(information, faithful)


def _by_animal(published: xr.Dataset, name: str) -> NDArray[np.float64]:
    return published[name].transpose("subject", "session").values.astype(float)


class Normalisation(NamedTuple):
    """How one panel normalises: what its activity is, the variables that it needs, and the
    function."""

    activity: str
    needed: tuple[str, ...]
    curves: Callable[[xr.Dataset, bool], tuple[Curve, Curve]]


FRACTION = ("fraction_place_units", "mean_spatial_information")
NORMALISATIONS: dict[str, Normalisation] = {
    "khatib2023": Normalisation(
        "fraction of place cells",
        tuple(
            f"normalised_{name}{suffix}"
            for name in ("fraction_place_units", "spatial_information")
            for suffix in ("", "_sem")
        ),
        _khatib,
    ),
    "jercog2019": Normalisation(
        "number of active cells", ("active_units", "pooled_spatial_information"), _jercog
    ),
    "karlsson2015": Normalisation("fraction of place cells", FRACTION, _karlsson),
    "sheintuch2023": Normalisation("fraction of place cells", FRACTION, _sheintuch),
}


@opened
def normalised(name: str, published: xr.Dataset, faithful: bool = False) -> xr.Dataset:
    """Normalised activity and spatial information with standard errors, in the convention of one
    panel.

    Parameters
    ----------
    name : str
        A key of ``NORMALISATIONS``.
    published : xarray.Dataset
        As ``summary(name, path)`` gives it, or any Dataset with the same variables.
    faithful : bool
        As published: standard errors with the deviation over n and n all animals, those without the
        session included, and the index of the session as time axis. Otherwise they have n - 1
        degrees of freedom, n the animals present, and are NaN for one animal.

    Returns
    -------
    xarray.Dataset
        ``activity``, ``spatial_information``, their ``_sem`` and ``_count`` by (session); count -1
        where it is not published. The coordinate ``elapsed`` is real elapsed time with its unit
        (the mean over animals), or the index (unit "session") where faithful. The attribute
        ``activity`` says what activity is.

    Raises
    ------
    RefusedInputError
        If the name is unknown or a first session is missing or 0.
    SchemaError
        If a variable is missing.
    """
    if name not in NORMALISATIONS:
        raise RefusedInputError(
            f"normalisation {name!r} is unknown: {nearest(name, NORMALISATIONS)}."
        )
    rule = NORMALISATIONS[name]
    check(published)
    missing = [
        variable for variable in (*rule.needed, "elapsed") if variable not in published.variables
    ]
    if missing:
        raise RefusedInputError(
            f"the normalisation {name} needs {', '.join(rule.needed)}, got none of "
            f"{', '.join(missing)}: use its summary."
        )
    activity, information = rule.curves(published, faithful)
    variables = {
        f"{measure}{suffix}": ("session", values, {"units": "1"})
        for measure, curve in (("activity", activity), ("spatial_information", information))
        for suffix, values in zip(("", "_sem", "_count"), curve)
    }
    coords = {"session": published["session"].values, "elapsed": _elapsed(published, faithful)}
    return xr.Dataset(
        variables, coords=coords, attrs={"normalisation": name, "activity": rule.activity}
    )


def _elapsed(
    published: xr.Dataset, faithful: bool
) -> tuple[str, NDArray[np.float64], dict[str, str]]:
    elapsed = published["elapsed"]
    if faithful:
        return "session", np.arange(published.sizes["session"], dtype=float), {"units": "session"}
    values = elapsed.values.astype(float)
    if "subject" in elapsed.dims:
        values = xr.DataArray(elapsed).mean("subject").values.astype(float)
    return "session", values, {"units": str(elapsed.attrs.get("units", "1"))}
