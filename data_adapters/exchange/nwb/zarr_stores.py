"""NWB in folders of zarr, as archives keep large sessions. Needs the package hdmf-zarr.

Such a folder keeps texts and references as pickles and may lead to other folders: pickles are read
without running code, and only what lies in the folder itself is read.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from data_adapters.exchange.nwb_format import package
from data_adapters.files.pickles import harmless
from drift.files.own_content import refuse_swollen
from drift.schema.labelled_form import RefusedInputError

MARKS = (".zgroup", "zarr.json")
HEADERS = (".zarray", ".zmetadata", "zarr.json")
PICKLE = "pickle"  # name of the codec


def is_store(path: Path) -> bool:
    """Tell whether a folder was written by zarr."""
    return any((path / mark).is_file() for mark in MARKS)


@contextmanager
def opened_store(path: Path) -> Iterator[Any]:
    """Source of an NWB file in a folder of zarr.

    Raises
    ------
    RefusedInputError
        If hdmf-zarr is not installed, or the folder leads elsewhere or claims absurd sizes.
    """
    check_own_store(path)
    package()
    try:
        import hdmf_zarr
        import numcodecs
    except ImportError as error:
        raise RefusedInputError(
            f"{path} was expected to find the package hdmf-zarr, got none: pip install hdmf-zarr, "
            "or get the session as one .nwb file."
        ) from error
    with _harmless_pickles(numcodecs), _own_reader(hdmf_zarr, path) as source:
        yield source


def check_own_store(path: Path) -> None:
    """Refuse a folder of zarr with links to elsewhere, or with arrays that claim far more than
    their bytes can hold."""
    size = claimed = 0
    for home, folders, names in os.walk(path):
        for name in (*folders, *names):
            entry = Path(home, name)
            if entry.is_symlink():
                raise _elsewhere(path, entry.relative_to(path), "a link")
        for name in names:
            entry = Path(home, name)
            size += entry.stat().st_size
            if name in HEADERS:
                claimed += _claimed(entry)
    refuse_swollen(claimed, size, str(path))


def _claimed(header: Path) -> int:
    """Bytes of the arrays that a header describes."""
    try:
        described = json.loads(header.read_bytes())
    except (ValueError, RecursionError):
        return 0  # what cannot be understood is refused by its reader
    return sum(map(_bytes, _arrays(described)))


def _arrays(described: Any) -> Iterator[dict[str, Any]]:
    """Descriptions of arrays in a header, also in one that was consolidated of many."""
    waiting = [described]
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, dict):
            waiting += [inside for inside in entry.values() if isinstance(inside, dict)]
            if isinstance(entry.get("shape"), list):
                yield entry


def _bytes(described: dict[str, Any]) -> int:
    """Bytes of an array, or of one piece of it where that claims to be larger."""
    dtype = described.get("dtype")
    try:
        itemsize = np.dtype(dtype).itemsize if isinstance(dtype, str) else 8
        sizes = [described["shape"], described.get("chunks") or [0]]
        return max(math.prod(int(length) for length in shape) for shape in sizes) * itemsize
    except (TypeError, ValueError):
        return 0


def _elsewhere(path: Path, name: Any, what: str) -> RefusedInputError:
    return RefusedInputError(
        f"{path} was expected to hold its own data, got {what} at {name}: save a whole copy of it."
    )


def _own_reader(hdmf_zarr: Any, path: Path) -> Any:
    class OwnReader(hdmf_zarr.NWBZarrIO):
        """Follows links and references within the folder only."""

        def resolve_ref(self, zarr_ref: Any) -> Any:
            source = zarr_ref.get("source", None)
            if source is None or Path(path, str(source)).resolve() != path.resolve():
                raise _elsewhere(path, source, "a link to another folder")
            return super().resolve_ref(zarr_ref)

    return OwnReader(str(path), mode="r")


@contextmanager
def _harmless_pickles(numcodecs: Any) -> Iterator[None]:
    """Within it, pickles in arrays of zarr are read without running code."""

    class HarmlessPickle(numcodecs.pickles.Pickle):
        def decode(self, buf: Any, out: Any = None) -> Any:
            values = harmless(bytes(numcodecs.compat.ensure_bytes(buf)))
            if out is None:
                return values
            np.copyto(out, values)
            return out

    usual = numcodecs.get_codec({"id": PICKLE}).__class__
    numcodecs.register_codec(HarmlessPickle, PICKLE)
    try:
        yield
    finally:
        numcodecs.register_codec(usual, PICKLE)
