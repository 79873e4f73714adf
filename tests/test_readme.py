"""What the README tells a reader to type works."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
TEXT = (CHECKOUT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, flags=re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reader")


def run_block(number: int, folder: Path) -> None:
    block = blocks("python")[number]
    brian2 = ["-W", "ignore::DeprecationWarning"] if "import circuits" in block else []  # which calls pyparsing by its older names
    command = [sys.executable, "-W", "error", *brian2, "-c", block]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=200)


@pytest.mark.slow  # CI runs it all the same, as all of this file
@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_python_blocks_run(number: int, folder: Path):
    run_block(number, folder)


@pytest.mark.slow
def test_the_example_runs_as_written(folder: Path):
    command = next(line for line in "".join(blocks("bash")).splitlines() if "--recording" in line)
    if not (folder / "recordings").exists():
        run_block(1, folder)
    words = [sys.executable if word == "python" else word.replace("examples/", f"{CHECKOUT}/examples/") for word in shlex.split(command)]
    subprocess.run(words, cwd=folder, check=True, capture_output=True, timeout=200)
    written = {path.name for path in (folder / "results" / "corridor_drift").iterdir()}
    assert written == {f"corridor_drift.{kind}" for kind in ("nc", "png", "txt")}


@pytest.mark.slow
def test_an_afternoon_from_the_command_line(folder: Path):
    """A recording written by a script is measured, fitted, compared, and reported."""
    if not (folder / "recordings").exists():
        run_block(1, folder)
    lines = [shlex.split(line) for line in "".join(blocks("bash")).splitlines() if line.startswith("repdrift ")]
    assert [line[1] for line in lines] == ["measure", "run", "fit", "compare"]
    for line in lines:
        subprocess.run([sys.executable, "-m", "drift.cli", *line[1:]], cwd=folder, check=True, capture_output=True, timeout=200)
    report = (folder / "report.html").read_text()
    assert report.count("<svg") >= 4 and "weight lifetime" in report and "mouse" in report


def test_every_make_target_named_exists():
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    for target in set(re.findall(r"`?make ([a-z-]+)", TEXT)):
        plan = subprocess.run(["make", "-n", target], cwd=CHECKOUT, capture_output=True, text=True, check=False)
        assert plan.returncode == 0, plan.stderr


def test_every_path_named_exists():
    for path in re.findall(r"[(`]((?:examples|tests|drift|data_adapters)/[\w./-]*)[)`]", TEXT):
        assert (CHECKOUT / path).exists(), path
