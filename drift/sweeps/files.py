"""What a sweep leaves on disk, and how a task becomes a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import xarray as xr

from drift.errors import DamagedFileError, RefusedInputError
from drift.files.atomic import remove_leftovers, replaced_atomically
from drift.files.code_version import DECISIVE, code_version
from drift.files.store import save
from drift.sweeps.task_list import LIST, listed, set_aside, write_list
from drift.sweeps.tasks import NETCDF, Task, contents, tasks
from drift.training.training import train

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


def run_task(task: Task) -> str:
    """Run a task unless it is done, from its checkpoint if there is one, and return its state; a
    failure is recorded, not raised."""
    try:
        if task.state != "done":
            run = _trained(task)
            with NETCDF, _own_locks():
                save(run, task.path, overwrite=True)
        task.checkpoint.unlink(missing_ok=True)
        task.failure.unlink(missing_ok=True)
    except Exception as error:
        record_failure(task, error)
    return task.state


def _trained(task: Task) -> xr.Dataset:
    _check_content(task)
    try:
        run = _train(task)
    except DamagedFileError:  # its checkpoint, which can be made again
        task.checkpoint.unlink(missing_ok=True)
        run = _train(task)
    _check_content(task)
    return run


def _train(task: Task) -> xr.Dataset:
    return train(
        [task.experiment], **task.options, threads=1, checkpoint=task.checkpoint, progress=False
    )


def _check_content(task: Task) -> None:
    if contents(task.experiment) != tuple(
        source for source in task.beside if source[0] == "content"
    ):
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
        temporary.write_text(
            json.dumps({"reason": reason, "recipe": json.loads(task.experiment.to_json())})
        )


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
