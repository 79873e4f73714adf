"""What reaches a terminal, a log or a spreadsheet cannot take it over, and numbers stay numbers."""

from __future__ import annotations

import io
import pickle
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import drift
from drift import progress
from drift.cli import main
from drift.files.csv import read_table, write_tables
from drift.progress import progress_bar
from drift.texts import printable

ESCAPES = [
    "\x1b[2J",
    "\x1b]0;title\x07",
    "\x9b31m",
    "\r",
    "\x08",
    "\x00",
    "\u202e",
    "\u2028",
    "\udcff",
]


@pytest.mark.parametrize("escape", ESCAPES)
def test_control_characters_are_shown_not_obeyed(escape: str):
    shown = printable(f"a{escape}b\tc\nd")
    assert shown.startswith("a\\") and shown.endswith("b\tc\nd")
    assert all(one.isprintable() or one in "\t\n" for one in shown)
    error = drift.RefusedInputError(f"label {escape} is odd.")
    assert escape not in str(error) and str(pickle.loads(pickle.dumps(error))) == str(error)


def test_other_writing_is_left_alone():
    text = "Läufer µm² 位置 µ→m 'x' \\ é"
    assert printable(text) == text


def test_info_obeys_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    odd = "\x1b[31mred\x07"
    dataset = xr.Dataset(
        {"rate": ("unit", [1.0], {"units": odd, "long_name": odd})}, attrs={"title": odd}
    )
    with pytest.raises(drift.RefusedInputError, match="netCDF cannot hold"):
        drift.save(dataset.rename(rate=odd), tmp_path / "a.nc")
    drift.save(dataset, tmp_path / "a.nc")
    assert main(["info", str(tmp_path / "a.nc")]) == 0
    assert "\x1b" not in (told := capsys.readouterr().out) and "\\x1b[31mred" in told
    assert main(["info", str(tmp_path / f"absent{odd}.nc")]) == 2
    assert "\x1b" not in capsys.readouterr().err


LABELS = [
    "=1+1", "+a1", "-a1", "@sum(a1)", "\t=1", "=cmd|' /C calc'!A0", "'=1", "''=1", "'plain", "plain", "cell, \"0\"", "-", "-x",
    "\uff1d1", "a=b", "it's", "\r=1", "a\rb", "\r", "a\r\nb", "a\nb", "\t", "=\n", "NA", "nan", "None", "null",
]  # fmt: skip


def test_no_cell_is_a_formula_and_all_read_back_equal(tmp_path: Path):
    numbers = np.array([-1.5, 1 / 3, -2e-300, 1e17, *np.arange(len(LABELS) - 4.0)])
    coords = {
        "unit": np.arange(len(LABELS)),
        "unit_label": ("unit", np.array(LABELS, dtype=object)),
    }
    dataset = xr.Dataset(
        {"=rate": ("unit", numbers, {"units": "=u+1", "long_name": "-"})}, coords=coords
    )
    paths = write_tables(dataset, tmp_path)
    raw = pd.read_csv(tmp_path / "unit.csv", keep_default_na=False)
    for text in [*raw["unit_label"], *raw.columns]:
        assert text[0] not in "=+@\t\r\uff1d" and (text[0] != "-" or text == "-"), text
    assert raw["'=rate"].dtype == float and raw["'=rate"].tolist() == numbers.tolist()
    table = read_table(tmp_path / "unit.csv")
    assert table["unit_label"].tolist() == LABELS and table["=rate"].tolist() == numbers.tolist()
    assert read_table(paths[-1])["units"].tolist()[0] == "=u+1"


@pytest.mark.parametrize("label", ["-1.5", "+3", "-2e-3", "7", "-.5"])
def test_texts_that_are_numbers_stay_as_they_are(label: str, tmp_path: Path):
    coords = {"unit": [0], "unit_label": ("unit", np.array([label], dtype=object))}
    write_tables(xr.Dataset({"rate": ("unit", [1.0])}, coords=coords), tmp_path)
    assert f",{label}\n" in (tmp_path / "unit.csv").read_text()


def test_a_log_gets_a_line_at_the_beginning_and_one_at_the_end(monkeypatch: pytest.MonkeyPatch):
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    with progress_bar(total=500, desc="training") as bar:
        for _ in range(500):
            bar.update()
    lines = log.getvalue().splitlines()
    assert "\r" not in log.getvalue() and len(lines) == 2
    assert lines[0].startswith("training:   0%") and lines[1].startswith("training: 100%")


def test_a_message_after_a_bar_stands_on_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    for _ in progress_bar(range(3), file=screen):
        progress.end_lines()
        screen.write("repdrift: no\n")
        break
    assert "repdrift: no" in screen.getvalue().split("\n")


def test_an_answer_stays_on_its_line():
    """Ends of lines in a name of a file are shown, so that one refusal is one line."""
    assert str(drift.RefusedInputError("got a\nb.")) == "got a\\nb."
