"""The main job: what it writes, what it keeps, and how it answers to what it does not accept."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkout import CHECKOUT, EXAMPLES
from example_scripts import called
from matplotlib.figure import Figure
from PIL import Image

import drift

SCRIPT = EXAMPLES / "corridor_drift.py"
KEPT = EXAMPLES / "figures" / "corridor_drift.png"


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *words]
    environment = {**os.environ, "REPDRIFT_DATA": str(folder)}  # no recording unless one is named
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("example")
    done = run(folder, "--quick", "--out", "out")
    assert done.returncode == 0, done.stderr
    return folder


def test_it_writes_a_dataset_a_figure_and_a_table(finished: Path):
    dataset = drift.load(finished / "out" / "corridor_drift.nc")
    assert dict(dataset.sizes)["subject"] == 4
    assert (dataset["status"] == "complete").all()
    assert np.isfinite(dataset["loss"]).all()
    assert (finished / "out" / "corridor_drift.png").stat().st_size > 50_000
    assert "spatial information" in (finished / "out" / "corridor_drift.txt").read_text()


def told(picture: Path) -> dict[str, Any]:
    """What the file of a picture says of how it was drawn."""
    with Image.open(picture) as opened:
        return {name: json.loads(opened.text[name]) for name in ("Recipes", "Form", "Numbers")}


def by_default() -> list[drift.Experiment]:
    import corridor_drift

    return [corridor_drift.DEFAULT.replace(seed=seed) for seed in range(4)]


STALE = (
    "the kept picture is stale: run examples/corridor_drift.py and copy its corridor_drift.png to "
    "examples/figures"
)


def test_the_kept_picture_is_what_the_example_draws(finished: Path):
    """The same texts, scales and things drawn as in a quick run, and the recipes of the run by
    default."""
    kept, drawn = told(KEPT), told(finished / "out" / "corridor_drift.png")
    assert kept["Form"] == drawn["Form"], STALE
    assert [drift.Experiment.from_json(text) for text in kept["Recipes"]] == by_default(), STALE
    assert kept["Numbers"].keys() == drawn["Numbers"].keys(), STALE


def test_another_title_or_scale_is_another_form():
    import options

    figure = Figure()
    ax = figure.subplots()
    forms = [options.told(figure, [], {})["Form"]]
    changes = (
        (ax.set_title, "a title"),
        (ax.set_xlabel, "a label"),
        (figure.suptitle, "above"),
        (ax.set_yscale, "log"),
        (ax.axvline, 0.5),
    )
    for change, given in changes:
        change(given)
        forms.append(options.told(figure, [], {})["Form"])
    assert len(set(forms)) == len(forms)
    ax.set_title("12 places")
    one = options.told(figure, [], {})["Form"]
    ax.set_title("3,400 places")
    assert options.told(figure, [], {})["Form"] == one, "numbers are told apart"


def test_the_caption_says_what_the_picture_shows():
    text, numbers = " ".join((CHECKOUT / "README.md").read_text().split()), told(KEPT)["Numbers"]
    change = np.divide(numbers["relative_loss last"], numbers["relative_loss first"])
    least, most = map(float, re.search(r"loss changes ([\d.]+) to ([\d.]+) fold", text).groups())
    assert [least, most] == pytest.approx([change.min(), change.max()], abs=0.05)
    assert change.max() < 1.2, "performance stays where it was"
    for name in ("fraction_active_responses", "place_units"):
        assert np.mean(numbers[f"{name} last"]) < np.mean(numbers[f"{name} first"])
    assert np.mean(numbers["spatial_information last"]) > np.mean(
        numbers["spatial_information first"]
    )


@pytest.mark.slow
def test_the_kept_picture_shows_the_numbers_of_the_run_by_default(tmp_path: Path):
    """Within one standard error over networks: on another processor rounding, which noise makes
    grow, is another."""
    done = run(tmp_path, "--out", "out")
    assert done.returncode == 0, done.stderr
    kept, now = told(KEPT)["Numbers"], told(tmp_path / "out" / "corridor_drift.png")["Numbers"]
    for name, values in now.items():
        assert np.mean(values) == pytest.approx(
            np.mean(kept[name]), abs=np.std(values, ddof=1) / 2
        ), f"{name}: {STALE}"


def test_results_are_kept_unless_overwriting_is_asked_for(finished: Path):
    before = (finished / "out" / "corridor_drift.nc").read_bytes()
    refused = run(finished, "--quick", "--out", "out")
    assert refused.returncode == 2
    assert refused.stderr.strip().endswith("or give --overwrite.")
    assert (finished / "out" / "corridor_drift.nc").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--out", "file/below"], "cannot be made"),
        (["--recording", "karlsson2015"], "--recording needs NAME PATH"),
        (["--recording", "karlson2015", "."], "karlsson2015"),
        (["--recording", "karlsson2015", "nowhere"], "nowhere"),
        (["--steps", "0"], "steps"),
        (["--seed", "-1"], "seed"),
        (["--seeds", "0"], "--seeds"),
    ],
)
def test_rubbish_is_answered_in_one_sentence(tmp_path: Path, words: list[str], sentence: str):
    (tmp_path / "file").touch()
    refused = called(tmp_path, SCRIPT, "--quick", "--out", "out", *words)
    assert refused.returncode == 2
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_closed_to_writing_is_refused(tmp_path: Path):
    (tmp_path / "closed").mkdir(mode=0o500)
    refused = run(tmp_path, "--quick", "--out", "closed")
    assert refused.returncode == 2
    assert "cannot be written to" in refused.stderr
