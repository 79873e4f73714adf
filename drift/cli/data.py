"""``repdrift data``: public recordings, on request only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.conf import Positional

from drift.cli.lines.arguments import parsed, told
from drift.errors import RefusedInputError

EXAMPLES = """\
  repdrift data list                               names, sizes, licences, and what is on this machine
  repdrift data fetch nelpy_wmaze                  download it, checked against pinned checksums
  repdrift data check nelpy_wmaze                  are the files that are here whole?
Files are kept in the folder of REPDRIFT_CACHE, else in your user cache; a folder of REPDRIFT_DATA is used as it is."""


def command(
    action: Positional[Literal["list", "fetch", "check"]],
    name: Positional[str | None] = None,
    *,
    cache: Path | None = None,
    table: Annotated[Path | None, tyro.conf.arg(metavar="CSV")] = None,
) -> None:
    """List, fetch or check public recordings.

    Parameters
    ----------
    action
        What to do.
    name
        A data set of the list.
    cache
        Folder for files, instead of the usual one.
    table
        Another table of files: dataset, url, bytes, sha256, licence.
    """
    from data_adapters.files import download

    if action == "list":
        told(*_listed(cache, table))
        return
    if name is None:
        raise RefusedInputError(
            f"repdrift data {action} needs the name of a data set: `repdrift data list` shows them."
        )
    if action == "fetch":
        told(f"files: {download.fetch(name, cache, table)}")
        return
    folder, present, missing = download.checked(name, cache, table)
    told(f"{name}: {present} files whole, {missing} missing in {folder}")
    if missing:
        raise SystemExit(1)


def _listed(cache: Path | None, table: Path | None) -> list[str]:
    from data_adapters.files import download

    files = download.public_files(table)
    rows = [f"{'data set':30}{'files':>6}{'MB':>8}{'here':>6}  licence"]
    for name in dict.fromkeys(file.dataset for file in files):
        own = [file for file in files if file.dataset == name]
        folder = download.folder_of(name, own, cache)
        present = sum((folder / file.name).is_file() for file in own)
        rows.append(
            f"{name:30}{len(own):6}{sum(file.size for file in own) / 1e6:8.1f}{present:6}  "
            f"{own[0].licence}"
        )
    return rows


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parsed(command, "data", arguments, EXAMPLES)
