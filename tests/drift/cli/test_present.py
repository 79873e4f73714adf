"""A path that leads nowhere is told at once, before anything is loaded to read it."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from drift.cli import main

LIMIT = 0.5  # s of CPU


@pytest.mark.parametrize(
    "words",
    [
        ("measure", "interchange", "nowhere", "--out", "out.nc"),
        ("check", "nowhere"),
        ("convert", "interchange", "nowhere", "--out", "out"),
        ("export", "csv", "nowhere.nc", "--out", "out"),
        ("noise", "nowhere.nc"),
        ("fit", "linear", "nowhere.nc", "--bounds", "gain=1:2", "--out", "out.nc"),
        ("compare", "nowhere.nc"),
        ("report", "nowhere.nc", "--out", "out.html"),
        ("figure", "nowhere.nc", "--out", "out"),
        ("stability", "nowhere.nc"),
        ("stability", "interchange", "nowhere"),
        ("info", "nowhere.nc"),
    ],
)
def test_a_wrong_path_is_told(words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"repdrift {words[0]}: ") and "nowhere" in said
    assert not list(tmp_path.iterdir())


def test_help_and_paths_that_are_there_pass(capsys, tmp_path):
    (tmp_path / "some.nc").write_text("not netCDF")
    assert main(("info", str(tmp_path / "some.nc"))) == 2
    assert "there is no file" not in capsys.readouterr().err
    with pytest.raises(SystemExit) as end:
        main(("check", "nowhere", "--help"))
    assert end.value.code == 0


def test_an_interrupt_says_what_is_left(capsys, tmp_path, monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("drift.cli.info.main", interrupted)
    assert main(("info", str(tmp_path))) == 130
    said = capsys.readouterr().err
    assert said.startswith("interrupted; ") and "the same command begins anew" in said


def test_a_wrong_path_takes_half_a_second_of_cpu_at_most():
    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    seconds = []
    for _call in range(3):
        before = spent()
        command = [sys.executable, "-m", "drift.cli", "measure", "interchange", "nowhere"]
        subprocess.run(command, capture_output=True, check=False)
        seconds.append(spent() - before)
    assert min(seconds) < LIMIT
