"""Scripts that import modules by their former names go on running."""

from __future__ import annotations

import subprocess
import sys
import warnings
from importlib import import_module

import pytest

import drift  # noqa: F401  (lets former names be imported)
from drift.former_names import NEW_NAMES


@pytest.mark.parametrize("name", NEW_NAMES)
def test_a_former_name_is_the_module_and_says_its_name(name: str):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # packages around it may have former names, too
        import_module(name.rpartition(".")[0])
    sys.modules.pop(name, None)
    with pytest.warns(DeprecationWarning, match=f"{name} is now {NEW_NAMES[name]}"):
        former = import_module(name)
    assert former is import_module(NEW_NAMES[name])
    assert former.__name__ == former.__spec__.name == NEW_NAMES[name]


def test_packages_that_were_modules_offer_what_these_offered():
    script = (
        "from drift.comparison import compare; from drift.measurement import measure\n"
        "from drift.observation import observe; from drift.training import train\n"
        "from drift.theory.kernels import kappa; from drift.plots import time_course\n"
        "from drift.metrics.information import spatial_information\n"
        "from drift.metrics.stability import rate_map_correlation\n"
        "from drift.schema import check, VARIABLES; from circuits.fitting import fit\n"
        "from circuits.kinds import CIRCUITS; from circuits.simulation import simulate\n"
        "from drift import map_plots, tables, widgets; from drift.theory import depth, kernels\n"
        "assert all(map(callable, (compare, measure, observe, train, kappa, time_course, check)))\n"
        "assert callable(fit) and callable(simulate) and callable(depth.deep_kernel)\n"
        "assert callable(map_plots.arena_maps) and callable(tables.write_tables)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_an_unknown_module_is_unknown():
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'drift\.tabels'"):
        import_module("drift.tabels")
