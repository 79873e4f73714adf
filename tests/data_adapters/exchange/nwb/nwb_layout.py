"""NWB files as archives hold them, written by pynwb from known numbers."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

START = datetime(2020, 1, 1, 9, tzinfo=UTC)
FRAMES, ROIS, RATE = 600, 5, 20.0
TIME = np.arange(FRAMES) / RATE
# Quarters are exact in binary, so that units of length come back as the numbers that they are.
TRACK = np.round(4 * (50 + 45 * np.sin(TIME))) / 4


def events(seed: int = 0, rois: int = ROIS) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.where(rng.random((FRAMES, rois)) < 0.1, np.round(rng.lognormal(1, 1), 3) + 0.5, 0.0)


@cache
def pose_kind() -> Any:
    """``PoseEstimationSeries`` as the extension ndx-pose declares it."""
    import tempfile

    from pynwb import get_class, load_namespaces
    from pynwb.spec import NWBDatasetSpec, NWBGroupSpec, NWBNamespaceBuilder, export_spec

    confidence = NWBDatasetSpec(
        "how certain", name="confidence", dtype="float32", shape=(None,), quantity="?"
    )
    kind = NWBGroupSpec(
        "pose",
        neurodata_type_def="PoseEstimationSeries",
        neurodata_type_inc="SpatialSeries",
        datasets=[confidence],
    )
    folder = Path(tempfile.mkdtemp(prefix="repdrift-pose-"))
    builder = NWBNamespaceBuilder("pose", "ndx-pose", version="0.2.0", author="a", contact="b")
    builder.include_type("SpatialSeries", namespace="core")
    export_spec(builder, [kind], str(folder))
    load_namespaces(str(folder / "ndx-pose.namespace.yaml"))
    return get_class("PoseEstimationSeries", "ndx-pose")


def place(name: str = "position", **changes: Any) -> dict[str, Any]:
    """Arguments of a series with the position; ``kind`` and ``home`` say which and where."""
    return {
        "name": name,
        "data": TRACK,
        "unit": "cm",
        "rate": RATE,
        "kind": "SpatialSeries",
        "home": "Position",
        **changes,
    }


def content_of(
    positions: Any = ({},),
    responses: Any = "default",
    columns: Any = None,
    trains: Any = None,
    unit_columns: Any = None,
    trials: Any = None,
    epochs: Any = (),
    intervals: Any = None,
    subject: str | None = "m1",
    start: datetime = START,
    response: Any = None,
) -> Any:
    """Content of a file; ``positions`` are changes of ``place``, ``responses`` (frame, roi) a
    series named Deconvolved, ``trials`` columns, ``epochs`` (start, stop, tags)."""
    import pynwb

    content = pynwb.NWBFile("made", identifier=f"{subject} {start}", session_start_time=start)
    if subject is not None:
        content.subject = pynwb.file.Subject(subject_id=subject)
    behaviour = content.create_processing_module("behavior", "made")
    for changes in positions:
        _add_position(content, behaviour, place(**changes))
    if responses is not None:
        values = events() if isinstance(responses, str) else responses
        _add_responses(content, values, columns or {}, response or {})
    for name in unit_columns or {}:
        content.add_unit_column(name, "made")
    for number, train in enumerate(trains or []):
        entries = {name: values[number] for name, values in (unit_columns or {}).items()}
        content.add_unit(spike_times=train, **entries)
    _add_trials(content, trials or {})
    for begin, end, tags in epochs:
        content.add_epoch(start_time=begin, stop_time=end, tags=tags)
    for name, columns_of_table in (intervals or {}).items():
        content.add_time_intervals(_intervals(name, columns_of_table))
    return content


def _add_position(content: Any, behaviour: Any, arguments: dict[str, Any]) -> None:
    import pynwb

    kind, home = arguments.pop("kind"), arguments.pop("home")
    if kind == "TimeSeries":
        series = pynwb.TimeSeries(**arguments)
    elif kind == "PoseEstimationSeries":
        series = pose_kind()(reference_frame="corner", **arguments)
    else:
        series = pynwb.behavior.SpatialSeries(reference_frame="corner", **arguments)
    if home == "acquisition":
        content.add_acquisition(series)
    elif home == "behavior":
        behaviour.add(series)
    elif home in behaviour.data_interfaces:
        behaviour[home].add_timeseries(series) if home == "BehavioralTimeSeries" else behaviour[
            home
        ].add_spatial_series(series)
    elif home == "BehavioralTimeSeries":
        behaviour.add(pynwb.behavior.BehavioralTimeSeries(time_series=series))
    else:
        types = {"CompassDirection": "CompassDirection", "EyeTracking": "EyeTracking"}
        interface = getattr(pynwb.behavior, types.get(home, "Position"))
        behaviour.add(interface(name=home, spatial_series=series))


def _add_responses(content: Any, values: Any, columns: Any, changes: Any) -> None:
    from pynwb.ophys import Fluorescence, ImageSegmentation, OpticalChannel

    device = content.create_device("microscope")
    channel = OpticalChannel(name="c", description="made", emission_lambda=1.0)
    plane = content.create_imaging_plane(
        name="plane",
        optical_channel=channel,
        description="made",
        device=device,
        excitation_lambda=1.0,
        indicator="g",
        location="CA1",
    )
    masks, traces = ImageSegmentation(), Fluorescence()
    regions = masks.create_plane_segmentation(
        name="PlaneSegmentation", description="made", imaging_plane=plane
    )
    rois = values.shape[1]
    for _ in range(rois):
        regions.add_roi(image_mask=np.ones((2, 2)))
    for name, entries in columns.items():
        regions.add_column(name, "made", data=list(entries))
    module = content.create_processing_module("ophys", "made")
    module.add(masks)
    module.add(traces)
    table = regions.create_roi_table_region(region=list(range(rois)), description="all")
    series = {"name": "Deconvolved", "unit": "a", "rate": RATE, **changes}
    traces.create_roi_response_series(data=values, rois=table, **series)


def _add_trials(content: Any, columns: Any) -> None:
    names = [name for name in columns if name not in ("start_time", "stop_time")]
    for name in names:
        content.add_trial_column(name, "made")
    for row in zip(*columns.values(), strict=True):
        content.add_trial(**dict(zip(columns, row, strict=True)))


def _intervals(name: str, columns: Any) -> Any:
    from pynwb.epoch import TimeIntervals

    table = TimeIntervals(name=name, description="made")
    for column in columns:
        if column not in ("start_time", "stop_time"):
            table.add_column(column, "made")
    for row in zip(*columns.values(), strict=True):
        table.add_interval(**dict(zip(columns, row, strict=True)))
    return table


def write(path: Path, **parts: Any) -> Path:
    """A file with these parts; see ``content_of``."""
    import pynwb

    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pynwb.NWBHDF5IO(str(path), "w") as file:
            file.write(content_of(**parts))
    return path
