"""What a run leaves behind while it lasts, so that killed and resumed equals never stopped."""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from drift.errors import RefusedInputError


@contextmanager
def replaced_atomically(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` that takes its place once all has been written; on failure nothing has changed."""
    check_folder(path)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        raise RefusedInputError(f"{path} cannot be written ({error.strerror}): choose a folder that you may write to.") from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def check_folder(path: Path) -> None:
    """Refuse a path in a folder that is absent or closed to writing, before any work is done for it."""
    if not path.parent.is_dir():
        raise RefusedInputError(f"there is no folder {path.parent} to write {path.name} in: create it or choose another path.")
    if not os.access(path.parent, os.W_OK):
        raise RefusedInputError(f"the folder {path.parent} cannot be written to: choose another path for {path.name}.")


class Checkpoint:
    """The states of a run, group by group, in one .npz file; without a path nothing is kept.

    Parameters
    ----------
    path : Path or None
        The file; if it is there, the run goes on from it.
    asked : dict
        What was asked for, as JSON holds it; a file that belongs to another run is refused.
    """

    def __init__(self, path: Path | None, asked: dict[str, Any]) -> None:
        self._path, self._asked = path, asked
        self._states: dict[str, np.ndarray] = {}
        if path is not None:
            check_folder(path)
        if path is not None and path.exists():
            found, self._states = _read(path)
            differing = [name for name in asked if found.get(name) != asked[name]]
            if differing:
                raise RefusedInputError(
                    f"the checkpoint {path} belongs to another run ({', '.join(differing)} differ): choose another path."
                )

    def state(self, group: int) -> dict[str, np.ndarray]:
        """Return the stored state of a group; empty if it has not begun."""
        prefix = f"{group}/"
        return {name.removeprefix(prefix): values for name, values in self._states.items() if name.startswith(prefix)}

    def write(self, group: int, state: Callable[[], Mapping[str, np.ndarray]]) -> None:
        """Replace the stored state of a group, in one move; without a file the state, which may be large, is not even asked for."""
        if self._path is None:
            return
        self._states.update({f"{group}/{name}": values for name, values in state().items()})
        with replaced_atomically(self._path) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, description=np.array(json.dumps(self._asked)), **self._states)


def _read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    try:
        if not zipfile.is_zipfile(path):
            raise ValueError("it is no complete .npz file")
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        description = json.loads(str(arrays.pop("description", "")) or "null")
        if not isinstance(description, dict):
            raise ValueError("it does not describe a run")
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise RefusedInputError(f"{path} is not a checkpoint of repdrift ({error}): remove it or choose another path.") from None
    return description, arrays


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
