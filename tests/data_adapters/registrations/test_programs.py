"""Registrations of CellReg, ROIMatchPub, track2p and ROICaT: which cell of which session is which."""

from __future__ import annotations

import json

import laboratory_mice
import numpy as np
import pandas as pd
import pytest
import scipy.io
from matlab_hdf5 import write_hdf5

import data_adapters
from data_adapters.registrations.files import read_registration
from drift.errors import RefusedInputError

# Cells of three sessions from 0, -1 absent: what each program must say.
CELLS = np.array([[0, 2, -1], [1, 0, 1], [-1, 1, 0], [2, -1, 2]])


def cellreg(folder, version="7.3", pairs=True):
    struct = {"cell_to_index_map": CELLS + 1.0}
    if pairs:
        certain = [np.full((3, 3), value) for value in (0.9, 0.8, 0.7, 0.3)]
        struct["p_same_registered_pairs"] = certain
    path = folder / "cellRegistered_20240501_120000.mat"
    if version == "7.3":
        return write_hdf5(path, {"cell_registered_struct": struct})
    if pairs:
        cells = np.empty((4, 1), dtype=object)
        cells[:, 0] = struct["p_same_registered_pairs"]
        struct["p_same_registered_pairs"] = cells
    scipy.io.savemat(path, {"cell_registered_struct": struct})
    return path


def roimatch(folder, version="5"):
    path = folder / "mouse7_matched.mat"
    struct = {"allSessionMapping": CELLS + 1.0, "comment": "by hand"}
    if version == "7.3":
        return write_hdf5(path, {"roiMatchData": struct})
    scipy.io.savemat(path, {"roiMatchData": struct})
    return path


def track2p(folder, suffix=".npy"):
    table = np.where(CELLS < 0, np.nan, CELLS)
    path = folder / f"plane0_suite2p_indices{'_nan' if suffix == '.npy' else ''}{suffix}"
    if suffix == ".npy":
        np.save(path, table)
    else:
        pd.DataFrame(table, columns=["d0", "d1", "d4"]).to_csv(
            path, sep=";", index=False, na_rep="NaN"
        )
    return path


def roicat(folder):
    labels = []
    for session in range(3):
        of_region = [-1] * 4  # region 3 of each session belongs to no cluster
        for cluster, region in enumerate(CELLS[:, session]):
            if region >= 0:
                of_region[region] = cluster * 10
        labels.append(of_region)
    metrics = {"cluster_labels_unique": [-1, 0, 10, 20, 30], "cluster_silhouette": [0, 1, 0, 0, -1]}
    path = folder / "m.ROICaT.tracking.results_clusters.json"
    path.write_text(json.dumps({"labels_bySession": labels, "quality_metrics": metrics}))
    return path


@pytest.mark.parametrize(
    "write",
    [
        cellreg,
        lambda folder: cellreg(folder, "5"),
        track2p,
        lambda folder: track2p(folder, ".csv"),
        roicat,
    ],
    ids=["cellreg 7.3", "cellreg 5", "track2p npy", "track2p csv", "roicat"],
)
def test_every_program_says_the_same(write, tmp_path):
    path = write(tmp_path)
    for named in (path, tmp_path):
        np.testing.assert_array_equal(read_registration(named).columns, CELLS)


def test_confidence_is_the_least_of_a_cell(tmp_path):
    np.testing.assert_allclose(
        read_registration(cellreg(tmp_path)).confidence, [0.9, 0.8, 0.7, 0.3]
    )
    assert read_registration(cellreg(tmp_path, pairs=False)).confidence is None


def test_silhouettes_are_confidence(tmp_path):
    np.testing.assert_allclose(read_registration(roicat(tmp_path)).confidence, [1, 0.5, 0.5, 0])


def test_two_registrations_in_a_folder_are_refused(tmp_path):
    cellreg(tmp_path).rename(tmp_path / "cellRegistered_1.mat")
    cellreg(tmp_path)
    with pytest.raises(RefusedInputError, match="name the file"):
        read_registration(tmp_path)


def test_two_regions_of_a_session_in_one_cluster_are_refused(tmp_path):
    path = tmp_path / "a.tracking.results_clusters.json"
    path.write_text(json.dumps({"labels_bySession": [[0, 1], [1, 1]]}))
    with pytest.raises(RefusedInputError, match="regions 0 and 1 of session 2 in cluster 1"):
        read_registration(path)


def test_footprints_are_not_read(tmp_path):
    """A struct with a footprint of another kind than numbers: only the map is looked at."""
    import h5py

    path = cellreg(tmp_path)
    with h5py.File(path, "r+") as file:
        file["cell_registered_struct"].create_dataset(
            "spatial_footprints_corrected", (10_000, 10_000, 5), np.float64, chunks=(100, 100, 1)
        )
    with pytest.raises(RefusedInputError, match="4000000"):  # claims more than its bytes can say
        read_registration(path)
    with h5py.File(path, "r+") as file:
        del file["cell_registered_struct/spatial_footprints_corrected"]
        file["cell_registered_struct"]["spatial_footprints_corrected"] = np.zeros(3, dtype="S4")
    np.testing.assert_array_equal(read_registration(path).columns, CELLS)


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_roimatch_counts_accepted_regions(version, tmp_path):
    registration = read_registration(roimatch(tmp_path, version))
    assert registration.counts_accepted and (registration.columns == CELLS).all()


def test_a_match_file_without_its_table_is_refused(tmp_path):
    scipy.io.savemat(tmp_path / "m.mat", {"roiMatchData": {"comment": "not yet"}})
    with pytest.raises(RefusedInputError, match="allSessionMapping, got comment"):
        read_registration(tmp_path / "m.mat")


def mice_matched(folder):
    """Two days in suite2p's files, with rejected regions; the cells of both days in a match file."""
    subject = laboratory_mice.mouse("m7", 1, days=2, cells=12, seconds=60.0)
    for day in subject.days:
        laboratory_mice.write_suite2p(folder, day)
    laboratory_mice.write_roimatch(folder, subject)
    both = [cell for cell in subject.days[0].cells if cell in subject.days[1].cells]
    options = {"track": "virmen.csv", "registration": "match.mat", "track_length": 160.0}
    return subject, both, options


def test_matched_cells_are_the_same_in_both_sessions(tmp_path):
    subject, both, options = mice_matched(tmp_path)
    sessions = list(data_adapters.sessions("suite2p", tmp_path, **options))
    for session, day in zip(sessions, subject.days, strict=True):
        amplitude = session["activity"].values
        smallest = np.where(amplitude > 0, amplitude, np.inf).min(axis=0)  # that of one spike
        events = np.round(amplitude / smallest).sum(axis=0)
        own = {int(unit): total for unit, total in zip(session["unit"].values, events, strict=True)}
        for unit, cell in enumerate(both):
            spikes = day.trains[day.cells.tolist().index(cell)]
            assert abs(own[unit] - spikes.size) <= 2


def test_all_regions_and_numbers_of_accepted_ones_do_not_go_together(tmp_path):
    _subject, _both, options = mice_matched(tmp_path)
    with pytest.raises(RefusedInputError, match="numbers the accepted cells"):
        list(data_adapters.sessions("suite2p", tmp_path, keep_rejected=True, **options))


@pytest.mark.parametrize("version", ["5", "7.3"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_match_file_that_was_cut_is_refused_by_name(version, share, tmp_path):
    whole = roimatch(tmp_path, version).read_bytes()
    cut = tmp_path / "cut.mat"
    cut.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(RefusedInputError, match=r"cut\.mat"):
        read_registration(cut)


@pytest.mark.parametrize("held", [np.zeros((2, 2)), "text", {"allSessionMapping": "text"}])
def test_something_else_in_a_match_file_is_refused(held, tmp_path):
    scipy.io.savemat(tmp_path / "m.mat", {"roiMatchData": held})
    with pytest.raises(RefusedInputError, match="allSessionMapping"):
        read_registration(tmp_path / "m.mat")
