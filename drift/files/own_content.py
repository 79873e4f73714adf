"""HDF5 files must hold what they show: no pointer to another file, no array that is larger than its
bytes can say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import h5py

from drift.errors import RefusedInputError
from drift.files.global_heaps import refuse_endless_heaps

FREE = 2**28  # bytes that any file may fill
DEFLATED = 1100  # bytes that a byte of deflate can become at most, and a little more


def check_own_content(path: Path) -> None:
    """Refuse an HDF5 file (``.nc``, ``.nwb``, ``.mat`` v7.3) that makes its readers read another
    file, or fill the memory.

    External links, external storage and virtual datasets name other files; what reads them reads
    whatever they name. Arrays may claim any size at no cost of bytes. Files of other kinds pass.

    Parameters
    ----------
    path : pathlib.Path
        A file that is there.

    Raises
    ------
    RefusedInputError
        If the file points outside of itself, its arrays claim more than ``DEFLATED`` times its size
        (256 MiB are always free), or it would be read without end.
    """
    if not h5py.is_hdf5(path):
        return
    refuse_endless_heaps(path)
    size, claimed = path.stat().st_size, 0
    with h5py.File(path, "r") as file:
        for dataset in _datasets(file, path):
            claimed += dataset.size * dataset.id.get_type().get_size() if dataset.size else 0
    refuse_swollen(claimed, size, str(path))


def refuse_swollen(claimed: int, size: int, what: str) -> None:
    """Refuse arrays that claim far more bytes than a file of this size can hold."""
    if claimed > max(FREE, DEFLATED * size):
        raise RefusedInputError(
            f"{what} was expected to hold what its {size} bytes can say, got arrays of "
            f"{claimed} bytes: check where the file comes from."
        )


def _datasets(file: h5py.File, path: Path) -> Iterator[h5py.Dataset]:
    """All datasets that a reader can come to, by links and by references, each once."""
    addresses: set[int] = set()
    waiting: list[h5py.Group | h5py.Dataset] = [file]
    while waiting:
        node = waiting.pop()
        address = h5py.h5o.get_info(node.id).addr
        if address in addresses:
            continue
        addresses.add(address)
        if isinstance(node, h5py.Group):
            waiting += _members(node, path)
        elif isinstance(node, h5py.Dataset):
            _refuse_storage_elsewhere(node, path)
            waiting += _referred(node, file)
            yield node


def _members(group: h5py.Group, path: Path) -> Iterator[h5py.Group | h5py.Dataset]:
    for name in group:
        kind = group.id.links.get_info(name.encode()).type
        if kind == h5py.h5l.TYPE_HARD:
            yield group[name]
        elif kind != h5py.h5l.TYPE_SOFT:
            raise RefusedInputError(
                _elsewhere(path, f"{group.name.rstrip('/')}/{name}", "a link to another file")
            )


def _refuse_storage_elsewhere(dataset: h5py.Dataset, path: Path) -> None:
    properties = dataset.id.get_create_plist()
    if properties.get_layout() == h5py.h5d.VIRTUAL:
        raise RefusedInputError(_elsewhere(path, dataset.name, "a virtual dataset"))
    if properties.get_external_count():
        raise RefusedInputError(_elsewhere(path, dataset.name, "data stored in another file"))


def _elsewhere(path: Path, name: str | None, what: str) -> str:
    return (
        f"{path} was expected to hold its own data, got {what} at "
        f"{name or 'an object without a name'}: save a whole copy of it."
    )


def _referred(dataset: h5py.Dataset, file: h5py.File) -> Iterator[h5py.Group | h5py.Dataset]:
    if (
        dataset.id.get_type().get_class() != h5py.h5t.REFERENCE
        or dataset.size is None
        or 8 * dataset.size > FREE
    ):
        return
    if h5py.check_ref_dtype(dataset.dtype) is h5py.Reference and dataset.shape is not None:
        values = dataset[()]
        for reference in values.ravel() if dataset.shape else [values]:
            with suppress(KeyError, ValueError):  # what was deleted
                if reference:
                    yield file[reference]
