"""Arrays in folders of zarr (v2 and v3): every piece is there, lies in the folder itself, and is no
larger unpacked than the array says. Needs the package zarr.
"""

from __future__ import annotations

import bz2
import itertools
import lzma
import math
import os
import stat
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_adapters.files.limits import refuse_absurd
from data_adapters.files.regular import closed
from data_adapters.files.wording import brief
from data_adapters.options import one_line
from drift.schema.labelled_form import RefusedInputError

MOST_PIECES = 2**17  # files of one array
MOST_ENTRIES = 2**18  # files and folders of a store
LARGEST_HEADER = 2**22  # bytes
HEADERS = (".zarray", ".zgroup", ".zattrs", ".zmetadata", "zarr.json")
FREE = 2**26  # bytes that the pieces of any array may fill
PART = 2**20  # bytes that are unpacked at a time
ZSTD = b"\x28\xb5\x2f\xfd"


def open_store(store: Path) -> Any:
    """A group of zarr, after a look at what lies in its folder.

    Parameters
    ----------
    store : pathlib.Path
        The folder.

    Returns
    -------
    zarr.Group

    Raises
    ------
    RefusedInputError
        If zarr is not installed, the folder is damaged, or something in it leads elsewhere.
    """
    try:
        import zarr
    except ImportError as error:
        raise RefusedInputError(
            f"{store} was expected to find the package zarr, got none: pip install repdrift[files]."
        ) from error
    _refuse_elsewhere(store)
    try:
        return zarr.open_group(str(store), mode="r")
    except Exception as error:  # a damaged store makes zarr raise nearly anything
        raise RefusedInputError(
            f"{store} was expected to be a whole zarr store, got: {one_line(error)}; copy it again."
        ) from error


def _refuse_elsewhere(store: Path) -> None:
    """Refuse links, pipes and devices, and headers that are none."""
    entries, waiting = 0, [store]
    try:
        while waiting:
            with os.scandir(waiting.pop()) as inside:
                for entry in inside:
                    entries += 1
                    _refuse_entry(entry, entries, store)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
    except OSError as error:
        raise closed(error.filename or store, error) from error


def _refuse_entry(entry: os.DirEntry[str], entries: int, store: Path) -> None:
    kind = entry.stat(follow_symlinks=False)
    where = f"{entry.path} was expected to be a file or folder of {store.name}"
    if not (stat.S_ISREG(kind.st_mode) or stat.S_ISDIR(kind.st_mode)):
        raise RefusedInputError(f"{where}, got a link, a pipe or a device: save a whole copy.")
    if entry.name in HEADERS and kind.st_size > LARGEST_HEADER:
        raise RefusedInputError(f"{where}, got a header of {kind.st_size} bytes: check the file.")
    if entries > MOST_ENTRIES:
        raise RefusedInputError(
            f"{store} was expected to hold up to {MOST_ENTRIES} files, got more: write it in "
            "larger chunks."
        )


def read_array(group: Any, name: str, store: Path, axes: int) -> NDArray[Any]:
    """Numbers of an array of a group.

    Parameters
    ----------
    group : zarr.Group
        See ``open_store``.
    name : str
        Name of the array.
    store : pathlib.Path
        The folder of the group.
    axes : int
        Number of its dims.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    RefusedInputError
        If it is no array of real numbers over these dims, lacks a piece, or claims an absurd size.
    """
    what = f"{name} in {store}"
    try:
        array = group[name]
        shape, chunks, dtype = array.shape, array.chunks, np.dtype(array.dtype)
    except Exception as error:  # a damaged store makes zarr raise nearly anything
        raise RefusedInputError(
            f"{what} was expected to be an array, got: {one_line(error)}; copy the folder again."
        ) from error
    if len(shape) != axes or dtype.kind not in "fiu" or min(shape, default=0) < 1:
        raise RefusedInputError(
            f"{what} was expected to hold numbers over {axes} dims, got {brief(tuple(shape))} of "
            f"kind {dtype.kind!r}: give the folder that the program wrote."
        )
    refuse_absurd(shape, max(dtype.itemsize, 8), what)
    _refuse_pieces(shape, chunks, dtype.itemsize, what)
    try:
        _check_pieces(array, name, store, math.prod(chunks) * dtype.itemsize)
        return np.asarray(array[:])
    except RefusedInputError:
        raise
    except PermissionError as error:
        raise closed(error.filename or store, error) from error
    except Exception as error:  # a damaged chunk makes zarr raise nearly anything
        raise RefusedInputError(
            f"{what} was expected to be whole, got: {one_line(error)}; copy the folder again."
        ) from error


def _refuse_pieces(
    shape: tuple[int, ...], chunks: tuple[int, ...], itemsize: int, what: str
) -> None:
    """Refuse pieces that are countless, or far larger together than the array."""
    counts = [
        math.ceil(length / max(piece, 1)) for length, piece in zip(shape, chunks, strict=True)
    ]
    padded = math.prod(counts) * math.prod(chunks) * itemsize
    if math.prod(counts) > MOST_PIECES or min(chunks) < 1:
        raise RefusedInputError(
            f"{what} was expected to lie in up to {MOST_PIECES} pieces, got {math.prod(counts)}: "
            "write it in larger chunks."
        )
    if padded > max(FREE, 4 * math.prod(shape) * itemsize):
        raise RefusedInputError(
            f"{what} was expected to lie in pieces of its own size, got {padded} bytes of them for "
            f"{math.prod(shape)} numbers: write it in smaller chunks."
        )


def _check_pieces(array: Any, name: str, store: Path, size: int) -> None:
    """Refuse an array of which a piece is missing, or larger unpacked than it may be."""
    described = array.metadata.to_dict() if hasattr(array, "metadata") else None
    claims = _claims(array, described)
    counts = [
        math.ceil(length / piece) for length, piece in zip(array.shape, array.chunks, strict=True)
    ]
    for place in itertools.product(*map(range, counts)):
        file = store / name / _key(array, place)
        if not file.is_file():
            raise RefusedInputError(
                f"{name} in {store} was expected to be whole, got no piece {file.name}: copy the "
                "folder again, or write its empty chunks too."
            )
        refuse_absurd((file.stat().st_size,), 1, str(file))
        unpacked = claims(file, size)
        if unpacked > size:
            raise RefusedInputError(
                f"{file} was expected to hold {size} bytes, got more: copy the folder again."
            )


def _key(array: Any, place: tuple[int, ...]) -> str:
    if hasattr(array, "metadata"):
        return str(array.metadata.encode_chunk_key(place))
    return str(getattr(array, "_dimension_separator", None) or ".").join(map(str, place))


def _claims(array: Any, described: dict[str, Any] | None) -> Callable[[Path, int], int]:
    """How the bytes of a piece are told before it is unpacked, by the one codec that packed it."""
    if described is None:  # zarr 2
        codecs = [array.compressor.get_config()] if array.compressor else []
        codecs += [codec.get_config() for codec in array.filters or ()]
    elif described.get("zarr_format") == 2:
        codecs = [*filter(None, [described.get("compressor")]), *(described.get("filters") or ())]
    else:
        codecs = [codec for codec in described["codecs"] if codec["name"] != "bytes"]
    names = [str(_config(codec)).removeprefix("numcodecs.") for codec in codecs]
    checked = [name for name in names if name not in ("crc32c", "crc32", "shuffle")]
    if not checked:
        return lambda file, _: file.stat().st_size - 4 * len(names)
    if len(checked) > 1 or checked[0] not in UNPACKED:
        raise RefusedInputError(
            f"{array.name} was expected to be packed by one of {', '.join(UNPACKED)}, got "
            f"{brief(', '.join(checked))}: write it with one of these."
        )
    return UNPACKED[checked[0]]


def _config(codec: Any) -> Any:
    told = codec if isinstance(codec, dict) else codec.get_config()
    return told.get("id", told.get("name"))


def _streamed(unpacker: Callable[[], Any]) -> Callable[[Path, int], int]:
    """Bytes of a piece, counted as they are unpacked, until they are more than they may be."""

    def count(file: Path, most: int) -> int:
        told, stream, packed = 0, unpacker(), file.read_bytes()
        while packed and told <= most:
            unpacked = stream.decompress(packed, PART)
            told += len(unpacked)
            packed = getattr(stream, "unconsumed_tail", b"")
            if getattr(stream, "eof", False):  # further streams may follow
                packed, stream = stream.unused_data, unpacker()
            elif not packed and not getattr(stream, "needs_input", True):
                while not stream.eof and not stream.needs_input and told <= most:
                    told += len(stream.decompress(b"", PART))
                packed, stream = (stream.unused_data, unpacker()) if stream.eof else (b"", stream)
        return told

    return count


def _of_blosc(file: Path, most: int) -> int:
    return int.from_bytes(_begin(file)[4:8], "little")


def _of_lz4(file: Path, most: int) -> int:
    return int.from_bytes(_begin(file)[:4], "little")


def _of_zstd(file: Path, most: int) -> int:
    """Size of the first frame as its header tells it (RFC 8878, 3.1.1); more is not unpacked."""
    head = _begin(file)
    if head[:4] != ZSTD or len(head) < 6:
        return most + 1
    flag, single, named = head[4] >> 6, head[4] >> 5 & 1, head[4] & 3
    at = 5 + (not single) + (0, 1, 2, 4)[named]
    width = (single, 2, 4, 8)[flag]
    if not width:
        return most + 1  # not told, so that it would be unpacked without bound
    return int.from_bytes(head[at : at + width], "little") + (256 if width == 2 else 0)


def _begin(file: Path) -> bytes:
    with file.open("rb") as content:
        return content.read(32)


UNPACKED: dict[str, Callable[[Path, int], int]] = {
    "zlib": _streamed(zlib.decompressobj),
    "gzip": _streamed(lambda: zlib.decompressobj(zlib.MAX_WBITS | 16)),
    "bz2": _streamed(bz2.BZ2Decompressor),
    "lzma": _streamed(lzma.LZMADecompressor),
    "blosc": _of_blosc,
    "lz4": _of_lz4,
    "zstd": _of_zstd,
}
