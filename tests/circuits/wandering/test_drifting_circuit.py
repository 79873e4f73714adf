"""The recipe of a drifting circuit: what it gives is what its parts give, in Python, TOML and on the
command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import circuits
import drift
from drift.cli import main

RECIPE = circuits.DriftingCircuit(
    circuit=circuits.LinearInterneuron(units=30, gain=40.0),
    inputs=circuits.PlaceContextInput(places=8, context_share=0.3),
    drift=circuits.WeightDrift(law="turnover", connected_share=0.2, context_lifetime=3.0),
    excitability=circuits.Excitability(std=0.5, lifetime=8.0),
    elapsed=(0.0, 1.0, 4.0),
    seed=3,
)


def test_it_is_what_its_parts_are():
    run = circuits.run_circuits([RECIPE, RECIPE.replace(seed=4)], progress=False)
    parts = circuits.run_sessions(
        [RECIPE.circuit], RECIPE.inputs, RECIPE.drift, elapsed=RECIPE.elapsed, seeds=[3],
        excitability=RECIPE.excitability, engine="fixed_point", progress=False,
    )  # fmt: skip
    assert np.array_equal(run["rate"][0], parts["rate"][0])
    assert circuits.DriftingCircuit.from_json(str(run["experiment"].values[0])) == RECIPE


def test_it_is_the_same_in_json_and_toml():
    assert circuits.DriftingCircuit.from_toml(RECIPE.to_toml()) == RECIPE
    assert circuits.DriftingCircuit.from_json(RECIPE.to_json()) == RECIPE
    plain = circuits.DriftingCircuit(circuit={"kind": "linear", "units": 20}, elapsed=[0.0])
    assert circuits.DriftingCircuit.from_toml(plain.to_toml()) == plain


def test_the_command_line_runs_it(tmp_path: Path, capsys: pytest.CaptureFixture):
    path, out = tmp_path / "circuit.toml", tmp_path / "run.nc"
    path.write_text(RECIPE.to_toml())
    assert main(["run", str(path), "--out", str(out), "--seeds", "2"]) in (0, None)
    assert "2 subjects" in capsys.readouterr().out
    run = circuits.run_circuits([RECIPE, RECIPE.replace(seed=4)], progress=False)
    xr.testing.assert_allclose(drift.load(out)["rate"], run["rate"])
    main(["run", str(path), "--dry-run"])
    assert circuits.DriftingCircuit.from_toml(capsys.readouterr().out) == RECIPE


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"circuit": 3}, "circuit"),
        ({"circuit": {"kind": "linnear"}}, "did you mean 'linear'"),
        ({"inputs": {"kind": "plaice"}}, "did you mean 'place'"),
        ({"drift": {"law": "turnover"}}, "needs connected_share"),
        ({"excitability": 0.5}, "excitability"),
        ({"elapsed": ()}, "elapsed"),
    ],
)
def test_recipes_that_cannot_be_are_refused(changes, message):
    with pytest.raises(drift.RefusedInputError, match=message):
        RECIPE.replace(**changes)


def test_recipes_that_do_not_agree_are_refused():
    for other in (RECIPE.replace(elapsed=(0.0, 1.0)), RECIPE.replace(elapsed_units="min")):
        with pytest.raises(drift.RefusedInputError, match="must agree in"):
            circuits.run_circuits([RECIPE, other])
    with pytest.raises(drift.RefusedInputError, match="at least one DriftingCircuit"):
        circuits.run_circuits([])
