"""``repdrift sweep``: many recipes, one file each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args

import tyro
from tyro.conf import Positional

from drift.cli.lines.arguments import netcdf, pairs, parsed, told
from drift.cli.lines.circuit_runs import ENGINES as CIRCUIT_ENGINES
from drift.cli.lines.circuit_runs import loaded_circuit, of_circuits
from drift.errors import RefusedInputError
from drift.experiment import Experiment
from drift.recipe import Recipe
from drift.sweeps import executors as sweep_executors
from drift.sweeps.files import listed, set_aside
from drift.sweeps.presets import usual_runs
from drift.sweeps.sweep import cross, run_sweep, sample
from drift.training.engines import EngineName

EXAMPLES = """\
  repdrift sweep recipe.toml --folder sweeps/noise --vary noise.0.std=0.01,0.03,0.1 seed=0,1,2 --dry-run
  repdrift sweep recipe.toml --folder sweeps/size --vary network.units=100,200 learner.learning_rate=0.05,0.1 --out size.nc
  repdrift sweep --preset random_update_noise --runs 40 --steps 100000 --folder sweeps/published
  repdrift sweep --preset published_figure --folder sweeps/figure    all 616 runs
  repdrift sweep recipe.toml --folder sweeps/size --vary seed=0,1,2,3 --executor slurm --jobs 20 --walltime 04:00:00
  repdrift sweep circuit.toml --folder sweeps/circuits --vary seed=0,1    drifting circuits
  repdrift info sweeps/size                       how far it is, also while it runs"""
WORDS = {"None": None, "True": True, "False": False}
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]


def command(
    recipes: Positional[tuple[Path, ...]] = (),
    *,
    folder: Path,
    vary: tuple[str, ...] = (),
    preset: str | None = None,
    runs: int | None = None,
    steps: int | None = None,
    seed: int = 0,
    engine: str | None = None,
    executor: Literal["processes", "serial", "dask", "slurm"] = "processes",
    jobs: int | None = None,
    memory: str = "2GB",
    walltime: str = "24:00:00",
    queue: str | None = None,
    interface: str | None = None,
    retry: Flag = False,
    dry_run: Flag = False,
    out: Path | None = None,
    overwrite: Flag = False,
) -> None:
    """Run every recipe whose file is missing in a folder; a sweep that was stopped goes on where it
    stood.

    Parameters
    ----------
    recipes
        Recipe files in TOML; `repdrift run --dry-run` writes one. Those with a table [circuit] are
        of circuits (`circuits.DriftingCircuit`).
    folder
        Where results go, one file a task; made if absent.
    vary
        Entries of the recipe and their values, as ENTRY=VALUE,VALUE; all combinations are run.
    preset
        A published family of runs instead of recipe files.
    runs
        Drawn from the preset; 10 by default, all 616 of published_figure.
    steps
        Of each run, instead of what recipes or preset say.
    seed
        From which a preset is drawn.
    engine
        How subjects are computed, as `repdrift run` takes it: auto, fused, batched or minibatch for
        networks, fixed_point, compiled or brian2 for circuits; the first by default.
    executor
        Where tasks run.
    jobs
        Processes, Dask workers or SLURM jobs; one for each core by default, and to be given for
        SLURM.
    memory
        Of one SLURM job.
    walltime
        Of one SLURM job.
    queue
        SLURM partition.
    interface
        Network through which SLURM jobs reach this process, such as ib0.
    retry
        Run tasks again that have failed.
    dry_run
        Print the plan, and the job script of a cluster; run nothing.
    out
        netCDF file for the whole sweep as one Dataset; without it `drift.open_sweep` opens the
        folder.
    overwrite
        Replace the file of --out.
    """
    if out is not None:
        netcdf(out, overwrite)
    bases = _recipes(recipes, preset, runs, seed, steps)
    crossed = [variant for recipe in bases for variant in varied(recipe, vary)]
    queueing = {"memory": memory, "walltime": walltime, "queue": queue, "interface": interface}
    try:
        with opened(
            executor, jobs, {name: value for name, value in queueing.items() if value is not None}
        ) as where:
            result = run_sweep(
                crossed,
                folder,
                executor=where,
                retry=retry,
                dry_run=dry_run,
                **_engine(crossed, engine),
            )
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"finished tasks are kept in {folder}, the same command goes on with the rest."
        ) from None
    if result is None:
        return
    from drift.cli.lines.summaries import run_summary
    from drift.files.store import save

    told(run_summary(result))
    if out is not None:
        save(result.load(), out, overwrite=overwrite)
    told(f"written: {folder if out is None else out}", *_beside(folder, len(crossed)))


def _beside(folder: Path, requested: int) -> list[str]:
    """What the folder holds besides the tasks of this command."""
    earlier = len(listed(folder)) - requested
    more = (
        [
            f"{folder} holds {earlier} more tasks of earlier commands: drift.open_sweep shows "
            "all of them together."
        ]
        if earlier
        else []
    )
    return [*more, *(f"{sentence}." for sentence in set_aside(folder))]


def _engine(recipes: Sequence[Recipe], engine: str | None) -> dict[str, Any]:
    """Options of ``run_sweep`` for the engine that was asked for."""
    if engine is None:
        return {}
    networks = isinstance(recipes[0], Experiment)
    names = get_args(EngineName) if networks else CIRCUIT_ENGINES
    if engine not in names:
        raise RefusedInputError(
            f"--engine {engine} is none of {'networks' if networks else 'circuits'}: write "
            f"{', '.join(names[:-1])} or {names[-1]}."
        )
    if networks:
        return {"engine": engine}
    from circuits import CircuitSimulator

    return {"simulator": CircuitSimulator(engine=cast(Any, engine))}


def _recipes(
    paths: Sequence[Path], preset: str | None, runs: int | None, seed: int, steps: int | None
) -> Sequence[Recipe]:
    from drift.cli.run import loaded_recipe

    if bool(paths) == (preset is not None):
        raise RefusedInputError(
            f"a sweep needs recipe files or --preset, got {'both' if paths else 'neither'}: "
            "give one of them."
        )
    if preset is not None:
        drawn = usual_runs(preset) if runs is None else runs
        return sample(preset, runs=drawn, seed=seed, **({} if steps is None else {"steps": steps}))
    if of_circuits(paths):
        if steps is not None:
            raise RefusedInputError(
                "--steps is of networks, got recipes of circuits: set elapsed in them."
            )
        return [loaded_circuit(path) for path in paths]
    loaded = [loaded_recipe(path) for path in paths]
    return loaded if steps is None else [recipe.replace(steps=steps) for recipe in loaded]


def varied(recipe: Recipe, entries: Sequence[str]) -> Sequence[Recipe]:
    """Return a recipe for each combination of the values in ``ENTRY=VALUE,VALUE``.

    Parameters
    ----------
    recipe : Experiment or circuits.DriftingCircuit
    entries : sequence of str
        Entries of the recipe or of its parts, such as ``network.units=100,200``, those of noise by
        number, ``noise.0.std=0.1,0.2``.

    Returns
    -------
    list of Experiment or of circuits.DriftingCircuit
    """
    lists = {name: _listed(text, name) for name, text in pairs(entries, "--vary").items()}
    of_noise = {name: values for name, values in lists.items() if name.startswith("noise.")}
    recipes: Sequence[Recipe] = [recipe]
    for name, values in of_noise.items():
        recipes = [_noisy(variant, name, value) for variant in recipes for value in values]
    plain = {name: values for name, values in lists.items() if name not in of_noise}
    return [combined for variant in recipes for combined in cross(variant, **plain)]


def _listed(text: str, name: str) -> list[Any]:
    """Values between commas, each as JSON or the flags of `repdrift run` have it, else as a
    word."""
    if '"' in text or "[" in text or "{" in text:  # commas may stand inside
        with suppress(ValueError):
            return json.loads(f"[{text}]")
    return (
        [_value(word) for word in text.split(",")]
        if text.strip(",") == text
        else _refuse(text, name)
    )


def _refuse(text: str, name: str) -> list[Any]:
    raise RefusedInputError(
        f"--vary {name}={text} has an empty value: write values between commas, without spaces."
    )


def _value(word: str) -> Any:
    """A word as a value: None, True and False as in Python, numbers as people write them, 1e3 a
    whole one."""
    if word in WORDS:
        return WORDS[word]
    if not NUMBER.fullmatch(word):
        with suppress(ValueError):
            return json.loads(word)
        return word
    number = float(word)
    is_whole = (
        number.is_integer() and abs(number) < 2**53 and ("e" in word.lower() or "." not in word)
    )
    return int(word) if word.lstrip("+-").isdecimal() else int(number) if is_whole else number


def _noisy(recipe: Recipe, path: str, value: Any) -> Recipe:
    _, number, *entry = path.split(".")
    noise = list(getattr(recipe, "noise", ()))
    if not number.isdecimal() or len(entry) != 1 or int(number) >= len(noise):
        raise RefusedInputError(
            f"--vary {path} names no noise among {len(noise)} of the recipe: write "
            "noise.0.std=0.1,0.2."
        )
    noise[int(number)] = noise[int(number)].replace(**{entry[0]: value})
    return recipe.replace(noise=noise)


@contextmanager
def opened(executor: str, jobs: int | None, options: dict[str, Any]) -> Iterator[Any]:
    """Give what ``run_sweep`` takes as executor, open as long as it is needed."""
    if executor == "slurm":
        if jobs is None:
            raise RefusedInputError(
                "--executor slurm needs --jobs: give the number of jobs to keep running."
            )
        with sweep_executors.slurm_cluster(jobs, **options) as cluster:
            yield cluster
    elif executor == "dask":
        with sweep_executors.local_cluster(jobs) as client:
            yield client
    elif executor == "processes" and jobs is not None:
        with sweep_executors.processes(jobs) as pool:
            yield pool
    else:
        yield executor


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parsed(command, "sweep", arguments, EXAMPLES)
