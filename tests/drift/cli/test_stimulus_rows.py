"""What the command line says of recordings that are labelled by stimuli."""

from __future__ import annotations

from shown_stimuli import odours

import drift
from data_adapters import interchange
from drift.cli.info import main as info
from drift.cli.measure import main as measure


def test_measured_seconds_are_those_of_stimuli(tmp_path, capsys):
    for number in range(2):
        interchange.write_interchange(odours(number), tmp_path)
    measure(["interchange", str(tmp_path), "--out", str(tmp_path / "out.nc")])
    assert "counted 24 of 24 s of stimuli: m, session 1" in capsys.readouterr().out
    assert drift.load(tmp_path / "out.nc").sizes["stimulus"] == 8
    info([str(tmp_path / "out.nc")])
    assert "measured with: minimum speed 0.0, minimum occupancy 0.1 s" in capsys.readouterr().out
