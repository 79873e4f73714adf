"""Many runs at once: recipes that cross or sample parameters, run by any executor, one file each,
read back as one Dataset."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

import xarray as xr
from tqdm import tqdm

from drift.door import opened
from drift.errors import RefusedInputError
from drift.progress import progress_bar
from drift.recipe import Recipe
from drift.sweeps import executors as sweep_executors
from drift.sweeps.files import (
    Task,
    listed,
    record_failure,
    remove_parts,
    run_task,
    set_aside,
    tasks,
    tidy,
    write_list,
)
from drift.sweeps.joined import joined_tasks
from drift.sweeps.presets import sample
from drift.sweeps.simulators import NetworkSimulator, Simulator, simulator_of
from drift.texts import printable
from drift.training.engines import EngineName
from drift.training.engines.base import Precision
from drift.training.probes import network as probe_table
from drift.training.probes.choice import chosen

Kind = TypeVar("Kind", bound=Recipe)
Waiting = tuple[Task, Recipe]

__all__ = ["cross", "open_sweep", "run_sweep", "sample"]


@opened
def cross(base: Kind, /, **lists: Iterable[Any]) -> list[Kind]:
    """Return one recipe for every combination of the given values, the last name varying fastest.

    Parameters
    ----------
    base : Experiment or circuits.DriftingCircuit
        What all recipes share.
    **lists
        Values by entry of the recipe; entries of its parts by their path: ``cross(base,
        seed=range(5), **{"network.units": [100, 200], "learner.learning_rate": [0.1, 0.05]})``.

    Returns
    -------
    list of Experiment, or of whatever kind ``base`` is

    Raises
    ------
    RefusedInputError
        If an entry does not exist, refuses a value, or has no values.
    """
    if not isinstance(base, Recipe):
        raise RefusedInputError(
            f"cross needs a recipe to vary, got {type(base).__name__}: write "
            "cross(experiment, seed=range(5))."
        )
    values = {
        name: list(choices)
        if isinstance(choices, Iterable) and not isinstance(choices, str)
        else []
        for name, choices in lists.items()
    }
    empty = [name for name, choices in values.items() if not choices]
    if empty:
        raise RefusedInputError(
            f"{empty[0]} needs a list of values, got {lists[empty[0]]!r}: give at least one "
            "in brackets."
        )
    crossed: list[Kind] = []
    for combination in itertools.product(*values.values()):
        recipe: Kind = base
        for path, value in zip(values, combination, strict=True):
            recipe = _changed(recipe, path.split("."), value)
        crossed.append(recipe)
    return crossed


def _changed(recipe: Any, path: Sequence[str], value: Any) -> Any:
    name, *subpath = path
    if subpath:
        component = getattr(recipe, name, None)
        if not isinstance(component, Recipe):
            raise RefusedInputError(
                f"{type(recipe).__name__} has no part {name!r} with entries of its own: check "
                "the path."
            )
        value = _changed(component, subpath, value)
    return recipe.replace(**{name: value})


@opened
def run_sweep(
    recipes: Sequence[Recipe],
    folder: str | Path,
    *,
    executor: Any = "processes",
    simulator: Simulator | None = None,
    probes: Sequence[str] = probe_table.DEFAULT,
    engine: EngineName = "auto",
    precision: Precision = "float32",
    retry: bool = False,
    dry_run: bool = False,
    progress: bool = True,
) -> xr.Dataset | None:
    """Run every recipe whose file is missing, and return the sweep as one Dataset.

    A task is one subject and one file in ``folder``, written completely or not at all and named by
    a hash of its recipe, of how it is run, of the code that decides its numbers, and of the content
    of files that its recipe reads. What is there and whole, as its checksum tells, is not run
    again, so a sweep that was killed goes on where it stood, single tasks from their checkpoints;
    what is damaged is. A task that fails leaves the reason in a file of its own. A second list of
    recipes in the same folder is added to the first, see ``open_sweep``.

    A script that calls this with processes needs ``if __name__ == "__main__":``, since each process
    reads the script again.

    Parameters
    ----------
    recipes : sequence of Experiment or of circuits.DriftingCircuit
        All different and of one kind; see ``cross`` and ``sample``.
    folder : str or Path
        Made if absent; every process must see it under this path.
    executor : {"serial", "processes"} or object with ``submit``
        Where tasks run: in this process, in one process for each core, or on a
        ``concurrent.futures`` executor, a Dask client, or what the contexts of
        ``drift.sweeps.executors`` give.
    simulator : Simulator, optional
        What runs a recipe. By default networks are trained, and recipes of other kinds say what
        runs them: ``circuits.CircuitSimulator()`` runs circuits in closed form.
    probes, engine, precision
        Of networks, see ``drift.train``; tasks run in one thread on the CPU.
    retry : bool
        Run tasks again that have failed.
    dry_run : bool
        Print how many tasks there are and the job script of a cluster, and run nothing.
    progress : bool
        Show a bar.

    Returns
    -------
    xarray.Dataset
        The subjects of ``recipes`` in their order, see ``open_sweep``; None after a dry run.

    Raises
    ------
    RefusedInputError
        If the recipes, the folder or the executor cannot be used, or a process died that the
        executor does not replace.
    """
    target = _folder(Path(folder), dry_run)
    listed_recipes = _recipes(recipes)
    networks = NetworkSimulator(tuple(chosen(probes)), engine, precision)
    runs = simulator_of(listed_recipes, simulator, networks)
    with _allowed(target):
        code = runs.code()
        requests = tasks(listed_recipes, target, runs.options, code)
        states = [task.state for task in requests]
        waiting = [
            (task, recipe)
            for task, state, recipe in zip(requests, states, listed_recipes, strict=True)
            if state == "missing" or (retry and state == "failed")
        ]
        if dry_run:
            _print_plan(states, waiting, target, executor)
            return None
        tidy(target, requests)
        write_list(requests, target, runs.options, code)
        bar = progress_bar(
            total=len(requests),
            initial=len(requests) - len(waiting),
            disable=not progress,
            unit="task",
        )
        with ExitStack() as opened, bar:
            if waiting:
                _run(waiting, runs, sweep_executors.executor_of(executor, opened), bar)
        return joined_tasks(requests, target)


@opened
def open_sweep(folder: str | Path) -> xr.Dataset:
    """Return all tasks of a sweep as one longitudinal Dataset; arrays of more than 16 kB a task are
    read when they are used.

    All tasks are those of every list of recipes that was run in the folder with the same options
    and the same code as the latest, numbered in the order in which they were first asked for; the
    attribute ``other_tasks`` tells of any others. A failed, missing or damaged task is a subject
    without observations: NaN in every variable, ``status`` "failed" or "missing", and the cause in
    ``reason``, which also tells of diverged and silent subjects. Without Dask installed the numbers
    are read at once.

    Parameters
    ----------
    folder : str or Path
        That ``run_sweep`` was given; it may still be running.

    Returns
    -------
    xarray.Dataset
        Dims ``subject, session, unit, ...``; see ``drift.schema``.

    Raises
    ------
    RefusedInputError
        If the folder holds no sweep or cannot be read, no task of it has a result, or its results
        cannot stand in one Dataset.

    Notes
    -----
    What is read when it is used must still be there then.
    """
    target = Path(folder).absolute()  # numbers are read later, wherever the process is then
    with _allowed(target):
        requests = listed(target)
        joined, sentences = joined_tasks(requests, target), set_aside(target)
    return joined.assign_attrs(other_tasks="; ".join(sentences)) if sentences else joined


@contextmanager
def _allowed(folder: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        where = error.filename or folder
        raise RefusedInputError(
            f"{where} of the sweep in {folder} cannot be used ({error.strerror}): ask the "
            "owner of it."
        ) from None


def _recipes(recipes: Any) -> list[Recipe]:
    sequence = list(recipes) if isinstance(recipes, Sequence) else []
    if not sequence or not all(isinstance(recipe, Recipe) for recipe in sequence):
        raise RefusedInputError(
            f"a sweep needs a list of at least one recipe, got {type(recipes).__name__}: see cross "
            "and sample."
        )
    return sequence


def _folder(folder: Path, dry_run: bool) -> Path:
    try:
        if not dry_run:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RefusedInputError(
            f"the folder {folder} cannot be made ({error.strerror}): choose another."
        ) from None
    return folder.absolute()


def _print_plan(
    states: Sequence[str], waiting: Sequence[Waiting], folder: Path, executor: Any
) -> None:
    counts = ", ".join(f"{states.count(state)} {state}" for state in ("done", "failed", "missing"))
    print(f"{len(states)} tasks ({counts}), {len(waiting)} to run in {folder}")
    if script := sweep_executors.job_script(executor):
        print(script)


def _run(waiting: Sequence[Waiting], simulator: Simulator, executor: Any, bar: tqdm) -> None:
    """Hand all tasks over and count them as they end, in whatever order that is."""
    ended: SimpleQueue = SimpleQueue()
    running: dict[Any, Task] = {}
    try:
        for task, recipe in waiting:
            future = executor.submit(run_task, task, recipe, simulator)
            running[future] = task
            future.add_done_callback(ended.put)
            while not ended.empty():
                _count(running, ended, bar)
        while running:
            _count(running, ended, bar)
    except BaseException:
        for future in running:
            future.cancel()  # or an interrupted pool would first run all that is waiting
        raise


def _count(running: dict[Any, Task], ended: SimpleQueue, bar: tqdm) -> None:
    future = ended.get()
    task = running.pop(future)
    try:
        future.result()
    except (BrokenExecutor, CancelledError) as error:
        remedy = (
            "run the sweep again for the rest, or on a Dask cluster, which replaces its workers"
        )
        raise RefusedInputError(
            f"a process of the executor died ({type(error).__name__}); {bar.n} of {bar.total} "
            "tasks are safe: "
            f"{sweep_executors.unguarded_script() or remedy}."
        ) from None
    except Exception as error:
        # the executor gave the task up, as Dask does after several workers have died of it
        record_failure(task, error)
    remove_parts(task)
    bar.update()
    if task.state == "failed":
        bar.write(printable(f"task {task.path.stem} failed: {task.reason}"), file=sys.stderr)
