"""Image sets as files: MNIST, Fashion-MNIST and CIFAR10, verified when they are read, downloaded on
request only."""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from drift.errors import RefusedInputError
from drift.tasks.cifar10 import (
    ARCHIVE,
    ARCHIVE_SHA256,
    expanded,
    files_of_cifar10,
    one_line,
    read_cifar10,
)

__all__ = ["fetch_images", "image_set", "read_cifar10", "read_idx"]

SHA256 = {  # of the uncompressed files: compressed ones differ between distributors
    "mnist": {
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "fashion_mnist": {
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
}
PREFIXES = {"train": "train", "test": "t10k"}
CLASSES = 10
LARGEST_SET = 2**30  # bytes; a file that claims more is damaged
LARGEST_DEFLATION = 1032  # bytes that one compressed byte can stand for


class Download(NamedTuple):
    """A public file: its address, its checksum as ``algorithm:digits``, and where known its size in
    bytes."""

    url: str
    checksum: str
    size: int | None = None

    @property
    def name(self) -> str:
        """Name of the file, without folders."""
        return self.url.rsplit("/", 1)[-1]


_MNIST = "https://storage.googleapis.com/cvdf-datasets/mnist/"
_FASHION = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"
DOWNLOADS = {
    "mnist": (
        Download(
            _MNIST + "train-images-idx3-ubyte.gz",
            "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            9912422,
        ),
        Download(
            _MNIST + "train-labels-idx1-ubyte.gz",
            "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            28_881,
        ),
        Download(
            _MNIST + "t10k-images-idx3-ubyte.gz",
            "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            1648877,
        ),
        Download(
            _MNIST + "t10k-labels-idx1-ubyte.gz",
            "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            4_542,
        ),
    ),
    "fashion_mnist": (
        Download(
            _FASHION + "train-images-idx3-ubyte.gz",
            "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            26_421_880,
        ),
        Download(
            _FASHION + "train-labels-idx1-ubyte.gz", "md5:25c81989df183df01b3e8a0aad5dffbe", 29_515
        ),
        Download(
            _FASHION + "t10k-images-idx3-ubyte.gz",
            "md5:bef4ecab320f06d8554ea6380940ec79",
            4_422_102,
        ),
        Download(
            _FASHION + "t10k-labels-idx1-ubyte.gz", "md5:bb300cfdad3c16e7a12a480ee83cd310", 5_148
        ),
    ),
    "cifar10": (
        Download(
            "https://www.cs.toronto.edu/~kriz/" + ARCHIVE, f"sha256:{ARCHIVE_SHA256}", 170_498_071
        ),
    ),
}


def image_set(name: str, path: str | Path, part: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """Images of MNIST, Fashion-MNIST or CIFAR10, and what they show.

    Parameters
    ----------
    name : {"mnist", "fashion_mnist", "cifar10"}
        The set; its content is verified where a checksum is known.
    path : str or pathlib.Path
        Folder of the files, or of CIFAR10 also the archive.
    part : {"train", "test"}
        Which images.

    Returns
    -------
    images : numpy.ndarray
        uint8 (image, channel, row, column).
    labels : numpy.ndarray
        uint8 (image,), 0 to 9.

    Raises
    ------
    RefusedInputError
        If a file is missing, damaged, or that of another set.
    """
    if name == "cifar10":
        images, labels = read_cifar10(path, part)
        return images.reshape(-1, 3, 32, 32), labels
    if name not in SHA256 or part not in PREFIXES:
        raise RefusedInputError(
            f"image set {name!r} with part {part!r} is unknown: use one of "
            f"{', '.join(DOWNLOADS)}, and train or test."
        )
    kinds = ("images-idx3-ubyte", "labels-idx1-ubyte")
    files = [f"{PREFIXES[part]}-{kind}" for kind in kinds]
    images, labels = (read_idx(Path(path) / file, SHA256[name][file]) for file in files)
    if images.ndim != 3 or labels.shape != images.shape[:1] or labels.max() >= CLASSES:
        raise RefusedInputError(
            f"{path} was expected to hold {name} images and a class of each, got other "
            "arrays: fetch them again."
        )
    return images[:, np.newaxis], labels


def files_of_set(name: str, path: str | Path) -> tuple[Path, ...]:
    """Files of an image set that are in a folder, whichever of them a reader would take.

    Parameters
    ----------
    name : {"mnist", "fashion_mnist", "cifar10"}
        The set.
    path : str or pathlib.Path
        Folder of the files, or of CIFAR10 also the archive.

    Returns
    -------
    tuple of pathlib.Path
    """
    place = expanded(path)
    if name == "cifar10":
        return files_of_cifar10(place)
    names = [f"{file}{suffix}" for file in SHA256[name] for suffix in ("", ".gz")]
    return tuple(place / file_name for file_name in names if (place / file_name).is_file())


def read_idx(path: str | Path, sha256: str | None = None) -> np.ndarray:
    """Array of an idx file of bytes: images or labels as MNIST has them.

    The file begins with the magic number 2051 (images) or 2049 (labels), then come the sizes as
    big-endian words, then the bytes.

    Parameters
    ----------
    path : str or pathlib.Path
        The file; where it is missing, the same name with ``.gz``. Either may be compressed or not.
    sha256 : str, optional
        Checksum of the uncompressed content.

    Returns
    -------
    numpy.ndarray
        uint8 (image, row, column) or (image,).

    Raises
    ------
    RefusedInputError
        If the file is missing, damaged, of another kind, or another one than the checksum says.
    """
    plain = expanded(path)
    file = plain if plain.is_file() else plain.with_name(plain.name + ".gz")
    if not file.is_file():
        raise RefusedInputError(
            f"an idx file was expected at {path}, got none, nor one with .gz: give the place "
            "of the original files."
        )
    try:
        shape, head, content = _idx_content(file)
    except (OSError, EOFError, ValueError, MemoryError, zlib.error) as error:
        raise RefusedInputError(
            f"{file} was expected to be an idx file of bytes, got {one_line(error)}: fetch it "
            "again."
        ) from None
    digest = hashlib.sha256(head)
    digest.update(content)
    if sha256 is not None and (checksum := digest.hexdigest()) != sha256:
        raise RefusedInputError(
            f"{file} was expected to hold sha256 {sha256}, got {checksum}: fetch the "
            "original again."
        )
    return np.frombuffer(content, np.uint8).reshape(shape)


def _idx_content(path: Path) -> tuple[tuple[int, ...], bytes, bytes]:
    """Shape, header and values; nothing is read that the size of the file cannot hold."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        file = gzip.GzipFile(fileobj=raw) if packed else raw
        head = file.read(4)
        if head not in (b"\0\0\x08\x01", b"\0\0\x08\x03"):
            raise ValueError(f"the magic number {int.from_bytes(head)} instead of 2051 or 2049")
        head += file.read(4 * head[3])
        shape = tuple(int.from_bytes(head[at : at + 4]) for at in range(4, len(head), 4))
        values, most = math.prod(shape), path.stat().st_size * (LARGEST_DEFLATION if packed else 1)
        if len(shape) != head[3] or not 0 < values <= min(most, LARGEST_SET):
            raise ValueError(f"sizes {shape} that the file cannot hold")
        content = file.read(values + 1)
    if len(content) != values:
        raise ValueError(
            f"{'more' if len(content) > values else 'fewer'} bytes than its sizes {shape} say"
        )
    return shape, head, content


def fetch_images(name: str, folder: str | Path) -> Path:
    """Download the files of an image set, unless they are there; nothing else in this package does.

    MNIST stands under its own terms, Fashion-MNIST under the MIT licence; CIFAR10 has no licence
    and must not be passed on.

    Parameters
    ----------
    name : {"mnist", "fashion_mnist", "cifar10"}
        The set.
    folder : str or pathlib.Path
        Where its files go; sets need folders of their own, since their files share names.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    RefusedInputError
        If the set is unknown, a file is there with another content, or it cannot be downloaded as
        it is known.
    """
    if name not in DOWNLOADS:
        raise RefusedInputError(
            f"image set {name!r} is unknown: use one of {', '.join(DOWNLOADS)}."
        )
    place = expanded(folder)
    for source in DOWNLOADS[name]:
        _fetch(source, place)
    return place


def _fetch(source: Download, folder: Path) -> None:
    import pooch

    from drift.files.downloads import download

    file, (algorithm, digits) = folder / source.name, source.checksum.split(":")
    if file.exists():
        if (checksum := pooch.file_hash(str(file), alg=algorithm)) != digits:
            raise RefusedInputError(
                f"{file} was expected with {source.checksum}, got {checksum}: remove it or choose "
                "another folder."
            )
        return
    download(source.url, file, source.size, source.checksum)
