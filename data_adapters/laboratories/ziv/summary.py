"""What Sheintuch 2023 published per mouse (``this_mouse_data``), and the processed file of Ratzon
et al. 2024 made of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from data_adapters.files import matlab
from data_adapters.options import existing
from data_adapters.published.processed import by_animal, matrix
from data_adapters.session import integers
from drift.schema.labelled_form import RefusedInputError, combine, labelled

SOURCE = "Sheintuch et al. 2023, doi 10.1016/j.celrep.2023.112119"
CA1, CA3 = ("C5M1", "C6M3", "C6M4", "C8M2"), ("C14M4", "C15M2", "C23M4", "C24M3", "C24M4")
# Days of the recording sessions in the authors' code: every second day, first the straight track
# (A), then the L (B).
DAYS = {"A": np.arange(1, 16, 2), "B": np.arange(19, 34, 2)}
SESSION = ("subject", "session")
OF_A_MOUSE, PROCESSED = "this_mouse_data", ("frac_active", "Info")  # variables of either file


def summary(path: str | Path) -> xr.Dataset:
    """Published numbers of each mouse and recording session, numerators and denominators apart.

    Parameters
    ----------
    path : str or pathlib.Path
        A file ``<mouse>.mat`` with ``this_mouse_data`` (v5 or v7.3), a folder of them, or the
        processed file with ``frac_active`` and ``Info`` (animal, session).

    Returns
    -------
    xarray.Dataset
        Of ``this_mouse_data``: ``detected_units``, ``place_units`` (significant in either half and
        direction), their ratio ``fraction_place_units``, ``mean_spatial_information`` (bits/event,
        bias-corrected, place cells) by (subject, session), ``recorded`` and ``place_unit`` by
        (subject, session, unit), NaN where a session is missing; ``elapsed`` in days of the
        experiment, ``environment`` and ``region``. Of the processed file: ``fraction_place_units``
        and ``mean_spatial_information`` as published, every second day.

    Raises
    ------
    RefusedInputError
        If a file cannot be used.
    """
    path = existing(path)
    files = sorted(path.glob("*.mat")) if path.is_dir() else [path]
    if not files:
        raise RefusedInputError(
            f"files such as C6M4.mat were expected in {path}, got none: check the folder."
        )
    if path.is_dir():
        return _of_mice(_mouse(file, matlab.read(file, OF_A_MOUSE)) for file in files)
    content = matlab.read(path, optional=(OF_A_MOUSE, *PROCESSED))
    if OF_A_MOUSE in content:
        return _of_mice([_mouse(path, content)])
    matlab.require(content, path, *PROCESSED)
    fraction, information = (matrix(content[name], f"{name} in {path}") for name in PROCESSED)
    elapsed = 2 * np.arange(fraction.shape[1], dtype=np.float64)
    published = by_animal(
        fraction, information, elapsed, "every second day, from the first recording session", path
    )
    return published.assign_attrs(source=SOURCE, geometry="linear or L")


def _of_mice(each: Iterable[xr.Dataset]) -> xr.Dataset:
    mice = combine(list(each)).assign_attrs(source=SOURCE)
    environment = np.repeat(list(DAYS), [len(days) for days in DAYS.values()])
    return mice.assign_coords(
        environment=(SESSION, np.tile(environment, (mice.sizes["subject"], 1)))
    )


def _mouse(path: Path, variables: dict[str, Any]) -> xr.Dataset:
    content = variables[OF_A_MOUSE]
    if not isinstance(content, dict):
        raise RefusedInputError(
            f"this_mouse_data in {path} was expected to be a struct, got "
            f"{type(content).__name__}: copy the file again."
        )
    detected = _sessions(content, "number_of_neurons_sessions", path)
    information = _sessions(content, "average_SI_SSR_bit_spike_sessions", path)
    registered = integers(
        _field(content, "cell_to_index_map", path), f"cell_to_index_map in {path}"
    )
    if registered.ndim != 2 or registered.shape[1] != len(detected) or registered.size == 0:
        raise RefusedInputError(
            f"cell_to_index_map in {path} was expected as (cell, {len(detected)} sessions), "
            f"got {registered.shape}: copy the file again."
        )
    selected = _significant(content, registered.shape, path)
    missing = np.isnan(detected)
    recorded = (registered > 0) & ~missing[np.newaxis]
    numerator = np.where(missing, np.nan, selected.sum(axis=0))
    if (detected < np.maximum(numerator, 1)).any():
        raise RefusedInputError(
            f"number_of_neurons_sessions in {path} was expected to count all place cells, got "
            "fewer: copy the file again."
        )
    unit_flags = np.where(recorded | (selected & ~missing), selected, np.nan)
    values = {
        "detected_units": detected,
        "place_units": numerator,
        "fraction_place_units": numerator / detected,
        "recorded": recorded.T.astype(np.int8),
        "place_unit": unit_flags.T,
    }
    dims = {name: (*SESSION, "unit")[: 1 + array.ndim] for name, array in values.items()}
    variables = {
        name: labelled(name, dims[name], array[np.newaxis]) for name, array in values.items()
    }
    variables["mean_spatial_information"] = xr.DataArray(
        np.where(missing, np.nan, information)[np.newaxis],
        dims=SESSION,
        attrs={
            "units": "bits/event",
            "long_name": "mean spatial information of place cells, scaled shuffle reduction",
        },
    )
    return xr.Dataset(variables, coords=_coordinates(path.stem, len(registered)))


def _coordinates(mouse: str, units: int) -> dict[str, Any]:
    elapsed = np.concatenate(list(DAYS.values())).astype(float)[np.newaxis]
    region = "CA1" if mouse in CA1 else "CA3" if mouse in CA3 else "unknown"
    return {
        "subject": [mouse],
        "session": np.arange(elapsed.size),
        "unit": np.arange(units),
        "elapsed": (SESSION, elapsed, {"units": "day", "long_name": "day of the experiment"}),
        "unit_identity": (SESSION, np.full(elapsed.shape, "registered")),
        "region": ("subject", [region]),
    }


def _field(content: dict[str, Any], name: str, path: Path) -> Any:
    if name not in content:
        raise RefusedInputError(
            f"this_mouse_data in {path} was expected to have the field {name!r}, got none: "
            "copy the file again."
        )
    return content[name]


def _sessions(content: dict[str, Any], name: str, path: Path) -> NDArray[np.float64]:
    """(session,) of a field with one number per recording session on either track."""
    expected = sum(len(days) for days in DAYS.values())
    values = matrix(_field(content, name, path), f"{name} in {path}")
    if values.size != expected or 1 not in values.shape:
        raise RefusedInputError(
            f"{name} in {path} was expected with {expected} recording sessions, got shape "
            f"{values.shape}: copy it again."
        )
    return values.ravel()


def _significant(content: dict[str, Any], shape: tuple[int, ...], path: Path) -> NDArray[np.bool_]:
    """(cell, session) whether a cell is significant in any half of the session and any
    direction."""
    significant = np.zeros(shape, dtype=bool)
    for name in ("significant_right_trials", "significant_left_trials"):
        halves = _field(content, name, path)
        if (
            not isinstance(halves, np.ndarray)
            or halves.dtype != object
            or halves.ndim != 2
            or len(halves) != shape[1]
        ):
            raise RefusedInputError(
                f"{name} in {path} was expected as {shape[1]} recording sessions by halves of "
                "cells, got something else: copy it again."
            )
        for session, half in np.ndindex(halves.shape):
            cells = (
                integers(halves[session, half], f"{name} in {path}").ravel()
                if np.size(halves[session, half])
                else np.zeros(0, np.int64)
            )
            if (cells < 1).any() or (cells > shape[0]).any():
                raise RefusedInputError(
                    f"{name} in {path} was expected to number cells 1 to {shape[0]}, got "
                    f"{cells.min()} to {cells.max()}."
                )
            significant[cells - 1, session] = True
    return significant
