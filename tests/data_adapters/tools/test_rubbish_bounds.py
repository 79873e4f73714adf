"""Small files that claim, unpack to, or lead to what would fill the memory or the day: each is read
by a process of its own that may have little of both."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import subprocess
import sys
import zlib

import h5py
import numpy as np
import pytest
from rubbish import written

READ = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
import data_adapters, data_adapters.registrations.files, data_adapters.inspection.inspecting
from drift.errors import RefusedInputError

def read(tool, path):
    if tool == "registration":
        data_adapters.registrations.files.read_registration(path)
    elif tool == "check":
        data_adapters.inspection.inspecting.inspect(path)
    else:
        list(data_adapters.sessions(tool, path, track="track.csv", start=50.0))

def largest():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

for tool, path, usual in json.loads(sys.argv[1]):
    if usual:  # imports what the reader needs
        try:
            read(tool, usual)
        except RefusedInputError:
            pass
    begun, told = largest(), ""
    try:
        read(tool, path)
    except RefusedInputError as refusal:
        told = str(refusal)
    print(json.dumps([told, largest() - begun]), flush=True)
"""


def read(cases, mebibytes=150, seconds=60):
    """What is refused of each case, all read within some time and each within some memory."""
    paths = [[tool, str(path), str(usual or "")] for tool, path, usual in cases]
    run = subprocess.run(
        [sys.executable, "-c", READ, json.dumps(paths)],
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert run.returncode == 0, (run.stdout, run.stderr[-800:])
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert all(len(refusal) < 1000 for refusal, _ in answers)
    assert max(taken for _, taken in answers) < mebibytes, answers
    return [refusal for refusal, _ in answers]


def pickled(key, built):
    """Bytes of a ``.npy`` file with a dict whose one entry these opcodes build."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
    return file.getvalue() + b"\x80\x03}X" + len(key).to_bytes(4, "little") + key + built + b"s."


def nested(count):
    """Lists that hold the one before twice: 2**count entries once they are written out."""
    built = b"]q\x00X\x04\x00\x00\x00xxxxa0"
    for number in range(1, count + 1):
        last = b"h" + bytes([number - 1])
        built += b"]q" + bytes([number]) + last + b"a" + last + b"a0"
    return built + b"h" + bytes([count])


SHAPE = pickle.dumps((2**28,), 2)[2:-1]
PICKLES = {
    "nested rate": (b"fs", nested(40)),
    "nested lengths": (b"frames_per_folder", nested(40)),
    "deep rate": (b"fs", b"]" * 100_000 + b"a" * 99_999),
    "hexadecimals": (
        b"date",
        b"c_codecs\nencode\n" * 29 + b"C\x04aaaa" + b"X\x03\x00\x00\x00hex\x86R" * 29,
    ),
    "an empty buffer": (
        b"frames_per_folder",
        b"cnumpy\nndarray\n" + SHAPE + b"\x85R",
    ),
}


def test_pickles(tmp_path):
    cases, usual = [], written("suite2p", tmp_path / "usual")
    for name, (key, built) in PICKLES.items():
        folder = written("suite2p", tmp_path / name)
        (folder / "suite2p" / "plane0" / "ops.npy").write_bytes(pickled(key, built))
        cases.append(("suite2p", folder, usual))
    for refusal, name in zip(read(cases), PICKLES, strict=True):
        assert "expected" in refusal and f"{name}/m" in refusal


ZEROS = 2**28  # bytes that a bomb unpacks to


def packed_zeros():
    """Zeros as each codec packs them, a little at a time."""
    zeros, times = bytes(2**22), ZEROS // 2**22

    def streamed(packer):
        return b"".join([*(packer.compress(zeros) for _ in range(times)), packer.flush()])

    return {
        "zlib": streamed(zlib.compressobj(9)),
        "gzip": streamed(zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)),
        "many gzip": gzip.compress(zeros) * times,
        "bz2": bz2.compress(zeros) * times,
        "lzma": streamed(lzma.LZMACompressor(preset=0)),
    }


@pytest.mark.slow
def test_chunks_that_swell(tmp_path):
    pytest.importorskip("zarr")
    numcodecs = pytest.importorskip("numcodecs")
    bombs = packed_zeros()
    for codec in ("zstd", "blosc", "lz4"):
        bombs[codec] = numcodecs.get_codec({"id": codec}).encode(bytes(ZEROS))
    cases, usual = [], written("minian", tmp_path / "usual")
    for name, bomb in bombs.items():
        folder = written("minian", tmp_path / name)
        store = folder / "minian" / "S.zarr" / "S"
        header = json.loads((store / ".zarray").read_text())
        codec = numcodecs.get_codec({"id": name.split()[-1]}).get_config()
        (store / ".zarray").write_text(json.dumps({**header, "compressor": codec}))
        (store / "0.0").write_bytes(bomb)
        cases.append(("minian", folder, usual))
    assert all("0.0" in refusal and "got more" in refusal for refusal in read(cases))


WIDE = 20_000_000
LINES = {
    "50000 columns": "time,x" + "," * WIDE + "\n1,2\n",
    "letters": "time,x\n1,2" + "," * WIDE + "\n",
    "columns": "time,x" + ",c" * WIDE + "\n1,2\n",
}


@pytest.mark.slow
def test_lines_without_end(tmp_path):
    cases, usual = [], written("suite2p", tmp_path / "usual")
    for name, text in LINES.items():
        folder = written("suite2p", tmp_path / name)
        (folder / "track.csv").write_text(text)
        cases.append(("suite2p", folder, usual))
    for refusal, name in zip(read(cases), LINES, strict=True):
        assert "track.csv" in refusal and name in refusal


PLACES = (
    ("suite2p", "track.csv"),
    ("minian", "timeStamps.csv"),
    ("minian", "minian/S.zarr/S/0.0"),
    ("minian", "minian/S.zarr/.zgroup"),
    ("registration", "plane0_suite2p_indices.csv"),
    ("registration", "cellRegistered_1.mat"),
    ("registration", "a.tracking.results_clusters.json"),
    ("check", "recording.nwb"),
    ("nwb", "recording.nwb"),
)


@pytest.mark.parametrize(
    "make", [os.mkfifo, lambda file: file.symlink_to("/dev/zero")], ids=["pipe", "device"]
)
def test_what_is_no_file(make, tmp_path):
    pytest.importorskip("zarr")
    pytest.importorskip("pynwb")
    cases = []
    for number, (tool, name) in enumerate(PLACES):
        root = tmp_path / str(number)
        root.mkdir()
        folder = root if tool in ("registration", "check", "nwb") else written(tool, root)
        file = folder / name
        file.unlink(missing_ok=True)
        make(file)
        cases.append((tool, file if tool == "registration" else folder, None))
    for refusal, (tool, name) in zip(read(cases, mebibytes=400), PLACES, strict=True):
        assert refusal and (tool == "check" or name.split("/")[-1] in refusal), (name, refusal)


@pytest.mark.slow
def test_one_matrix_for_many_cells(tmp_path):
    path = tmp_path / "cellRegistered_1.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        struct = file.create_group("cell_registered_struct")
        struct["cell_to_index_map"] = np.tile(np.arange(1.0, 41.0), (2, 1))
        matrix = file.create_dataset("#refs#/a", (5000, 5000), "f8", chunks=(100, 100))
        references = struct.create_dataset("p_same_registered_pairs", (1, 40), h5py.ref_dtype)
        for cell in range(40):
            references[0, cell] = matrix.ref
    (refusal,) = read([("registration", path, None)])
    assert "cellRegistered_1.mat" in refusal


@pytest.mark.slow
def test_events_of_caiman_in_one_chunk(tmp_path):
    folder = written("caiman", tmp_path)
    with h5py.File(folder / "session.hdf5", "r+") as file:
        del file["estimates/S"], file["estimates/idx_components"]
        shape = (1000, 20_000)
        events = file.create_dataset("estimates/S", shape, "f8", chunks=shape, compression="gzip")
        events[:] = np.eye(*shape)
    # 160 MB twice; unpacked for each row it would take an hour
    assert read([("caiman", folder, None)], mebibytes=600)
