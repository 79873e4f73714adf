"""A task of a sweep: one subject, one file, named by all that decides its content."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from drift.errors import RefusedInputError
from drift.experiment import Experiment
from drift.files.layout import stored_arrays
from drift.files.seal import is_sealed
from drift.files.store import load
from drift.recipe import OURS, Recipe

# the netCDF library ends the process when two threads open files at once
NETCDF = threading.RLock()
# what decides numbers besides recipe, options and code: its kind, and a text or checksum
Beside = tuple[tuple[str, str], ...]


class Task(NamedTuple):
    """One subject of a sweep: its recipe as JSON, how it is run, where its file goes, and what
    decides its numbers besides."""

    recipe: str
    options: dict[str, Any]  # of its simulator: probes, engine, precision of networks
    path: Path
    beside: Beside = ()

    @property
    def seed(self) -> int:
        """Seed of the recipe."""
        return int(json.loads(self.recipe).get("seed", 0))

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
        """Done, failed, or missing; a result or a failure whose file is damaged is missing."""
        return (
            "done"
            if self.path.exists() and not self.fault
            else "failed"
            if _recorded(self.failure)
            else "missing"
        )

    @property
    def reason(self) -> str:
        """Why the task has failed, or why what is there is not taken for its result; else empty."""
        return self.fault or _recorded(self.failure)

    @property
    def fault(self) -> str:
        """What is wrong with the file of the result; empty if it is whole, or not there."""
        if not self.path.exists():
            return ""
        status = self.path.stat()
        return _fault(self.path, self.recipe, status.st_size, status.st_mtime_ns)


def tasks(
    recipes: Sequence[Recipe], folder: Path, options: dict[str, Any], code: str
) -> list[Task]:
    """Return the task of each recipe; its key is the hash of recipe, options, code version, and the
    content of files it reads."""
    besides = [(*_foreign_sources(recipe), *contents(recipe)) for recipe in recipes]
    keys = [
        key(json.loads(recipe.to_json()), options, code, beside)
        for recipe, beside in zip(recipes, besides, strict=True)
    ]
    doubled = next((number for number, name in enumerate(keys) if name in keys[:number]), None)
    if doubled is not None:
        raise RefusedInputError(
            f"recipes {keys.index(keys[doubled])} and {doubled} are the same: give each run a "
            "seed of its own."
        )
    return [
        Task(recipe.to_json(), options, folder / f"{name}.nc", beside)
        for recipe, name, beside in zip(recipes, keys, besides, strict=True)
    ]


def key(
    recipe: dict[str, Any], options: dict[str, Any], code: str, beside: Iterable[tuple[str, str]]
) -> str:
    """Return the name of a task: a hash of all that decides its numbers."""
    document = json.dumps([recipe, options, code, *(text for _, text in beside)], sort_keys=True)
    return hashlib.sha256(document.encode()).hexdigest()[:24]


def contents(recipe: Recipe) -> Beside:
    """Return the checksum of each file that a recipe reads."""
    readers = [component for component in dict(recipe).values() if hasattr(component, "files")]
    return tuple(("content", _checksum(path)) for reader in readers for path in reader.files())


def _checksum(path: Path) -> str:
    try:
        status = path.stat()
        return _content_checksum(path.absolute(), status.st_size, status.st_mtime_ns)
    except OSError as error:  # the task says so when it is run
        return str(error.strerror)


@functools.lru_cache(maxsize=256)
def _content_checksum(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _foreign_sources(recipe: Recipe) -> Beside:
    """Source texts of the parts that are the user's own: a changed rule makes new tasks, as changed
    code of this package does."""
    kinds = [type(component) for component in _components(recipe)]
    foreign = [kind for kind in kinds if kind.__module__.partition(".")[0] not in OURS]
    return tuple(("source", _source(kind)) for kind in foreign)


def _components(value: Any) -> Iterator[Recipe]:
    """The recipes inside a recipe, and those inside of them."""
    entries = dict(value).values() if isinstance(value, Recipe) else value
    for entry in entries:
        if isinstance(entry, Recipe):
            yield entry
        if isinstance(entry, Recipe | tuple):
            yield from _components(entry)


def _source(kind: type) -> str:
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):  # typed into a prompt: only its name is known
        return kind.__qualname__


def _recorded(failure: Path) -> str:
    """Why a task has failed, as its file says; empty if there is none that can be read."""
    try:
        return str(json.loads(failure.read_text())["reason"]) if failure.exists() else ""
    except PermissionError:
        raise
    except Exception:  # text that is damaged may have become any other
        return ""


@functools.lru_cache(maxsize=4096)
def _fault(path: Path, recipe: str, size: int, changed: int) -> str:
    """What is wrong with a result of this size and date; a file is looked through once."""
    try:
        with NETCDF:
            text = _recipe_in(path)
        same = _same(text, recipe)
    except PermissionError:
        raise
    except Exception as error:  # a damaged file makes HDF5 and netCDF raise nearly anything
        return f"its file was damaged ({' '.join(str(error).split())})"
    return "" if same else "its file is the result of another recipe"


def _recipe_in(path: Path) -> str:
    """The recipe of a whole file, or what is raised of another."""
    if is_sealed(path):
        text = {"experiment": ((1,), np.dtype(object))}
        return str(stored_arrays(path, text)["experiment"].item())
    # written by another version or program: whole if it can be read
    return str(load(path)["experiment"].item())


def _same(text: str, other: str) -> bool:
    """Whether two recipes are one, also where one of them was written before a switch existed."""
    if json.loads(text) == json.loads(other):
        return True
    with suppress(RefusedInputError):  # recipes of circuits, or of rules that are not at hand
        return Experiment.from_json(text) == Experiment.from_json(other)
    return False
