"""The example of the interneuron circuits: what it writes, and that the table says what the
circuits do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import EXAMPLES
from example_scripts import called, same_kind_of_picture

import drift

SCRIPT = EXAMPLES / "interneuron_top_k.py"


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *words]
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


@pytest.mark.slow
def test_it_writes_a_dataset_a_figure_and_a_table(tmp_path: Path):
    done = run(tmp_path, "--quick", "--out", "out")
    assert done.returncode == 0, done.stderr
    found = drift.load(tmp_path / "out" / "interneuron_top_k.nc")
    assert found["winners"].values.tolist() == [10] * 5
    assert (
        found["selection_overlap"].sel(
            circuit=["linear", "threshold", "saturating", "count control"]
        )
        == 1
    ).all()
    spread = found["count"].std("stimulus")
    assert list(found["mechanism"].values[spread.argsort().values])[:2] == [
        "count control",
        "saturating, L = 0.05",
    ]
    assert spread.sel(mechanism="fixed threshold") == spread.max()
    linear, threshold = (
        found.sel(mechanism=f"{name} interneuron") for name in ("linear", "threshold")
    )
    assert (linear["count_with_gain"] == linear["count_with_gain"][0]).all()
    assert (threshold["count_with_offset"] == threshold["count_with_offset"][-1]).all()
    drawn = tmp_path / "out" / "interneuron_top_k.png"
    assert same_kind_of_picture(EXAMPLES / "figures" / drawn.name, drawn), "stale: keep a new one"
    assert "| count control | 10.0 |" in (tmp_path / "out" / "interneuron_top_k.md").read_text()
    assert run(tmp_path, "--quick", "--out", "out").returncode == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--recording", "a", "b"], "no recording"),
        pytest.param(["--seed", "-1", "--quick"], "seed", marks=pytest.mark.slow),
    ],
)
def test_it_refuses_in_one_sentence(tmp_path: Path, words: list[str], sentence: str):
    refused = called(tmp_path, SCRIPT, *words)
    assert refused.returncode == 2
    assert sentence in refused.stderr
