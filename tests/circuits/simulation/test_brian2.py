"""Circuits in Brian2: batches, order of updates, targets, versions (circuits, 2.10)."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
import tomllib

import numpy as np
import pytest
import xarray as xr
from checkout import CHECKOUT

import circuits
import drift
from circuits import LinearInterneuron, Majani, RandomInterneurons, SaturatingUnits
from circuits.drives import normal_quantiles
from circuits.simulation.brian import refuse_clashing_versions
from drift.schema import RefusedInputError

needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("g++", "clang++", "c++"))), reason="needs a C++ compiler"
)


@pytest.mark.parametrize("units", [10, 1000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_c30_linear_interneuron_settles_at_the_closed_form(units):
    drive, circuit = (
        normal_quantiles(units),
        LinearInterneuron(units=units).for_active_fraction(0.1 if units == 10 else 0.05),
    )
    found, rest = circuit.settle(drive), circuit.fixed_point(drive)
    assert found["active_units"] == rest["active_units"]
    assert float(found["inhibition"]) == pytest.approx(float(rest["inhibition"]), abs=1e-9)
    if units == 1000:
        assert 1e3 * float(found["settling_time"]) == pytest.approx(92, abs=4)
        assert 1e3 * float(found["final_set_time"]) == pytest.approx(103, abs=4)
        assert int(found["peak_active_units"]) == pytest.approx(472, abs=30)


def test_c31_eight_gains_in_one_group():
    gains = (0.002, 0.007539, 0.0270694, 0.0787277, 0.279682, 0.687, 1.63, 10.0)
    levels = (0.436220, 0.841362, 1.280908, 1.643450, 2.050035, 2.318977, 2.560649, 2.991388)
    few = [LinearInterneuron(gain=1000 * gain) for gain in gains]
    found = circuits.settle(few, normal_quantiles(1000), duration=0.15)
    assert found["active_units"].values.tolist() == [331, 200, 100, 50, 20, 10, 5, 1]
    np.testing.assert_allclose(found["inhibition"], levels, atol=1e-6)


@pytest.mark.slow
def test_c32_order_of_updates():
    drive, circuit = normal_quantiles(10_000), SaturatingUnits(units=10_000, gain=10_000.0)
    oscillating = circuit.settle(drive, update="simultaneous", unstable="flag")
    assert int((oscillating["rate"] > 1e-3).sum()) > 2000
    assert not oscillating["converged"]
    resting = circuit.settle(drive)
    assert int(resting["active_units"]) == pytest.approx(875, abs=1)
    assert float(resting["inhibition"]) == pytest.approx(1.355914, abs=1e-6)


def test_c35_versions_that_clash_are_explained():
    with pytest.raises(RefusedInputError, match=r"numpy<2\.4"):
        refuse_clashing_versions("2.4.0", "2.9.0")
    refuse_clashing_versions("2.3.5", "2.9.0")
    refuse_clashing_versions("2.4.1", "2.10.1")
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    assert "numpy>=2.0,<2.4; python_version < '3.12'" in project["dependencies"]


def test_c36_trajectories_are_labelled_and_survive_the_disk(tmp_path):
    found = LinearInterneuron(units=20).settle(normal_quantiles(20), duration=0.02, trajectory=True)
    assert found["rate_trajectory"].dims == ("unit", "time")
    assert found["rate_trajectory"].attrs["units"] == "1"
    np.testing.assert_allclose(found["time"], np.arange(20) * 1e-3, atol=1e-12)
    np.testing.assert_allclose(found["step_time"], np.arange(200) * 1e-4, atol=1e-12)
    assert found["time"].attrs["units"] == found["settling_time"].attrs["units"] == "s"
    assert found.attrs["brian2"] == importlib.metadata.version("brian2")
    assert (found.attrs["target"], found.attrs["update"], found.attrs["dt"]) == (
        "numpy",
        "staggered",
        1e-4,
    )
    assert LinearInterneuron.from_json(found["recipe"].item()) == LinearInterneuron(units=20)
    read = drift.load(drift.save(found, tmp_path / "circuit.nc"))
    for name in found.data_vars:
        xr.testing.assert_equal(read[name].astype(found[name].dtype), found[name])


SCRIPT = """
import hashlib, numpy, circuits
drive = numpy.random.default_rng(5).normal(size=(2, 100))
print(hashlib.sha256(circuits.RandomInterneurons(seed=9).settle(drive, duration=.02)["rate"].values.tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_c37_two_processes_agree_bit_for_bit():
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    prints = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for _ in range(2)
    ]
    assert prints[0] == prints[1]
    assert len(prints[0]) == 2 * hashlib.sha256().digest_size


@pytest.mark.slow
def test_c38_all_to_all_costs_more_than_ten_times_as_much():
    done = subprocess.run(
        [sys.executable, str(CHECKOUT / "tests" / "benchmarks" / "bench_circuits.py"), "--only", "all_to_all"],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert float(done.stdout.split()[-1]) > 10


COMPILED = (
    LinearInterneuron(units=40),
    RandomInterneurons(units=40),
    Majani(units=10, active_fraction=0.2),
)


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize("target", ["cython", "cpp_standalone"])
@pytest.mark.parametrize("circuit", COMPILED, ids=lambda circuit: circuit.kind)
def test_compiled_targets_give_what_numpy_gives(circuit, target):
    drive = normal_quantiles(circuit.units)
    plain = circuit.settle(drive, duration=0.03, trajectory=True)
    found = circuit.settle(drive, duration=0.03, trajectory=True, target=target)
    for name in ("rate", "inhibition", "rate_trajectory", "inhibition_trajectory"):
        np.testing.assert_allclose(found[name], plain[name], atol=1e-12)
    assert found.attrs["target"] == target


def test_equations_and_parameters_are_shown():
    for name, kind in circuits.CIRCUITS.items():
        if kind is not circuits.ExplainingAway:
            shown = kind(kind=name)._repr_html_()
            assert "/dt = " in shown
            assert "20 ms" in shown
