"""``repdrift run``: subjects from recipes."""

from __future__ import annotations

import dataclasses
import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
import xarray as xr
from tyro.conf import Positional, arg

from drift.cli.lines.arguments import netcdf, pairs, parsed, told
from drift.cli.lines.circuit_runs import of_circuits, run_circuit_files
from drift.errors import RefusedInputError
from drift.experiment import Experiment
from drift.learners import LEARNERS
from drift.networks import NETWORKS, Dropout, Excitability, Network
from drift.noise import NOISES, UpdateNoise
from drift.recipe import Recipe, chosen
from drift.tasks import TASKS, Task
from drift.tasks.worlds.eyes import EYES
from drift.tasks.worlds.motion import MOTIONS
from drift.texts import decoded
from drift.training.engines import EngineName

EXAMPLES = """\
  repdrift run --out run.nc --seeds 4                              the corridor of the README, four subjects
  repdrift run --out run.nc --network.units 200 --noise.0.std 0.05 any entry of the recipe is a flag
  repdrift run --task.kind random --learner.kind adam --out run.nc --with-noise label=0.1 update=0.02
  repdrift run --dry-run > recipe.toml                             a recipe to edit ...
  repdrift run recipe.toml --out run.nc --steps 50000              ... and to run, here for longer
  repdrift run --out x.nc --network.dropout.probability 0.1        with dropout of units
  repdrift run --path-of sheintuch2023 FOLDER --out run.nc         on the path of an animal
  repdrift run circuit.toml --out run.nc --seeds 4                 a drifting circuit
  repdrift run --out x.nc --task.kind image --help                 flags of another task"""
DEFAULT = Experiment(
    network=Network(units=100, regime="lazy"),
    noise=(UpdateNoise(std=0.03),),
    steps=10_000,
    sessions=11,
)
# parts of a network that are absent unless one of their flags is given
SWITCHES: dict[str, type[Recipe]] = {"dropout": Dropout, "excitability": Excitability}
PARTS: dict[str, dict[str, Any]] = {"task": TASKS, "network": NETWORKS, "learner": LEARNERS}
OF_TASK: dict[str, dict[str, Any]] = {"eye": EYES, "foreseen": EYES, "motion": MOTIONS}


@dataclasses.dataclass(frozen=True)
class Run:
    """Simulate networks that keep learning, and write what their sessions recorded.

    Without a recipe file a corridor is learned by 100 units under update noise. Entries of the
    recipe are flags; those given replace what every file says.

    Attributes
    ----------
    recipes : tuple of Path
        Recipe files in TOML; --dry-run writes one. Those with a table [circuit] are of circuits
        (`circuits.DriftingCircuit`).
    out : Path
        netCDF file to write; the recipe stands inside.
    seeds : int
        Subjects of each recipe, with seeds counted up from the recipe's own.
    with_noise : tuple of str
        Noise instead of the recipe's, as KIND=STD; kinds are input, label and update.
    path_of : tuple of str
        READER PATH [KEY=VALUE ...] of a recording whose animal's path is learned; keys are options
        of the reader, and samples and interval of the task.
    engine
        How steps are computed; auto takes the fastest that can.
    precision
        Of the weights while learning.
    device
        cpu, or a torch device such as cuda.
    checkpoint
        File from which a run that was stopped goes on.
    dry_run
        Print the recipes as TOML and run nothing.
    overwrite
        Replace a file that is there.
    experiment
        The recipe.
    """

    recipes: Positional[tuple[Path, ...]] = ()
    out: Path | None = None
    seeds: int = 1
    with_noise: tuple[str, ...] = ()
    path_of: tuple[str, ...] = ()
    engine: EngineName = "auto"
    precision: Literal["float32", "float64", "tf32", "bfloat16"] = "float32"
    device: str = "cpu"
    checkpoint: Path | None = None
    dry_run: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    experiment: Annotated[Experiment, arg(name="")] = DEFAULT


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    files = [Path(word) for word in arguments if word.lower().endswith(".toml")]
    if of_circuits(files):
        run_circuit_files(arguments)
        return
    loaded = [loaded_recipe(path) for path in files] or [DEFAULT]
    words, kinds = _kinds(arguments)
    noises, path = _values(words, "--with-noise"), _recorded_path(_values(words, "--path-of"))
    changed = [_switched(_changed(recipe, kinds, noises, path), words) for recipe in loaded]
    runs = [
        parsed(Run, "run", words, EXAMPLES, default=Run(experiment=recipe)) for recipe in changed
    ]
    options = runs[0]
    recipes = repeated([run.experiment for run in runs], options.seeds)
    if options.dry_run:
        told("\n".join(recipe.to_toml() for recipe in recipes[:: max(options.seeds, 1)]))
        return
    if options.out is None:
        raise RefusedInputError(
            "--out is missing: say where the run is written, such as --out run.nc."
        )
    out = netcdf(options.out, options.overwrite)
    run_and_save(recipes, out, options)


def run_and_save(recipes: list[Experiment], out: Path, options: Run) -> None:
    """Train, write, and say in a few lines what became of the subjects."""
    from drift.cli.lines.summaries import run_summary
    from drift.files.store import save
    from drift.training.training import train

    try:
        result = train(
            recipes,
            engine=options.engine,
            precision=options.precision,
            device=options.device,
            checkpoint=options.checkpoint,
        )
    except KeyboardInterrupt:
        lost = (
            "nothing is kept of the run: with --checkpoint FILE the same command goes on where it "
            "was interrupted."
        )
        checkpointed = (
            f"the run is kept in {options.checkpoint}: the same command goes on where it was "
            "interrupted."
        )
        raise KeyboardInterrupt(lost if options.checkpoint is None else checkpointed) from None
    try:
        save(result, out, overwrite=options.overwrite)
    except RefusedInputError as refusal:
        raise _rescued(result, out, refusal) from None
    told(run_summary(result), f"written: {out}")


def _rescued(result: xr.Dataset, out: Path, refusal: RefusedInputError) -> RefusedInputError:
    """Keep a run that could not be written where it should be, and say where."""
    from drift.files.store import save

    try:
        place = save(result, Path(tempfile.mkdtemp(prefix="repdrift-")) / out.name)
    except (RefusedInputError, OSError):
        return refusal
    return RefusedInputError(
        f"{str(refusal).rstrip('.')}; the run itself is safe in {place}, move it from there."
    )


def loaded_recipe(path: Path) -> Experiment:
    """Return the recipe in a TOML file, or refuse it with the name of the file."""
    try:
        return Experiment.from_toml(decoded(path.read_bytes()))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise RefusedInputError(
            f"the recipe {path} cannot be read ({reason}): check the path."
        ) from None
    except RefusedInputError as refusal:
        raise RefusedInputError(f"{path}: {refusal}") from None


def repeated(recipes: Sequence[Experiment], seeds: int) -> list[Experiment]:
    """Return each recipe once for every seed, counted up from its own."""
    if seeds < 1:
        raise RefusedInputError(
            f"--seeds must be at least 1, got {seeds}: it is the number of subjects of each recipe."
        )
    return [
        recipe.replace(seed=recipe.seed + number) for recipe in recipes for number in range(seeds)
    ]


def _noises(entries: Sequence[str]) -> list[Recipe]:
    """Return the noises of ``KIND=STD`` entries."""
    return [
        chosen(NOISES, {"kind": kind, "std": _number(value, kind)})
        for kind, value in pairs(entries, "--with-noise").items()
    ]


def _number(text: str, name: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise RefusedInputError(f"{name}={text} is no number: write {name}=0.05.") from None


def _values(words: Sequence[str], flag: str) -> list[str]:
    """Return the words behind a flag, up to the next flag."""
    behind = words[words.index(flag) + 1 :] if flag in words else ()
    return list(itertools.takewhile(lambda word: not word.startswith("--"), behind))


def _kinds(arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Take ``--task.kind NAME`` and its like out of the words: kinds decide which flags there
    are."""
    words, kinds = [], {}
    remaining = iter(arguments)
    for word in remaining:
        flag, equals, value = word.partition("=")
        name = flag.removeprefix("--").removesuffix(".kind")
        of_task = name.startswith("task.") and name.removeprefix("task.") in OF_TASK
        if (name in PARTS or of_task) and flag == f"--{name}.kind":
            kinds[name] = value if equals else next(remaining, "")
        else:
            words.append(word)
    return words, kinds


def _recorded_path(words: Sequence[str]) -> dict[str, Task]:
    """Return the task of the path that READER PATH [KEY=VALUE ...] name, under ``task``; nothing
    without words."""
    if not words:
        return {}
    from data_adapters import sessions
    from drift.tasks import RecordedPath

    if len(words) < 2:
        raise RefusedInputError(
            f"--path-of needs a reader and a path, got {' '.join(words)}: write --path-of "
            "sheintuch2023 FOLDER."
        )
    options = pairs(words[2:], "--path-of")
    numbers = {
        name: kind(_number(options.pop(name), name))
        for name, kind in (("samples", int), ("interval", float))
        if name in options
    }
    return {"task": RecordedPath(sessions(words[0], words[1], **options), **numbers)}


def _changed(
    recipe: Experiment, kinds: dict[str, str], noises: Sequence[str], path: dict[str, Task]
) -> Experiment:
    """Return the recipe with parts of other kinds, each with its defaults, with other noises, and
    with a recorded path as its task."""
    if kinds.get("task") == "recorded_path" != recipe.task.kind and not path:
        raise RefusedInputError(
            "a recorded path is made from a recording, got --task.kind alone: write --path-of "
            "READER PATH."
        )
    replacements = {
        name: chosen(PARTS[name], {"kind": kind})
        for name, kind in kinds.items()
        if name in PARTS and kind != getattr(recipe, name).kind and not (name == "task" and path)
    }
    noise = {"noise": _noises(noises)} if noises else {}
    changed = recipe.replace(**{**replacements, **path}, **noise)
    return changed.replace(task=_with_kinds(changed.task, kinds))


def _with_kinds(task: Task, kinds: dict[str, str]) -> Task:
    """Return a task with an eye or a motion of other kinds, each with its defaults."""
    for name, table in OF_TASK.items():
        kind = kinds.get(f"task.{name}")
        if kind is None:
            continue
        if name not in type(task).model_fields:
            raise RefusedInputError(
                f"--task.{name}.kind is of tasks that have one, got a {type(task).__name__}: add "
                "--task.kind arena."
            )
        if getattr(getattr(task, name), "kind", None) != kind:
            task = task.replace(**{name: chosen(table, {"kind": kind})})
    return task


def _switched(recipe: Experiment, words: Sequence[str]) -> Experiment:
    """Return the recipe with those absent parts of its network whose flags are given, so that
    these flags exist."""
    network = recipe.network
    for name, switch in SWITCHES.items():
        prefix = f"--network.{name}."
        flags = {
            word.partition("=")[0].removeprefix(prefix).replace("-", "_")
            for word in words
            if word.startswith(prefix)
        }
        if flags and name in type(network).model_fields and getattr(network, name) is None:
            needed = [key for key, field in switch.model_fields.items() if field.is_required()]
            _refuse_absent(prefix, [key for key in needed if key not in flags])
            network = network.replace(**{name: switch(**dict.fromkeys(needed, 1.0))})
    return recipe.replace(network=network)


def _refuse_absent(prefix: str, absent: Sequence[str]) -> None:
    if absent:
        raise RefusedInputError(
            f"{prefix}{absent[0]} is missing: give it together with the other flags that begin "
            f"with {prefix}"
        )
