"""Files that are damaged in ways that would change numbers: refused in a sentence that names the
file, or read as what they say."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import scipy.io
from rubbish import read, refused, refuses, written
from tool_files import ACCEPTED, CELLS, FRAMES, known

from data_adapters.inspection.recognition import recognised


@pytest.fixture
def files(tmp_path):
    return lambda tool: written(tool, tmp_path)


HEAD = "cluster_id\tgroup\n"
LABELLED = HEAD + "".join(f"{5 + 4 * cell}\tgood\n" for cell in range(CELLS))
PHY = {
    "a stray line": (LABELLED + "x\tgood\n", "cluster_id"),
    "another recording": (HEAD + "1000\tgood\n1001\tmua\n", "this recording"),
    "rows too long": (LABELLED.replace("good", "good\t3"), "more entries"),
    "one row too long": (LABELLED + "29\tgood\t3\n", "line"),
    "codes": (LABELLED.replace("good", "1"), "good, mua and noise"),
    "parts of clusters": (LABELLED.replace("9\t", "9.5\t"), "whole numbers"),
    "a column twice": (LABELLED.replace("group", "Group\tgroup"), "once"),
}


@pytest.mark.parametrize("name", PHY)
def test_labels_of_phy(name, files):
    text, word = PHY[name]
    folder = files("phy")
    (folder / "phy" / "cluster_group.tsv").write_text(text)
    refused("phy", folder, "cluster_group.tsv", word)


def test_nobody_judged_where_phy_wrote_a_header_alone(files):
    folder = files("phy")
    (folder / "phy" / "cluster_group.tsv").write_text(HEAD)
    session = read("phy", folder)
    assert session.sizes["unit"] == CELLS and "no cluster was judged" in session.attrs["notes"]


@pytest.mark.parametrize("rate", [0, np.nan, 1e-300, -5, np.inf])
def test_rates_of_electrodes(rate, files):
    refused("phy", files("phy"), "sample_rate", sample_rate=rate)


@pytest.mark.parametrize("text", ["True", "b'5'", "9" * 400, "'30000'", "[30000]", "1e-300", "-1"])
def test_rates_in_params(text, files):
    folder = files("phy")
    (folder / "phy" / "params.py").write_text(f"sample_rate = {text}\n")
    refused("phy", folder, "params.py", "sample_rate")


@pytest.mark.parametrize("form", ["mask", "row", "column", "numbers"])
def test_accepted_components_of_caiman(form, files):
    folder = files("caiman")
    numbers = np.flatnonzero(ACCEPTED)
    forms = {"mask": ACCEPTED, "row": numbers[None], "column": numbers[:, None], "numbers": numbers}
    with h5py.File(folder / "session.hdf5", "r+") as file:
        del file["estimates/idx_components"]
        file["estimates/idx_components"] = forms[form]
    assert list(read("caiman", folder)["unit_label"].values) == [f"component {n}" for n in numbers]


WRONG_LISTS = ([0, 0, 1], [[0, 1], [2, 3]], [True, False], [0.5], [False] * CELLS, [-1], [b"a"])


@pytest.mark.parametrize("accepted", WRONG_LISTS)
def test_other_lists_of_components(accepted, files):
    folder = files("caiman")
    with h5py.File(folder / "session.hdf5", "r+") as file:
        del file["estimates/idx_components"]
        file["estimates/idx_components"] = np.array(accepted)
    refused("caiman", folder, "session.hdf5", "idx_components")


@pytest.mark.parametrize(
    "series", [np.ones((7, 9)) + 1j, np.zeros((7, 0)), np.full((7, 9), b"1"), np.zeros((0, 9))]
)
def test_events_of_caiman_that_are_no_numbers(series, files):
    folder = files("caiman")
    with h5py.File(folder / "session.hdf5", "r+") as file:
        del file["estimates/S"]
        file["estimates/S"] = series
    refused("caiman", folder, "session.hdf5", "estimates/S")


@pytest.mark.parametrize("chunks", [None, (3, 50), (7, 400), (1, 1), (2, 400)])
def test_events_of_caiman_by_blocks(chunks, files, monkeypatch):
    monkeypatch.setattr("data_adapters.tools.caiman.BLOCK", 1000)
    folder, session = files("caiman"), known()
    with h5py.File(folder / "session.hdf5", "r+") as file:
        del file["estimates/S"]
        file.create_dataset("estimates/S", data=session.events, chunks=chunks)
    activity = read("caiman", folder)["activity"].values
    np.testing.assert_array_equal(activity, session.events[ACCEPTED].T)


FLAGS = {
    "complex": np.ones(7) + 1j,
    "texts": np.array([""] * 7),
    "bytes": np.array([b"\xff"] * 7),
    "times": np.zeros(7, "M8[s]"),
    "raw": np.zeros(7, "V3"),
    "one": np.float64(3),
    "empty": np.zeros((7, 0)),
    "cube": np.ones((7, 2, 2)),
}


@pytest.mark.parametrize("name", FLAGS)
def test_flags_of_suite2p(name, files):
    folder = files("suite2p")
    np.save(folder / "suite2p" / "plane0" / "iscell.npy", FLAGS[name])
    refused("suite2p", folder, "iscell.npy")


SETTINGS = {
    "a huge rate": {"fs": 10**400},
    "a long text": {"fs": "x" * 10**6},
    "lines": {"fs": "a\nb"},
    "a truth": {"fs": True},
    "lists": {"fs": [[1], [2]]},
    "ragged": {"frames_per_folder": [[1, 2], [3]]},
    "texts": {"frames_per_folder": ["200", "200"]},
    "a dict": {"frames_per_folder": {"a": 1}},
    "halves": {"frames_per_folder": [199.5, 200.5]},
    "countless": {"frames_per_folder": np.zeros(10**6)},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_of_suite2p(name, files):
    folder = files("suite2p")
    np.save(folder / "suite2p" / "plane0" / "ops.npy", {"fs": 20.0, **SETTINGS[name]})
    refused("suite2p", folder, str(folder), next(iter(SETTINGS[name])), split=True)


def test_ragged_names_of_folders_are_numbered(files):
    folder = files("suite2p")
    told = {"fs": 20.0, "frames_per_folder": [200, 200], "data_path": [["a", "b"], ["c"]]}
    np.save(folder / "suite2p" / "plane0" / "ops.npy", told)
    assert read("suite2p", folder, split=True, elapsed=(0, 1)).sizes["sample"] == 200


@pytest.mark.parametrize("shape", [(7, 0), (-7, 400), (8_000_000_000, 0), (10**30, 0)])
@pytest.mark.parametrize("keep_rejected", [True, False])
def test_shapes_of_suite2p(shape, keep_rejected, files):
    folder = files("suite2p")
    plane = folder / "suite2p" / "plane0"
    (plane / "iscell.npy").unlink()
    with (plane / "spks.npy").open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
    refused("suite2p", folder, "spks.npy", keep_rejected=keep_rejected)


def cellexplorer(folder, **changes):
    file = next(folder.glob("*.mat"))
    fields = scipy.io.loadmat(file, simplify_cells=False)["spikes"]
    spikes = {name: fields[name][0, 0] for name in fields.dtype.names}
    scipy.io.savemat(file, {"spikes": {**spikes, **changes}})


def test_labels_of_cellexplorer_for_other_cells(files):
    folder = files("cellexplorer")
    cellexplorer(folder, quality=np.array([["good"], ["mua"]], dtype=object))
    refused("cellexplorer", folder, "quality", "7 cells")


def test_spikes_of_cellexplorer_at_no_time(files):
    folder = files("cellexplorer")
    times = np.empty((1, CELLS), dtype=object)
    times[0, :] = [np.array([[1.0], [np.nan]])] * CELLS
    cellexplorer(folder, times=times)
    refused("cellexplorer", folder, "times of cell 1", "NaN")


def test_a_header_line_alone_is_no_track(files):
    folder = files("suite2p")
    (folder / "track.csv").write_text("time,x\n")
    refused("suite2p", folder, "track.csv", "lines below")


@pytest.mark.parametrize("head", ["time,x,x", "time,X,x", "time, x ,x"])
def test_names_given_twice(head, files):
    folder = files("suite2p")
    rows = [f"{50 + number / 20},{number},7" for number in range(FRAMES)]
    (folder / "track.csv").write_text("\n".join([head, *rows]) + "\n")
    refused("suite2p", folder, "track.csv", "once")


@pytest.mark.parametrize("wrong", [slice(0, None), slice(0, 1), slice(9, 10)])
def test_rows_longer_than_the_header(wrong, files):
    folder = files("suite2p")
    head, *rows = (folder / "track.csv").read_text().splitlines()
    rows[wrong] = [f"{row},3" for row in rows[wrong]]
    (folder / "track.csv").write_text("\n".join([head, *rows]) + "\n")
    refused("suite2p", folder, "track.csv")


def test_a_separator_at_the_end_of_each_row_is_no_entry(files):
    folder = files("suite2p")
    usual = read("suite2p", folder)
    head, *rows = (folder / "track.csv").read_text().splitlines()
    (folder / "track.csv").write_text("\n".join([head, *(f"{row}," for row in rows)]) + "\n")
    assert read("suite2p", folder).identical(usual)


@pytest.mark.parametrize("name", ["spikes**0.mat", "spikes[0.mat", "spikes?.mat"])
def test_names_are_no_patterns(name, tmp_path):
    (tmp_path / name).write_bytes(b"")
    refuses(lambda: recognised(tmp_path), "known program")
