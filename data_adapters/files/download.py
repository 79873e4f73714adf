"""Public files by name, downloaded on request only and checked by size and sha256.

``public_files.csv`` pins every file to one commit of its repository. Nothing in this package calls
``fetch`` by itself.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from data_adapters.options import nearest, one_line
from drift.door import opened
from drift.files.downloads import download
from drift.files.user_cache import cache_folder
from drift.schema.labelled_form import RefusedInputError
from drift.texts import decoded

COLUMNS = ["dataset", "url", "bytes", "sha256", "licence"]
CITATIONS = {
    "nelpy_": "nelpy/example-data, recordings of the Diba laboratory (github nelpy/example-data)",
    "zivlab_multiple_maps": "Sheintuch L, Geva N, et al. (2020) Curr Biol 30, "
    "doi 10.1016/j.cub.2020.02.018",
    "zivlab_s": "Sheintuch L, Rubin A, Ziv Y (2022) PLoS Comput Biol 18:e1009832 (github "
    "zivlab/unbiased_information_estimation)",
}


class PublicFile(NamedTuple):
    """One row of the table: data set, address, size in bytes, checksum and licence."""

    dataset: str
    url: str
    size: int
    sha256: str
    licence: str

    @property
    def name(self) -> str:
        """Name of the file, without folders."""
        return unquote(self.url.rsplit("/", 1)[-1])


@opened
def public_files(table: str | Path | None = None) -> list[PublicFile]:
    """Rows of the table of public files.

    Parameters
    ----------
    table : str or pathlib.Path, optional
        A table with the columns dataset, url, bytes, sha256 and licence; default the one of this
        package.

    Returns
    -------
    list of PublicFile

    Raises
    ------
    RefusedInputError
        If the table cannot be read or a row has no whole size, checksum or file name.
    """
    source = files("data_adapters") / "public_files.csv" if table is None else Path(table)
    try:
        lines = list(csv.reader(decoded(source.read_bytes()).split("\n")))
    except (OSError, ValueError, csv.Error) as error:
        raise RefusedInputError(
            f"a table of files was expected at {source}, got: {one_line(error)}; check the path."
        ) from error
    if not lines or lines[0] != COLUMNS:
        raise RefusedInputError(
            f"{source} was expected to begin with {','.join(COLUMNS)}, got something else: "
            "correct the header."
        )
    return [
        _public_file(line, f"line {number} of {source}")
        for number, line in enumerate(lines[1:], start=2)
        if line
    ]


def _public_file(line: list[str], where: str) -> PublicFile:
    fits = (
        len(line) == len(COLUMNS) and line[2].isdecimal() and re.fullmatch("[0-9a-f]{64}", line[3])
    )
    row = (
        PublicFile(line[0], line[1], int(line[2]), line[3], line[4])
        if fits and len(line[2]) < 16
        else None
    )
    plain = row is not None and all(
        Path(component).name == component and component not in ("", "..")
        for component in (row.name, row.dataset)
    )
    if row is None or not plain:
        raise RefusedInputError(
            f"{where} was expected as {','.join(COLUMNS)}, got {','.join(line)[:80]!r}: correct it."
        )
    return row


def fetch(
    name: str,
    cache: str | Path | None = None,
    table: str | Path | None = None,
    progress: bool = True,
) -> Path:
    """Folder with the files of a public data set; what is not there yet is downloaded.

    Licence and citation are printed first. Files that are there and whole are not downloaded again,
    so an interrupted download goes on with the next file. A folder of the environment variable
    ``REPDRIFT_DATA`` that holds all files is used as it is, without a network.

    Parameters
    ----------
    name : str
        A data set of the table.
    cache : str or pathlib.Path, optional
        Where files go, in a folder of this name; see ``cache_folder``.
    table : str or pathlib.Path, optional
        Another table; see ``public_files``.
    progress : bool
        Show progress bars.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    RefusedInputError
        If the name is unknown, a file differs from the table in size or sha256, or it cannot be
        downloaded or written; no more bytes are taken than the table says, and a line slower than
        20 kB/s is given up.
    """
    data_files = _wanted(name, table)
    _print_terms(data_files)
    folder = folder_of(name, data_files, cache)
    present = _present(folder, data_files)
    _verified(folder, present)
    for file in data_files:
        if file not in present:
            download(
                file.url, folder / file.name, file.size, f"sha256 {file.sha256}", progress=progress
            )
    return folder


def checked(
    name: str, cache: str | Path | None = None, table: str | Path | None = None
) -> tuple[Path, int, int]:
    """Folder of a public data set, how many of its files are there and whole, and how many are
    missing; nothing is downloaded.

    Parameters
    ----------
    name, cache, table
        See ``fetch``.

    Returns
    -------
    tuple of pathlib.Path, int, int

    Raises
    ------
    RefusedInputError
        If the name is unknown, or a file differs from the table in size or sha256.
    """
    data_files = _wanted(name, table)
    folder = folder_of(name, data_files, cache)
    present = _present(folder, data_files)
    return _verified(folder, present), len(present), len(data_files) - len(present)


def folder_of(name: str, wanted: list[PublicFile], cache: str | Path | None = None) -> Path:
    """Folder of a data set: that in ``REPDRIFT_DATA`` if it holds all files, else that in the
    cache.

    Parameters
    ----------
    name : str
        Of the data set.
    wanted : list of PublicFile
        Its files.
    cache : str or pathlib.Path, optional
        See ``cache_folder``.

    Returns
    -------
    pathlib.Path
    """
    root = os.environ.get("REPDRIFT_DATA")
    folder = Path(root).expanduser() / name if root else None
    return (
        folder
        if folder is not None and _present(folder, wanted) == wanted
        else cache_folder(cache) / name
    )


def _wanted(name: str, table: str | Path | None) -> list[PublicFile]:
    listed = public_files(table)
    data_files = [file for file in listed if file.dataset == name]
    if not data_files:
        raise RefusedInputError(
            f"public data set {name!r} is unknown: "
            f"{nearest(name, {file.dataset for file in listed})}."
        )
    return data_files


def _print_terms(data_files: list[PublicFile]) -> None:
    name = data_files[0].dataset
    citation = next(
        (text for prefix, text in CITATIONS.items() if name.startswith(prefix)),
        "see the repository",
    )
    megabytes = sum(file.size for file in data_files) / 1e6
    print(
        f"{name}: {len(data_files)} files, {megabytes:.1f} MB\n"
        f"  licence: {data_files[0].licence}\n  cite: {citation}"
    )


def _present(folder: Path, data_files: list[PublicFile]) -> list[PublicFile]:
    """Those files that are in a folder."""
    try:
        return [file for file in data_files if (folder / file.name).exists()]
    except PermissionError as error:
        raise RefusedInputError(
            f"{folder} cannot be read ({error.strerror}): choose another cache folder."
        ) from None


def _verified(folder: Path, data_files: list[PublicFile]) -> Path:
    """The folder, if its files are those of the table."""
    for file in data_files:
        path = folder / file.name
        fault = _fault(path, file)
        if fault:
            raise RefusedInputError(
                f"{path} was expected with {fault}: remove the file and fetch {file.dataset} again."
            )
    return folder


def _fault(path: Path, expected: PublicFile) -> str:
    """What the file has instead of what the table says; empty where it is the same."""
    try:
        size = path.stat().st_size
        if size != expected.size:
            return f"{expected.size} bytes, got {size}"
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RefusedInputError(
            f"{path} cannot be read ({error.strerror}): choose another cache folder."
        ) from None
    return "" if digest == expected.sha256 else f"sha256 {expected.sha256}, got {digest}"
