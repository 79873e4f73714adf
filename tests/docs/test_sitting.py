"""Somebody brings three messy mice from suite2p and a table of positions to a page, a decoder figure
and a fit, by the commands of the page in their order, and finds what was planted."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import laboratory_mice as layouts
import numpy as np
import pytest
from laboratory_mice import mouse
from test_docs import DOCS, blocks

import drift
from drift import metrics

REDRAWN = 0.12  # of fields, each night
HALF_LIFE = -np.log(2) / np.log(1 - REDRAWN)  # days
MISSED = 4  # the day on which the third mouse was not recorded


def commands() -> list[str]:
    return [
        line
        for block in blocks(DOCS / "how_to" / "three_mice.md")
        if block.language == "bash"
        for line in block.text.strip().splitlines()
    ]


def write_mice(folder: Path) -> None:
    for number in range(3):
        subject = mouse(f"m{number}", number, redrawn=REDRAWN)
        if number == 2:
            days = [day for day in subject.days if day.day != MISSED]
            subject = subject._replace(days=days)
        for day in subject.days:
            layouts.write_suite2p(folder, day)
        layouts.write_track2p(folder, subject)


@pytest.fixture(scope="module")
def sitting(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The folder in which all commands ran, and what each printed."""
    folder = tmp_path_factory.mktemp("sitting")
    write_mice(folder / "recordings")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    printed = {}
    for line in commands():
        command = [str(Path(sys.executable).parent / "repdrift"), *shlex.split(line)[1:]]
        ended = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=900, check=False
        )  # fmt: skip
        assert ended.returncode == 0, line + ended.stderr[-2000:]
        printed[command[1]] = ended.stdout + ended.stderr
    return folder, printed


@pytest.mark.slow
def test_each_step_says_what_it_saw(sitting):
    folder, printed = sitting
    assert list(printed) == ["check", "measure", "report", "figure", "stability", "noise", "fit"]
    assert "m0, session 2 counts" in printed["measure"], "three laps are a short day"
    assert printed["check"].count("12000") >= 15 and " B " in printed["check"]
    assert {"recording.html", "fit.nc", "noise.nc"} <= {path.name for path in folder.iterdir()}
    assert (folder / "figures" / "all_stability.png").stat().st_size > 50_000
    for number in range(3):
        assert f"subject m{number}" in printed["fit"]
    # fields that jump are no wandering weights: the first line of a fit must say so
    assert printed["fit"].count("Does not describe: ") == 3
    assert "half-life" in printed["stability"]


@pytest.mark.slow
def test_what_was_planted_is_found(sitting):
    recorded = drift.load(sitting[0] / "recorded.nc")
    assert recorded.sizes["subject"] == 3
    assert not np.isfinite(recorded["elapsed"].values).all(), "one mouse missed a day"
    place_cells = float(recorded["fraction_place_units"].mean())
    assert abs(place_cells - 0.525) < 0.05  # half, and 5 % of the others by chance
    studied = metrics.half_life(recorded)
    assert float(studied["lower"]) < HALF_LIFE < float(studied["upper"]) < 3 * HALF_LIFE
    assert int(studied["independent_subjects"]) == 3
    error = recorded["decoding_error"].mean("subject")
    refitted = recorded["refitted_decoding_error"].mean("subject")
    chance = recorded["shuffled_decoding_error"].mean("subject")
    last = {"session": 0, "session_other": 5}
    assert error.isel(last) > 2 * error.isel(session=0, session_other=1)
    assert refitted.isel(last) < error.isel(last) < chance.isel(last)
