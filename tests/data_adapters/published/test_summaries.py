"""Published summaries of all four panels: read in their formats, normalised as each panel does it,
by hand."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import scipy.io
from matlab_hdf5 import write_hdf5

import data_adapters
from data_adapters.published.summaries import NORMALISATIONS, normalised
from drift.comparison.published import PUBLISHED_SLOPES
from drift.errors import RefusedInputError

KHATIB = ("place_r_mean", "place_r_sem", "info_mean", "info_sem", "time_points")
FRACTIONS = np.array([[0.4, 0.3, 0.2], [0.5, np.nan, 0.1], [np.nan, 0.2, 0.2]])  # (animal, session)
INFORMATION = np.array([[1.0, 1.5, 2.0], [2.0, np.nan, 3.0], [np.nan, 1.0, 1.0]])


def khatib(path, arrays):
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    elif path.suffix == ".json":
        path.write_text(json.dumps({name: list(values) for name, values in arrays.items()}))
    else:
        lines = [",".join(arrays), *(",".join(map(str, line)) for line in zip(*arrays.values()))]
        path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".json"])
def test_khatib(suffix, tmp_path, rng):
    arrays = dict(zip(KHATIB, [*rng.uniform(0.5, 1.5, (4, 6)), np.arange(0, 200.0, 35)]))
    published = data_adapters.summary("khatib2023", khatib(tmp_path / f"f{suffix}", arrays))
    np.testing.assert_array_equal(published["elapsed"], arrays["time_points"])
    assert published["elapsed"].attrs["units"] == "min"
    curve = normalised("khatib2023", published)
    np.testing.assert_array_equal(curve["activity"], arrays["place_r_mean"])
    np.testing.assert_array_equal(curve["spatial_information_sem"], arrays["info_sem"])
    assert (
        curve["elapsed"].attrs["units"] == "min"
        and curve.attrs["activity"] == "fraction of place cells"
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_khatib_as_other_programs_save_text(suffix, encoding, tmp_path, rng):
    arrays = dict(zip(KHATIB, [*rng.uniform(0.5, 1.5, (4, 6)), np.arange(0, 200.0, 35)]))
    path = khatib(tmp_path / f"f{suffix}", arrays)
    plain = data_adapters.summary("khatib2023", path)
    path.write_bytes(path.read_text().replace("\n", "\r\n").encode(encoding))
    assert data_adapters.summary("khatib2023", path).equals(plain)


class Runs:
    def __reduce__(self):
        return print, ("this code must not run",)


@pytest.mark.parametrize("suffix", [".pkl", ".npz", ".json", ".csv"])
def test_khatib_pickles_run_no_code(suffix, tmp_path, capsys):
    path = tmp_path / f"f{suffix}"
    path.write_bytes(pickle.dumps(Runs()))
    with pytest.raises(RefusedInputError) as refusal:
        data_adapters.summary("khatib2023", path)
    assert capsys.readouterr().out == "" and "\n" not in str(refusal.value)
    assert suffix != ".pkl" or "place_r_mean, place_r_sem, info_mean" in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time_points": [0.0, 2.0, 1.0]}, "expected to increase"),
        ({"info_sem": [1.0, 2.0]}, "of one length"),
        ({"info_sem": [1.0, "a", 2.0]}, "real numbers"),
        ({"info_sem": [[1.0], [2.0, 3.0]]}, "unequal length"),
        ({"info_sem": None}, "info_sem"),
    ],
)
def test_khatib_refused(change, message, tmp_path):
    arrays = {name: [1.0, 2.0, 3.0] for name in KHATIB} | change
    (tmp_path / "f.json").write_text(
        json.dumps({name: values for name, values in arrays.items() if values is not None})
    )
    with pytest.raises(RefusedInputError, match=message):
        data_adapters.summary("khatib2023", tmp_path / "f.json")


def test_khatib_sessions_are_counted_in_minutes(tmp_path, rng):
    fields = {
        "events": np.ones((9, 2)),
        "position": np.arange(9.0),
        "fs": 10.0,
        "track_length_cm": 9.0,
        "geometry": "linear",
    }
    labels = {"animal": "k1", "environment": "A", "session": 1, "time": 25.0, "n_detected": 2}
    np.savez(tmp_path / "k1_01.npz", **fields, **labels, time_unit="min")
    found = list(data_adapters.sessions("khatib2023", tmp_path))
    assert found[0]["elapsed"].item() == 25 and found[0]["elapsed"].attrs["units"] == "min"
    np.savez(tmp_path / "k1_01.npz", **fields, **labels, time_unit="day")
    with pytest.raises(RefusedInputError, match="expected to be min"):
        data_adapters.sessions("khatib2023", tmp_path)


@pytest.fixture(params=["v5", "v7.3"])
def jercog(request, tmp_path):
    counts = np.array([[10.0, 8.0, 5.0], [20.0, 10.0, 4.0]])
    pooled = [np.array([[1.0, 2.0, 3.0]]), np.array([[2.0, 4.0]]), np.array([[5.0]])]
    if request.param == "v7.3":
        return (
            write_hdf5(tmp_path / "j.mat", {"cell_count": counts, "Info": pooled}),
            counts,
            pooled,
        )
    cells = np.empty((3, 1), dtype=object)
    cells[:, 0] = pooled
    scipy.io.savemat(tmp_path / "j.mat", {"cell_count": counts, "Info": cells})
    return tmp_path / "j.mat", counts, pooled


def test_jercog(jercog):
    path, counts, pooled = jercog
    published = data_adapters.summary("jercog2019", path)
    assert not [
        name for name in published.variables if "fraction" in str(name) or "detected" in str(name)
    ]
    np.testing.assert_array_equal(published["active_units"], counts)
    curve = normalised("jercog2019", published)
    np.testing.assert_allclose(curve["activity"], counts.mean(axis=0) / 15, rtol=1e-12)
    np.testing.assert_allclose(
        curve["activity_sem"], counts.std(axis=0, ddof=1) / np.sqrt(2) / 15, rtol=1e-12
    )
    as_published = normalised("jercog2019", published, faithful=True)
    np.testing.assert_allclose(
        as_published["activity_sem"], counts.std(axis=0) / np.sqrt(2) / 15, rtol=1e-12
    )
    np.testing.assert_allclose(
        curve["spatial_information"], [one.mean() / 2 for one in pooled], rtol=1e-12
    )
    errors = [one.std(ddof=1) / np.sqrt(one.size) / 2 if one.size > 1 else np.nan for one in pooled]
    np.testing.assert_allclose(curve["spatial_information_sem"], errors, rtol=1e-12)
    assert (
        curve["elapsed"].attrs["units"] == "day"
        and curve.attrs["activity"] == "number of active cells"
    )


def test_jercog_has_no_sessions(tmp_path):
    with pytest.raises(
        RefusedInputError, match=r"no spikes: use data_adapters\.jercog2019\.longitudinal"
    ):
        data_adapters.sessions("jercog2019", tmp_path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"cell_count": np.ones((2, 3)), "Info": np.ones((3, 1))}, "3 days as cell_count, got 0"),
        (
            {
                "cell_count": np.array([[0.5, 0.2]]),
                "Info": np.array([[1.0], None], dtype=object)[:1],
            },
            "2 days",
        ),
        (
            {"cell_count": np.array([[0.5]]), "Info": np.array([[1.0], [2.0]], dtype=object)[:1]},
            "count cells",
        ),
        ({"cell_count": "text", "Info": np.ones((3, 1))}, "matrix of numbers"),
    ],
)
def test_jercog_refused(fields, message, tmp_path):
    scipy.io.savemat(tmp_path / "j.mat", fields)
    with pytest.raises(RefusedInputError, match=message):
        data_adapters.summary("jercog2019", tmp_path / "j.mat")


def karlsson(path, kind):
    write = write_hdf5 if kind == "v7.3" else scipy.io.savemat
    write(path, {"f_active": FRACTIONS.T, "info_all": INFORMATION.T})
    return data_adapters.summary("karlsson2015", path)


def sheintuch(path, kind):
    write = write_hdf5 if kind == "v7.3" else scipy.io.savemat
    write(path, {"frac_active": FRACTIONS, "Info": INFORMATION})
    return data_adapters.summary("sheintuch2023", path)


@pytest.mark.parametrize("kind", ["v5", "v7.3"])
@pytest.mark.parametrize(
    ("name", "read", "elapsed"),
    [("karlsson2015", karlsson, [1, 2, 3]), ("sheintuch2023", sheintuch, [0, 2, 4])],
)
def test_panels_of_ratios(name, read, elapsed, kind, tmp_path):
    published = read(tmp_path / "f.mat", kind)
    np.testing.assert_array_equal(published["fraction_place_units"], FRACTIONS)
    np.testing.assert_array_equal(published["mean_spatial_information"], INFORMATION)
    # Animal 2 misses a day and counts there only for the published standard error; animal 3 has no
    # first day.
    ratios = np.array([[1, 0.75, 0.5], [1, np.nan, 0.2]])
    # Two animals over n - 1 = 1, one animal has no error; published are deviations over n, divided
    # by all three animals.
    for faithful, errors in (
        (False, [0, np.nan, 0.15]),
        (True, np.nanstd(ratios, axis=0) / np.sqrt(3)),
    ):
        curve = normalised(name, published, faithful)
        np.testing.assert_allclose(curve["activity"], np.nanmean(ratios, axis=0), rtol=1e-12)
        np.testing.assert_allclose(curve["activity_sem"], errors, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(curve["spatial_information"], [1, 1.5, 1.75], rtol=1e-12)
        assert curve["activity_count"].values.tolist() == [2, 1, 2]
    assert (
        curve["elapsed"].values.tolist() == [0, 1, 2]
        and curve["elapsed"].attrs["units"] == "session"
    )
    assert normalised(name, published)["elapsed"].values.tolist() == elapsed


def test_wrong_fractions(tmp_path):
    scipy.io.savemat(tmp_path / "f.mat", {"f_active": FRACTIONS.T, "info_all": INFORMATION})
    scipy.io.savemat(tmp_path / "g.mat", {"f_active": 3 * FRACTIONS.T, "info_all": INFORMATION.T})
    scipy.io.savemat(tmp_path / "h.mat", {"f_active": FRACTIONS[:2].T, "info_all": INFORMATION.T})
    with pytest.raises(RefusedInputError, match="from 0 to 1"):
        data_adapters.summary("karlsson2015", tmp_path / "g.mat")
    with pytest.raises(RefusedInputError, match=r"one shape, got \(2, 3\) and \(3, 3\)"):
        data_adapters.summary("karlsson2015", tmp_path / "h.mat")


def test_first_session_of_nothing_is_refused(tmp_path):
    scipy.io.savemat(
        tmp_path / "f.mat", {"f_active": np.array([[0.0], [0.5]]), "info_all": np.ones((2, 1))}
    )
    with pytest.raises(RefusedInputError, match="above 0 to divide by, got 0"):
        normalised("karlsson2015", data_adapters.summary("karlsson2015", tmp_path / "f.mat"))
    with pytest.raises(RefusedInputError, match="needs active_units"):
        normalised("jercog2019", data_adapters.summary("karlsson2015", tmp_path / "f.mat"))
    with pytest.raises(RefusedInputError, match="use karlsson2015"):
        normalised("karlson2015", data_adapters.summary("karlsson2015", tmp_path / "f.mat"))
    with pytest.raises(RefusedInputError, match="use khatib2023"):
        data_adapters.summary("khatib", tmp_path / "f.mat")


def test_published_slopes_are_data_in_one_place():
    rows = {
        (one.recording, one.measure): (one.slope, one.per, one.p_value) for one in PUBLISHED_SLOPES
    }
    information = "mean spatial information"
    assert rows == {
        ("Khatib 2023", "fraction of place cells"): (-0.0003, "min", 0.001),
        ("Khatib 2023", information): (0.002, "min", 0.001),
        ("Jercog 2019", "number of active cells"): (-0.052, "day", 0.004),
        ("Jercog 2019", information): (0.094, "day", 0.001),
        ("Karlsson 2015", "fraction of place cells"): (-0.048, "day", 0.011),
        ("Karlsson 2015", information): (0.054, "day", 0.001),
        ("Sheintuch 2023", "fraction of place cells"): (-0.026, "session", 0.001),
        ("Sheintuch 2023", information): (0.068, "session", 0.001),
    }
    assert {one.measure for one in PUBLISHED_SLOPES} == {
        information,
        *(one.activity for one in NORMALISATIONS.values()),
    }
    changes = [round(one.change, 2) for one in PUBLISHED_SLOPES]
    assert changes == [-0.06, 0.4, -0.47, 0.85, -0.48, 0.54, -0.18, 0.48]
