"""Spoiled files of every reader: a right answer or one sentence, never another exception, never run
code, never fill the memory."""

from __future__ import annotations

import os
import pickle
import resource
import shutil
import tempfile
import zipfile
from pathlib import Path

import h5py
import netCDF4
import numpy as np
import pytest
import scipy.io
import scipy.sparse
from hc6_layout import info, pos, row, spikes, walk, write
from hypothesis import given, settings
from hypothesis import strategies as st
from zivlab_layout import runs, video, write_maps, write_registration, write_session

import data_adapters
from data_adapters.files.containers import read_fields, write_fields
from data_adapters.files.matlab import read
from data_adapters.laboratories import jercog2019
from data_adapters.laboratories.frank import karlsson2015
from drift.errors import RefusedInputError

EXAMPLES = int(os.environ.get("REPDRIFT_FUZZ", "20"))
EVERY = {"maximum_rate": None, "minimum_spikes": None}


def consumed(reader, path):
    """What the reader gives, or None where it refuses in one sentence."""
    try:
        found = reader(path)
        return found if hasattr(found, "sizes") else list(found)
    except RefusedInputError as refusal:
        text = str(refusal)
        assert text.endswith(".") and "\n" not in text and len(text) < 3000
        return None


class Runs:
    def __reduce__(self):
        return pytest.fail, ("code of a file was run",)


def interchange_fields(rng):
    return {
        "events": rng.poisson(1, (30, 3)).astype(float),
        "position": rng.uniform(0, 40, 30),
        "fs": 10.0,
        "track_length_cm": 40.0,
        "geometry": "linear",
        "animal": "m",
        "environment": "A",
        "session": 1,
        "time": 3.0,
        "time_unit": "min",
        "n_detected": 3,
        "trial": np.arange(30) // 10,
    }


def maps_fields(rng):
    plain = {
        name: value
        for name, value in interchange_fields(rng).items()
        if name not in ("events", "position", "fs", "trial")
    }
    return {
        **plain,
        "rate_maps": rng.uniform(0, 5, (3, 2, 10)),
        "occupancy": rng.uniform(1, 5, (2, 10)),
    }


def write_hc6(folder, rng, spoil=lambda content: content):
    tables = [walk(rng, 60, 100.0, 5), walk(rng, 50, 300.0, 9)]
    trains = [[rng.integers(1, len(table) + 1, 20), rng.integers(1, 2, 0)] for table in tables]
    task = {
        "type": "run",
        "environment": "TrackA",
        "exposure": 1.0,
        "exposureday": 1.0,
        "dailyexposure": 1.0,
    }
    content = {
        "pos": [pos(table) for table in tables],
        "spikes": [
            row([None, row([spikes(table, rows) for rows in cells])])
            for table, cells in zip(tables, trains)
        ],
        "task": [task, dict(task, exposure=2.0)],
        "cellinfo": [
            row([None, row([info(len(rows), 3.0, "CA1") for rows in cells])]) for cells in trains
        ],
    }
    spoilt = spoil(content)
    content = {
        kind: value if isinstance(value := spoilt.get(kind, []), list) else [value]
        for kind in content
    }
    days = {2: {kind: content[kind] for kind in ("pos", "spikes", "task")}}
    return write(folder, "con", days, {2: content["cellinfo"]})


def write_zivlab(folder, rng, spoil=lambda content: content):
    for k in (1, 2):
        trials = [runs(rng, frames, 3) for frames in (30, 140, 250)]
        write_session(
            folder,
            k,
            trials,
            f"2015070{k}",
            videos=[None, *(video(trial, "A") for trial in trials)],
        )
    write_maps(folder, {1: (1, 2, 1), 2: (1, 1, 2)})
    write_registration(folder, np.array([[1, 2], [2, 0], [0, 3]]))
    for name in ("behavior_1.mat", "finalEventsMat_1.mat", "cell_registration.mat"):
        content = scipy.io.loadmat(folder / name)
        kept = {key: value for key, value in content.items() if not key.startswith("__")}
        scipy.io.savemat(folder / name, spoil(kept))
    return folder


def published(rng):
    cells = np.empty((16, 2), dtype=object)
    for at in np.ndindex(16, 2):
        cells[at] = np.array([[1.0, 3.0]])
    numbers = {
        name: np.full((1, 16), 9.0)
        for name in ("number_of_neurons_sessions", "average_SI_SSR_bit_spike_sessions")
    }
    lists = {name: cells.copy() for name in ("significant_right_trials", "significant_left_trials")}
    return {"this_mouse_data": {**numbers, **lists, "cell_to_index_map": np.ones((5, 16))}}


def processed(rng):
    pooled = np.empty((4, 1), dtype=object)
    pooled[:, 0] = [rng.uniform(0, 2, (1, 3)) for _ in range(4)]
    return {"cell_count": np.ones((2, 4)), "Info": pooled}


KHATIB = ("place_r_mean", "place_r_sem", "info_mean", "info_sem", "time_points")


def khatib(rng):
    return {name: np.arange(5.0) for name in KHATIB}


def saved(fields, path):
    if path.suffix == ".mat":
        scipy.io.savemat(path, fields, long_field_names=True)
    else:
        np.savez(path, **fields)
    return path


def sessions(name, **options):
    return lambda path: data_adapters.sessions(name, path, **options)


def summary(name):
    return lambda path: data_adapters.summary(name, path)


# A row: what is spoiled, how it is written whole (returns what the reader opens), and the reader.
LAYOUTS = {
    "interchange npz": (
        lambda f, r: write_fields(interchange_fields(r), f / "m_01.npz").parent,
        sessions("interchange"),
    ),
    "interchange mat": (
        lambda f, r: write_fields(interchange_fields(r), f / "m_01.mat").parent,
        sessions("khatib2023"),
    ),
    "maps": (
        lambda f, r: write_fields(maps_fields(r), f / "m_01.npz").parent,
        jercog2019.longitudinal,
    ),
    "hc6": (write_hc6, sessions("karlsson2015", **EVERY)),
    "zivlab": (write_zivlab, sessions("sheintuch2023")),
    "published": (lambda f, r: saved(published(r), f / "C6M4.mat"), summary("sheintuch2023")),
    "jercog": (lambda f, r: saved(processed(r), f / "j.mat"), summary("jercog2019")),
    "khatib": (lambda f, r: saved(khatib(r), f / "k.npz"), summary("khatib2023")),
    "khatib csv": (lambda f, r: csv(f / "k.csv"), summary("khatib2023")),
}


def csv(path):
    path.write_text("\n".join([",".join(KHATIB), *(",".join([str(i)] * 5) for i in range(5))]))
    return path


@pytest.fixture(scope="module", params=LAYOUTS)
def layout(request, tmp_path_factory):
    """A folder with whole files, what the reader opens in it, and the reader."""
    folder = tmp_path_factory.mktemp("whole")
    make, reader = LAYOUTS[request.param]
    opened = make(folder, np.random.default_rng(4))
    assert consumed(reader, opened) is not None
    return folder, opened.relative_to(folder), reader


@given(data=st.data())
@settings(max_examples=EXAMPLES, deadline=None)
def test_bytes(layout, data):
    whole, opened, reader = layout
    with tempfile.TemporaryDirectory() as name:
        folder = Path(shutil.copytree(whole, Path(name) / "spoiled"))
        file = data.draw(
            st.sampled_from(sorted(file for file in folder.rglob("*") if file.is_file()))
        )
        content = bytearray(file.read_bytes())
        at = data.draw(st.integers(0, len(content) - 1))
        what = data.draw(st.sampled_from(["cut", "changed", "pickle", "doubled"]))
        if what == "cut":
            content = content[:at]
        elif what == "changed":
            content[at : at + 4] = data.draw(st.binary(min_size=1, max_size=4))
        else:
            content = bytearray(pickle.dumps(Runs())) if what == "pickle" else content + content
        file.write_bytes(content)
        consumed(reader, folder / opened)


@pytest.mark.parametrize(
    ("at", "change"),
    [
        (190, b"\x0e"),
        (190, b"\x05"),
        (191, b"\x01"),
        (192, b"\x00"),
        (278, b"\x05\x08\x05\x01"),
        (441, b"\x01\x01"),
    ],
)
def test_damage_that_ends_other_readers_is_refused(at, change, tmp_path):
    file = saved(processed(np.random.default_rng(4)), tmp_path / "j.mat")
    content = bytearray(file.read_bytes())
    content[at : at + 4] = change
    file.write_bytes(content)
    with pytest.raises(RefusedInputError, match="whole MATLAB file"):
        data_adapters.summary("jercog2019", file)


WRONG = (
    *(0.0, -1.0, 0.5, 3.0, 1e9, np.nan, np.inf, 1 + 2j, True, "", "text", np.uint8(200)),
    *(
        np.zeros((0, 0)),
        np.full((3, 2), np.nan),
        np.full((1, 4), 2.0),
        np.zeros((2, 2, 2)),
        np.array([["a", "b"]]),
    ),
    *(
        {"a": 1.0},
        row([]),
        row([None]),
        row([1.0, "b"]),
        row([row([{"data": 1.0}])]),
        scipy.sparse.csc_matrix(np.eye(3)),
    ),
)
CHANGES = (
    lambda array: array.T,
    lambda array: array[:-1],
    lambda array: array[..., :-1],
    lambda array: -array,
    lambda array: np.where(np.arange(array.size).reshape(array.shape) == 0, np.nan, array),
    lambda array: array + 1,
    lambda array: np.concatenate([array, array]),
    lambda array: array.astype(np.int8),
    lambda array: array[np.newaxis],
)


def places(tree, path=()):
    """Every place in nested dicts, lists and cell arrays."""
    yield path
    inside = (
        tree.items()
        if isinstance(tree, dict)
        else enumerate(tree)
        if isinstance(tree, list)
        else ()
    )
    if isinstance(tree, np.ndarray) and tree.dtype == object:
        inside = np.ndenumerate(tree)
    elif isinstance(tree, np.ndarray) and tree.dtype.names:
        inside = [
            ((name, index), tree[name][index])
            for name in tree.dtype.names
            for index in np.ndindex(tree.shape)
        ]
    for key, value in inside:
        yield from places(value, (*path, key))


def replaced(tree, path, new):
    """The tree with one place changed; ``new`` None removes it."""
    if not path:
        return new(tree)
    key, *rest = path
    if isinstance(tree, dict):
        made = {
            name: replaced(value, rest, new) if name == key else value
            for name, value in tree.items()
        }
        return {name: value for name, value in made.items() if value is not None}
    copy = list(tree) if isinstance(tree, list) else tree.copy()
    if isinstance(copy, np.ndarray) and copy.dtype.names:
        value = replaced(copy[key[0]][key[1]], rest, new)
        copy[key[0]][key[1]] = np.zeros((0, 0)) if value is None else value
        return copy
    value = replaced(copy[key], rest, new)
    copy[key] = np.zeros((0, 0)) if value is None and isinstance(copy, np.ndarray) else value
    return copy


@st.composite
def spoilers(draw):
    """A function that changes one place of the content of a file."""
    where, how, number = (
        draw(st.floats(0, 1, exclude_max=True)),
        draw(st.sampled_from(["wrong", "change", "remove"])),
        draw(st.integers(0, 999)),
    )

    def new(value):
        if (
            how == "change"
            and isinstance(value, np.ndarray)
            and value.dtype.kind in "fiu"
            and value.ndim
            and value.size
        ):
            with np.errstate(all="ignore"):
                return CHANGES[number % len(CHANGES)](value)
        return None if how == "remove" else WRONG[number % len(WRONG)]

    def spoil(content):
        found = [place for place in places(content) if place]
        return replaced(content, found[int(where * len(found))], new)

    return spoil


def written_npz(fields, path):
    """Fields without what numpy would pickle."""
    plain = {
        name: np.asarray(value)
        for name, value in fields.items()
        if not isinstance(value, dict) and not scipy.sparse.issparse(value)
    }
    np.savez(path, **{name: value for name, value in plain.items() if value.dtype != object})
    return path


FIELDS = {
    "interchange mat": (interchange_fields, "m_01.mat", sessions("interchange")),
    "interchange npz": (interchange_fields, "m_01.npz", sessions("interchange")),
    "maps": (maps_fields, "m_01.mat", jercog2019.longitudinal),
    "published": (published, "C6M4.mat", summary("sheintuch2023")),
    "sheintuch": (
        lambda rng: {"frac_active": np.full((2, 3), 0.5), "Info": np.ones((2, 3))},
        "f.mat",
        summary("sheintuch2023"),
    ),
    "karlsson": (
        lambda rng: {"f_active": np.full((3, 2), 0.5), "info_all": np.ones((3, 2))},
        "f.mat",
        summary("karlsson2015"),
    ),
    "jercog": (processed, "j.mat", summary("jercog2019")),
    "khatib mat": (khatib, "k.mat", summary("khatib2023")),
}


@pytest.mark.parametrize("name", FIELDS)
@given(spoil=spoilers())
@settings(max_examples=EXAMPLES, deadline=None)
def test_fields(name, spoil):
    make, file, reader = FIELDS[name]
    fields = spoil(make(np.random.default_rng(5)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / file
        (written_npz if path.suffix == ".npz" else saved)(fields, path)
        consumed(reader, path)


@pytest.mark.parametrize(
    ("make", "reader"),
    [
        (write_hc6, sessions("karlsson2015", **EVERY)),
        (write_hc6, karlsson2015.experience),
        (write_zivlab, sessions("sheintuch2023")),
    ],
)
@given(spoil=spoilers())
@settings(max_examples=EXAMPLES, deadline=None)
def test_leaves(make, reader, spoil):
    with tempfile.TemporaryDirectory() as folder:
        consumed(reader, make(Path(folder) / "m_A", np.random.default_rng(6), spoil))


def claims_npz(path):
    with zipfile.ZipFile(path, "w") as archive, archive.open("events.npy", "w") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f8", "fortran_order": False, "shape": (10**9, 100)}
        )
        file.write(b"\0" * 800)


def claims_hdf5(path):
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("events", shape=(10**9, 100), chunks=(1000, 100), dtype=float)


def claims_empty(path):
    with h5py.File(path, "w", userblock_size=512) as file:
        node = file.create_dataset("events", data=np.array([10**9, 100], dtype=np.uint64))
        node.attrs["MATLAB_class"], node.attrs["MATLAB_empty"] = np.bytes_("cell"), np.uint8(1)


def claims_sparse(path):
    scipy.io.savemat(
        path, {"events": scipy.sparse.csc_matrix(([1.0], ([5], [5])), shape=(10**9, 100))}
    )


def claims_netcdf(path):
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("frame", 10**9)
        file.createDimension("cell", 100)
        file.createVariable("events", "f8", ("frame", "cell"), chunksizes=(1000, 100))


@pytest.mark.parametrize(
    ("write_absurd", "suffix"),
    [
        (claims_npz, "npz"),
        (claims_hdf5, "mat"),
        (claims_empty, "mat"),
        (claims_sparse, "mat"),
        (claims_netcdf, "nc"),
    ],
)
def test_absurd_sizes_are_refused_before_memory_is_taken(write_absurd, suffix, tmp_path):
    path = tmp_path / f"m_01.{suffix}"
    write_absurd(path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for open_file in (read_fields, *((read,) if suffix == "mat" else ())):
        with pytest.raises(
            RefusedInputError, match=r"4 GiB|hold \(1000000000, 100\)|bytes can say"
        ):
            open_file(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


def test_cell_array_that_holds_itself(tmp_path):
    path = tmp_path / "m_01.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        node = file.create_dataset("events", shape=(1, 1), dtype=h5py.ref_dtype)
        node[0, 0] = node.ref
        node.attrs["MATLAB_class"] = np.bytes_("cell")
    with pytest.raises(RefusedInputError, match="damaged"):
        read(path)
