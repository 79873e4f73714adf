"""The command line says that rooms differ, how a recording was measured, and that run and recording are exchanged."""

from __future__ import annotations

from pathlib import Path

import pytest
from recorded_rooms import sessions

import drift
from data_adapters.interchange import write_interchange
from drift.cli import info, measure
from drift.errors import RefusedInputError


def test_measure_and_info_tell_of_rooms(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "files").mkdir()
    for one in sessions({"m": "AAB"}, units=4):
        write_interchange(one, tmp_path / "files")
    measure.main(["interchange", str(tmp_path / "files"), "--out", str(tmp_path / "all.nc")])
    assert "environments: A (2 sessions), B (1 session); sessions in different ones are not compared" in capsys.readouterr().out
    info.main([str(tmp_path / "all.nc")])
    said = capsys.readouterr().out
    for part in ("bin size 4.0 cm", "minimum speed 0.0 cm/s", "minimum occupancy 0.1 s", "place units: spatial_information > 0.01"):
        assert part in said
    assert "environments: A (2 sessions), B (1 session)" in said
    measure.main(["interchange", str(tmp_path / "files"), "--out", str(tmp_path / "one.nc"), "--option", "environment=A", "animal=m"])
    assert "environments" not in capsys.readouterr().out
    assert drift.load(tmp_path / "one.nc").sizes["session"] == 2


def test_run_and_recording_the_other_way_round():
    recorded = drift.measure(sessions({"m": "AAA"}, units=4))
    run = recorded.drop_vars("unit_identity").assign_attrs({})
    run.attrs.clear()
    with pytest.raises(RefusedInputError, match="the other way round: exchange the two"):
        drift.compare(recorded, run)
