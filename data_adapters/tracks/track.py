"""A track on its own clock, and what of it holds at the frames of a recording."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_adapters.alignment import held_at, positions_at
from data_adapters.directions import coded_directions
from drift.metrics.clocks import largest_gap, usual_frame
from drift.schema.labelled_form import RefusedInputError

MOST_ROOMS = 100


class Track(NamedTuple):
    """Where an animal was; arrays are (sample), in units of the file."""

    time: NDArray[np.float64]  # s
    position: NDArray[np.float64]  # (sample[, axis]); NaN where lost
    trial: NDArray[np.int64] | None = None
    direction: NDArray[Any] | None = None
    environment: NDArray[Any] | None = None  # text
    frame: NDArray[np.float64] | None = None  # number of the frame that ran, from 1; 0 before
    away: NDArray[np.bool_] | None = None  # between trials, when the animal is nowhere
    units: str = "cm"
    notes: str = ""
    where: str = "the track"

    def samples(self, rate: float | None) -> NDArray[np.float64]:
        """Times of samples that spikes are counted in, s: those of the track."""
        return self.time

    def at(
        self,
        time: NDArray[np.float64],
        max_gap: float | None,
        track_length: float | None,
        ring: bool = False,
    ) -> dict[str, Any]:
        """Arguments of ``session_dataset`` at the times of frames, and ``notes``.

        Parameters
        ----------
        time : numpy.ndarray
            (frame) s, on the clock of the track.
        max_gap : float or None
            Longest time between samples to interpolate over, s; see ``data_adapters.align``.
        track_length : float or None
            In units of the file; see ``data_adapters.align``.
        ring : bool
            Whether it is the length around a ring.

        Returns
        -------
        dict

        Raises
        ------
        RefusedInputError
            If the frames and the track share no time.
        """
        self.refuse_apart(time)
        position = self._positions_at(time, max_gap, track_length, ring)
        if self.away is not None:
            position[held_at(self.away.astype(np.int64), self.time, time) > 0] = np.nan
        held: dict[str, Any] = {"position": position, "notes": self.notes}
        if self.trial is not None:
            held["trial"] = held_at(self.trial, self.time, time)
        if self.direction is not None:
            codes, note = coded_directions(self.direction, self.position, self.where)
            held["direction"] = held_at(codes, self.time, time)
            held["notes"] = "; ".join(filter(None, (self.notes, note)))
        return held

    def _positions_at(
        self,
        time: NDArray[np.float64],
        max_gap: float | None,
        track_length: float | None,
        ring: bool,
    ) -> NDArray[np.float64]:
        """Positions between the samples that were not lost; a lost sample is as one that was never
        written."""
        is_known = np.isfinite(self.position.reshape(len(self.position), -1)).all(axis=1)
        if is_known.sum() < 2:
            return np.full((time.size, *self.position.shape[1:]), np.nan)
        gap = largest_gap(usual_frame(self.time)) if max_gap is None else max_gap
        position, own = self.position[is_known], self.time[is_known]
        ring = ring and track_length is not None and position.ndim == 1
        return positions_at(position, own, time, gap, track_length, ring)

    def beginning_at(self, origin: Sequence[float]) -> Track:
        """The track counted from another place.

        Parameters
        ----------
        origin : sequence of float
            In units of the file, one number or one for each axis.
        """
        axes = 1 if self.position.ndim == 1 else self.position.shape[1]
        if len(origin) not in (1, axes):
            raise RefusedInputError(
                f"origin was expected to have one number, or {axes} for the axes of {self.where}, "
                f"got {len(origin)}: correct it."
            )
        return self._replace(position=self.position - np.asarray(origin, dtype=float))

    @property
    def is_in_one_room(self) -> bool:
        """Whether all samples name one environment."""
        return self.environment is not None and len(set(self.environment.tolist())) == 1

    def rooms(self, time: NDArray[np.float64]) -> dict[str, NDArray[np.bool_]]:
        """(frame) by environment, in the order in which they come; empty where it is not told."""
        if self.environment is None:
            return {}
        names = [name for name in dict.fromkeys(self.environment.tolist()) if name]
        if len(names) > MOST_ROOMS:
            raise RefusedInputError(
                f"{self.where} was expected to name up to {MOST_ROOMS} environments, got "
                f"{len(names)}: name the column otherwise if it is something else."
            )
        number_of = {name: number for number, name in enumerate(names, start=1)}
        numbers = np.array([number_of.get(name, 0) for name in self.environment])
        at_frames = held_at(numbers, self.time, time)
        return {name: at_frames == number for number, name in enumerate(names, start=1)}

    def refuse_apart(self, time: NDArray[np.float64]) -> None:
        """Refuse frames that share no time with the track."""
        if time[-1] < self.time[0] or time[0] > self.time[-1]:
            raise RefusedInputError(
                f"{self.where} was expected on the clock of the frames ({time[0]:.6g} to "
                f"{time[-1]:.6g} s), got {self.time[0]:.6g} to {self.time[-1]:.6g} s: say start= "
                "(the clock of the track when the recording begins), or frame_times=."
            )
