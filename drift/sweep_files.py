"""What a sweep leaves on disk: one file for each task, named by what decides its content, and a list of what was asked for."""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

from drift.checkpoint import replaced_atomically
from drift.errors import RefusedInputError
from drift.experiment import Experiment
from drift.store import save
from drift.training import train

LIST = "sweep.json"
WRITING = threading.Lock()  # the netCDF library ends the process when two threads open files at once
# The modules that decide the numbers of a run; a change in any other keeps the files of earlier sweeps.
DECISIVE = (
    "denoising_probes.py", "denoising_snapshot.py", "engines", "experiment.py", "learners", "metrics", "networks", "noise.py", "probes.py",
    "recipe.py", "records.py", "schema.py", "streams.py", "tasks", "theory/bivariate_normal.py", "theory/curvature_spectrum.py",
    "theory/implicit_loss.py", "theory/kernel_forms.py", "theory/landscape.py", "theory/landscape_probe.py", "theory/network_weights.py",
    "theory/output_objectives.py", "theory/rectified_normal.py", "training.py",
)  # fmt: skip


class Task(NamedTuple):
    """One subject of a sweep: its recipe, how it is run, and where its file goes."""

    experiment: Experiment
    options: dict[str, Any]  # of ``drift.train``: probes, engine, precision
    path: Path

    @property
    def failure(self) -> Path:
        """File that says why there is no result."""
        return self.path.with_suffix(".failed.json")

    @property
    def checkpoint(self) -> Path:
        """File from which a task that was cut short goes on."""
        return self.path.with_suffix(".checkpoint.npz")

    @property
    def state(self) -> str:
        """Done, failed, or missing."""
        return "done" if self.path.exists() else "failed" if self.failure.exists() else "missing"

    @property
    def reason(self) -> str:
        """Why the task has failed; empty if it has not."""
        return json.loads(self.failure.read_text())["reason"] if self.state == "failed" else ""


def code_version() -> str:
    """Return a hash of the modules that decide the numbers of a run."""
    root, content = Path(__file__).parent, hashlib.sha256()
    for name in DECISIVE:
        found = [root / name] if name.endswith(".py") else sorted((root / name).glob("*.py"))
        for path in found:
            content.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return content.hexdigest()[:16]


def tasks(recipes: Sequence[Experiment], folder: Path, options: dict[str, Any], code: str) -> list[Task]:
    """Return the task of each recipe; its key is the hash of recipe, options and code version."""
    keys = [_key(one, options, code) for one in recipes]
    doubled = next((number for number, key in enumerate(keys) if key in keys[:number]), None)
    if doubled is not None:
        raise RefusedInputError(f"recipes {keys.index(keys[doubled])} and {doubled} are the same: give each run a seed of its own.")
    return [Task(one, options, folder / f"{key}.nc") for one, key in zip(recipes, keys, strict=True)]


def _key(recipe: Experiment, options: dict[str, Any], code: str) -> str:
    asked = json.dumps([json.loads(recipe.to_json()), options, code, *_foreign_sources(recipe)], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()[:24]


def _foreign_sources(recipe: Experiment) -> list[str]:
    """Source texts of the parts that are the user's own: a changed rule makes new tasks, as changed code of this package does."""
    parts = (recipe.task, recipe.network, recipe.learner, *recipe.noise)
    foreign = [type(part) for part in parts if not type(part).__module__.startswith("drift.")]
    return [_source(kind) for kind in foreign]


def _source(kind: type) -> str:
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):  # typed into a prompt: only its name is known
        return kind.__qualname__


def write_list(recipes: Sequence[Experiment], folder: Path, options: dict[str, Any], code: str) -> None:
    """Say in the folder which tasks were asked for last, and in which order."""
    text = json.dumps({"code": code, "options": options, "recipes": [json.loads(one.to_json()) for one in recipes]})
    with replaced_atomically(folder / LIST) as temporary:
        temporary.write_text(text)


def listed(folder: Path) -> list[Task]:
    """Return the tasks that were asked for last.

    Raises
    ------
    RefusedInputError
        If the folder holds no sweep.
    """
    path = folder / LIST
    if not path.is_file():
        raise RefusedInputError(f"there is no sweep in {folder}: give the folder that run_sweep was given.")
    try:
        asked = json.loads(path.read_text())
        recipes = [Experiment.from_json(json.dumps(one)) for one in asked["recipes"]]
        return tasks(recipes, folder, asked["options"], asked["code"])
    except (ValueError, KeyError, TypeError) as error:
        raise RefusedInputError(f"{path} cannot be read ({str(error).rstrip('.')}): run the sweep again to write it anew.") from None


def run_task(task: Task) -> str:
    """Run a task unless it is done, from its checkpoint if there is one, and return its state; a failure is recorded, not raised."""
    try:
        if not task.path.exists():
            run = train([task.experiment], **task.options, threads=1, checkpoint=task.checkpoint, progress=False)
            with WRITING, _own_locks():
                save(run, task.path, overwrite=True)
        task.checkpoint.unlink(missing_ok=True)
        task.failure.unlink(missing_ok=True)
    except Exception as error:
        record_failure(task, error)
    return task.state


def _own_locks() -> AbstractContextManager[Any]:
    """Keep xarray from asking a Dask scheduler for the lock of a file: when the launcher is gone, its worker could not write."""
    if "dask" not in sys.modules:
        return nullcontext()
    import dask

    return dask.config.set(scheduler="synchronous")


def record_failure(task: Task, error: BaseException) -> None:
    """Write down why a task has no result."""
    reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
    with replaced_atomically(task.failure) as temporary:
        temporary.write_text(json.dumps({"reason": reason, "recipe": json.loads(task.experiment.to_json())}))


def remove_leftovers(task: Task) -> None:
    """Remove what processes that were killed while they wrote a finished task's files have left."""
    for path in task.path.parent.glob(f".{task.path.stem}.*.part"):
        path.unlink(missing_ok=True)
