"""Labelled results on disk: netCDF files that carry their recipe and their provenance."""

from __future__ import annotations

import functools
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import LazyDataset
from drift.errors import DamagedFileError, RefusedInputError
from drift.files.atomic import check_target, replaced_atomically
from drift.files.layout import LAYOUT, layout
from drift.files.own_content import check_own_content
from drift.files.seal import is_sealed, seal
from drift.schema import labelled_form as schema
from drift.version import installed_version

UNCOMPRESSED = 4096  # bytes of an array for which compression costs more than it saves
SCHEMA_ATTRIBUTE = "repdrift_schema"
RESERVED_ATTRIBUTES = (
    "_FillValue",
    "missing_value",
    "scale_factor",
    "add_offset",
    "coordinates",
    "dtype",
    "_Unsigned",
)
RECORDED_PACKAGES = ("numpy", "torch", "brian2", "xarray", "netCDF4", "numba")


@opened
def save(dataset: LazyDataset, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a labelled Dataset as compressed netCDF, completely or not at all, with a checksum that
    ``load`` verifies.

    Parameters
    ----------
    dataset : xarray.Dataset
        Result of ``train``, ``measure`` or ``compare``, or a session.
    path : str or Path
        File to write; its folder must exist.
    overwrite : bool
        Replace a plain file that is already there; links, pipes and devices never are.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    RefusedInputError
        If the file exists, its folder is absent, closed to writing or full, or the Dataset holds
        what netCDF cannot.
    """
    target = Path(path)
    if not isinstance(dataset, xr.Dataset):
        raise RefusedInputError(
            f"an xarray Dataset is needed to write {target}, got {type(dataset).__name__}: "
            "pass a labelled result."
        )
    check_target(target, overwrite=overwrite)
    _check_attributes(dataset)
    _check_values(dataset)
    stamped = dataset.assign_attrs({**provenance(), **dataset.attrs})
    if (checksum := layout(dataset)) is not None:
        stamped.attrs[LAYOUT] = checksum
    try:
        with replaced_atomically(target, overwrite=overwrite) as temporary:
            stamped.to_netcdf(temporary, engine="netcdf4", encoding=_compression(dataset))
            seal(temporary)
    except RefusedInputError:
        raise
    except (TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise RefusedInputError(
            f"{target} was not written because netCDF cannot hold the Dataset ({reason}): "
            "change that."
        ) from None
    return target


@opened
def load(path: str | Path) -> xr.Dataset:
    """Read a Dataset that ``save`` wrote, whole and into memory.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    xarray.Dataset

    Raises
    ------
    RefusedInputError
        If the file is absent, damaged, as its checksum tells, or not of this schema version.
    """
    source = Path(path)
    try:
        if not source.is_file():
            raise RefusedInputError(f"there is no file {source}: check the path.")
        check_own_content(source)
        is_sealed(source)
        # Units such as "days" belong to plain numbers here; decoding would turn them into dates.
        with xr.open_dataset(source, engine="netcdf4", decode_times=False) as opened:
            version = opened.attrs.get(SCHEMA_ATTRIBUTE)
            dataset = opened.load()
    except RefusedInputError:
        raise
    except PermissionError as error:
        raise RefusedInputError(
            f"{source} cannot be read ({error.strerror}): ask its owner, or choose another file."
        ) from None
    except Exception as error:  # HDF5, netCDF4 and xarray raise nearly anything on a damaged file
        reason = " ".join(str(error).split()) or type(error).__name__
        remedy = "the file is damaged or of another kind, write it again"
        raise DamagedFileError(f"{source} cannot be read as netCDF ({reason}): {remedy}.") from None
    if not np.array_equal(np.asarray(version), schema.VERSION):
        kind = "no schema of repdrift" if version is None else f"schema version {version}"
        raise RefusedInputError(
            f"{source} has {kind} instead of version {schema.VERSION}: write it with "
            "drift.save of this version."
        )
    dataset.attrs.pop(LAYOUT, None)
    for variable in dataset.variables.values():
        variable.encoding = {}
    return dataset


def provenance() -> dict[str, str | int]:
    """Return what a file says of its making: schema, versions, time (UTC) and, from a checkout, the
    commit."""
    versions = {
        f"version_{name}": installed_version(name) for name in ("repdrift", *RECORDED_PACKAGES)
    }
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return {SCHEMA_ATTRIBUTE: schema.VERSION, "created": created, **versions, **_commit()}


@functools.cache
def _commit() -> dict[str, str]:
    root = Path(__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return {}
    question = ["git", "-C", os.fspath(root), "rev-parse", "HEAD"]
    answer = subprocess.run(question, capture_output=True, text=True, check=False)
    return {"commit": answer.stdout.strip()} if answer.returncode == 0 else {}


def _compression(dataset: xr.Dataset) -> dict[Any, dict[str, Any]]:
    """Return how each variable of a file is compressed."""
    return {
        name: {"zlib": True, "complevel": 4}
        for name, values in dataset.variables.items()
        if values.dtype.kind in "fiu" and values.nbytes >= UNCOMPRESSED
    }


def _check_attributes(dataset: xr.Dataset) -> None:
    holders = {
        "the Dataset": dataset.attrs,
        **{str(name): values.attrs for name, values in dataset.variables.items()},
    }
    for holder, attrs in holders.items():
        for name, value in attrs.items():
            if name in RESERVED_ATTRIBUTES:
                raise RefusedInputError(
                    f"attribute {name!r} of {holder} has a meaning of its own in netCDF: give "
                    "it another name."
                )
            if isinstance(value, bool) or not isinstance(value, str | int | float | np.number):
                raise RefusedInputError(
                    f"attribute {name!r} of {holder} is a {type(value).__name__}, which "
                    "netCDF cannot hold: use text or a number."
                )


def _check_values(dataset: xr.Dataset) -> None:
    for name, values in dataset.variables.items():
        if values.dtype.kind in "mM":
            raise RefusedInputError(
                f"{name} holds {values.dtype}, and dates are not kept in files: use numbers "
                "and say their units."
            )
