"""The command line says that rooms differ, how a recording was measured, and that run and recording
are exchanged."""

from __future__ import annotations

from pathlib import Path

import pytest
import xarray as xr
from recorded_rooms import sessions

import drift
from circuits.fitting.fitting import _rooms
from circuits.fitting.result import Fit
from data_adapters.laboratories.interchange.reader import write_interchange
from drift.cli import info, measure, report
from drift.cli.arguments import measured
from drift.cli.lines.summaries import MOST_NOTES, note_rows, with_notes
from drift.errors import RefusedInputError


def test_measure_and_info_tell_of_rooms(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "files").mkdir()
    for one in sessions({"m": "AAB"}, units=4):
        write_interchange(one, tmp_path / "files")
    measure.main(["interchange", str(tmp_path / "files"), "--out", str(tmp_path / "all.nc")])
    assert (
        "environments: A (2 sessions), B (1 session); sessions in different ones are not compared"
        in capsys.readouterr().out
    )
    info.main([str(tmp_path / "all.nc")])
    said = capsys.readouterr().out
    for part in (
        "bin size 4.0 cm",
        "minimum speed 0.0 cm/s",
        "minimum occupancy 0.1 s",
        "place units: spatial_information > 0.01",
    ):
        assert part in said
    assert "environments: A (2 sessions), B (1 session)" in said
    measure.main(
        [
            "interchange",
            str(tmp_path / "files"),
            "--out",
            str(tmp_path / "one.nc"),
            "--option",
            "environment=A",
            "animal=m",
        ]
    )
    assert "environments" not in capsys.readouterr().out
    assert drift.load(tmp_path / "one.nc").sizes["session"] == 2


def test_commands_take_the_sessions_of_one_room(tmp_path: Path):
    drift.save(drift.measure(sessions({"m": "AABB"}, units=6)), tmp_path / "m.nc")
    kept = measured(tmp_path / "m.nc", "B")
    assert kept["session"].values.tolist() == [2, 3]
    assert measured(tmp_path / "m.nc", None).sizes["session"] == 4
    page = tmp_path / "b.html"
    report.main([str(tmp_path / "m.nc"), "--out", str(page), "--environment", "B"])
    assert "in 1 room (B)" in page.read_text()
    with pytest.raises(RefusedInputError, match="environment 'D'"):
        measured(tmp_path / "m.nc", "D")


def test_run_and_recording_the_other_way_round():
    recorded = drift.measure(sessions({"m": "AAA"}, units=4))
    run = recorded.drop_vars("unit_identity").assign_attrs({})
    run.attrs.clear()
    with pytest.raises(RefusedInputError, match="the other way round: exchange the two"):
        drift.compare(recorded, run)


def test_what_readers_left_out_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "files").mkdir()
    for one in sessions({"m": "AAA"}, units=4):
        left = (
            {"notes": "5 of 9 units left out because they were rejected"}
            if int(one["session"]) < 2
            else {}
        )
        write_interchange(one.assign_attrs(left), tmp_path / "files")
    measure.main(["interchange", str(tmp_path / "files"), "--out", str(tmp_path / "all.nc")])
    said = [
        line
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("  noted: 5 of 9 units left out")
    ]
    assert len(said) == 1 and said[0].endswith("and 1 more)")
    read, notes = with_notes(
        [
            one.assign_attrs(notes=f"note {k}")
            for k in range(MOST_NOTES + 2)
            for one in sessions({"m": "A"}, units=2)
        ]
    )
    assert notes == {} and len(list(read)) == MOST_NOTES + 2
    assert (
        len(note_rows(notes)) == MOST_NOTES + 1
        and note_rows(notes)[-1] == "  noted: 2 further notes"
    )


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ("AAAA", ""),
        ("AABA", "A (3 sessions), B (1 session)"),
        ("ABCB", "A (1 session), B (2 sessions), C (1 session)"),
    ],
)
def test_a_fit_says_which_pairs_it_leaves_out(plan: str, said: str):
    recorded = drift.measure(sessions({"m": plan, "n": "AAAA"}, units=4))
    assert [_rooms(recorded.isel(subject=[number])) for number in (0, 1)] == [said, ""]
    names = ("distance", "degrees_of_freedom", "p_value", "condition_number")
    found = xr.Dataset(
        {name: ("subject", [1.0]) for name in names}, coords={"subject": ["m"], "parameter": []}
    )
    found = found.assign(
        converged=(("subject", "restart"), [[1]]), environments=("subject", [said])
    )
    told = [one for one in Fit(found).sentences() if "Environments" in one]
    assert told == (
        [
            f"Environments {said}: pairs of sessions in different ones are left out of "
            "similarity over time."
        ]
        if said
        else []
    )
