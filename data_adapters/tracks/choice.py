"""What the caller says of a track."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drift.schema.labelled_form import RefusedInputError


class TrackChoice(NamedTuple):
    """What the caller says of a track."""

    position: str | None = None  # column, or two separated by a comma
    bodypart: str | None = None
    minimum_likelihood: float = 0.9
    rate: float | None = None  # Hz, of a track without times
    times: NDArray[np.float64] | None = None  # (sample) s, of a track without times
    pulses: str | None = None  # column
    lost: float | None = None


def sample_times(samples: int, choice: TrackChoice, path: Path) -> NDArray[np.float64] | None:
    """Times of the samples of a track without times, s; None where nothing was said.

    Raises
    ------
    RefusedInputError
        If there is not one time for each sample.
    """
    if choice.times is not None:
        if choice.times.size != samples:
            raise RefusedInputError(
                f"track_times of {path} were expected to be as many as its samples ({samples}), "
                f"got {choice.times.size}: cut both alike."
            )
        return choice.times
    return None if choice.rate is None else np.arange(samples) / choice.rate
