"""Units across NWB files of a subject, and files as archives lay them in folders."""

from __future__ import annotations

import sys
from datetime import timedelta

import numpy as np
import pytest

pytest.importorskip("pynwb")
from nwb_layout import START, events, write

import data_adapters
from drift.errors import RefusedInputError


def read(path, **options):
    return list(data_adapters.sessions("nwb", path, **options))


def days(folder, columns, **parts):
    """One file a day, with these columns of regions."""
    for day, column in enumerate(columns):
        write(folder / f"{day}.nwb", columns=column, start=START + timedelta(days=day), **parts)
    return folder


@pytest.mark.parametrize("column", ["global_roi_id", "cell_specimen_id", "global_id"])
def test_columns_that_name_units_across_files(column, tmp_path):
    entries = [[517, 3, 90, 12, 600], [12, 3, 4, 517, 90]]
    first, second = read(days(tmp_path, [{column: each} for each in entries]))
    ranks = {entry: rank for rank, entry in enumerate(sorted({*entries[0], *entries[1]}))}
    for one, own in zip((first, second), entries):
        assert one["unit"].values.tolist() == [ranks[entry] for entry in own]
        assert one["unit_label"].values.tolist() == [f"roi {entry}" for entry in own]
        assert one["unit_identity"].item() == column
    np.testing.assert_array_equal(first["activity"], events())


@pytest.mark.parametrize("absent", [-1, np.nan, ""])
def test_units_without_an_entry_are_units_of_their_session(absent, tmp_path):
    kind = str if absent == "" else float if absent != absent else int
    columns = [
        [kind(7), absent, kind(9), absent, kind(3)],
        [kind(9), kind(7), absent, absent, absent],
    ]
    first, second = read(days(tmp_path, [{"cell_specimen_id": each} for each in columns]))
    shared = np.intersect1d(first["unit"], second["unit"])
    names = [
        dict(zip(one["unit"].values.tolist(), one["unit_label"].values.tolist()))
        for one in (first, second)
    ]
    assert sorted(names[0][unit] for unit in shared.tolist()) == ["roi 7", "roi 9"]
    assert all(names[0][unit] == names[1][unit] for unit in shared.tolist())
    assert first["unit_label"].values.tolist()[1] == "unmatched row 1"
    assert np.unique(np.append(first["unit"], second["unit"])).size == 8


def test_a_column_of_ones_own_and_the_numbers_of_rows(tmp_path):
    days(tmp_path, [{"tracked": [5, 4, 3, 2, 1]}, {"tracked": [1, 2, 3, 4, 5]}])
    first, second = read(tmp_path, identity="tracked")
    assert first["unit"].values.tolist() == [4, 3, 2, 1, 0]
    assert first["unit_identity"].item() == second["unit_identity"].item() == "tracked"
    assert read(tmp_path, identity="id")[0]["unit"].values.tolist() == [0, 1, 2, 3, 4]
    apart = read(tmp_path)
    assert apart[0]["unit_identity"].item() != apart[1]["unit_identity"].item()
    with pytest.raises(RefusedInputError, match=r"have the column 'absent', got .*tracked"):
        read(tmp_path, identity="absent")


def test_an_entry_that_comes_twice_is_refused(tmp_path):
    days(tmp_path, [{"global_id": [1, 2, 3, 2, 5]}])
    with pytest.raises(
        RefusedInputError, match=r"global_id .* name every unit once, got '2' twice"
    ):
        read(tmp_path)


def test_identities_of_spike_trains(tmp_path):
    trains = [np.array([1.0, 2.0]), np.array([3.0])]
    for day, names in enumerate((["a", "b"], ["b", "c"])):
        write(tmp_path / f"{day}.nwb", responses=None, trains=trains,
              unit_columns={"global_id": names}, start=START + timedelta(days=day))  # fmt: skip
    first, second = read(tmp_path)
    assert first["unit"].values.tolist() == [0, 1] and second["unit"].values.tolist() == [1, 2]


@pytest.mark.parametrize("base", [0, 1])
def test_a_registration_beside_the_files(base, tmp_path):
    columns = {"iscell": [1, 1, 0, 1, 1]}
    days(tmp_path, [columns, columns])
    cell_map = np.array([[0, 1], [1, 0], [4, 3], [2, 2], [3, -1]]) + base
    np.savez(
        tmp_path / "registration.npz",
        cell_to_index_map=np.where(cell_map < base, base - 1, cell_map),
    )
    first, second = read(tmp_path, registration="registration.npz", base=str(base))
    shared = np.intersect1d(first["unit"], second["unit"])
    assert first["unit_identity"].item() == second["unit_identity"].item()
    pairs = {
        (
            int(np.flatnonzero(first["unit"] == unit)[0]),
            int(np.flatnonzero(second["unit"] == unit)[0]),
        )
        for unit in shared
    }
    # rows 0, 1, 3, 4 of the table count, in this order: columns 0 to 3
    assert pairs == {(0, 1), (1, 0), (3, 2)}


def test_days_are_those_of_the_files_or_said(tmp_path):
    days(tmp_path, [{}, {}, {}])
    assert [one["elapsed"].item() for one in read(tmp_path)] == [0, 1, 2]
    assert [one["elapsed"].item() for one in read(tmp_path, elapsed="0,2.5,7")] == [0, 2.5, 7]
    with pytest.raises(RefusedInputError, match="name 3 days for the sessions of m1, got 2"):
        read(tmp_path, elapsed="0,1")


def test_folders_of_an_archive(tmp_path):
    for subject in ("m2", "m1"):
        for day in (1, 0):
            write(tmp_path / f"sub-{subject}" / f"sub-{subject}_ses-{day}.nwb",
                  subject=subject, start=START + timedelta(days=day))  # fmt: skip
    (tmp_path / "sub-m1" / "._sub-m1_ses-0.nwb").write_bytes(b"of a Mac")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "a.nwb").write_bytes(b"of git")
    sessions = read(tmp_path)
    names = [(one["subject"].item(), one["session"].item()) for one in sessions]
    assert names == [("m1", 0), ("m1", 1), ("m2", 0), ("m2", 1)]
    assert len(read(tmp_path, animal="m2")) == 2


def test_a_link_to_a_file_that_was_not_fetched_is_refused(tmp_path):
    (tmp_path / "a.nwb").symlink_to(tmp_path / "annex" / "absent")
    with pytest.raises(RefusedInputError, match=r"expected at .*a\.nwb, got nothing there"):
        read(tmp_path)


def test_a_file_without_a_subject_is_its_own(tmp_path):
    assert read(write(tmp_path / "mouse_7.nwb", subject=None))[0]["subject"].item() == "mouse_7"


def test_a_folder_of_zarr_needs_its_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "hdmf_zarr", None)
    store = tmp_path / "sub-1" / "a.nwb.zarr"
    store.mkdir(parents=True)
    (store / ".zgroup").write_text('{"zarr_format": 2}')
    for path in (tmp_path, store):
        with pytest.raises(RefusedInputError, match="the package hdmf-zarr, got none: pip install"):
            read(path)


def test_a_folder_of_zarr_that_leads_elsewhere_or_claims_gigabytes_is_refused(tmp_path):
    store = tmp_path / "a.nwb.zarr"
    (store / "position").mkdir(parents=True)
    (store / "position" / ".zarray").write_text('{"shape": [1000000000, 10], "dtype": "<f8"}')
    with pytest.raises(RefusedInputError, match="got arrays of 80000000000 bytes"):
        read(store)
    (store / "other").symlink_to("/etc")
    with pytest.raises(RefusedInputError, match="hold its own data, got a link at other"):
        read(store)
