"""Readers and circuits of other packages, installed as pip leaves them: a module and its
``.dist-info``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import circuits
import data_adapters
from drift import RefusedInputError, entry_points

READER = '''
import data_adapters
from data_adapters.session import session_dataset


def sessions(path, sampling_rate: float = 20.0):
    """Two sessions of three cells; position from the file."""
    import numpy as np

    position = np.loadtxt(path)
    for number in range(2):
        yield session_dataset(
            activity=(np.arange(3 * position.size).reshape(-1, 3) % 7 == 0).astype(float),
            position=position,
            subject="m1", session=number, elapsed=float(number), elapsed_units="day",
            sampling_rate=sampling_rate, unit_identity="m1", environment="A", source="tests",
        )
'''
CIRCUIT = """
from circuits import LinearInterneuron


class LaboratoryCircuit(LinearInterneuron):
    pass
"""
POINTS = """[repdrift.readers]
laboratory_format = laboratory_package
suite2p = laboratory_package
broken_format = laboratory_package:nothing_there

[repdrift.circuits]
laboratory_circuit = laboratory_package:LaboratoryCircuit
no_circuit = laboratory_package:sessions
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package of a laboratory on the path, and what is known of packages asked anew."""
    information = tmp_path / "laboratory_package-1.0.dist-info"
    information.mkdir()
    (tmp_path / "laboratory_package.py").write_text(READER + CIRCUIT)
    (information / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: laboratory-package\nVersion: 1.0\n"
    )
    (information / "entry_points.txt").write_text(POINTS)
    np.savetxt(tmp_path / "positions.txt", np.abs(np.linspace(-1e3, 1e3, 4_000)))
    monkeypatch.syspath_prepend(str(tmp_path))
    for known in (entry_points.announced, entry_points._warned_of_clash):
        known.cache_clear()
    yield tmp_path
    for known in (entry_points.announced, entry_points._warned_of_clash):
        known.cache_clear()
    sys.modules.pop("laboratory_package", None)


def command_line(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); from drift.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.filterwarnings("ignore:'suite2p'")
def test_a_reader_of_another_package_reads_takes_options_and_is_listed(installed):
    read = list(
        data_adapters.sessions("laboratory_format", installed / "positions.txt", sampling_rate="10")
    )
    assert [float(session["elapsed"]) for session in read] == [0.0, 1.0]
    assert all(float(session["sampling_rate"]) == 10.0 for session in read)
    assert data_adapters.reader_names()[: len(data_adapters.READERS)] == [*data_adapters.READERS]
    assert {"laboratory_format", "broken_format"} < {*data_adapters.reader_names()}


@pytest.mark.filterwarnings("ignore:'suite2p'")
def test_what_cannot_be_loaded_is_refused_only_when_it_is_named(installed):
    with pytest.raises(RefusedInputError, match="of laboratory-package was expected to load"):
        data_adapters.sessions("broken_format", installed / "positions.txt")
    with pytest.raises(RefusedInputError, match="was expected to name a class of circuits"):
        circuits.circuit_class("no_circuit")
    with pytest.raises(RefusedInputError, match=r"'laboratory_circus' is unknown .did you mean"):
        circuits.circuit_class("laboratory_circus")


def test_a_reader_with_one_of_our_names_does_not_take_its_place(installed):
    with pytest.warns(UserWarning, match="'suite2p' of repdrift.readers in laboratory-package"):
        names = data_adapters.reader_names()
    assert names.count("suite2p") == 1 and data_adapters.READERS["suite2p"].startswith("data_")


def test_a_circuit_of_another_package_has_its_kind(installed):
    circuit = circuits.circuit_class("laboratory_circuit")(units=12)
    assert circuit.units == 12
    assert "laboratory_circuit" in circuits.circuit_names()


def test_the_command_line_knows_the_reader(installed):
    out = installed / "measured.nc"
    done = command_line(
        installed,
        *("measure", "laboratory_format", str(installed / "positions.txt")),
        *("--out", str(out), "--option", "sampling_rate=10"),
    )
    assert done.returncode == 0, done.stderr
    assert "1 subjects, 2 sessions, 3 units" in done.stdout, done.stdout + done.stderr
