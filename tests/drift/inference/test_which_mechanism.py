"""A bank is made, goes on where it stopped, and answers a recording; the rule of the answer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import xarray as xr
from counted_mice import mouse
from small_bank import PRIOR, RUNS

import drift
from drift import plots
from drift.cli import main
from drift.inference.bank import make_bank, tasks
from drift.inference.estimators import estimators_path, trained
from drift.inference.prior import MECHANISMS, Prior, WorldName
from drift.inference.simulation.worlds import WORLDS
from drift.inference.verdict import verdict_of
from drift.inference.words import _written

NAMES = ("a", "b", "c")


@pytest.fixture(scope="module")
def answer(bank_path: Path) -> xr.Dataset:
    both = xr.concat([mouse(1, label="one"), mouse(2, label="two")], "subject", join="outer")
    return drift.infer(both, bank_path, parameters=False, progress=False)


def test_a_bank_goes_on_where_it_stopped_and_does_not_depend_on_it(tmp_path: Path):
    whole = make_bank(tmp_path / "once", PRIOR, runs=6, executor="serial", progress=False)
    make_bank(tmp_path / "twice", PRIOR, runs=2, executor="serial", progress=False)
    dates = {path: path.stat().st_mtime_ns for path in (tmp_path / "twice").iterdir()}
    resumed = make_bank(tmp_path / "twice", PRIOR, runs=6, executor="serial", progress=False)
    assert all(path.stat().st_mtime_ns == date for path, date in dates.items())
    xr.testing.assert_identical(whole.drop_attrs(), resumed.drop_attrs())
    assert whole.attrs["content_sha256"] == resumed.attrs["content_sha256"]


def test_another_seed_or_prior_makes_other_runs(tmp_path: Path):
    names = [
        {task.path.name for task in tasks(prior, 6, seed, tmp_path)}
        for prior, seed in ((PRIOR, 0), (PRIOR, 1), (PRIOR.replace(windows=5), 0))
    ]
    assert not names[0] & names[1] and not names[0] & names[2]


def test_a_bank_is_split_by_run_and_holds_what_it_says(bank_path: Path):
    bank = drift.load(bank_path)
    for run in np.unique(bank["run"]):
        assert np.unique(bank["role"].values[bank["run"].values == run]).size == 1
    assert bank.sizes["window"] == RUNS * PRIOR.windows
    lifetimes = bank["truth"].sel(parameter="log_lifetime").values
    assert np.isfinite(lifetimes).all()
    assert np.isnan(bank["truth"].sel(parameter="log_noise").values).all()
    assert Prior.from_json(bank.attrs["prior"]) == PRIOR


@pytest.mark.parametrize(
    ("chance", "text"), [(0.8999, "0.899"), (0.896, "0.896"), (0.894, "0.89"), (0.9, "0.90")]
)
def test_no_probability_below_the_level_of_a_name_is_written_as_that_level(chance, text):
    assert _written(chance) == text


def test_an_answer_has_a_verdict_for_each_animal(answer: xr.Dataset, bank_path: Path):
    np.testing.assert_allclose(answer["probability"].sum("mechanism"), 1.0)
    assert set(answer["verdict"].values) <= {"unlike", "named", "undecided"}
    for text in answer["sentences"].values:
        assert "p = " in text
    alone = drift.infer(mouse(2, label="two"), bank_path, parameters=False, progress=False)
    np.testing.assert_array_equal(alone["probability"][0], answer["probability"][1])


def test_events_that_triple_each_day_are_like_no_simulation(bank_path: Path):
    recorded = mouse(3, label="three", sessions=6, events=8.0)
    growth = 3 ** xr.DataArray(np.arange(6), dims="session")
    counted = ("rate", "rate_half", "event_count", "event_count_half")
    louder = recorded.assign(
        {
            name: (recorded[name] * growth).transpose(*recorded[name].dims)
            for name in counted
            if name in recorded
        }
    )
    told = drift.infer(louder, bank_path, parameters=False, progress=False)
    assert told["verdict"].item() == "unlike"
    assert "Farthest out" in told["sentences"].item()


def test_a_bank_that_could_never_say_no_is_refused(tmp_path: Path):
    few = make_bank(tmp_path / "few", PRIOR, runs=9, executor="serial", progress=False)
    with pytest.raises(drift.RefusedInputError, match="windows to calibrate"):
        trained(few, flows=False)


@pytest.mark.parametrize(
    ("chances", "novelty", "kind", "remain"),
    [
        ((0.95, 0.04, 0.01), 0.5, "named", ("a",)),
        ((0.6, 0.1, 0.3), 0.5, "undecided", ("a", "c", "b")),
        ((0.02, 0.38, 0.6), 0.5, "undecided", ("c", "b")),
        ((0.99, 0.01, 0.0), 0.04, "unlike", ()),
    ],
)
def test_the_rule(chances, novelty, kind, remain):
    verdict = verdict_of(np.array(chances), NAMES, novelty)
    assert (verdict.kind, verdict.mechanisms) == (kind, remain)


def test_what_cannot_be_answered_is_refused(bank_path: Path, tmp_path: Path, monkeypatch):
    recorded = mouse(1, label="one")
    with pytest.raises(drift.RefusedInputError, match="at least 3 sessions"):
        drift.infer(recorded.isel(session=[0, 1]), bank_path, parameters=False, progress=False)
    with pytest.raises(drift.RefusedInputError, match="one of day"):
        steps = recorded.assign_coords(elapsed=recorded["elapsed"].assign_attrs(units="step"))
        drift.infer(steps, bank_path, parameters=False, progress=False)
    with pytest.raises(drift.RefusedInputError, match="bank of mechanisms"):
        drift.infer(recorded, drift.save(recorded, tmp_path / "r.nc"), parameters=False)
    lonely = drift.save(drift.load(bank_path), tmp_path / "lonely.nc")
    with pytest.raises(drift.RefusedInputError, match="estimators of the bank"):
        drift.infer(recorded, lonely, parameters=False)
    estimators_path(lonely).write_bytes(b"rubbish")
    with pytest.raises(drift.RefusedInputError, match="make the bank again"):
        drift.infer(recorded, lonely, parameters=False)
    monkeypatch.setitem(sys.modules, "sbi.neural_nets", None)
    with pytest.raises(drift.RefusedInputError, match=r"repdrift\[posterior\]"):
        drift.infer(recorded, bank_path)


def test_mechanisms_of_a_prior_are_known():
    assert len(MECHANISMS) == 12 and set(get_args(WorldName)) == set(WORLDS)
    with pytest.raises(drift.RefusedInputError, match="different names"):
        Prior(mechanisms=("jumps", "magic"))
    with pytest.raises(drift.RefusedInputError, match="must rise"):
        Prior(cells=(30, 20))
    for wrong, told in (
        ({"worlds": ("moon",)}, "worlds"),
        ({"worlds": ()}, "worlds"),
        ({"units": ()}, "units must be sizes"),
        ({"units": (1,)}, "units must be sizes"),
        ({"cells": (0, 30)}, "fewest cells"),
        ({"cells": (90, 120)}, "fewest cells"),
        ({"session_counts": (1, 2)}, "session_counts must lie within"),
        ({"session_counts": (3, 400)}, "session_counts must lie within"),
    ):
        with pytest.raises(drift.RefusedInputError, match=told):
            Prior.small(**wrong)
    with pytest.raises(drift.RefusedInputError, match="no window would lie within a run"):
        Prior.small(age=(400.0, 800.0))
    with pytest.raises(drift.RefusedInputError, match="no window would lie within a run"):
        Prior.small(steps=5000)


def test_of_more_cells_than_the_bank_has_several_draws_are_answered(bank_path: Path):
    many = drift.infer(mouse(5, label="many", units=60), bank_path, parameters=False)
    assert int(many["cells_used"][0]) == 30 and int(many["cells_recorded"][0]) == 60
    low, mean, high = (many[f"probability{end}"][0] for end in ("_low", "", "_high"))
    assert ((low <= mean + 1e-12) & (mean <= high + 1e-12)).all() and (low < high).any()
    assert "Of 60 cells 30" in str(many["sentences"][0].values)
    with pytest.raises(drift.RefusedInputError, match="measure it first"):
        drift.infer(drift.load(bank_path), bank_path, parameters=False)


def test_the_command_answers_and_writes_a_page(bank_path: Path, tmp_path: Path, capsys):
    recorded = drift.save(mouse(1, label="one"), tmp_path / "recorded.nc")
    page, picture, out = (tmp_path / name for name in ("why.html", "why.svg", "why.nc"))
    words = ["infer", str(recorded), "--bank", str(bank_path), "--no-parameters"]
    assert main([*words, "--report", str(page), "--figure", str(picture), "--out", str(out)]) == 0
    assert "one: " in capsys.readouterr().out
    text = page.read_text()
    for heading in ("What was held possible", "Does it look like", "What to record next"):
        assert heading in text
    assert "<svg" in text and picture.stat().st_size > 0
    assert drift.load(out)["verdict"].size == 1
    assert main(["infer"]) == 2
    assert main(["infer", str(recorded)]) == 2


def test_pictures_have_a_bar_and_a_row_for_each_mechanism(answer: xr.Dataset, bank_path: Path):
    from matplotlib.figure import Figure

    ax = plots.mechanism_posterior(answer, Figure().subplots(), "two")
    np.testing.assert_allclose([bar.get_width() for bar in ax.patches], answer["probability"][1])
    assert ax.lines[0].get_xdata()[0] == answer.attrs["named_from"] == 0.9
    drawn = plots.identifiability_map(drift.load(bank_path), Figure().subplots())
    assert drawn.images[0].get_array().shape[0] == answer.sizes["mechanism"]
    bank = drift.load(bank_path)
    short = plots.identifiability_map(bank, Figure().subplots(), days=3).images[0].get_array()
    expected = bank["expected_posterior"].sel(days=3).dropna("cells", how="all")
    assert np.isfinite(expected).sum() == short.count()
    with pytest.raises(drift.RefusedInputError, match="days must be one of"):
        plots.identifiability_map(bank, Figure().subplots(), days=5)
    with pytest.raises(drift.RefusedInputError, match="subject must be one of"):
        plots.mechanism_posterior(answer, Figure().subplots(), "nobody")
