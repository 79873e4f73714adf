"""Stores of zarr that lack a piece, lead elsewhere, or claim what they do not hold."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from rubbish import read, refused, written
from tool_files import CELLS, FRAMES, known


@pytest.fixture
def minian(tmp_path):
    pytest.importorskip("zarr")
    folder = written("minian", tmp_path)
    return folder, folder / "minian" / "S.zarr"


def test_half_a_store_is_no_silence(minian):
    folder, store = minian
    (store / "S" / "0.0").unlink()
    refused("minian", folder, "no piece 0.0", "S.zarr")


@pytest.mark.parametrize("linked", ["S/0.0", "S", "unit_id"])
def test_links_out_of_a_store(linked, minian):
    folder, store = minian
    (store / linked).rename(folder / "elsewhere")
    (store / linked).symlink_to(folder / "elsewhere")
    refused("minian", folder, "link")


def test_numbers_of_units_that_lost_their_header(minian):
    folder, store = minian
    (store / "unit_id" / ".zarray").unlink()
    refused("minian", folder, "unit_id")


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": [7, 0]},
        {"shape": [0, 400]},
        {"chunks": [1, 1], "shape": [7, 30_000_000]},
        {"chunks": [2**14, 2**15]},
        {"filters": [{"id": "quantize"}]},
        {"dtype": "<c16"},
    ],
)
def test_headers_of_stores(changes, minian):
    folder, store = minian
    header = store / "S" / ".zarray"
    header.write_text(json.dumps({**json.loads(header.read_text()), **changes}))
    refused("minian", folder, "S.zarr")


@pytest.mark.parametrize("first", ["", "inf", "nan"])
def test_time_stamps_without_a_first_frame(first, minian):
    folder, _ = minian
    file = folder / "timeStamps.csv"
    file.write_text(file.read_text().replace("\n0,", f"\n{first},", 1))
    refused("minian", folder, "timeStamps.csv")


@pytest.mark.parametrize("form", [2, 3])
@pytest.mark.parametrize("codec", ["none", "zlib", "gzip", "bz2", "lzma", "blosc", "zstd", "lz4"])
def test_stores_however_they_are_packed(codec, form, minian):
    zarr, numcodecs = pytest.importorskip("zarr"), pytest.importorskip("numcodecs")
    folder, store = minian
    own = {
        "gzip": zarr.codecs.GzipCodec,
        "zstd": zarr.codecs.ZstdCodec,
        "blosc": zarr.codecs.BloscCodec,
    }
    if form == 3 and codec not in (*own, "none"):
        pytest.skip("no codec of this form")
    v2 = None if codec == "none" else numcodecs.get_codec({"id": codec})
    packed = v2 if form == 2 else None if codec == "none" else own[codec]()
    shutil.rmtree(store)
    group = zarr.open_group(str(store), mode="w", zarr_format=form)
    group.create_array("S", data=known().events, chunks=(2, 150), compressors=packed)
    activity = read("minian", folder)["activity"].values
    np.testing.assert_array_equal(activity, known().events.T)
    assert activity.shape == (FRAMES, CELLS)
