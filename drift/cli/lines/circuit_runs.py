"""``repdrift run`` of recipes of circuits."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from tyro.conf import Positional

from drift.cli.lines.arguments import netcdf, parsed, told
from drift.errors import RefusedInputError
from drift.texts import decoded

if TYPE_CHECKING:
    from circuits import DriftingCircuit

EXAMPLES = """\
  repdrift run circuit.toml --out run.nc --seeds 4     tables [circuit], [inputs], [drift] ..."""

ENGINES = ("fixed_point", "compiled", "brian2")


@dataclasses.dataclass(frozen=True)
class CircuitRun:
    """Let circuits drift, and write what their sessions recorded.

    Attributes
    ----------
    recipes : tuple of Path
        Recipe files in TOML, with a table [circuit].
    out : Path
        netCDF file to write; the recipe stands inside.
    seeds : int
        Subjects of each recipe, with seeds counted up from the recipe's own.
    engine
        Closed form, or simulated in Brian2 or in loops compiled from its code.
    dry_run
        Print the recipes as TOML and run nothing.
    overwrite
        Replace a file that is there.
    """

    recipes: Positional[tuple[Path, ...]]
    out: Path | None = None
    seeds: int = 1
    engine: Literal["fixed_point", "compiled", "brian2"] = "fixed_point"
    dry_run: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False


def of_circuits(files: Sequence[Path]) -> bool:
    """Return whether recipe files are those of circuits; refuses a mixture. What cannot be read is
    left to who reads it.

    Parameters
    ----------
    files : sequence of Path
    """
    tables = [_has_circuit(path) for path in files]
    if any(tables) and not all(tables):
        raise RefusedInputError(
            f"recipes of networks and of circuits are run apart, got {', '.join(map(str, files))}: "
            "call repdrift run twice."
        )
    return any(tables)


def _has_circuit(path: Path) -> bool:
    try:
        return "circuit" in tomllib.loads(decoded(path.read_bytes()).removeprefix("\ufeff"))
    except (OSError, ValueError):
        return False


def loaded_circuit(path: Path) -> DriftingCircuit:
    """Return the recipe of a circuit in a TOML file, or refuse it with the name of the file."""
    from circuits import DriftingCircuit

    try:
        return DriftingCircuit.from_toml(decoded(path.read_bytes()))
    except RefusedInputError as refusal:
        raise RefusedInputError(f"{path}: {refusal}") from None


def run_circuit_files(arguments: Sequence[str]) -> None:
    """Run recipes of circuits, write the result, and say in a few lines what became of subjects.

    Parameters
    ----------
    arguments : sequence of str
        Words behind ``repdrift run``.
    """
    from circuits import run_circuits
    from drift.cli.lines.summaries import run_summary
    from drift.files.store import save

    options = parsed(CircuitRun, "run", arguments, EXAMPLES)
    if options.seeds < 1:
        raise RefusedInputError(
            f"--seeds must be at least 1, got {options.seeds}: it is the number of subjects of "
            "each recipe."
        )
    recipes: list[DriftingCircuit] = []
    for recipe in map(loaded_circuit, options.recipes):
        recipes += [recipe.replace(seed=recipe.seed + number) for number in range(options.seeds)]
    if options.dry_run:
        told("\n".join(recipe.to_toml() for recipe in recipes[:: options.seeds]))
        return
    if options.out is None:
        raise RefusedInputError(
            "--out is missing: say where the run is written, such as --out run.nc."
        )
    out = netcdf(options.out, options.overwrite)
    result = run_circuits(recipes, engine=options.engine)
    save(result, out, overwrite=options.overwrite)
    told(run_summary(result), f"written: {out}")
