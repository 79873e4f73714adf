"""After a change of the code nothing of the old one is used: neither what was compiled, nor a
checkpoint."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import drift

# Of each module that is inlined into others: a text in it, and another that changes what it does.
CHANGES = {
    "normals": ("max(float32(-2) * logarithm", "max(float32(-8) * logarithm"),
    "products": ("while column < columns:", "while column < 0:"),
    "vectors": ('fcmp_ordered("<="', 'fcmp_ordered(">="'),
}
CALLER = """
import numpy as np
from drift.loops.compiled import compiled
from drift.loops.normals import BLOCK, fill_normals, generator_state
from drift.loops.products import products
from drift.loops.vectors import WIDTH, load, store, where_positive

@compiled
def normals(state, out):
    fill_normals(state, out)

@compiled
def products_of(ones, out):
    products(ones, 0, 4, ones, 8, out, 0)

@compiled
def vectors(ones, out):
    store(where_positive(load(ones, 0, 0), load(ones, 0, 0)), out, 0, 0)

drawn = np.zeros(BLOCK, np.float32)
ones, out = np.ones((8, WIDTH), np.float32), np.zeros((8, WIDTH), np.float32)
"""
CALLS = {  # and by what a change multiplies the number that they print
    "normals": ("normals(generator_state(1, 'update_noise'), drawn); print(drawn[0])", 2.0),
    "products": ("products_of(ones, out); print(out[3, 0])", 0.0),
    "vectors": ("vectors(ones, out); print(out[0, 0])", 0.0),
}
TRAINED = """
import drift, json, sys
recipe = drift.Experiment(
    task=drift.RandomTask(samples=4, inputs=3, outputs=2), network=drift.Network(units=8),
    noise=[drift.UpdateNoise(std=0.03)], steps=20, sessions=2,
)
options = {"checkpoint": sys.argv[2]} if len(sys.argv) > 2 else {}
print(json.dumps(drift.train([recipe], engine=sys.argv[1], progress=False, **options)["loss"].values.tolist()))
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package that may be changed."""
    copied = tmp_path / "code" / "drift"
    shutil.copytree(
        Path(drift.__file__).parent, copied, ignore=shutil.ignore_patterns("__pycache__")
    )
    return copied


def change(package: Path, module: str) -> None:
    path, (before, after) = package / "loops" / f"{module}.py", CHANGES[module]
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def ran(package: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What a new process with this package says; all of them share a folder for what is
    compiled."""
    folders = {"PYTHONPATH": str(package.parent), "NUMBA_CACHE_DIR": str(package.parent / "kept")}
    environment = {**os.environ, **folders, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        cwd=package.parent,
        check=False,
    )


def printed(package: Path, *arguments: str) -> Any:
    done = ran(package, *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def kept(package: Path) -> set[Path]:
    return set((package.parent / "kept").rglob("*.nb?"))


@pytest.mark.parametrize(
    "module",
    ["normals", *(pytest.param(one, marks=pytest.mark.slow) for one in ("products", "vectors"))],
)
def test_nothing_compiled_outlives_a_change_of_what_is_inlined_into_it(module: str, package: Path):
    (package / "training" / "engines" / "caller.py").write_text(CALLER)
    (call, factor), start = CALLS[module], "from drift.training.engines.caller import *; "
    before = printed(package, "-c", start + call)
    files = kept(package)
    assert files and before != 0
    assert printed(package, "-c", start + call) == pytest.approx(before) and kept(package) == files
    change(package, module)
    assert printed(package, "-c", start + call) == pytest.approx(factor * before)
    assert kept(package) > files


@pytest.mark.slow
def test_a_fused_run_after_a_change_is_another(package: Path):
    losses = [printed(package, "-c", TRAINED, "fused")]
    files = kept(package)
    np.testing.assert_allclose(printed(package, "-c", TRAINED, "fused"), losses[0])
    assert files and kept(package) == files
    for module in ("normals", "vectors", "products"):  # without products nothing else is seen
        change(package, module)
        losses.append(printed(package, "-c", TRAINED, "fused"))
        assert not np.allclose(losses[-1], losses[-2])


@pytest.mark.slow
def test_a_checkpoint_is_not_continued_after_a_change(package: Path, tmp_path: Path):
    path = str(tmp_path / "run.npz")
    whole = printed(package, "-c", TRAINED, "batched", path)
    np.testing.assert_allclose(printed(package, "-c", TRAINED, "batched", path), whole)
    change(package, "normals")
    refused = ran(package, "-c", TRAINED, "batched", path)
    assert refused.returncode == 1
    assert "was written by another code of repdrift" in refused.stderr.splitlines()[-1]
    assert "finish it with that version, or remove it" in refused.stderr.splitlines()[-1]
