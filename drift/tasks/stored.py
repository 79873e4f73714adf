"""A task whose experience somebody else has drawn: arrays from a file."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from pathlib import Path
from typing import Literal

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.tasks.base import Task, experience
from drift.tasks.corridor import PLACES

REQUIRED = ("inputs", "targets")
OPTIONAL = ("position", "heading", "environment")


class StoredTask(Task):
    """Experience from an .npz file with ``inputs (sample, input)``, ``targets (sample, output)``
    and maybe position, heading.

    The path is part of the recipe, so give one that others can follow; ``sha256`` pins the content
    where it matters. Every seed meets the same experience. With a position but no heading, the
    direction is the sign of the next step.
    """

    kind: Literal["stored"] = "stored"
    path: str
    sha256: str | None = None

    def draw(self, seed: int) -> xr.Dataset:
        """Return the stored experience; refuses a file that is absent, changed, unreadable, or
        lacks inputs and targets."""
        arrays = _read(Path(self.path), self.sha256)
        inputs, targets = arrays.pop("inputs"), arrays.pop("targets")
        columns = {name: arrays[name] for name in OPTIONAL if name in arrays}
        if any(len(column) != len(inputs) for column in (targets, *columns.values())):
            lengths = {
                name: len(column)
                for name, column in {"inputs": inputs, "targets": targets, **columns}.items()
            }
            raise RefusedInputError(
                f"the arrays of {self.path} differ in length, got {lengths}: give one row for "
                "each sample."
            )
        if "position" in columns:
            columns["direction"] = _direction(columns)
        drawn = experience(inputs, targets, **columns)
        if "position" in columns:
            low, high = float(columns["position"].min()), float(columns["position"].max())
            drawn["position"].attrs.update(units="as stored", low=low, high=high, places=PLACES)
        return drawn


def _read(path: Path, sha256: str | None) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise RefusedInputError(
            f"there is no file {path}: give the path of an .npz file with inputs and targets."
        )
    if sha256 is not None and (digest := hashlib.sha256(path.read_bytes()).hexdigest()) != sha256:
        raise RefusedInputError(
            f"{path} has sha256 {digest} instead of {sha256}: the file is not the one of the "
            "recipe."
        )
    if not zipfile.is_zipfile(path):
        raise RefusedInputError(
            f"{path} is not a complete .npz file: write it again with numpy.savez."
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in (*REQUIRED, *OPTIONAL) if name in file}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise RefusedInputError(
            f"{path} cannot be read as .npz ({error}): write it again with numpy.savez."
        ) from None
    for name in {*REQUIRED, *arrays}:
        dims = 2 if name in REQUIRED else 1
        if name not in arrays or not _usable(arrays[name], dims):
            raise RefusedInputError(
                f"{path} needs finite real numbers {name} in a non-empty array of dimension "
                f"{dims}: write it with numpy.savez."
            )
    return {name: values.astype(float) for name, values in arrays.items()}


def _usable(values: np.ndarray, dims: int) -> bool:
    return (
        values.ndim == dims
        and values.size > 0
        and values.dtype.kind in "biuf"
        and bool(np.isfinite(values).all())
    )


def _direction(columns: dict[str, np.ndarray]) -> np.ndarray:
    if "heading" in columns:
        return np.where(np.cos(columns["heading"]) > 0, 1, -1)
    return np.sign(np.append(np.diff(columns["position"]), 0.0)).astype(int)
