"""Reading of large sessions of suite2p and phy: `python tests/benchmarks/bench_large_sessions.py
[--folder FOLDER]`.

A suite2p folder of 2,000 cells and 100,000 frames, and phy folders of 300 units and 10 million
spikes, and of 2,000 units in 100,000 samples of a track, each read by a process of its own that
keeps the session. Named limits: 10 s, and 2 GB as the largest memory of the process, libraries
included. Named baseline: `numpy.load` of the same files, one after the other.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SECONDS, BYTES = 10.0, 2e9
SUITE2P, UNITS, SPIKES = (2000, 100_000), 300, 10_000_000
READ = """
import resource, sys, time
from data_adapters import sessions
began = time.perf_counter()
session = next(sessions(sys.argv[1], sys.argv[2], track="track.csv", start=0.0))
taken = time.perf_counter() - began
print(taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, dict(session.sizes))
"""


def write_suite2p(folder: Path) -> None:
    rng = np.random.default_rng(0)
    cells, frames = SUITE2P
    header = {"descr": "<f4", "fortran_order": False, "shape": SUITE2P}
    with (folder / "spks.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for _ in range(cells):
            row = rng.exponential(100, frames).astype(np.float32)
            row[rng.random(frames) < 0.9] = 0
            row.tofile(file)
    np.save(folder / "iscell.npy", np.ones((cells, 2)))
    np.save(folder / "ops.npy", {"fs": 30.0})
    write_track(folder, frames / 30.0)


def write_phy(folder: Path, units: int, spikes: int, seconds: float) -> None:
    rng = np.random.default_rng(1)
    samples = np.sort(rng.integers(0, int(seconds * 30_000), spikes)).astype(np.uint64)
    np.save(folder / "spike_times.npy", samples)
    np.save(folder / "spike_clusters.npy", rng.integers(0, units, spikes).astype(np.int32))
    (folder / "params.py").write_text("sample_rate = 30000.\n")
    write_track(folder, seconds)


def write_track(folder: Path, seconds: float) -> None:
    time_ = np.arange(0, seconds, 1 / 30)
    place = 80 + 80 * np.sin(time_ / 6)
    np.savetxt(
        folder / "track.csv",
        np.stack([time_, place], axis=1),
        fmt="%.5f",
        delimiter=",",
        header="time,x",
        comments="",
    )


def load_alone(folder: Path) -> float:
    """Seconds that numpy takes to load the arrays of the folder."""
    began = time.perf_counter()
    for file in folder.glob("*.npy"):
        if file.name != "ops.npy":
            np.load(file)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="for the files (default: temporary)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        for reader, title, write in (
            ("suite2p", "suite2p, 2,000 cells x 100,000 frames", write_suite2p),
            ("phy", "phy, 300 units, 10 million spikes, 2 h",
             lambda folder: write_phy(folder, UNITS, SPIKES, 7200.0)),
            ("phy", "phy, 2,000 units x 100,000 samples",
             lambda folder: write_phy(folder, 2000, SPIKES, 100_000 / 30)),
        ):  # fmt: skip
            folder = Path(name) / title.replace(" ", "_").replace(",", "")
            folder.mkdir()
            write(folder)
            alone = load_alone(folder)
            command = [sys.executable, "-c", READ, reader, str(folder)]
            out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            taken, memory, sizes = out.split(maxsplit=2)
            print(
                f"{title}: {float(taken):.1f} s (limit {SECONDS:g}), numpy.load alone {alone:.1f} "
                f"s, {float(memory) / 1e9:.2f} GB (limit {BYTES / 1e9:g}) {sizes.strip()}",
                flush=True,
            )


if __name__ == "__main__":
    main()
