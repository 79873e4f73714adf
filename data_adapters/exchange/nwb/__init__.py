"""Neurodata Without Borders: one file per recording session, with events and the position of the
subject. Needs the package pynwb.

NWB has no standard type of rate maps. Events are spike times (``Units``) or responses of regions
of interest (``RoiResponseSeries``); their numbers and those of positions times ``conversion`` plus
``offset`` are in ``unit``. A position is a ``SpatialSeries``, a ``PoseEstimationSeries`` of the
extension ndx-pose, or else a plain ``TimeSeries``, in a unit of length or pixels: here cm or pixel.
Directions of the head and what belongs to an eye are none. Elapsed time comes from
``session_start_time``. Nothing in the format says that units are followed across files; where
regions or units have a column ``global_roi_id``, ``cell_specimen_id`` or ``global_id``, equal
entries in two files of a subject are taken for the same unit. What ``data_adapters.to_nwb`` wrote
is read back as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from data_adapters.exchange.nwb.reader import sessions

__all__ = ["sessions"]


__getattr__, __dir__ = lazily(__name__)
