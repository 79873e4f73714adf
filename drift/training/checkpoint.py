"""What a run leaves behind while it lasts, so that killed and resumed equals never stopped."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from drift.errors import DamagedFileError, RefusedInputError
from drift.files.atomic import check_target, remove_leftovers, replaced_atomically


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
            check_target(path)
            remove_leftovers(path.parent, path.name)
        if path is not None and path.exists():
            description, self._states = _read(path)
            _check_same(path, description, asked)

    def state(self, group: int) -> dict[str, np.ndarray]:
        """Return the stored state of a group; empty if it has not begun."""
        prefix = f"{group}/"
        return {
            name.removeprefix(prefix): values
            for name, values in self._states.items()
            if name.startswith(prefix)
        }

    def write(self, group: int, state: Callable[[], Mapping[str, np.ndarray]]) -> None:
        """Replace the stored state of a group, in one move; without a file the state, which may be
        large, is not even asked for."""
        if self._path is None:
            return
        self._states.update({f"{group}/{name}": values for name, values in state().items()})
        with replaced_atomically(self._path) as temporary, temporary.open("wb") as file:
            np.savez(
                file,
                allow_pickle=False,
                description=np.array(json.dumps(self._asked)),
                **self._states,
            )


def _check_same(path: Path, description: Mapping[str, Any], request: Mapping[str, Any]) -> None:
    differing = [name for name in request if description.get(name) != request[name]]
    if differing == ["code"]:
        remedy = "finish it with that version, or remove it and begin anew"
        raise RefusedInputError(
            f"the checkpoint {path} was written by another code of repdrift, whose numbers "
            f"may differ: {remedy}."
        )
    if differing:
        raise RefusedInputError(
            f"the checkpoint {path} belongs to another run ({', '.join(differing)} differ): "
            "choose another path."
        )


def _read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    try:
        if not zipfile.is_zipfile(path):
            raise ValueError("it is no complete .npz file")
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        description = json.loads(str(arrays.pop("description", "")) or "null")
        if not isinstance(description, dict):
            raise ValueError("it does not describe a run")
    except PermissionError as error:
        raise RefusedInputError(
            f"the checkpoint {path} cannot be read ({error.strerror}): choose another path."
        ) from None
    except Exception as error:
        # a damaged archive makes zipfile, zlib and numpy raise nearly anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DamagedFileError(
            f"{path} is not a checkpoint of repdrift ({reason}): remove it or choose another path."
        ) from None
    return description, arrays
