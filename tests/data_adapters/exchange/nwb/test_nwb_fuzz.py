"""Spoiled NWB files: a right answer or one sentence, never another exception, never another file,
never more memory than the file has bytes for."""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("pynwb")
from nwb_layout import TIME, write

import data_adapters
from drift.errors import RefusedInputError

EXAMPLES = int(os.environ.get("REPDRIFT_FUZZ", "20"))
TRAINS = [TIME[::7] + 0.01, TIME[::11] + 0.02]
LAYOUTS = {
    "responses": {
        "epochs": [(0.0, 15.0, ["run1"]), (15.0, 30.0, ["run2"])],
        "trials": {"start_time": [0.0, 9.0], "stop_time": [8.0, 20.0]},
        "columns": {"cell_specimen_id": [9, 7, 5, 3, -1], "iscell": [1, 1, 1, 0, 1]},
    },
    "spikes": {
        "responses": None,
        "trains": TRAINS,
        "unit_columns": {"quality": ["good", "mua"], "global_id": [4, 2]},
        "positions": [
            {"kind": "PoseEstimationSeries", "home": "behavior", "name": "nose", "confidence": 0 * TIME + 1}
        ],
        "intervals": {
            "rooms": {"start_time": [0.0], "stop_time": [30.0], "environment": ["A"]}
        },
    },
}  # fmt: skip


def consumed(path, **options):
    """What the reader gives, or None where it refuses in one sentence."""
    try:
        return list(data_adapters.sessions("nwb", path, **options))
    except RefusedInputError as refusal:
        text = str(refusal)
        assert text.endswith(".") and "\n" not in text and len(text) < 3000
        return None


@pytest.fixture(scope="module", params=LAYOUTS)
def whole(request, tmp_path_factory):
    path = write(tmp_path_factory.mktemp("whole") / "a.nwb", **LAYOUTS[request.param])
    assert consumed(path) is not None
    return path


@pytest.fixture(autouse=True)
def quiet():
    import warnings

    with warnings.catch_warnings():  # what is said of odd numbers
        warnings.simplefilter("ignore")
        yield


@given(data=st.data())
@settings(max_examples=EXAMPLES, deadline=None)
def test_bytes(whole, data):
    content = bytearray(whole.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    what = data.draw(st.sampled_from(["cut", "changed", "zeros"]))
    if what == "cut":
        content = content[:at]
    elif what == "changed":
        content[at : at + 4] = data.draw(st.binary(min_size=1, max_size=4))
    else:
        content[at : at + 64] = bytes(len(content[at : at + 64]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.nwb"
        path.write_bytes(content)
        consumed(path)


WRONG = (
    *(0.0, -1.0, 1e300, np.nan, np.inf, 1 + 2j, True, "", "text", np.uint8(200), 2**62),
    *(np.zeros(0), np.zeros((0, 3)), np.full(3, np.nan), np.full(4, 1e18), np.zeros((2, 2, 2))),
    *(np.array([b"a", b"b"]), np.array([2**62, -(2**62)]), np.arange(600)[::-1], np.arange(5)),
)


def fields(path):
    """Names of datasets and attributes of a file, with None for a dataset itself."""
    names = []
    with h5py.File(path, "r") as file:
        file.visititems(
            lambda name, node: names.extend(
                (name, attribute)
                for attribute in (
                    *([None] if isinstance(node, h5py.Dataset) else []),
                    *node.attrs,
                )
                if not name.startswith("specif")
            )
        )
    return sorted(names, key=str)


def retyped(path, name, attribute, number):
    """Replace a dataset or an attribute, or take it away."""
    with h5py.File(path, "r+") as file:
        node = file[name]
        if attribute is not None:
            del node.attrs[attribute]
            if number < len(WRONG):
                node.attrs[attribute] = WRONG[number]
            return
        attributes = {key: node.attrs[key] for key in node.attrs}
        changed = node[()] if node.dtype.kind in "fiu" and node.shape else None
        del file[name]
        if number < len(WRONG):
            file[name] = WRONG[number]
        elif changed is not None:
            file[name] = [changed[:-1], -changed, changed.astype("f4"), changed[np.newaxis]][
                number % 4
            ]
        if name in file:
            for key, value in attributes.items():
                file[name].attrs[key] = value


@given(data=st.data())
@settings(max_examples=2 * EXAMPLES, deadline=None)
def test_fields(whole, data):
    name, attribute = data.draw(st.sampled_from(fields(whole)))
    number = data.draw(st.integers(0, len(WRONG) + 4))
    options = data.draw(st.sampled_from([{}, {"epochs": "run1,run2"}, {"identity": "id"}]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copy(whole, folder))
        retyped(path, name, attribute, number)
        consumed(path, **options)


@pytest.mark.parametrize("name", ["processing/behavior/Position/position", "acquisition/more"])
def test_a_link_to_another_file_is_not_followed(name, tmp_path):
    secret = write(tmp_path / "secret" / "b.nwb")
    path = write(tmp_path / "a.nwb")
    with h5py.File(path, "r+") as file:
        file.pop(name, None)
        file[name] = h5py.ExternalLink(str(secret), "processing/behavior/Position/position")
    with pytest.raises(RefusedInputError, match="hold its own data, got a link to another file"):
        data_adapters.sessions("nwb", path)


ABSURD = {
    "processing/behavior/Position/position/data": (10**9, 2),
    "processing/ophys/Fluorescence/Deconvolved/data": (10**9, 1000),
    "processing/ophys/Fluorescence/Deconvolved/rois": (10**10,),
    "intervals/trials/start_time": (10**10,),
    "processing/ophys/ImageSegmentation/PlaneSegmentation/cell_specimen_id": (10**10,),
}


@pytest.mark.parametrize("name", ABSURD)
def test_an_absurd_shape_takes_no_memory(name, tmp_path):
    path = write(tmp_path / "a.nwb", **LAYOUTS["responses"])
    with h5py.File(path, "r+") as file:
        node = file[name]
        attributes, dtype = dict(node.attrs), node.dtype
        del file[name]
        chunks = (2**16, *[1] * (len(ABSURD[name]) - 1))
        empty = file.create_dataset(name, ABSURD[name], dtype, chunks=chunks)
        for key, value in attributes.items():
            empty.attrs[key] = value
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(RefusedInputError, match=r"bytes can say|4 GiB"):
        data_adapters.sessions("nwb", path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


@pytest.mark.parametrize("size", [0, 100, 5_000, 60_000])
def test_a_cut_file_is_refused(size, tmp_path):
    path = write(tmp_path / "a.nwb")
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(RefusedInputError, match="whole NWB file"):
        data_adapters.sessions("nwb", path)
