"""Circuits in sweeps: what runs the recipes of circuits there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import xarray as xr

from circuits.simulation.settled_rates import Engine
from circuits.wandering.drifting_circuit import DriftingCircuit, check_agreement, run_circuits
from drift.files.code_version import HERE as DRIFT
from drift.files.code_version import code_version
from drift.recipe import Recipe
from drift.sweeps.simulators import Simulator

CIRCUITS = Path(__file__).parents[1]
# of drift, besides what decides the numbers of networks
LAWS = (DRIFT / "theory" / "code_drift", DRIFT / "theory" / "kernels")
INDIFFERENT = ("fitting", "bridge.py")  # of circuits: what is done with finished runs


@dataclass(frozen=True)
class CircuitSimulator(Simulator):
    """Drifting circuits, each settled in all of its sessions; for ``drift.run_sweep``.

    Parameters
    ----------
    engine : {"fixed_point", "brian2", "compiled"}
        See ``run_circuits``.
    """

    recipes: ClassVar[type[Recipe]] = DriftingCircuit
    engine: Engine = "fixed_point"

    @property
    def options(self) -> dict[str, Any]:
        """What decides numbers besides recipe and code."""
        return {"recipes": "drifting_circuit", "engine": self.engine}

    def code(self) -> str:
        """Return a hash of the modules that decide the numbers of a drifting circuit."""
        content = hashlib.sha256(code_version().encode())
        for path in decisive_files():
            content.update(path.relative_to(CIRCUITS.parent).as_posix().encode())
            content.update(path.read_bytes())
        return content.hexdigest()[:16]

    def check(self, recipes: Sequence[Any]) -> None:
        """Refuse recipes of another kind, and those whose sessions do not agree."""
        super().check(recipes)
        check_agreement(recipes)

    def simulate(self, recipe: DriftingCircuit, checkpoint: Path) -> xr.Dataset:
        """Return the subject of a recipe; a circuit is soon done and keeps no checkpoint."""
        return run_circuits([recipe], engine=self.engine, progress=False)


def decisive_files() -> Iterator[Path]:
    """Yield the files that decide the numbers of a drifting circuit besides those of networks, in
    the order in which they are hashed."""
    for room in LAWS:
        yield from sorted(room.rglob("*.py"))
    for path in sorted(CIRCUITS.rglob("*.py")):
        if path.relative_to(CIRCUITS).parts[0] not in INDIFFERENT:
            yield path
