"""What is published: the wheel holds the three packages and nothing else, works in an empty
environment, and imports quickly."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from checkout import CHECKOUT

PACKAGES = ("drift", "circuits", "data_adapters")
LEFT_OUT = {".pyc"}
IMPORT_SECONDS = 0.4


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip(
        "hatchling", reason="hatchling builds the wheel; it comes with repdrift[dev]"
    )
    out = tmp_path_factory.mktemp("dist")
    words = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(out),
        str(CHECKOUT),
    ]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    return next(out.glob("repdrift-*.whl"))


def test_the_wheel_holds_the_packages_and_nothing_else(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    known = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *PACKAGES],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    if known.returncode:
        pytest.skip("without git nothing says which files belong to the packages")
    expected = {
        name
        for name in known.stdout.split()
        if (CHECKOUT / name).exists() and Path(name).suffix not in LEFT_OUT
    }
    described = {name for name in held if re.match(r"repdrift-[^/]+\.dist-info/", name)}
    assert held - described == expected
    assert "data_adapters/public_files.csv" in held
    assert {Path(name).name for name in described} >= {
        "METADATA",
        "WHEEL",
        "RECORD",
        "LICENSE",
        "entry_points.txt",
    }
    assert len({name.partition("/")[0] for name in held}) == len(PACKAGES) + 1


def test_the_wheel_says_what_it_needs(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(
            next(name for name in archive.namelist() if name.endswith("METADATA"))
        ).decode()
        commands = archive.read(
            next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
        ).decode()
    assert re.search(r"^Name: repdrift$", metadata, re.MULTILINE)
    assert re.search(r"^Requires-Python: >=3\.11$", metadata, re.MULTILINE)
    assert {"docs", "notebook", "nwb", "cluster", "images"} <= set(
        re.findall(r"^Provides-Extra: (\S+)$", metadata, re.MULTILINE)
    )
    assert "repdrift = drift.cli:main" in commands


def interpreter(version: str) -> str | None:
    """A Python of this version: the one that runs, one on the path, or one that pyenv keeps."""
    if version == ".".join(map(str, sys.version_info[:2])):
        return sys.executable
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [shutil.which(f"python{version}"), *kept.glob(f"{version}.*/bin/python")]
    for candidate in filter(None, candidates):
        ended = subprocess.run(
            [str(candidate), "-c", "import ensurepip, venv"], capture_output=True, timeout=60
        )
        if ended.returncode == 0:
            return str(candidate)
    return None


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_the_wheel_works_in_an_empty_environment(version: str, wheel: Path, tmp_path: Path):
    """Installs from the package index that pip is set up for, far from the checkout."""
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version} on this machine")
    home, elsewhere = tmp_path / "environment", tmp_path / "elsewhere"
    elsewhere.mkdir()
    subprocess.run([python, "-m", "venv", str(home)], check=True, timeout=120)
    bin_folder = home / ("Scripts" if os.name == "nt" else "bin")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def run(*words: str | Path, seconds: int) -> str:
        command = [str(bin_folder / words[0]), *map(str, words[1:])]
        ended = subprocess.run(
            command,
            cwd=elsewhere,
            env=clean,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout[-1500:] + ended.stderr[-1500:]
        return ended.stdout

    run(
        "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--constraint",
        CHECKOUT / "constraints.txt",
        wheel,
        seconds=1500,
    )
    assert run("repdrift", "--version", seconds=60).startswith("repdrift ")
    run("repdrift", "doctor", seconds=300)
    run("repdrift", "run", "--steps", "100", "--sessions", "3", "--out", "run.nc", seconds=300)
    place = run(
        "python",
        "-c",
        "import drift; print(drift.__file__); print(drift.load('run.nc').sizes['session'])",
        seconds=120,
    )
    assert str(home) in place and place.split()[-1] == "3"


def seconds_of(code: str) -> float:
    """Median over five interpreters."""
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, check=True, timeout=60)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def test_importing_is_quick():
    assert seconds_of("import drift") - seconds_of("pass") < IMPORT_SECONDS


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_loads_no_engine(package: str):
    code = (
        f"import sys, {package}; print({{'torch', 'brian2', 'numba', 'matplotlib'}} & "
        "set(sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stdout.strip() == "set()"
