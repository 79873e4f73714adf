"""Compiled loops where the package cannot be written to: kept in the user's cache, and compiled by
every process where there is none."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import drift

OTHER = 65_534  # a user who owns nothing, "nobody" on most systems
# Reads what root may read, such as an interpreter in root's home, and writes nothing of others.
AS_OTHER = (
    "setpriv", f"--reuid={OTHER}", f"--regid={OTHER}", "--clear-groups",
    "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search",
)  # fmt: skip
SCRIPT = """
import importlib, json, os
import numpy as np
from drift.loops.compiled import can_be_kept
module = importlib.import_module("drift.observation.poisson_counts")
counts = module.poisson_counts(np.array([0.2, 0.9]), np.array([1.0, 3.0]))
kernel = module._summed
print(json.dumps({
    "file": module.__file__, "writable": os.access(os.path.dirname(module.__file__), os.W_OK),
    "counts": counts.tolist(), "can_be_kept": can_be_kept(kernel),
    "kept": getattr(kernel._cache, "_cache_path", ""), "read": sum(kernel.stats.cache_hits.values()),
}))
"""
COUNTS = [0.0, 5.0]  # P(0) = .37 at a mean of 1; P(k <= 4) = .82 and P(k <= 5) = .92 at 3


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that others can enter, with a copy of the package that nobody but root can write."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can become another user")
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv of util-linux is not installed")
    whole = Path(tempfile.mkdtemp())
    own = Path(drift.__file__).parent
    shutil.copytree(own, whole / "code" / "drift", ignore=shutil.ignore_patterns("__pycache__"))
    whole.chmod(0o755)
    for path in (whole / "code").rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield whole
    shutil.rmtree(whole)


def said_by_other(folder: Path, home: Path) -> dict[str, Any]:
    """What the script prints, run by another user with a home of their own."""
    unset = ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "REPDRIFT_CACHE")
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    answer = subprocess.run(
        [*AS_OTHER, sys.executable, "-c", SCRIPT], capture_output=True, text=True, cwd=folder,
        env={**kept, "HOME": str(home), "PYTHONPATH": str(folder / "code")}, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    said: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    assert said["file"].startswith(str(folder)) and not said["writable"]
    assert said["counts"] == COUNTS
    return said


def files_of(folder: Path) -> list[Path]:
    return sorted((folder / "code").rglob("*"))


def test_loops_are_kept_in_the_cache_of_the_user(folder):
    home, before = folder / "home", files_of(folder)
    home.mkdir()
    os.chown(home, OTHER, OTHER)
    first, second = (said_by_other(folder, home) for _run in range(2))
    assert first["can_be_kept"] and first["kept"].startswith(str(home))
    assert (first["read"], second["read"]) == (0, 1)
    assert files_of(folder) == before


def test_loops_are_compiled_where_nothing_can_be_kept(folder):
    before = files_of(folder)
    said = said_by_other(folder, folder / "nowhere")
    assert not said["can_be_kept"] and said["read"] == 0
    assert files_of(folder) == before
