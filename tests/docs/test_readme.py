"""What the README tells a reader to type works."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from checkout import CHECKOUT

TEXT = (CHECKOUT / "README.md").read_text()
KINDS = ("nc", "png", "txt")


ABOUT = re.compile(r"(make|python -m (venv|pip|pytest))\b")  # set up or test the checkout itself
WARNED = ["-W", "ignore::DeprecationWarning"]  # of Brian2, which calls pyparsing by its older names


class Block(NamedTuple):
    language: str
    text: str


def blocks() -> list[Block]:
    """Everything that a reader copies, from top to bottom."""
    return [Block(*found) for found in re.findall(r"```(\w+)\n(.*?)```", TEXT, flags=re.DOTALL)]


def commands(block: Block) -> list[list[str]]:
    """What a block is for a shell: Python in one piece, a line of the shell each; with this Python
    and the examples of this checkout."""
    if block.language == "python":
        return [
            [
                sys.executable,
                "-W",
                "error",
                *(WARNED if "import circuits" in block.text else []),
                "-c",
                block.text,
            ]
        ]
    lines = [
        shlex.split(line, comments=True)
        for line in block.text.splitlines()
        if line and not ABOUT.match(line)
    ]
    begun = {"python": [sys.executable], "repdrift": [sys.executable, "-m", "drift.cli"]}
    return [
        [
            *begun[line[0]],
            *(word.replace("examples/", f"{CHECKOUT}/examples/") for word in line[1:]),
        ]
        for line in lines
    ]


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A folder in which a reader has typed everything in its order, and what each block printed."""
    folder, printed = tmp_path_factory.mktemp("reader"), []
    environment = {**os.environ, "REPDRIFT_DATA": str(folder / "none")}
    for block in blocks():
        told = ""
        for command in commands(block):
            done = subprocess.run(
                command,
                cwd=folder,
                env=environment,
                check=False,
                capture_output=True,
                text=True,
                timeout=600,
            )
            assert done.returncode == 0, f"{block.text}\n{done.stderr}"
            told += done.stdout
        printed.append(told)
    return folder, printed


def test_only_python_and_shell_are_shown():
    assert {block.language for block in blocks()} == {"python", "bash"}


@pytest.mark.slow  # CI runs it all the same, as all of this file
def test_blocks_run_in_order_in_one_empty_folder(followed):
    folder, _ = followed
    assert {"run.nc", "recorded.nc", "networks.nc", "fit.nc", "report.html"} <= {
        path.name for path in folder.iterdir()
    }
    assert {path.name for path in (folder / "results" / "corridor_drift").iterdir()} == {
        f"corridor_drift.{kind}" for kind in KINDS
    }


@pytest.mark.slow
def test_no_printed_table_is_cut(followed):
    for told in followed[1]:
        assert not re.search(r"\.\.\.  ", told), told


@pytest.mark.slow
def test_an_afternoon_from_the_command_line(followed):
    """A recording written by a script is measured, fitted, compared, and reported."""
    lines = [
        line.split()[1]
        for block in blocks()
        if block.language == "bash"
        for line in block.text.splitlines()
        if line[:9] == "repdrift "
    ]
    assert lines == ["measure", "stability", "run", "fit", "compare"]
    report = (followed[0] / "report.html").read_text()
    assert report.count("<svg") >= 4 and "weight lifetime" in report and "mouse" in report


def test_it_is_read_to_the_end():
    assert len(TEXT.splitlines()) <= 150


def test_every_make_target_named_exists():
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    for target in set(re.findall(r"`?make ([a-z-]+)", TEXT)):
        plan = subprocess.run(
            ["make", "-n", target], cwd=CHECKOUT, capture_output=True, text=True, check=False
        )
        assert plan.returncode == 0, plan.stderr


def test_every_path_named_exists():
    for path in re.findall(r"[(`]((?:examples|tests|drift|data_adapters)/[\w./-]*)[)`]", TEXT):
        assert (CHECKOUT / path).exists(), path
