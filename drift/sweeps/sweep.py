"""Many runs at once: recipes that cross or sample parameters, run by any executor, one file each,
read back as one Dataset."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import xarray as xr
from tqdm import tqdm

from drift.door import opened
from drift.errors import RefusedInputError
from drift.experiment import Experiment
from drift.files.store import provenance
from drift.progress import progress_bar
from drift.recipe import Recipe
from drift.schema import labelled_form as schema
from drift.sweeps import executors as sweep_executors
from drift.sweeps.files import (
    Task,
    code_version,
    listed,
    record_failure,
    remove_parts,
    run_task,
    set_aside,
    tasks,
    tidy,
    write_list,
)
from drift.sweeps.presets import sample
from drift.sweeps.tasks import NETCDF
from drift.texts import printable
from drift.training.engines import EngineName
from drift.training.engines.base import Precision
from drift.training.probes import network as probe_table
from drift.training.probes.choice import chosen

__all__ = ["cross", "open_sweep", "run_sweep", "sample"]


@opened
def cross(base: Experiment, /, **lists: Iterable[Any]) -> list[Experiment]:
    """Return one recipe for every combination of the given values, the last name varying fastest.

    Parameters
    ----------
    base : Experiment
        What all recipes share.
    **lists
        Values by entry of the recipe; entries of its parts by their path: ``cross(base,
        seed=range(5), **{"network.units": [100, 200], "learner.learning_rate": [0.1, 0.05]})``.

    Returns
    -------
    list of Experiment

    Raises
    ------
    RefusedInputError
        If an entry does not exist, refuses a value, or has no values.
    """
    if not isinstance(base, Experiment):
        raise RefusedInputError(
            f"cross needs an Experiment to vary, got {type(base).__name__}: write "
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
    crossed = []
    for combination in itertools.product(*values.values()):
        recipe = base
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
    recipes: Sequence[Experiment],
    folder: str | Path,
    *,
    executor: Any = "processes",
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
    recipes : sequence of Experiment
        All different; see ``cross`` and ``sample``.
    folder : str or Path
        Made if absent; every process must see it under this path.
    executor : {"serial", "processes"} or object with ``submit``
        Where tasks run: in this process, in one process for each core, or on a
        ``concurrent.futures`` executor, a Dask client, or what the contexts of
        ``drift.sweeps.executors`` give.
    probes, engine, precision
        See ``drift.train``; tasks run in one thread on the CPU.
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
    experiments, target = _experiments(recipes), _folder(Path(folder), dry_run)
    options = {"probes": list(chosen(probes)), "engine": engine, "precision": precision}
    code = code_version()
    with _allowed(target):
        requests = tasks(experiments, target, options, code)
        states = [task.state for task in requests]
        waiting = [
            task
            for task, state in zip(requests, states)
            if state == "missing" or (retry and state == "failed")
        ]
        if dry_run:
            _print_plan(states, waiting, target, executor)
            return None
        tidy(target, requests)
        write_list(requests, target, options, code)
        bar = progress_bar(
            total=len(requests),
            initial=len(requests) - len(waiting),
            disable=not progress,
            unit="task",
        )
        with ExitStack() as opened, bar:
            if waiting:
                _run(waiting, sweep_executors.executor_of(executor, opened), bar)
        return _joined(requests, target)


@opened
def open_sweep(folder: str | Path) -> xr.Dataset:
    """Return all tasks of a sweep as one longitudinal Dataset whose numbers are read when they are
    used.

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
    """
    with _allowed(Path(folder)):
        requests = listed(Path(folder))
        joined, sentences = _joined(requests, Path(folder)), set_aside(Path(folder))
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


def _joined(requests: Sequence[Task], folder: Path) -> xr.Dataset:
    """Return the subjects of tasks, whatever became of them."""
    states = [task.state for task in requests]
    datasets = {
        number: _opened(task, number)
        for number, task in enumerate(requests)
        if states[number] == "done"
    }
    if not datasets:
        reason = next((f", the first one by {task.reason}" for task in requests if task.reason), "")
        raise RefusedInputError(
            f"none of {len(requests)} tasks in {folder} has a result{reason}: run the sweep, "
            "with retry after a failure."
        )
    first = next(iter(datasets.values()))
    absent = {
        number: _unobserved(first, requests[number], states[number], number)
        for number in range(len(requests))
        if number not in datasets
    }
    try:
        joined = schema.combine([(datasets | absent)[number] for number in range(len(requests))])
    except (ValueError, TypeError) as error:
        remedy = (
            "give each kind of recipe a folder of its own, or call run_sweep with the recipes of "
            "one"
        )
        raise RefusedInputError(
            f"the tasks in {folder} do not fit into one Dataset ({str(error).rstrip('.')}): "
            f"{remedy}."
        ) from None
    return joined.assign_attrs(provenance()).assign_coords(
        reason=("subject", _reasons(joined, requests))
    )


def _experiments(recipes: Sequence[Experiment]) -> list[Experiment]:
    experiments = list(recipes) if isinstance(recipes, Sequence) else []
    if not experiments or not all(isinstance(recipe, Experiment) for recipe in experiments):
        raise RefusedInputError(
            f"a sweep needs a list of at least one Experiment, got {type(recipes).__name__}: "
            "see cross and sample."
        )
    return experiments


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
    states: Sequence[str], waiting: Sequence[Task], folder: Path, executor: Any
) -> None:
    counts = ", ".join(f"{states.count(state)} {state}" for state in ("done", "failed", "missing"))
    print(f"{len(states)} tasks ({counts}), {len(waiting)} to run in {folder}")
    if script := sweep_executors.job_script(executor):
        print(script)


def _run(waiting: Sequence[Task], executor: Any, bar: tqdm) -> None:
    """Hand all tasks over and count them as they end, in whatever order that is."""
    ended: SimpleQueue = SimpleQueue()
    running: dict[Any, Task] = {}
    try:
        for task in waiting:
            future = executor.submit(run_task, task)
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


def _opened(task: Task, number: int) -> xr.Dataset:
    lazily: Mapping[str, Any] = {"chunks": {}} if _has_dask() else {}
    with NETCDF:
        dataset = xr.open_dataset(task.path, engine="netcdf4", decode_times=False, **lazily)
        small = {name: coordinate.load() for name, coordinate in dataset.coords.items()}
    return dataset.assign_coords({**small, "subject": np.array([str(number)], dtype=object)})


def _has_dask() -> bool:
    from importlib.util import find_spec

    return find_spec("dask") is not None


def _unobserved(like: xr.Dataset, task: Task, state: str, number: int) -> xr.Dataset:
    """Return the subject of a task without a result: everything that would have been observed is
    NaN."""
    numbers = {
        name: values
        for name, values in like.variables.items()
        if "subject" in values.dims and values.dtype.kind == "f"
    }
    blank = {name: xr.full_like(values, np.nan) for name, values in numbers.items()}
    texts = {"experiment": [task.experiment.to_json()], "status": [state]}
    labelled = {name: ("subject", np.array(text, dtype=object)) for name, text in texts.items()}
    coordinates = {
        "subject": np.array([str(number)], dtype=object),
        "seed": ("subject", [task.experiment.seed]),
        **labelled,
    }
    dataset = (
        like.assign(blank)
        .assign_coords({name: blank[name] for name in blank if name in like.coords})
        .assign_coords(coordinates)
    )
    return (
        dataset.assign(recorded=xr.zeros_like(like["recorded"])) if "recorded" in like else dataset
    )


def _reasons(joined: xr.Dataset, requests: Sequence[Task]) -> np.ndarray:
    told = {
        "diverged": "loss above ten times the variance of the targets, or not finite, after step "
        "{:.0f}",
        "silent": "no hidden unit responds to any sample",
    }
    status, steps = joined["status"].values, joined["diverged_at"].values
    reasons = [
        told.get(str(label), "").format(step) or task.reason
        for label, step, task in zip(status, steps, requests, strict=True)
    ]
    absent = [label == "missing" and not reason for label, reason in zip(status, reasons)]
    return np.where(absent, "not run yet", np.array(reasons, dtype=object))
