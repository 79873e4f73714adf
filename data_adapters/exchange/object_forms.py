"""What an object of another program says of units and of positions, in the words of this one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_adapters.acceptance import FLAGS, JUDGED, SORTED
from data_adapters.exchange.epochs import Epochs, epoch_frame_ends, extent, within_epochs
from data_adapters.session import numbers
from data_adapters.tracks.track import Track
from drift.metrics.clocks import frame_ends, usual_frame
from drift.schema.labelled_form import RefusedInputError


class Units(NamedTuple):
    """Units of an object, rejected ones counted; ``trains`` and ``frames`` exclude each other."""

    source: str  # the program
    where: str  # for messages
    unit: NDArray[np.int64]  # number of each
    unit_label: Sequence[str]
    words: Mapping[str, NDArray[Any]]  # what the experimenter or the sorter said, by column
    trains: Sequence[NDArray[np.float64]] | None = None  # s, of each unit
    frames: NDArray[np.float64] | None = None  # (frame, unit) events
    time: NDArray[np.float64] | None = None  # (frame) s
    recorded: tuple[float, float] | None = None  # s, where it says when it began and ended


class PositionChoice(NamedTuple):
    """What the caller says of a position."""

    columns: str | None = None  # names of one column or two, separated by a comma
    bodypart: str | None = None
    individual: str | None = None
    minimum_likelihood: float = 0.9
    track_rate: float | None = None  # Hz, of positions without times
    lost: float | None = None  # in units of the object
    scale: float | None = None  # cm per unit of the object
    position_units: str | None = None

    def names(self) -> list[str]:
        """Columns that were named."""
        return [name.strip() for name in (self.columns or "").split(",") if name.strip()]

    def without_lost(self, position: NDArray[np.float64]) -> NDArray[np.float64]:
        """Positions, NaN where a coordinate is the one that marks lost samples."""
        if self.lost is None:
            return position
        marked = (position == self.lost).reshape(len(position), -1).any(axis=1)
        kept_positions = position.copy()
        kept_positions[marked] = np.nan
        return kept_positions


class Positions(NamedTuple):
    """A track, and the epochs in which it was taken where the object has them: no frame and no
    interpolation reaches beyond one."""

    track: Track
    epochs: Epochs | None = None

    def frame_ends(self) -> NDArray[np.float64]:
        """Where the samples of the track end as frames, s."""
        time = self.track.time
        if self.epochs is None:
            return frame_ends(time, usual_frame(time))
        return epoch_frame_ends(time, self.epochs)

    def at(
        self, time: NDArray[np.float64], max_gap: float | None, track_length: float | None
    ) -> dict[str, Any]:
        """``Track.at`` within the epochs."""
        if self.epochs is None:
            return self.track.at(time, max_gap, track_length)
        self.track.refuse_apart(time)
        own, values = self.track.time, self.track.position
        length = track_length or extent(values)
        position = within_epochs(values, own, self.epochs, time, max_gap, length)
        return {"position": position, "notes": self.track.notes}


def seconds(values: Any, what: str) -> NDArray[np.float64]:
    """Times in s, one-dimensional; those with units are converted.

    Raises
    ------
    RefusedInputError
        If they are no finite numbers, not one-dimensional, or have units of something else.
    """
    if hasattr(values, "rescale"):
        values = _rescaled(values, "s", what, "times").magnitude
    times = numbers(values, what)
    if times.ndim != 1 or np.isnan(times).any():
        got = "NaN" if times.ndim == 1 else f"shape {times.shape}"
        raise RefusedInputError(
            f"{what} was expected to be an array of seconds, got {got}: give one time per event."
        )
    return times


def rescaled_lengths(values: Any, choice: PositionChoice, what: str) -> tuple[Any, str]:
    """Magnitudes of positions with units, and whether they are cm or pixel.

    Lengths become cm; with ``scale`` they stay as they are, since it converts them. Where they are
    no length (the volts of a treadmill, none at all) the caller has to say what they are.
    """
    units = str(values.dimensionality)
    if choice.scale is not None:
        return values.magnitude, "cm"
    if is_length(values):
        if choice.position_units not in (None, "cm"):
            raise RefusedInputError(
                f"{what} was expected in {choice.position_units}, got {units}: leave "
                "position_units= out."
            )
        return values.rescale("cm").magnitude, "cm"
    if units in ("pixel", "pixels", "px") or choice.position_units is not None:
        return values.magnitude, choice.position_units or "pixel"
    raise RefusedInputError(
        f"{what} was expected in a unit of length, got {units}: say scale= (cm per unit), or "
        "position_units= if they are cm or pixel."
    )


def is_length(values: Any) -> bool:
    """Tell whether a quantity converts to cm."""
    try:
        values.units.rescale("cm")
    except (ValueError, AttributeError):
        return False
    return True


def number_or_index(names: Sequence[Any]) -> NDArray[np.int64]:
    """Names of units that are whole numbers, else 0, 1, ..."""
    keys = np.asarray(names)
    whole = keys.dtype.kind in "iu" and (keys >= 0).all()
    return keys.astype(np.int64) if whole else np.arange(len(names))


def labels_apart(names: Sequence[Any]) -> list[str]:
    """Names as labels; ``unit 0``, ... where one is missing or two are alike."""
    if all(name not in (None, "") for name in names) and len({*map(str, names)}) == len(names):
        return [str(name) for name in names]
    return [f"unit {index}" for index in range(len(names))]


def tells_acceptance(name: str) -> bool:
    """Tell whether ``accepted_units`` reads a column of this name."""
    return name.casefold() in (*FLAGS, *JUDGED, *SORTED)


def column_of_words(values: list[Any]) -> NDArray[Any]:
    """What was said of each unit, in an array of one type; a missing word is empty."""
    if all(isinstance(value, bool | np.bool_) for value in values):
        return np.array(values, dtype=bool)
    if all(value is None or isinstance(value, int | float | np.number) for value in values):
        return np.array([np.nan if value is None else value for value in values], dtype=float)
    return np.array(["" if value is None else str(value) for value in values], dtype=object)


def _rescaled(values: Any, units: str, what: str, kind: str) -> Any:
    try:
        return values.rescale(units)
    except ValueError as error:
        raise RefusedInputError(
            f"{what} was expected to be {kind}, got {values.dimensionality}: give it in {units}."
        ) from error
