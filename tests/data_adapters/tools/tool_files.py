"""A known session in the files of each tool, as small as the tool allows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import scipy.io

FRAMES, CELLS, RATE = 400, 7, 20.0
BEGIN = 50.0  # s, of the recording on the clock of the track
ACCEPTED = np.array([1, 1, 0, 1, 0, 1, 1], dtype=bool)


class Known(NamedTuple):
    """What was recorded: events (cell, frame), and where the animal was in each frame, cm."""

    events: np.ndarray
    place: np.ndarray


def known(seed: int = 0) -> Known:
    rng = np.random.default_rng([3, seed])
    time = np.arange(FRAMES) / RATE
    place = 60 + 50 * np.sin(time)
    events = rng.poisson(0.15, (CELLS, FRAMES)) * rng.uniform(20, 60, (CELLS, 1))
    events[:, 0] += 1.5  # every cell has an event, and no two the same
    return Known(events.astype(np.float32).astype(float), place)


def write_track(folder: Path, place: np.ndarray) -> Path:
    """The frames of the microscope are samples of the track, which goes on a little longer."""
    time = BEGIN + np.arange(-10, FRAMES + 10) / RATE
    where = np.interp(time, BEGIN + np.arange(FRAMES) / RATE, place)
    rows = [f"{t:.6f},{x:.9f}" for t, x in zip(time, where, strict=True)]
    (folder / "track.csv").write_text("\n".join(["time,x", *rows]) + "\n")
    return folder / "track.csv"


def write_suite2p(folder: Path, session: Known) -> Path:
    plane = folder / "suite2p" / "plane0"
    plane.mkdir(parents=True)
    np.save(plane / "spks.npy", session.events.astype(np.float32))
    np.save(plane / "F.npy", (session.events + 100).astype(np.float32))
    np.save(plane / "iscell.npy", np.stack([ACCEPTED, np.where(ACCEPTED, 0.9, 0.2)], axis=1))
    settings = {"fs": RATE, "nplanes": 1, "meanImg": np.zeros((3, 3)), "date": np.float32(1)}
    np.save(plane / "ops.npy", settings)
    write_track(folder, session.place)
    return folder


def write_caiman(folder: Path, session: Known) -> Path:
    with h5py.File(folder / "session.hdf5", "w") as file:
        file["estimates/S"] = np.where(session.events > 0, session.events, -1e-9)
        file["estimates/C"] = session.events + 1
        file["estimates/idx_components"] = np.flatnonzero(ACCEPTED)
        file["params/data/fr"] = np.float64(RATE)
    write_track(folder, session.place)
    return folder


def write_minian(folder: Path, session: Known) -> Path:
    import zarr

    store = folder / "minian" / "S.zarr"
    group = zarr.open_group(str(store), mode="w", zarr_format=2)
    for name, values, dims in (
        ("S", session.events, ["unit_id", "frame"]),
        ("unit_id", 10 + 3 * np.arange(CELLS), ["unit_id"]),
        ("frame", np.arange(FRAMES), ["frame"]),
    ):
        array = group.create_array(name, data=values, chunks=values.shape, fill_value=0)
        array.attrs["_ARRAY_DIMENSIONS"] = dims
    rows = [f"{frame},{1000 * frame / RATE - 30:.0f},0" for frame in range(FRAMES)]
    head = "Frame Number,Time Stamp (ms),Buffer Index"
    (folder / "timeStamps.csv").write_text("\n".join([head, *rows]) + "\n")
    write_track(folder, session.place)
    return folder


def write_inscopix(folder: Path, session: Known) -> Path:
    names = [f"C{cell}" for cell in range(CELLS)]
    words = ["accepted" if good else "rejected" for good in ACCEPTED]
    lines = [", ".join([" ", *names]), ", ".join(["Time(s)/Cell Status", *words])]
    rng = np.random.default_rng(0)
    for frame in range(FRAMES):
        values = ", ".join(f"{value:.3f}" for value in rng.normal(100, 30, CELLS))
        lines.append(f"{frame / RATE}, {values}")
    (folder / "traces.csv").write_text("\n".join(lines) + "\n")
    events = [
        f"{frame / RATE}, {name}, {session.events[cell, frame]!r}"
        for cell, name in enumerate(names)
        for frame in np.flatnonzero(session.events[cell])
    ]
    head = "Time (s), Cell Name, Value"
    text = "\n".join([head, *(line.replace("np.float64(", "").replace(")", "") for line in events)])
    (folder / "events.csv").write_text(text + "\n")
    write_track(folder, session.place)
    return folder


def trains_of(session: Known) -> list[np.ndarray]:
    """A spike in the middle of each frame with an event, s."""
    return [(np.flatnonzero(cell) + 0.5) / RATE for cell in session.events]


def write_phy(folder: Path, session: Known) -> Path:
    phy = folder / "phy"
    phy.mkdir()
    trains = trains_of(session)
    ids = 5 + 4 * np.arange(CELLS)
    samples = np.concatenate([np.round(train * 30_000) for train in trains]).astype(np.uint64)
    cluster = np.concatenate([np.full(len(t), i) for t, i in zip(trains, ids, strict=True)])
    order = np.argsort(samples, kind="stable")
    np.save(phy / "spike_times.npy", samples[order])
    np.save(phy / "spike_clusters.npy", cluster[order].astype(np.int32))
    (phy / "params.py").write_text("dat_path = 'a.dat'\nsample_rate = 30000.\n")
    words = ["good" if good else "mua" for good in ACCEPTED]
    rows = [f"{number}\t{word}" for number, word in zip(ids, words, strict=True)]
    (phy / "cluster_group.tsv").write_text("\n".join(["cluster_id\tgroup", *rows]) + "\n")
    write_track(folder, session.place)
    return folder


def write_cellexplorer(folder: Path, session: Known) -> Path:
    times = np.empty((1, CELLS), dtype=object)
    region = np.empty((1, CELLS), dtype=object)
    for cell, train in enumerate(trains_of(session)):
        times[0, cell] = train[:, np.newaxis]
        region[0, cell] = "CA1" if ACCEPTED[cell] else "CA3"
    spikes = {"times": times, "UID": np.arange(1, CELLS + 1), "region": region}
    scipy.io.savemat(folder / "basename.spikes.cellinfo.mat", {"spikes": spikes})
    write_track(folder, session.place)
    return folder


def write_roicat(file: Path, labels: list[list[int]]) -> Path:
    file.write_text(json.dumps({"labels_bySession": labels}))
    return file


OPTIONS = {"track": "track.csv", "start": BEGIN}
# How each tool's files are written, the options they are read with, and the tool's cells that count.
TOOLS = {
    "suite2p": (write_suite2p, OPTIONS, np.flatnonzero(ACCEPTED)),
    "caiman": (write_caiman, OPTIONS, np.flatnonzero(ACCEPTED)),
    "minian": (write_minian, {**OPTIONS, "start": BEGIN + 0.03}, np.arange(CELLS)),
    "inscopix": (write_inscopix, OPTIONS, np.flatnonzero(ACCEPTED)),
    "phy": (write_phy, OPTIONS, np.flatnonzero(ACCEPTED)),
    "cellexplorer": (write_cellexplorer, {**OPTIONS, "area": "CA1"}, np.flatnonzero(ACCEPTED)),
}
OF_SPIKES = ("phy", "cellexplorer")
