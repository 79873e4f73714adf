"""The fields of one interchange file, asked for by name and refused in one sentence each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_adapters.alignment import held_at, positions_at
from data_adapters.directions import coded_directions
from data_adapters.exchange.frames import frame_counts
from data_adapters.files.containers import read_fields
from data_adapters.files.matlab import Unreadable
from data_adapters.options import nearest
from data_adapters.positions import in_centimetres
from data_adapters.session import integers, numbers
from drift.metrics.clocks import frame_ends, refuse_times, usual_frame
from drift.metrics.places import RING, equal_bins
from drift.schema.labelled_form import RefusedInputError

STIMULUS = ("stimulus", "stimulus_metric", "stimulus_period", "stimulus_units")
KNOWN = (
    *(
        "events",
        "events_are",
        "spike_times",
        "spike_times_index",
        "t_start",
        "t_stop",
        "rate_maps",
        "occupancy",
    ),
    *("position", "position_t", "velocity", "direction", "trial", "duration", "fs", "t"),
    *("track_length_cm", "bin_edges_cm", "geometry"),
    *STIMULUS,
    *("animal", "region", "environment", "session", "time", "time_unit", "n_detected"),
    *(
        "position_units",
        "unit",
        "unit_label",
        "unit_confidence",
        "unit_identity",
        "bin_size",
        "minimum_speed",
        "source",
    ),
)


class Fields:
    """Fields of one file; every method names file and field where it refuses.

    Parameters
    ----------
    path : pathlib.Path
        A file that ``read_fields`` reads.

    Raises
    ------
    RefusedInputError
        If the file holds a field that the format does not know.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._values = read_fields(path)
        spoilt = {
            name: value for name, value in self._values.items() if isinstance(value, Unreadable)
        }
        self._values = {
            name: value
            for name, value in self._values.items()
            if name in KNOWN or name not in spoilt
        }
        for name in self._values:
            if name in spoilt:
                raise RefusedInputError(
                    f"{name} in {path} was expected to hold plain values, but "
                    f"{spoilt[name].reason}."
                )
            if name not in KNOWN and not name.startswith(("attr_", "coord_")):
                raise RefusedInputError(
                    f"{path} was expected to hold fields of the interchange format, got "
                    f"{name!r}: {nearest(name, KNOWN)}, or attr_{name}."
                )

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def _where(self, name: str) -> str:
        return f"{name} in {self.path}"

    def require(self, *names: str) -> None:
        """Refuse the file if it lacks one of the fields."""
        missing = [name for name in names if name not in self]
        if missing:
            raise RefusedInputError(
                f"{self.path} was expected to hold {', '.join(missing)}, got only "
                f"{', '.join(self._values)}: add them."
            )

    def text(self, name: str, default: str | None = None) -> str:
        """Text, or the default where the field is absent."""
        if default is not None and name not in self:
            return default
        self.require(name)
        value = self._values[name]
        if not isinstance(value, str):
            raise RefusedInputError(
                f"{self._where(name)} was expected to be text, got {type(value).__name__}: "
                "save it as text."
            )
        return value

    def array(self, name: str) -> NDArray[np.float64]:
        """Numbers as they are shaped in the file."""
        self.require(name)
        return numbers(self._values[name], self._where(name))

    def rows(self, name: str) -> int | None:
        """Length of the first dim, or None where the field is absent."""
        return len(np.atleast_1d(self.array(name))) if name in self else None

    def number(self, name: str) -> float:
        """One number."""
        values = self.array(name).ravel()
        if values.size != 1 or np.isnan(values[0]):
            raise RefusedInputError(
                f"{self._where(name)} was expected to be one number, got {values.size} or "
                "NaN: save a scalar."
            )
        return float(values[0])

    def whole(self, name: str) -> int:
        """One whole number."""
        return (
            int(integers(self.number(name), self._where(name)).item())
            if name in self
            else int(self.number(name))
        )

    def vector(self, name: str) -> NDArray[np.float64]:
        """A row, a column or a vector as a vector."""
        values = self.array(name)
        if values.size != max(values.shape, default=1):
            raise RefusedInputError(
                f"{self._where(name)} was expected to be a vector, got shape {values.shape}: "
                "give one value per entry."
            )
        return values.ravel()

    def optional(self, name: str) -> NDArray[np.float64] | None:
        """A vector, or None where the field is absent."""
        return self.vector(name) if name in self else None

    def codes(self, name: str) -> Any:
        """A vector of numbers or of texts, or None where the field is absent."""
        if name not in self:
            return None
        texts = np.asarray(self._values[name])
        if texts.dtype.kind in "UO":
            return texts.ravel().astype(np.str_)
        return texts.ravel() if texts.dtype.kind == "b" else self.vector(name)

    def matrix(self, name: str) -> NDArray[np.float64]:
        """A matrix (frame, cell)."""
        values = self.array(name)
        if values.ndim != 2:
            raise RefusedInputError(
                f"{self._where(name)} was expected as (frame, cell), got shape "
                f"{values.shape}: give one column per cell."
            )
        return values

    def cells(self) -> int:
        """Number of cells, by the shape of what the file holds of them."""
        if "rate_maps" in self:
            return len(self.array("rate_maps"))
        if "events" in self:
            return self.matrix("events").shape[1]
        self.require("spike_times")
        return sum(1 for _ in self._trains())

    def session(self) -> int:
        """Number of the session, from 1."""
        number = self.whole("session")
        if number < 1:
            raise RefusedInputError(
                f"{self._where('session')} was expected to count from 1, got {number}: add 1 "
                "to all sessions."
            )
        return number

    def labels(self, name: str, count: int) -> list[str] | None:
        """Text of each cell, or None where the field is absent."""
        if name not in self:
            return None
        values = self._values[name]
        texts = [values] if isinstance(values, str) else [str(value) for value in values]
        if len(texts) != count:
            raise RefusedInputError(
                f"{self._where(name)} was expected to name {count} cells, got {len(texts)}: "
                "give one text per cell."
            )
        return texts

    def prefixed(self, prefix: str) -> dict[str, str | float]:
        """Text and numbers whose names begin with the prefix, by the rest of their names."""
        names = [name for name in self._values if name.startswith(prefix)]
        return {name.removeprefix(prefix): self._scalar(name) for name in names}

    def described(self) -> dict[str, str | float]:
        """Attributes of the session: ``attr_<name>``, region and track length."""
        attrs = self.prefixed("attr_")
        if "region" in self:
            attrs["region"] = self.text("region")
        if "track_length_cm" in self:
            attrs["track_length"] = self.number("track_length_cm")
        return attrs

    def _scalar(self, name: str) -> str | float:
        value = self._values[name]
        if isinstance(value, str):
            return value
        flat = np.ravel(value)
        if flat.size != 1:
            raise RefusedInputError(
                f"{self._where(name)} was expected to be text or one number, got {flat.size} "
                "values: save a scalar."
            )
        return flat[0].item()

    def times(self, name: str, sampling_rate: float | None = None) -> NDArray[np.float64] | None:
        """Times of samples in s, or None where the field is absent."""
        time = self.optional(name)
        return None if time is None else refuse_times(time, self._where(name), sampling_rate)

    def clock(self) -> tuple[NDArray[np.float64] | None, float]:
        """Times of the frames (s) where the file has them, and the sampling rate (Hz).

        Frames are those of ``t`` or ``fs``; spikes without these are counted in the frames of
        ``position_t``.
        """
        rate = self.number("fs") if "fs" in self else None
        if rate is not None and not rate > 0:
            raise RefusedInputError(
                f"{self._where('fs')} was expected above 0 Hz, got {rate}: give frames per second."
            )
        own = "position_t" if rate is None and "t" not in self and "events" not in self else "t"
        time = self.times(own, rate)
        if time is None and rate is None:
            raise RefusedInputError(
                f"{self.path} was expected to hold fs (Hz) or t (s per frame), got neither: "
                "add one."
            )
        return time, 1 / usual_frame(time) if time is not None and rate is None else float(
            rate or np.nan
        )

    def position(self, frames: int | None) -> NDArray[np.float64]:
        """(frame,) or (frame, 2)."""
        values = self.array("position")
        if values.ndim == 2 and values.shape[1] == 2 and frames in (None, values.shape[0]):
            return values
        if values.size == max(values.shape, default=1) and frames in (None, values.size):
            return values.ravel()
        expected = (
            "one row per frame" if frames is None else f"one row per frame of events ({frames})"
        )
        remedy = "transpose or cut one of them, or give the times of the positions as position_t"
        raise RefusedInputError(
            f"{self._where('position')} was expected with {expected}, got shape "
            f"{values.shape}: {remedy}."
        )

    def behaviour(
        self, time: NDArray[np.float64] | None, rate: float, scale: float | None, lost: float | None
    ) -> tuple[dict[str, Any], str]:
        """Position or stimulus, velocity, direction and trial in each frame, and how directions
        were coded where that was told here.

        What has the clock of ``position_t`` is aligned with the frames.

        Parameters
        ----------
        time : numpy.ndarray or None
            (frame) s; None: frames follow ``t_start``, or 0, at the sampling rate.
        rate : float
            Hz.
        scale : float or None
            cm per unit of position.
        lost : float or None
            Value of lost positions, which are not aligned with.
        """
        variables: dict[str, Any] = {
            "velocity": self.optional("velocity"),
            "direction": self.codes("direction"),
            "trial": self.optional("trial"),
        }
        if any(name in self for name in STIMULUS):
            return {**self.stimuli(), **variables}, ""
        own = self.times("position_t")
        if own is None:
            return {"position": self.position(self.rows("events")), **variables}, ""
        frames = self._frames(time, rate, own)
        position = in_centimetres(self.position(len(own)), None, lost, self._where("position"))
        track = self.number("track_length_cm") / (scale or 1.0) if self._in_centimetres() else None
        ring = track is not None and self.text("geometry", "unknown") == RING
        variables["position"] = positions_at(position, own, frames, track_length=track, ring=ring)
        note = ""
        mine = {
            name
            for name, values in variables.items()
            if values is not None and len(values) == len(own)
        }
        if "direction" in mine:
            codes, note = coded_directions(
                variables["direction"], position, self._where("direction")
            )
            variables["direction"] = held_at(codes, own, frames)
        if "trial" in mine:
            variables["trial"] = held_at(variables["trial"], own, frames)
        if "velocity" in mine:
            variables["velocity"] = positions_at(
                variables["velocity"], own, frames, track_length=np.inf
            )
        return variables, note

    def stimuli(self) -> dict[str, Any]:
        """Labels of the stimuli and what the file says of their metric, as arguments of
        ``session_dataset``."""
        self.require("stimulus")
        if "position" in self or "position_t" in self:
            raise RefusedInputError(
                f"{self.path} was expected to hold position or stimulus, got both: keep one of "
                "them."
            )
        stated: dict[str, Any] = {
            name: self.text(name) for name in ("stimulus_metric", "stimulus_units") if name in self
        }
        if "stimulus_period" in self:
            stated["stimulus_period"] = self.number("stimulus_period")
        return {"stimulus": self.codes("stimulus"), **stated}

    def _in_centimetres(self) -> bool:
        return "track_length_cm" in self and self.text("position_units", "cm") == "cm"

    def _frames(
        self, time: NDArray[np.float64] | None, rate: float, own: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Times of the frames that events are, or spikes are counted in."""
        if time is not None:
            return time
        start = self.number("t_start") if "t_start" in self else 0.0
        last = (
            self.number("t_stop") if "events" not in self and "t_stop" in self else float(own[-1])
        )
        frames = self.rows("events") or max(2, int(np.floor((last - start) * rate)))
        return start + np.arange(frames) / rate

    def bin_size(self) -> float | None:
        """Width of the bins where the file says it; None leaves the choice to the default, to the
        edges, or to stimuli."""
        if "stimulus" in self and "bin_size" not in self:
            return None
        if not any(name in self for name in ("track_length_cm", "bin_edges_cm", "bin_size")):
            raise RefusedInputError(
                f"{self.path} was expected to hold track_length_cm or bin_edges_cm, got "
                "neither: add one."
            )
        return (
            self.number("bin_size") if "bin_size" in self and "bin_edges_cm" not in self else None
        )

    def bin_edges(self) -> NDArray[np.float64] | None:
        """Edges of equal bins, or None where the file has none; a ``bin_size`` beside them must be
        theirs."""
        if "bin_edges_cm" not in self:
            return None
        edges = self.vector("bin_edges_cm")
        width = equal_bins(edges, self._where("bin_edges_cm"))[0]
        if "bin_size" in self and abs(self.number("bin_size") - width) > 1e-4 * width:
            got = f"{self.number('bin_size'):g} beside edges {width:g} apart"
            raise RefusedInputError(
                f"{self._where('bin_size')} was expected to be the width between "
                f"bin_edges_cm, got {got}: keep one."
            )
        return edges

    def _trains(self) -> Iterator[NDArray[np.float64]]:
        """Spike times of each cell, s."""
        trains = self._values["spike_times"]
        if isinstance(trains, list):
            yield from (numbers(train, self._where("spike_times")).ravel() for train in trains)
            return
        times, ends = (
            self.vector("spike_times"),
            integers(self.vector("spike_times_index"), self._where("spike_times_index")),
        )
        if len(ends) == 0 or (np.diff(ends, prepend=0) < 0).any() or ends[-1] != len(times):
            got = f"{ends.tolist()} for {len(times)} times"
            raise RefusedInputError(
                f"{self._where('spike_times_index')} was expected to rise to the number of "
                f"spike_times, got {got}: count again."
            )
        yield from np.split(times, ends[:-1])

    def spike_counts(
        self, time: NDArray[np.float64] | None, rate: float, frames: int
    ) -> tuple[NDArray[np.float64], int]:
        """Spikes (frame, cell) and the number of spikes outside of the tracked frames.

        A spike at s belongs to the frame that begins before or at s and ends after it; see
        ``frames.frame_counts``.

        Parameters
        ----------
        time : numpy.ndarray or None
            (frame,) s; None: frames follow ``t_start`` at the sampling rate.
        rate : float
            Hz.
        frames : int
            Number of frames.

        Returns
        -------
        counts, outside : numpy.ndarray (frame, cell), int
        """
        self.require("spike_times", "t_start", "t_stop")
        start, stop = self.number("t_start"), self.number("t_stop")
        begins = start + np.arange(frames) / rate if time is None else time
        if len(begins) != frames:
            remedy = "cut both alike, or give the times of the positions as position_t"
            raise RefusedInputError(
                f"{self._where('t')} was expected with one time per frame ({frames}), got "
                f"{len(begins)}: {remedy}."
            )
        trains = list(self._trains())
        every = np.concatenate(trains) if trains else np.zeros(0)
        if not ((every >= start) & (every <= stop)).all():
            wrong = every[~((every >= start) & (every <= stop))][0]
            raise RefusedInputError(
                f"{self._where('spike_times')} was expected within t_start {start} and t_stop "
                f"{stop} s, got {wrong}: correct it."
            )
        return frame_counts(
            trains, begins, frame_ends(begins, 1 / rate), self._where("spike_times")
        )
