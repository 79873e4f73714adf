"""NWB in folders of zarr: read as the same session in one file, without running code and without
reading another folder. Needs the package hdmf-zarr."""

from __future__ import annotations

import json
import pickle
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pynwb")
pytest.importorskip("hdmf_zarr", reason="hdmf-zarr is not installed")
import hdmf_zarr
import numcodecs
import zarr
from nwb_layout import content_of, events, write

import data_adapters
from drift.errors import RefusedInputError

PARTS = {
    "epochs": [(0.0, 10.0, ["familiar"]), (10.0, 30.0, ["novel"])],
    "columns": {"cell_specimen_id": [5, 4, 3, 2, 1], "quality": ["good", "good", "mua"] + ["good"] * 2},
    "trials": {"start_time": [0.0, 5.0], "stop_time": [5.0, 20.0]},
}  # fmt: skip
pytestmark = pytest.mark.filterwarnings("ignore")


def read(path, **options):
    return list(data_adapters.sessions("nwb", path, **options))


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "sub-m1" / "a.nwb.zarr"
    path.parent.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with hdmf_zarr.NWBZarrIO(str(path), mode="w") as io:
            io.write(content_of(**PARTS))
    return path


def with_pickles(store, pickled):
    """Texts and references of a store as pickles, as earlier versions of hdmf-zarr write them."""
    summary = json.loads((store / ".zmetadata").read_text())
    whole = zarr.open(str(store), "r")
    headers = {
        name: header
        for name, header in summary["metadata"].items()
        if name.endswith(".zarray") and header["dtype"] == "|O"
    }
    contents = {name: whole[name.removesuffix("/.zarray")][...] for name in headers}
    for name, header in headers.items():
        header["filters"] = [{"id": "pickle"}]
        (store / name).write_text(json.dumps(header))
        for chunk in Path(store, name).parent.iterdir():
            if not chunk.name.startswith("."):
                packed, how = pickled(contents[name]), header["compressor"]
                chunk.write_bytes(numcodecs.get_codec(how).encode(packed) if how else packed)
    (store / ".zmetadata").write_text(json.dumps(summary))


@pytest.mark.parametrize("pickled", [False, True])
def test_a_store_is_the_same_session_as_a_file(store, pickled, tmp_path):
    if pickled:
        with_pickles(store, pickle.dumps)
    before = numcodecs.get_codec({"id": "pickle"}).__class__
    for path in (tmp_path, store):
        sessions = read(path, epochs="familiar,novel")
        expected = read(write(tmp_path / "one_file" / "a.nwb", **PARTS), epochs="familiar,novel")
        shutil.rmtree(tmp_path / "one_file")
        assert len(sessions) == 2
        for one, other in zip(sessions, expected):
            assert one.identical(other)
    np.testing.assert_array_equal(sessions[0]["activity"], events()[:200, [0, 1, 3, 4]])
    assert numcodecs.get_codec({"id": "pickle"}).__class__ is before


def test_pickles_do_not_run(store, tmp_path):
    class Runs:
        def __reduce__(self):
            return (tmp_path / "ran").touch, ()

    with_pickles(store, lambda _: pickle.dumps(Runs()))
    with pytest.raises(RefusedInputError, match="is no plain value"):
        read(store, epochs="familiar")
    assert not (tmp_path / "ran").exists()


def test_no_other_store_is_read(store, tmp_path):
    secret = shutil.copytree(store, tmp_path / "secret")
    for file in store.rglob(".z*"):
        file.write_text(file.read_text().replace('"source": "."', f'"source": "{secret}"'))
    with pytest.raises(RefusedInputError, match="got a link to another folder"):
        read(store, epochs="familiar")
