"""Which cell is which: registrations that do not fit the sessions are refused, and cells are never
mixed up."""

from __future__ import annotations

import laboratory_mice
import numpy as np
import pytest
from laboratory_mice import (
    BEGIN,
    CAMERA_CLOCK,
    FRAMES,
    frames_of,
    mouse,
    write_caiman,
    write_cellreg,
    write_clusters_registered,
    write_phy,
    write_suite2p,
    write_track2p,
)
from matlab_hdf5 import write_hdf5

import data_adapters
from drift.errors import RefusedInputError

OF_CAIMAN = {
    "track": "virmen.csv",
    "start": CAMERA_CLOCK + BEGIN,
    "registration": "cellRegistered*.mat",
}
OF_SUITE2P = {"track": "virmen.csv", "registration": "track2p"}
OF_PHY = {
    "track": "*DLC*.csv", "bodypart": "body", "position": "x", "track_rate": 30.0, "scale": 0.25,
    "origin": (40.0,), "start": BEGIN,
}  # fmt: skip


@pytest.fixture
def subject():
    return mouse("m", 3, days=3, cells=24, seconds=60.0)


def caiman(folder, subject):
    for day in subject.days:
        write_caiman(folder, day)
    write_cellreg(folder, subject)
    return folder


def right_units(sessions, subject) -> bool:
    """Whether each unit has the events of the cell of its number."""
    for session, day in zip(sessions, subject.days, strict=True):
        for cell, train in zip(day.cells.tolist(), day.trains, strict=True):
            if cell not in session["unit"].values:
                continue
            events = session["activity"].sel(unit=cell).values
            if events.size == int(day.seconds * FRAMES):
                right = np.array_equal(events > 0, frames_of(day, [train])[0] > 0)
            else:  # counted in the samples of the camera, some of them lost
                right = 0.8 * train.size - 3 <= events.sum() <= train.size
            if not right:
                return False
    return True


def test_uncertain_cells_are_left_out_and_no_other_one_moves(subject, tmp_path):
    """The last accepted component of a day is an uncertain one."""
    caiman(tmp_path, subject)
    index = np.zeros((24, 3))
    for column, day in enumerate(subject.days):
        index[day.cells, column] = np.arange(1, day.cells.size + 1)
    certain = np.full(24, 0.9)
    certain[subject.days[0].cells[-1]] = 0.1
    pairs = [np.triu(np.full((3, 3), value), k=1) for value in certain]
    write_hdf5(
        tmp_path / "m" / "cellRegistered_20240507_120000.mat",
        {"cell_registered_struct": {"cell_to_index_map": index, "p_same_registered_pairs": pairs}},
    )
    sessions = list(data_adapters.sessions("caiman", tmp_path, minimum_confidence=0.5, **OF_CAIMAN))
    assert right_units(sessions, subject)
    uncertain = int(subject.days[0].cells[-1])
    assert all(uncertain not in session["unit"].values for session in sessions)
    assert float(sessions[0]["registration_confidence"].min()) >= 0.5


def test_columns_of_other_days_are_refused(subject, tmp_path):
    """CellReg lists every cell it was given: all components of the day, or the accepted ones."""
    caiman(tmp_path, subject)
    index = np.zeros((24, 3))
    for column, day in enumerate(subject.days):
        index[day.cells, column] = np.arange(1, day.cells.size + 1)
    index[:, [0, 1]] = index[:, [1, 0]]  # 24 cells on the first day, 21 on the others
    write_hdf5(
        tmp_path / "m" / "cellRegistered_20240507_120000.mat",
        {"cell_registered_struct": {"cell_to_index_map": index}},
    )
    with pytest.raises(RefusedInputError, match="check the order of the sessions"):
        list(data_adapters.sessions("caiman", tmp_path, **OF_CAIMAN))
    sessions = data_adapters.sessions("caiman", tmp_path, columns="2,1,3", **OF_CAIMAN)
    assert right_units(list(sessions), subject)


def test_a_day_that_is_left_out_keeps_the_columns_of_the_others(subject, tmp_path):
    caiman(tmp_path, subject)
    second = subject.days[1].on.isoformat()
    (tmp_path / "m" / second).rename(tmp_path / "left out")
    with pytest.raises(RefusedInputError, match="say columns="):
        list(data_adapters.sessions("caiman", tmp_path / "m", **OF_CAIMAN))
    sessions = list(data_adapters.sessions("caiman", tmp_path / "m", columns=(1, 3), **OF_CAIMAN))
    rest = subject._replace(days=[subject.days[0], *subject.days[2:]])
    assert right_units(sessions, rest)


def test_regions_that_were_rejected_betray_another_day(tmp_path, monkeypatch):
    """Rows of track2p are cells on their day; those of another day fall on rejected regions."""
    monkeypatch.setattr(laboratory_mice, "REJECTED", 20)
    subject = mouse("m", 5, days=3, cells=20, seconds=20.0)
    for day in subject.days:
        write_suite2p(tmp_path, day)
    write_track2p(tmp_path, subject)
    sessions = list(data_adapters.sessions("suite2p", tmp_path, **OF_SUITE2P))
    assert len(sessions) == 3
    table = tmp_path / "m" / "track2p" / "plane0_suite2p_indices_nan.npy"
    rows = np.load(table)
    np.save(table, rows[:, [0, 2, 1]])
    with pytest.raises(RefusedInputError, match="as if column 2 belonged to another session"):
        list(data_adapters.sessions("suite2p", tmp_path, **OF_SUITE2P))


def test_names_of_columns_are_held_against_the_days(tmp_path):
    subject = mouse("m", 5, days=3, cells=10, seconds=20.0)
    for day in subject.days:
        write_suite2p(tmp_path, day)
    write_track2p(tmp_path, subject)
    rows = np.load(tmp_path / "m" / "track2p" / "plane0_suite2p_indices_nan.npy")
    names = [day.on.isoformat() for day in subject.days]
    for order, refused in (((0, 1, 2), False), ((2, 1, 0), True)):
        lines = [";".join(names[column] for column in order)]
        lines += [";".join(str(row[column]) for column in order) for row in rows]
        file = tmp_path / "m" / "plane0_suite2p_indices.csv"
        file.write_text("\n".join(lines).replace("nan", "NaN") + "\n")
        options = {**OF_SUITE2P, "registration": file.name}
        if refused:
            with pytest.raises(RefusedInputError, match="say columns=3,2,1"):
                list(data_adapters.sessions("suite2p", tmp_path, **options))
        else:
            assert len(list(data_adapters.sessions("suite2p", tmp_path, **options))) == 3


def test_clusters_are_named_by_their_numbers_or_their_ranks(tmp_path):
    subject = mouse("m", 4, days=3, cells=10, seconds=60.0)
    for day in subject.days:
        write_phy(tmp_path, day)
    write_clusters_registered(tmp_path, subject)  # ranks, from 1
    index = np.load(tmp_path / "m" / "clusters.npz")["cell_to_index_map"]
    ids = np.where(index > 0, (index - 1) * 3 + 2, -1)  # numbers of phy
    np.savez(tmp_path / "m" / "ids.npz", cell_to_index_map=ids)
    ranked, numbered = (
        list(data_adapters.sessions("phy", tmp_path, registration=name, **OF_PHY, **options))
        for name, options in (("clusters.npz", {}), ("ids.npz", {"base": 0}))
    )
    for one, other in zip(ranked, numbered, strict=True):
        np.testing.assert_array_equal(one["unit"], other["unit"])
    assert right_units(ranked, subject)
