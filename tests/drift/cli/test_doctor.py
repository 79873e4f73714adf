"""The doctor finds what is wrong, and nothing where nothing is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from drift.cli.lines.checks import CHECKS, FAULT, Check, findings


def doctor(path: Path | None, *flags: str) -> subprocess.CompletedProcess:
    surroundings = {**os.environ, **({"PYTHONPATH": str(path)} if path else {})}
    command = [sys.executable, "-m", "drift.cli", "doctor", *flags]
    return subprocess.run(
        command, env=surroundings, cwd="/", capture_output=True, text=True, check=False
    )


def plant(folder: Path, name: str, version: str, *modules: str) -> None:
    about = folder / f"{name}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (about / "top_level.txt").write_text("\n".join(modules))


@pytest.mark.slow  # CI runs it all the same
def test_a_sound_installation_has_no_fault():
    answer = doctor(None)
    assert answer.returncode == 0, answer.stdout
    assert (
        "engine fused" in answer.stdout
        and "Brian2 circuit" in answer.stdout
        and "all is well" in answer.stdout
    )


def test_a_foreign_package_of_our_name_is_found(tmp_path: Path):
    plant(tmp_path, "drift", "2.1", "drift")
    answer = doctor(tmp_path, "--quick")
    assert answer.returncode == 1
    assert (
        "FAULT  import drift" in answer.stdout
        and "pip uninstall drift" in answer.stdout
        and "1 faults" in answer.stdout
    )


def test_a_folder_that_shadows_ours_is_found(tmp_path: Path):
    (tmp_path / "circuits").mkdir()
    (tmp_path / "circuits" / "__init__.py").touch()
    answer = doctor(tmp_path, "--quick")
    assert answer.returncode == 1 and "not ours" in answer.stdout and str(tmp_path) in answer.stdout


def test_versions_out_of_bounds_are_found(tmp_path: Path):
    planted = {
        "numpy": "1.26.4" if sys.version_info >= (3, 12) else "2.4.0",
        "torch": "2.99",
        "brian2": "2.8",
        "xarray": "2023.1",
    }
    for name, version in planted.items():
        plant(tmp_path, name, version)
    answer = doctor(tmp_path, "--quick")
    assert answer.returncode == 1 and "4 faults" in answer.stdout
    for name, version in planted.items():
        (line,) = (line for line in answer.stdout.splitlines() if f" {name} " in line)
        assert (
            line.startswith("FAULT")
            and f"{version} is outside" in line
            and f"pip install '{name}" in line
        )


def test_a_check_that_breaks_is_a_finding():
    def broken_engine():
        raise RuntimeError("no\nluck")

    (found,) = findings(Check(broken_engine))
    assert (
        found.verdict == FAULT
        and found.subject == "broken engine"
        and "RuntimeError: no luck" in found.text
    )


def test_the_slow_checks_are_those_that_run_something():
    assert {check.find.__name__ for check in CHECKS if check.slow} == {
        "engines",
        "circuit_simulator",
    }
