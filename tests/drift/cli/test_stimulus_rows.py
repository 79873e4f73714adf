"""What the command line says of recordings that are labelled by stimuli."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.io import loadmat
from shown_stimuli import odours, session, shown, von_mises

import drift
from data_adapters import interchange
from drift.cli import main
from drift.cli.info import main as info
from drift.cli.measure import main as measure
from drift.files.csv import read_table


def test_measured_seconds_are_those_of_stimuli(tmp_path, capsys):
    for number in range(2):
        interchange.write_interchange(odours(number), tmp_path)
    measure(["interchange", str(tmp_path), "--out", str(tmp_path / "out.nc")])
    assert "counted 24 of 24 s of stimuli: m, session 1" in capsys.readouterr().out
    assert drift.load(tmp_path / "out.nc").sizes["stimulus"] == 8
    info([str(tmp_path / "out.nc")])
    told = capsys.readouterr().out
    assert "measured with: minimum occupancy 0.1 s" in told and "minimum speed" not in told
    assert "stimuli: 8, without a metric: odour 0, odour 1, odour 2, odour 3" in told
    assert "informative units: " in told


def test_measuring_and_checking_say_which_stimuli(tmp_path, capsys):
    angle = 45.0 * shown(8, 6)
    options = {"stimulus_metric": "circular", "stimulus_period": 360.0, "stimulus_units": "deg"}
    interchange.write_interchange(session(np.ones((angle.size, 2)), angle, **options), tmp_path)
    assert main(["measure", "interchange", str(tmp_path), "--out", str(tmp_path / "out.nc")]) == 0
    row = "stimuli: 8, from 0 to 315 deg, circular with a period of 360 deg"
    assert row in capsys.readouterr().out.splitlines()
    assert main(["check", str(tmp_path), "--format", "interchange"]) == 0
    told = capsys.readouterr().out
    assert "m, 0: 8 different stimuli." in told and "position" not in told
    assert next(line for line in told.splitlines() if line.startswith("m, 0")).split()[8] == "24"


@pytest.mark.parametrize("texts", [True, False])
def test_exported_tables_and_matlab_files_hold_the_stimuli(tmp_path, texts):
    angle = 45.0 * shown(8, 6)
    activity = von_mises(angle, np.array([0.0, 90.0]), 360.0)
    options = {"stimulus_metric": "circular", "stimulus_period": 360.0, "events_are": "trace"}
    one = odours() if texts else session(activity, angle, stimulus_units="deg", **options)
    measured, source = drift.measure([one]), str(tmp_path / "recorded.nc")
    drift.save(measured, source)
    assert main(["export", "csv", source, "--out", str(tmp_path / "tables")]) == 0
    table = read_table(tmp_path / "tables" / "subject_session_unit_stimulus.csv")
    assert table["stimulus"].tolist()[:8] == measured["stimulus"].values.tolist()
    np.testing.assert_array_equal(table["rate"], measured["rate"].values.ravel())
    assert main(["export", "mat", source, "--out", str(tmp_path / "recorded.mat")]) == 0
    found = loadmat(tmp_path / "recorded.mat", simplify_cells=True)["recording"]
    rate, stimulus = found["variables"]["rate"], found["coordinates"]["stimulus"]
    np.testing.assert_array_equal(rate["values"], measured["rate"].values.squeeze())
    assert rate["dims"].tolist() == ["subject", "session", "unit", "stimulus"]
    assert stimulus["values"].tolist() == measured["stimulus"].values.tolist()
    assert stimulus["attributes"]["metric"] == ("none" if texts else "circular")
    assert texts or (stimulus["units"], stimulus["attributes"]["period"]) == ("deg", 360.0)
