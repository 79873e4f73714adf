"""Files that were made to harm: none makes a reader read another file, hang, or fill the memory."""

from __future__ import annotations

import resource
import time
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest
import scipy.io
import xarray as xr

import data_adapters
import drift
from data_adapters.files.containers import read_fields
from data_adapters.files.matlab import read
from data_adapters.laboratories.interchange.reader import write_interchange
from data_adapters.session import session_dataset
from drift.errors import RefusedInputError
from drift.files.own_content import check_own_content

SECRET = 271828.0


@pytest.fixture
def secret(tmp_path):
    """A file that nobody asked to read, in forms that HDF5 can point to."""
    folder = tmp_path / "private"
    folder.mkdir()
    np.full(4, SECRET).tofile(folder / "raw.bin")
    with h5py.File(folder / "other.h5", "w") as file:
        file["inside"] = np.full((4, 1), SECRET)
    return folder


def external_link(file, secret):
    file["events"] = h5py.ExternalLink(str(secret / "other.h5"), "/inside")


def external_link_in_a_group(file, secret):
    file.create_group("deep/er")["events"] = h5py.ExternalLink(str(secret / "other.h5"), "/inside")
    file["events"] = h5py.SoftLink("/deep/er/events")


def external_storage(file, secret):
    file.create_dataset(
        "events", shape=(4, 1), dtype=float, external=[(str(secret / "raw.bin"), 0, 32)]
    )


def virtual(file, secret):
    layout = h5py.VirtualLayout(shape=(4, 1), dtype=float)
    layout[:] = h5py.VirtualSource(str(secret / "other.h5"), "inside", shape=(4, 1))
    file.create_virtual_dataset("events", layout)


def hidden_behind_a_reference(file, secret):
    hidden = file.create_dataset(
        "#refs#/a", shape=(4, 1), dtype=float, external=[(str(secret / "raw.bin"), 0, 32)]
    )
    cell = file.create_dataset("events", shape=(1, 1), dtype=h5py.ref_dtype)
    cell[0, 0] = hidden.ref
    cell.attrs["MATLAB_class"] = np.bytes_("cell")


TRICKS = (
    external_link,
    external_link_in_a_group,
    external_storage,
    virtual,
    hidden_behind_a_reference,
)
READERS = {
    "mat": read,
    "nc": read_fields,
    "h5": drift.load,
    "nwb": lambda path: next(data_adapters.sessions("nwb", path)),
}


@pytest.mark.parametrize("suffix", READERS)
@pytest.mark.parametrize("trick", TRICKS)
def test_no_reader_reads_another_file(trick, suffix, secret, tmp_path):
    path = tmp_path / f"m_01.{suffix}"
    with h5py.File(path, "w", userblock_size=512 if suffix == "mat" else 0) as file:
        trick(file, secret)
    with pytest.raises(
        RefusedInputError, match=r"hold its own data, got .*: save a whole copy of it"
    ) as refusal:
        READERS[suffix](path)
    assert str(SECRET) not in str(refusal.value) and "\n" not in str(refusal.value)


def test_links_within_a_file_are_its_own(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["there"] = np.arange(3.0)
        file["here"] = h5py.SoftLink("/there")
        file["also"] = file["there"]
        file.create_group("loop")["back"] = file["/"]
    check_own_content(tmp_path / "a.h5")


def save_sparse(path, rows, jc, ir, data):
    with h5py.File(path, "w", userblock_size=512) as file:
        group = file.create_group("events")
        group.attrs["MATLAB_sparse"] = np.uint64(rows)
        group.attrs["MATLAB_class"] = np.bytes_("double")
        group["jc"], group["ir"], group["data"] = (
            np.array(jc, np.uint64),
            np.array(ir, np.uint64),
            np.array(data, float),
        )
    return path


@pytest.mark.parametrize(
    ("rows", "jc", "ir"),
    [
        (3, [0, 1, 2], [0, 3]), (3, [0, 1, 2], [0, 10**9]), (3, [0, 2, 1], [0, 1]), (3, [0, 1, 5], [0, 1]), (3, [1, 1, 2], [0, 1]),
        (3, [0, 1, 2], [0, 2**63]), (0, [0, 1, 2], [0, 1]), (3, [], []), (10**10, [0, 1, 2], [0, 1]),
    ],
)  # fmt: skip
def test_sparse_places_outside_are_refused(rows, jc, ir, tmp_path):
    with pytest.raises(RefusedInputError, match=r"places outside|4 GiB"):
        read(save_sparse(tmp_path / "a.mat", rows, jc, ir, [1.0, 2.0]), "events")


def test_sparse_that_fits_is_read(tmp_path):
    found = read(save_sparse(tmp_path / "a.mat", 3, [0, 1, 2], [2, 0], [5.0, 7.0]), "events")[
        "events"
    ]
    np.testing.assert_array_equal(found, [[0, 7], [0, 0], [5, 0]])


def nest(path, kind, twice=True, deep=40):
    with h5py.File(path, "w", userblock_size=512) as file:
        node = file.create_dataset("#refs#/leaf", data=np.ones((1, 1)))
        for level in range(deep):
            where = "events" if level == deep - 1 else f"#refs#/level{level}"
            if kind == "cell":
                cell = file.create_dataset(where, shape=(1, 1 + twice), dtype=h5py.ref_dtype)
                cell[...] = node.ref
                cell.attrs["MATLAB_class"] = np.bytes_("cell")
                node = cell
            else:
                group = file.create_group(where)
                group.attrs["MATLAB_class"] = np.bytes_("struct")
                for name in ("a", "b")[: 1 + twice]:
                    group[name] = node
                node = group
    return path


@pytest.mark.parametrize("kind", ["cell", "struct"])
def test_what_refers_twice_to_the_next_ends(kind, tmp_path):
    begun = time.perf_counter()
    with pytest.raises(RefusedInputError, match="referred to twice, or nested"):
        read(nest(tmp_path / "a.mat", kind), "events")
    assert time.perf_counter() - begun < 5


@pytest.mark.parametrize("kind", ["cell", "struct"])
def test_nesting_has_a_bound(kind, tmp_path):
    assert read(nest(tmp_path / "a.mat", kind, twice=False, deep=30), "events")
    with pytest.raises(RefusedInputError, match="nested more than 40 deep"):
        read(nest(tmp_path / "b.mat", kind, twice=False, deep=60), "events")


@pytest.mark.parametrize("suffix", READERS)
def test_a_small_file_cannot_claim_gigabytes(suffix, tmp_path):
    path = tmp_path / f"m_01.{suffix}"
    with h5py.File(path, "w", userblock_size=512 if suffix == "mat" else 0) as file:
        for number in range(8):  # 256 MiB each, of chunks that were never written
            file.create_dataset(
                f"events{number}", shape=(2**25,), dtype=float, chunks=(2**20,), compression="gzip"
            )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(
        RefusedInputError, match=r"hold what its \d+ bytes can say, got arrays of 2147483648 bytes"
    ):
        READERS[suffix](path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


def test_one_large_array_behind_many_cells(tmp_path, monkeypatch):
    monkeypatch.setattr("data_adapters.files.limits.LARGEST", 2**24)
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        leaf = file.create_dataset("#refs#/leaf", data=np.zeros(2**18))
        cell = file.create_dataset("events", shape=(1, 100), dtype=h5py.ref_dtype)
        cell[...] = leaf.ref
        cell.attrs["MATLAB_class"] = np.bytes_("cell")
    with pytest.raises(RefusedInputError, match="all that"):
        read(tmp_path / "a.mat", "events")


def test_objects_of_matlab_spoil_only_themselves(tmp_path):
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        file["pos"] = np.arange(6.0).reshape(2, 3)
        text = file.create_dataset("animal", data=np.arange(6, dtype=np.uint32))
        text.attrs["MATLAB_class"], text.attrs["MATLAB_object_decode"] = (
            np.bytes_("string"),
            np.int32(3),
        )
    np.testing.assert_array_equal(
        read(tmp_path / "a.mat", "pos")["pos"], np.arange(6.0).reshape(2, 3).T
    )
    with pytest.raises(
        RefusedInputError,
        match=r"animal in .* is a MATLAB string, which only MATLAB reads: .* char\(animal\)",
    ):
        read(tmp_path / "a.mat", "animal")


def opaque(name: bytes, kind: bytes) -> bytes:
    def element(number, content):
        return (
            np.array([number, len(content)], "<u4").tobytes() + content + bytes(-len(content) % 8)
        )

    flags = element(6, np.array([17, 0], "<u4").tobytes())
    inside = (
        element(6, np.array([13, 0], "<u4").tobytes())
        + element(5, np.array([6, 1], "<i4").tobytes())
        + element(1, b"")
    )
    value = element(14, inside + element(6, np.array([3707764736, 2, 1, 1, 1, 1], "<u4").tobytes()))
    return element(14, flags + element(1, name) + element(1, b"MCOS") + element(1, kind) + value)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", ["string", "table", "datetime", "function_handle_workspace"])
def test_v5_objects_spoil_only_themselves(kind, compressed, tmp_path):
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"pos": np.arange(5.0), "unit": 3.0}, do_compression=compressed)
    head = path.read_bytes()
    path.write_bytes(
        head[:128]
        + opaque(b"before", kind.encode())
        + head[128:]
        + opaque(b"behind", kind.encode())
    )
    np.testing.assert_array_equal(read(path, "pos")["pos"], [np.arange(5.0)])
    with pytest.raises(RefusedInputError, match=f"behind in .* is a MATLAB {kind}"):
        read(path, "behind")
    assert set(read(path)) == {"pos", "unit", "before", "behind"}


def test_texts_that_xarray_writes_are_texts(tmp_path):
    fields = {
        "fs": 20.0, "n_detected": 3, "track_length_cm": 100.0, "geometry": "linear", "animal": "m", "environment": "A", "session": 1,
        "time": 1.0, "time_unit": "day", "events": np.eye(50, 3), "position": np.linspace(0, 100, 50), "unit_label": ["a", "b", "c"],
    }  # fmt: skip
    dims = {"events": ("frame", "cell"), "position": ("frame",), "unit_label": ("cell",)}
    xr.Dataset({name: (dims.get(name, ()), value) for name, value in fields.items()}).to_netcdf(
        tmp_path / "m_01.nc"
    )
    session = next(data_adapters.sessions("interchange", tmp_path))
    assert session["environment"].item() == "A" and session["unit_label"].values.tolist() == [
        "a",
        "b",
        "c",
    ]


def session(number=0):
    rng = np.random.default_rng(number)
    return session_dataset(
        subject="m", session=number, elapsed=0.0, elapsed_units="day", environment="A", unit_identity="x", source="made",
        activity=rng.poisson(0.1, (200, 3)), position=np.linspace(0, 90, 200), sampling_rate=20.0,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["npz", "mat", "nc"])
def test_a_planted_link_is_not_written_through(kind, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / f"m_01.{kind}.part").symlink_to(victim)
    write_interchange(session(), tmp_path, kind)
    assert victim.read_text() == "mine" and next(
        data_adapters.sessions("interchange", tmp_path / f"m_01.{kind}")
    )


def test_writers_side_by_side_leave_a_whole_file(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: write_interchange(session(), tmp_path, overwrite=True), range(12)))
    assert [file.name for file in tmp_path.iterdir()] == ["m_01.npz"]
    xr.testing.assert_equal(next(data_adapters.sessions("interchange", tmp_path)), session())
