"""Subjects and sessions by what they are called or by their position."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError, did_you_mean


def _names(dataset: xr.Dataset, dim: str, subject: int | None) -> list[str]:
    """What the entries of a dim are called; sessions by the numbers of the files where these are
    kept."""
    if dim == "session" and "session_label" in dataset.coords:
        labels = dataset["session_label"]
        own = labels.isel(subject=subject or 0) if "subject" in labels.dims else labels
        return [str(label) for label in own.values]
    return [
        str(label)
        for label in (dataset[dim].values if dim in dataset.coords else range(dataset.sizes[dim]))
    ]


def position_of(dataset: xr.Dataset, dim: str, given: Any, subject: int | None = None) -> int:
    """Position along a dim of what is named by its label (text) or by its position (a whole number,
    from the end if negative).

    Parameters
    ----------
    dataset : xarray.Dataset
        With the dim.
    dim : str
        Such as subject or session.
    given : str or int
        A label, as text; or a position.
    subject : int, optional
        Position of the subject whose sessions are meant.

    Returns
    -------
    int
        From 0.

    Raises
    ------
    RefusedInputError
        If there is no such entry.
    """
    if dim not in dataset.dims:
        dims = ", ".join(map(str, dataset.dims))
        raise RefusedInputError(
            f"a Dataset with the dim {dim} is needed, got dims ({dims}): pass a run or a "
            "measured recording."
        )
    size, names = dataset.sizes[dim], _names(dataset, dim, subject)
    if isinstance(given, str):
        if given in names:
            return names.index(given)
        raise RefusedInputError(f"{dim} {given!r} is unknown: {did_you_mean(given, names)}")
    if (
        isinstance(given, bool | np.bool_)
        or not isinstance(given, int | np.integer)
        or not -size <= given < size
    ):
        raise RefusedInputError(
            f"{dim} must be a position from 0 to {size - 1} or a label in quotation marks "
            f"({', '.join(names[:6])}"
            f"{', ...' if size > 6 else ''}), got {given!r}."
        )
    return int(given) % size


def session_title(seen: xr.Dataset, several: bool = False) -> str:
    """What a picture of one session says above it: when it was, and where if there were several
    environments.

    Parameters
    ----------
    seen : xarray.Dataset
        One session of one subject, with ``elapsed``.
    several : bool
        Whether the subject was in several environments.

    Returns
    -------
    str
        Such as "day 4" or "20,000 steps"; a second line names the room.
    """
    value, units = float(seen["elapsed"].item()), str(seen["elapsed"].attrs.get("units", ""))
    shown = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    when = {"min": f"{shown} min", "step": f"{shown} step{'s' * (value != 1)}"}.get(
        units, f"{units} {shown}".strip()
    )
    when = when if np.isfinite(value) else "not recorded"
    return (
        f"{when}\nroom {seen['environment'].item()}"
        if several and "environment" in seen.coords
        else when
    )
