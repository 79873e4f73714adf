"""Processed files of Ratzon, Derdikman & Barak (2024): one matrix of fractions and one of
information, as labelled arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from data_adapters.session import numbers
from drift.schema.labelled_form import RefusedInputError, labelled

SESSION = ("subject", "session")
INFORMATION = {"units": "bits/event", "long_name": "mean spatial information over units"}


def matrix(values: ArrayLike, what: str) -> NDArray[np.float64]:
    """Values as a matrix of numbers.

    Parameters
    ----------
    values : array_like
        From a file.
    what : str
        For the message.

    Returns
    -------
    numpy.ndarray
        Two-dimensional, not empty.

    Raises
    ------
    RefusedInputError
        If they are something else.
    """
    if isinstance(values, dict | str) or (
        isinstance(values, np.ndarray) and values.dtype == object
    ):
        raise RefusedInputError(
            f"{what} was expected to be a matrix of numbers, got {type(values).__name__}: "
            "save plain numbers."
        )
    array = numbers(values, what)
    if array.ndim != 2 or array.size == 0:
        raise RefusedInputError(
            f"{what} was expected to be a matrix, got shape {array.shape}: save two dims."
        )
    return array


def sessions_of_animals(
    elapsed: NDArray[np.float64], elapsed_axis: str, animals: int
) -> dict[str, Any]:
    """Coordinates of (subject, session) where the file names neither animals nor days.

    Parameters
    ----------
    elapsed : numpy.ndarray
        (session,) days.
    elapsed_axis : str
        What the days are.
    animals : int
        Number of animals.

    Returns
    -------
    dict
        subject, session and elapsed.
    """
    attrs = {"units": "day", "long_name": elapsed_axis}
    return {
        "subject": [f"animal {number}" for number in range(1, animals + 1)],
        "session": np.arange(len(elapsed)),
        "elapsed": (SESSION, np.tile(elapsed, (animals, 1)), attrs),
    }


def by_animal(
    fraction: NDArray[np.float64],
    information: NDArray[np.float64],
    elapsed: NDArray[np.float64],
    elapsed_axis: str,
    path: Path,
) -> xr.Dataset:
    """Fractions of place units and mean spatial information of animals.

    Parameters
    ----------
    fraction, information : numpy.ndarray
        (subject, session); NaN where an animal has no such session. Published without numerators
        and denominators.
    elapsed : numpy.ndarray
        (session,) days.
    elapsed_axis : str
        What the days are.
    path : pathlib.Path
        For messages.

    Returns
    -------
    xarray.Dataset
        ``fraction_place_units`` and ``mean_spatial_information`` (subject, session).

    Raises
    ------
    RefusedInputError
        If the two differ in shape, or a fraction is not between 0 and 1.
    """
    if fraction.shape != information.shape:
        raise RefusedInputError(
            f"fractions and information in {path} were expected with one shape, got "
            f"{fraction.shape} and {information.shape}: check it."
        )
    if ((fraction < 0) | (fraction > 1)).any():
        raise RefusedInputError(
            f"fractions in {path} were expected from 0 to 1, got others: save fractions "
            "before they are normalised."
        )
    variables = {
        "fraction_place_units": labelled("fraction_place_units", SESSION, fraction),
        "mean_spatial_information": xr.DataArray(information, dims=SESSION, attrs=INFORMATION),
    }
    return xr.Dataset(
        variables,
        coords=sessions_of_animals(elapsed, elapsed_axis, len(fraction)),
        attrs={"elapsed_axis": elapsed_axis},
    )
