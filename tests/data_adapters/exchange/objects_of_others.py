"""A recording that is known by its numbers, and stand-ins for objects of packages that are not
installed: names, arguments and shapes are those of SpikeInterface 0.105 and movement 0.15, with
which they were compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

import data_adapters

LABELS = {"subject": "m1", "session": 0, "elapsed": 0.0, "elapsed_units": "day", "environment": "A"}
RATE = 20_000.0  # Hz, of the electrodes
TIME = np.arange(0, 60, 0.05)  # s
WAY = 50 + 40 * np.sin(TIME / 3)  # cm
SAMPLES = [
    np.sort(np.random.default_rng(unit).integers(0, int(60 * RATE), 200)) for unit in range(4)
]
TRAINS = [samples / RATE for samples in SAMPLES]  # s
COUNTS = np.stack([np.histogram(train, np.append(TIME, 60.0))[0] for train in TRAINS], axis=1)


def session(events, position=(TIME, WAY), **further) -> xr.Dataset:
    return data_adapters.from_objects(events, position, **{**LABELS, **further})


class Sorting:
    """``BaseSorting`` of SpikeInterface: samples of each unit in each segment."""

    def __init__(
        self,
        segments: Sequence[Mapping[Any, np.ndarray]],
        sampling_frequency: float,
        properties: Mapping[str, Sequence[Any]] | None = None,
        recorded: Sequence[tuple[float, float]] | None = None,
    ) -> None:
        self._samples, self._rate = segments, sampling_frequency
        self._properties = {key: np.array(values) for key, values in (properties or {}).items()}
        self._recorded = recorded

    @property
    def unit_ids(self) -> np.ndarray:
        return np.array(list(self._samples[0]))

    @property
    def segments(self) -> list[Any]:
        return list(self._samples)

    def get_unit_ids(self) -> np.ndarray:
        return self.unit_ids

    def get_num_segments(self) -> int:
        return len(self._samples)

    def get_sampling_frequency(self) -> float:
        return self._rate

    def get_property_keys(self) -> list[str]:
        return list(self._properties)

    def get_property(self, key: str, ids: Any = None) -> np.ndarray | None:
        return self._properties.get(key)

    def has_recording(self) -> bool:
        return self._recorded is not None

    def get_start_time(self, segment_index: int | None = None) -> float:
        return 0.0 if self._recorded is None else self._recorded[segment_index or 0][0]

    def get_end_time(self, segment_index: int | None = None) -> float:
        if self._recorded is not None:
            return self._recorded[segment_index or 0][1] - 1 / self._rate  # of its last sample
        return max(train.max() for train in self._samples[segment_index or 0].values()) / self._rate

    def get_unit_spike_train(
        self,
        unit_id: Any,
        segment_index: int | None = None,
        start_frame: int | None = None,
        end_frame: int | None = None,
        return_times: bool = False,
        use_cache: bool = True,
    ) -> np.ndarray:
        samples = self._samples[segment_index or 0][unit_id]
        if not return_times:
            return samples
        return self.get_start_time(segment_index) + samples / self._rate


def poses(
    position: np.ndarray,
    confidence: np.ndarray | None = None,
    keypoints: Sequence[str] = (),
    individuals: Sequence[str] = (),
    fps: float | None = None,
    singular: bool = False,
) -> xr.Dataset:
    """What ``movement.io.load_poses.from_numpy`` returns for (time, space, keypoint, individual);
    without keypoints ``load_bboxes``; ``singular`` names dims as from movement 0.17 on."""
    plural = "" if singular else "s"
    named = {f"keypoint{plural}": list(keypoints)} if keypoints else {}
    named |= {f"individual{plural}": list(individuals)}
    frames = np.arange(len(position))
    attrs = {"source_software": "none", "ds_type": "poses" if keypoints else "bboxes"}
    attrs |= {"time_unit": "frames" if fps is None else "seconds"}
    attrs |= {} if fps is None else {"fps": fps}
    if confidence is None:
        confidence = np.full(np.delete(position.shape, 1), np.nan)
    return xr.Dataset(
        {
            "position": (("time", "space", *named), position),
            "confidence": (("time", *named), confidence),
        },
        coords={
            "time": frames if fps is None else frames / fps,
            "space": ["x", "y", "z"][: position.shape[1]],
            **named,
        },
        attrs=attrs,
    )
