"""What a sweep leaves on disk, and how a task becomes a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import xarray as xr

from drift.errors import RefusedInputError
from drift.files.atomic import remove_leftovers, replaced_atomically
from drift.files.code_version import DECISIVE, code_version
from drift.files.store import save
from drift.recipe import Recipe
from drift.sweeps.simulators import Simulator
from drift.sweeps.task_list import LIST, listed, set_aside, write_list
from drift.sweeps.tasks import NETCDF, Task, contents, tasks

__all__ = [
    "DECISIVE",
    "LIST",
    "Task",
    "code_version",
    "listed",
    "record_failure",
    "remove_parts",
    "run_task",
    "set_aside",
    "tasks",
    "tidy",
    "write_list",
]


def run_task(task: Task, recipe: Recipe, simulator: Simulator) -> str:
    """Run a task unless it is done, from its checkpoint if there is one, and return its state; a
    failure is recorded, not raised.

    Parameters
    ----------
    task : Task
    recipe : Recipe
        Of the task.
    simulator : Simulator
        What runs it.
    """
    try:
        if task.state != "done":
            run = _simulated(task, recipe, simulator)
            with NETCDF, _own_locks():
                save(run, task.path, overwrite=True)
        task.checkpoint.unlink(missing_ok=True)
        task.failure.unlink(missing_ok=True)
    except Exception as error:
        record_failure(task, error)
    return task.state


def _simulated(task: Task, recipe: Recipe, simulator: Simulator) -> xr.Dataset:
    _check_content(task, recipe)
    run = simulator.simulate(recipe, task.checkpoint)
    _check_content(task, recipe)
    return run


def _check_content(task: Task, recipe: Recipe) -> None:
    if contents(recipe) != tuple(source for source in task.beside if source[0] == "content"):
        raise RefusedInputError(
            "a file that the recipe reads has changed since the sweep was asked for: run the "
            "sweep again."
        )


def _own_locks() -> AbstractContextManager[Any]:
    """Keep xarray from asking a Dask scheduler for the lock of a file: when the launcher is gone,
    its worker could not write."""
    if "dask" not in sys.modules:
        return nullcontext()
    import dask

    return dask.config.set(scheduler="synchronous")


def record_failure(task: Task, error: BaseException) -> None:
    """Write down why a task has no result."""
    reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
    with replaced_atomically(task.failure) as temporary:
        temporary.write_text(json.dumps({"reason": reason, "recipe": json.loads(task.recipe)}))


def tidy(folder: Path, asked: Sequence[Task]) -> None:
    """Remove what processes that were killed have left: files half written, and what finished tasks
    no longer need."""
    remove_leftovers(folder)
    for task in asked:
        if task.state == "done":
            task.checkpoint.unlink(missing_ok=True)
            task.failure.unlink(missing_ok=True)


def remove_parts(task: Task) -> None:
    """Remove what processes that were killed while they wrote a finished task's files have left, on
    whichever machine."""
    for path in task.path.parent.glob(f".{task.path.stem}.*.part"):
        path.unlink(missing_ok=True)
