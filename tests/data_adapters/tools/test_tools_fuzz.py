"""Spoiled files of every tool: a session or one sentence, never another exception, never run code,
never fill the memory."""

from __future__ import annotations

import os
import pickle
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laboratory_mice import mouse, write_cellreg, write_deeplabcut, write_track2p
from tool_files import OPTIONS, TOOLS, known, write_roicat

import data_adapters
from data_adapters.inspection.inspecting import inspect
from data_adapters.inspection.table import table
from data_adapters.registrations.files import read_registration
from data_adapters.tracks.files import TrackChoice, read_track
from drift.errors import RefusedInputError

EXAMPLES = int(os.environ.get("REPDRIFT_FUZZ", "15"))


class Runs:
    def __reduce__(self):
        return pytest.fail, ("code of a file was run",)


def consumed(read):
    """What is read, or None where it is refused in one sentence."""
    try:
        return read()
    except RefusedInputError as refusal:
        text = str(refusal)
        assert text.endswith(".") and "\n" not in text and len(text) < 3000, text
        return None


def of_tool(tool):
    write, options, _ = TOOLS[tool]

    def read(folder):
        list(data_adapters.sessions(tool, folder, **options))
        return table(inspect(folder, tool, **options))

    return lambda folder: write(folder, known()), read


def deeplabcut(folder):
    return write_deeplabcut(mouse("m", 1, days=1, cells=2, seconds=5.0).days[0], folder / "a.csv")


def over_days(write):
    def make(folder):
        subject = mouse("m", 1, days=3, cells=6, seconds=5.0)
        (folder / "m").mkdir(parents=True, exist_ok=True)
        return write(folder, subject)

    return make


def only_file(folder):
    return next((path for path in files_of(folder)), folder / "gone.csv")


# What is spoiled: how it is written whole, and how it is read.
LAYOUTS = {
    **{tool: of_tool(tool) for tool in TOOLS},
    "deeplabcut": (
        deeplabcut,
        lambda folder: read_track(only_file(folder), TrackChoice(bodypart="body", rate=30.0)),
    ),
    "cellreg": (over_days(write_cellreg), lambda folder: read_registration(only_file(folder))),
    "track2p": (over_days(write_track2p), lambda folder: read_registration(only_file(folder))),
    "roicat": (
        lambda folder: write_roicat(
            folder / "a.tracking.results_clusters.json", [[0, 1, -1, 2], [1, -1, 0, 2]]
        ),
        lambda folder: read_registration(only_file(folder)),
    ),
}


@pytest.fixture(scope="module", params=LAYOUTS)
def layout(request, tmp_path_factory):
    """A folder with whole files, and how it is read."""
    if request.param == "minian":
        pytest.importorskip("zarr")
    make, read = LAYOUTS[request.param]
    folder = tmp_path_factory.mktemp("whole")
    make(folder)
    assert consumed(lambda: read(folder)) is not None
    return folder, read


def files_of(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


@given(data=st.data())
@settings(max_examples=EXAMPLES, deadline=None)
def test_bytes(layout, data):
    whole, read = layout
    with tempfile.TemporaryDirectory() as name:
        folder = Path(shutil.copytree(whole, Path(name) / "spoiled"))
        file = data.draw(st.sampled_from(files_of(folder)))
        content = bytearray(file.read_bytes())
        at = data.draw(st.integers(0, max(0, len(content) - 1)))
        what = data.draw(st.sampled_from(["cut", "changed", "pickle", "doubled", "empty", "gone"]))
        if what == "gone":
            file.unlink()
        elif what == "changed":
            content[at : at + 4] = data.draw(st.binary(min_size=1, max_size=4))
        if what != "gone":
            spoiled = {
                "cut": content[:at],
                "pickle": pickle.dumps(Runs()),
                "doubled": content + content,
                "empty": b"",
            }
            file.write_bytes(spoiled.get(what, content))
        consumed(lambda: read(folder))


WRONG = (
    np.zeros(0),
    np.zeros((0, 3)),
    np.float64(3.0),
    np.full((3, 2), np.nan),
    np.zeros((2, 2, 2)),
    np.array(["a", "b"]),
    np.array([[1 + 2j]]),
    np.array([-1, 2**62]),
    np.full(7, np.inf),
    np.zeros(5, dtype=[("a", "i4")]),
    np.arange(2.0**15).astype(np.float16),
)


@given(data=st.data())
@settings(max_examples=4 * EXAMPLES, deadline=None)
@pytest.mark.parametrize("tool", ["suite2p", "phy"])
def test_arrays_of_another_kind(tool, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("arrays")
    make, read = LAYOUTS[tool]
    make(folder)
    file = data.draw(st.sampled_from([path for path in files_of(folder) if path.suffix == ".npy"]))
    change = data.draw(st.sampled_from([*WRONG, "dict", "transposed", "shorter", "objects"]))
    try:
        array = np.load(file)
    except ValueError:
        array = np.zeros((2, 2))
    if isinstance(change, str):
        change = {
            "dict": np.array({"fs": "many", "frames_per_folder": [-1, 5]}, dtype=object),
            "objects": np.array([Runs()], dtype=object),
            "transposed": array.T,
            "shorter": array[:-1],
        }[change]
    np.save(file, change, allow_pickle=True)
    consumed(lambda: read(folder))


SCALAR = np.float64(0).__reduce__()[0]
ARRAY = np.zeros(0).__reduce__()[0]
PIECES = st.one_of(
    st.sampled_from(["O8", "V8", "f8", "U4", "i4", "S3", "M8", "|", "<", "a", b"AAAAAAAA", b""]),
    st.sampled_from([None, ("a",), {"a": (np.dtype("O"), 0)}, {"a": (np.dtype("f8"), 2**28)}]),
    st.integers(-1, 2**40),
    st.tuples(st.integers(-1, 9)),
)


class Forged:
    """A type, an array or a number of numpy with a state that it could not have."""

    def __init__(self, of, code, state):
        self.told = (np.dtype, (code, False, True), state)
        kind = None if of == "type" else Forged("type", code, state[:8])
        if of == "number":
            self.told = (SCALAR, (kind, *state[8:9]))
        if of == "array":
            empty = (np.ndarray, (0,), b"b")
            self.told = (ARRAY, empty, (1, (state[7],), kind, False, state[-1]))

    def __reduce__(self):
        return self.told


@given(data=st.data())
@settings(max_examples=4 * EXAMPLES, deadline=None)
def test_forged_types_in_settings(tmp_path_factory, data):
    """A forged type would let a number point anywhere: the process would end, not the test."""
    folder = tmp_path_factory.mktemp("forged")
    make, read = LAYOUTS["suite2p"]
    make(folder)
    state = tuple(data.draw(st.lists(PIECES, min_size=8, max_size=10)))
    of = data.draw(st.sampled_from(["type", "number", "array"]))
    code = data.draw(st.sampled_from(["f8", "O8", "V8", "U4", "M8", "i4", "f8,O"]))
    key = data.draw(st.sampled_from(["fs", "frames_per_folder", "data_path", "date"]))
    content = {"fs": 20.0, key: Forged(of, code, (3, *state[1:]))}
    np.save(folder / "suite2p" / "plane0" / "ops.npy", content, allow_pickle=True)
    consumed(lambda: read(folder))


@pytest.mark.parametrize("name", ["estimates/S", "estimates/idx_components", "params/data/fr"])
@pytest.mark.parametrize("change", range(len(WRONG)))
def test_arrays_of_another_kind_in_hdf5(name, change, tmp_path):
    make, read = LAYOUTS["caiman"]
    make(tmp_path)
    wrong = WRONG[change]
    with h5py.File(tmp_path / "session.hdf5", "r+") as file:
        del file[name]
        file[name] = wrong.astype("S") if wrong.dtype.kind == "U" else wrong
    consumed(lambda: read(tmp_path))


def test_settings_that_could_act_are_refused(tmp_path):
    make, read = LAYOUTS["suite2p"]
    make(tmp_path)
    settings_file = tmp_path / "suite2p" / "plane0" / "ops.npy"
    np.save(settings_file, {"fs": 20.0, "evil": Runs()}, allow_pickle=True)
    with pytest.raises(RefusedInputError, match="no plain value"):
        read(tmp_path)


def test_hdf5_of_another_file_is_refused(tmp_path):
    make, _ = LAYOUTS["caiman"]
    make(tmp_path)
    (tmp_path / "session.hdf5").rename(tmp_path / "elsewhere.bin")
    with h5py.File(tmp_path / "session.hdf5", "w") as file:
        file["estimates"] = h5py.ExternalLink("elsewhere.bin", "/estimates")
        file["params/data/fr"] = 20.0
    with pytest.raises(RefusedInputError, match="another file"):
        list(data_adapters.sessions("caiman", tmp_path, **OPTIONS))


MEMORY = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
import data_adapters
from drift.errors import RefusedInputError
try:
    list(data_adapters.sessions(sys.argv[1], sys.argv[2], track="track.csv", start=50.0))
except RefusedInputError as refusal:
    print(refusal)
"""


@pytest.mark.parametrize("tool", ["suite2p", "phy", "caiman", "minian"])
def test_memory_is_not_taken_before_sizes_are_known(tool, tmp_path):
    """A header that claims a hundred gigabytes is refused in a process that may not have them."""
    if tool == "minian":
        pytest.importorskip("zarr")
    LAYOUTS[tool][0](tmp_path)
    claimed = (100_000, 1_000_000)
    if tool == "caiman":
        with h5py.File(tmp_path / "session.hdf5", "r+") as file:
            del file["estimates/S"]
            file.create_dataset("estimates/S", claimed, np.float64, chunks=(100, 1000))
    elif tool == "minian":
        header = tmp_path / "minian" / "S.zarr" / "S" / ".zarray"
        header.write_text(
            header.read_text().replace("7,", "100000,", 1).replace("400", "1000000", 1)
        )
    else:
        file = next(tmp_path.rglob("spks.npy" if tool == "suite2p" else "spike_times.npy"))
        with file.open("wb") as target:
            np.lib.format.write_array_header_1_0(
                target, {"descr": "<f4", "fortran_order": False, "shape": claimed}
            )
            target.truncate(2**38)  # sparse: takes no room
    run = subprocess.run(
        [sys.executable, "-c", MEMORY, tool, str(tmp_path)], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr[-500:]
    assert "expected" in run.stdout
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 4 * 2**20
