"""Registrations that are damaged: one sentence that names the file, never another identity."""

from __future__ import annotations

import json

import numpy as np
import pytest
import scipy.io
from rubbish import refuses

from data_adapters.registrations.files import read_registration

LABELS = {"labels_bySession": [[0, 1], [1, 0]]}
METRICS = {"cluster_labels_unique": [0, 1], "cluster_silhouette": [0.5, -0.5]}


def roicat(folder, **content):
    file = folder / "a.tracking.results_clusters.json"
    file.write_text(json.dumps({**LABELS, **content}))
    return file


@pytest.mark.parametrize(
    "labels",
    [
        [[0, [1, 2]], [0]],
        [[[0, 1], [2, 3]], [0]],
        [[0, -5], [0]],
        [[True, False], [0]],
        [[0, 0.5], [0]],
        [["0"], [0]],
        [[None], [0]],
        [[float("nan")], [0]],
        [[float("inf")], [0]],
        [[10**400], [0]],
    ],
)
def test_labels_of_roicat(labels, tmp_path):
    file = roicat(tmp_path, labels_bySession=labels)
    refuses(lambda: read_registration(file), str(file))


@pytest.mark.parametrize(
    "wrong",
    [
        {"cluster_silhouette": [50, -50]},
        {"cluster_silhouette": [float("inf"), 0]},
        {"cluster_silhouette": [10**400, 0]},
        {"cluster_silhouette": [True, 0]},
        {"cluster_labels_unique": [float("nan"), 1]},
        {"cluster_labels_unique": [10**400, 1]},
        {"cluster_labels_unique": [[0], 1]},
    ],
)
def test_metrics_of_roicat(wrong, tmp_path):
    file = roicat(tmp_path, quality_metrics={**METRICS, **wrong})
    refuses(lambda: read_registration(file), str(file), next(iter(wrong)))


def test_silhouettes_become_confidence(tmp_path):
    told = {**METRICS, "cluster_silhouette": [0.5, float("nan")]}
    read = read_registration(roicat(tmp_path, quality_metrics=told))
    np.testing.assert_array_equal(read.confidence, [0.75, np.nan])


@pytest.mark.parametrize("pair", ["text", np.array([["a", "b"], ["c", "d"]], dtype=object), 1j])
def test_probabilities_of_cellreg(pair, tmp_path):
    pairs = np.empty((2, 1), dtype=object)
    pairs[:, 0] = [pair, np.eye(2)]
    struct = {"cell_to_index_map": [[1.0, 2.0], [2.0, 1.0]], "p_same_registered_pairs": pairs}
    file = tmp_path / "cellRegistered_1.mat"
    scipy.io.savemat(file, {"cell_registered_struct": struct})
    refuses(lambda: read_registration(file), str(file), "cell 1")


def track2p(folder, text):
    file = folder / "plane0_suite2p_indices.csv"
    file.write_text(text)
    return file


def test_a_letter_in_a_number_is_no_absence(tmp_path):
    file = track2p(tmp_path, "day1,day2\n0,1\n1,1O\n")
    refuses(lambda: read_registration(file), str(file), "1O")


@pytest.mark.parametrize("head", ["20240501,20240502", "240513,240514", '"20240501","20240502"'])
def test_days_name_columns(head, tmp_path):
    read = read_registration(track2p(tmp_path, f"{head}\n0,1\n1,\n"))
    assert read.columns.tolist() == [[0, 1], [1, -1]]
    assert read.names == head.replace('"', "").split(",")


def test_a_first_line_of_cells_is_no_header(tmp_path):
    file = track2p(tmp_path, "0,1\n1,0\n")
    refuses(lambda: read_registration(file), "header")
