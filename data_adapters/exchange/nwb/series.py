"""Numbers of a time series of a file, and their times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_adapters.files.limits import refuse_absurd
from data_adapters.session import numbers
from drift.metrics.clocks import refuse_times
from drift.schema.labelled_form import RefusedInputError


def series_numbers(values: Any, what: str) -> NDArray[np.float64]:
    """Numbers by time, (sample,) or (sample, column), as they are in the file.

    Raises
    ------
    RefusedInputError
        If they are no numbers, larger than any session, or fewer than two samples.
    """
    refuse_absurd(np.shape(values), 8, what)
    by_time = numbers(values[:], what)
    if by_time.ndim not in (1, 2) or len(by_time) < 2:
        raise RefusedInputError(
            f"{what} was expected by time, got shape {by_time.shape}: save two samples or more "
            "in the first dim."
        )
    return by_time


def converted(values: NDArray[np.float64], series: Any) -> NDArray[np.float64]:
    """Numbers times ``conversion`` plus ``offset`` of their series; untouched where these say
    nothing."""
    conversion, offset = float(series.conversion), float(series.offset or 0.0)
    return values if (conversion, offset) == (1.0, 0.0) else values * conversion + offset


def series_times(series: Any, samples: int, path: Path) -> NDArray[np.float64]:
    """Times of the samples of a series, s after the beginning of the session.

    Raises
    ------
    RefusedInputError
        If they are not one per sample, or do not increase.
    """
    what = f"times of {series.name} in {path}"
    if series.timestamps is None:
        rate = float(series.rate or np.nan)
        times = float(series.starting_time or 0.0) + np.arange(samples) / rate
    else:
        refuse_absurd(np.shape(series.timestamps), 8, what)
        times = numbers(series.timestamps[:], what)
    if len(times) != samples:
        raise RefusedInputError(
            f"{what} were expected one per sample ({samples}), got {len(times)}: correct them."
        )
    return refuse_times(times, what)


def by_name(series: list[Any]) -> dict[str, Any]:
    """Series by their name, with that of what holds them before it where two share one."""
    names = [container.name for container in series]
    return {
        f"{container.parent.name}/{name}"
        if names.count(name) > 1 and container.parent is not None
        else name: container
        for name, container in zip(names, series, strict=True)
    }
