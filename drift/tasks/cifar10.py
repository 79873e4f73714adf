"""CIFAR10 as files: the archive of the Python version, its unpacked batches, or those of the binary
version.

A batch of the Python version is a pickle. What it says is read as data, so that nothing in it can
run or take memory it does not fill.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from drift.errors import RefusedInputError

ARCHIVE = "cifar-10-python.tar.gz"
ARCHIVE_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
FOLDERS = ("", "cifar-10-batches-py", "cifar-10-batches-bin")
FILES = {"train": tuple(f"data_batch_{number}" for number in range(1, 6)), "test": ("test_batch",)}
PIXELS, CLASSES = 3072, 10
LARGEST_BATCH = 2**26  # bytes, twice what the published ones have
REMEDY = f"fetch {ARCHIVE} again"

Batch = tuple[np.ndarray, np.ndarray]


def expanded(path: Any) -> Path:
    """Return a path with the home directory filled in; refuses what is no path."""
    try:
        return Path(path).expanduser()
    except (TypeError, RuntimeError) as error:
        raise RefusedInputError(
            f"path must name a file or folder, got {path!r} ({error}): write it out."
        ) from None


def read_cifar10(path: str | Path, part: str = "train", sha256: str = ARCHIVE_SHA256) -> Batch:
    """Images of CIFAR10 and what they show.

    The archive is verified before it is opened; unpacked batches have no common checksum, so only
    their form is looked at.

    Parameters
    ----------
    path : str or pathlib.Path
        The archive, a folder that holds it, the folder of the batches, or the one around it.
    part : {"train", "test"}
        Which images.
    sha256 : str
        Checksum of the archive.

    Returns
    -------
    images : numpy.ndarray
        uint8 (image, pixel): 1,024 red, then 1,024 green, then 1,024 blue, each 32 x 32 by rows.
    labels : numpy.ndarray
        uint8 (image,), 0 to 9.

    Raises
    ------
    RefusedInputError
        If files are missing or damaged, or the archive is another one.
    """
    if part not in FILES:
        raise RefusedInputError(f"part {part!r} is unknown: use one of {', '.join(FILES)}.")
    place = expanded(path)
    archive = place / ARCHIVE if place.is_dir() else place
    batches = (
        _packed(archive, FILES[part], sha256)
        if archive.is_file()
        else _unpacked(place, FILES[part])
    )
    images, labels = zip(*batches)
    return np.concatenate(images), np.concatenate(labels)


def files_of_cifar10(place: Path) -> tuple[Path, ...]:
    """Files of CIFAR10 that are at a place: the archive, or batches.

    Parameters
    ----------
    place : pathlib.Path
        See ``read_cifar10``.

    Returns
    -------
    tuple of pathlib.Path
    """
    names = [
        f"{name}{suffix}"
        for batch_names in FILES.values()
        for name in batch_names
        for suffix in ("", ".bin")
    ]
    candidates = [
        place,
        place / ARCHIVE,
        *(place / folder / name for folder in FOLDERS for name in names),
    ]
    return tuple(path for path in candidates if path.is_file())


def _packed(archive: Path, names: tuple[str, ...], sha256: str) -> list[Batch]:
    """Batches of the archive, in the order of their names."""
    try:
        with archive.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            contents = _members(file, names) if digest == sha256 else {}
    except (OSError, EOFError, ValueError, OverflowError, zlib.error, tarfile.TarError) as error:
        raise RefusedInputError(
            f"{archive} was expected to be a .tar.gz archive, got {one_line(error)}: {REMEDY}."
        ) from None
    if digest != sha256:
        raise RefusedInputError(
            f"{archive} was expected with sha256 {sha256}, got {digest}: {REMEDY}."
        )
    missing = [name for name in names if name not in contents]
    if missing:
        raise RefusedInputError(
            f"{archive} was expected to hold {', '.join(missing)}, got an archive without: "
            f"{REMEDY}."
        )
    return [_pickled(contents[name], archive / name) for name in names]


def _members(file: Any, names: tuple[str, ...]) -> dict[str, bytes]:
    contents = {}
    with tarfile.open(fileobj=file, mode="r|gz") as archive:
        for member in archive:
            folder, _separator, name = member.name.rpartition("/")
            opened = (
                archive.extractfile(member)
                if folder == FOLDERS[1] and name in names and member.size <= LARGEST_BATCH
                else None
            )
            if opened is not None:
                contents[name] = opened.read()
    return contents


def _unpacked(place: Path, names: tuple[str, ...]) -> Iterator[Batch]:
    for name in names:
        files = [
            place / folder / f"{name}{suffix}" for folder in FOLDERS for suffix in ("", ".bin")
        ]
        file = next((candidate for candidate in files if candidate.is_file()), None)
        if file is None:
            raise RefusedInputError(
                f"CIFAR10 was expected at {place}, got neither {ARCHIVE} nor {name}: give the "
                "folder that holds it."
            )
        yield _records(_content(file), file) if file.suffix else _pickled(_content(file), file)


def _content(file: Path) -> bytes:
    try:
        if (size := file.stat().st_size) <= LARGEST_BATCH:
            return file.read_bytes()
    except OSError as error:
        raise RefusedInputError(
            f"{file} was expected to be a readable file, got {one_line(error)}: {REMEDY}."
        ) from None
    raise RefusedInputError(
        f"{file} was expected to be a batch of images, got {size} bytes: {REMEDY}."
    )


def _records(content: bytes, file: Path) -> Batch:
    """Images of the binary version: a byte of the class, then the pixels."""
    values = np.frombuffer(content, np.uint8)
    records = values[: values.size // (PIXELS + 1) * (PIXELS + 1)].reshape(-1, PIXELS + 1)
    if not 0 < records.size == values.size or records[:, 0].max() >= CLASSES:
        raise RefusedInputError(
            f"{file} was expected to hold records of a class and {PIXELS} pixels, got other "
            f"bytes: {REMEDY}."
        )
    return records[:, 1:], records[:, 0]


class _Piece:
    """An array or its type as a pickle describes it: arguments and state, from which nothing is
    built."""

    state: Any = ()

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Unpickler(pickle._Unpickler):
    """The slow unpickler: unlike the fast one it takes no memory that a damaged pickle only claims
    to need."""

    dispatch: ClassVar = {
        code: load
        for code, load in pickle._Unpickler.dispatch.items()
        if code != pickle.BYTEARRAY8[0]
    }

    def find_class(self, module: str, name: str) -> type[_Piece]:
        if module.split(".")[0] != "numpy" or name not in ("_reconstruct", "ndarray", "dtype"):
            raise pickle.UnpicklingError(f"{module}.{name}, which no image needs")
        return _Piece


def _pickled(content: bytes, file: Path) -> Batch:
    """Images of the Python version: a dict with an array ``data`` of bytes and a list
    ``labels``."""
    try:
        return _batch(_Unpickler(io.BytesIO(content), encoding="bytes").load())
    except Exception as error:  # whatever a damaged pickle leads to
        reason = one_line(error) or type(error).__name__
        raise RefusedInputError(
            f"{file} was expected to be a batch of CIFAR10 images, got {reason[:200]}: {REMEDY}."
        ) from None


def _batch(content: dict[bytes, Any]) -> Batch:
    (_, shape, dtype, by_columns, values), labels = content[b"data"].state, content[b"labels"]
    images = len(values) // PIXELS
    if (
        type(values) is not bytes
        or dtype.arguments[0] not in (b"u1", "u1")
        or by_columns
        or shape != (images, PIXELS)
    ):
        raise ValueError(f"data that are not bytes (image, {PIXELS})")
    if type(labels) is not list or not all(
        type(label) is int and 0 <= label < CLASSES for label in labels
    ):
        raise ValueError(f"labels that are not whole numbers below {CLASSES}")
    if not 0 < images == len(labels):
        raise ValueError(f"{images} images and {len(labels)} labels")
    return np.frombuffer(values, np.uint8).reshape(images, PIXELS), np.array(labels, np.uint8)


def one_line(error: Exception) -> str:
    """Message of an error without its line breaks, to stand inside a sentence."""
    return " ".join(str(error).split()).rstrip(".")
