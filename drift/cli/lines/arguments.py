"""What commands share: how words become arguments, where results may be written, and what is said
of a result."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from drift.errors import RefusedInputError
from drift.files.atomic import check_target
from drift.texts import printable

if TYPE_CHECKING:
    import xarray as xr


def parsed(
    kind: Callable[..., Any],
    name: str,
    arguments: Sequence[str],
    examples: str = "",
    **options: Any,
) -> Any:
    """Return what a function or class gives for these words; ``--help`` ends with examples, a
    misspelt flag with the nearest.

    Parameters
    ----------
    kind : callable
        Its signature and docstring are the command.
    name : str
        Of the command.
    arguments : sequence of str
        Words behind the name.
    examples : str
        Shown at the end of the help.
    **options
        Of ``tyro.cli``.

    Raises
    ------
    SystemExit
        After ``--help``, and with status 2 for words that do not fit.
    """
    try:
        return tyro.cli(
            kind,
            prog=f"repdrift {name}",
            args=list(arguments),
            config=(tyro.conf.AvoidSubcommands,),
            **options,
        )
    except SystemExit as end:
        if not end.code and examples:
            print(f"examples:\n{examples}")
        raise


def pairs(entries: Iterable[str], flag: str) -> dict[str, str]:
    """Return ``KEY=VALUE`` entries as a mapping, or refuse one that is something else or comes
    twice."""
    values: dict[str, str] = {}
    for entry in entries:
        key, equals, value = entry.partition("=")
        if not (key and equals and value):
            raise RefusedInputError(
                f"{flag} needs KEY=VALUE, got {entry!r}: write it without spaces around the "
                "equals sign."
            )
        if key in values:
            raise RefusedInputError(
                f"{flag} gives {key} twice, as {values[key]!r} and {value!r}: give it once."
            )
        values[key] = value
    return values


def writable(path: Path | None, overwrite: bool, *, folder: bool = False) -> Path | None:
    """Return where a result will go, its folder made, or refuse before any work is done."""
    if path is None:
        return None
    place = path if folder else path.absolute().parent
    try:
        if not folder and path.is_file() and not path.is_symlink() and not overwrite:
            raise RefusedInputError(
                f"{path} exists and is kept: choose another path, or give --overwrite."
            )
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RefusedInputError(
            f"the folder {place} cannot be made ({error.strerror}): choose another path."
        ) from None
    check_target(path / "any file" if folder else path)
    return path


def apart(written: Iterable[Path | None], read: Iterable[Path | None] = ()) -> None:
    """Refuse to write two results to one file, or a result over what is read, even where
    overwriting is asked for."""
    reserved = {path.resolve() for path in read if path is not None}
    for path in written:
        if path is not None and path.resolve() in reserved:
            raise RefusedInputError(
                f"{path} is named twice, as a result and as an input or another result: "
                "choose another path."
            )
        reserved |= set() if path is None else {path.resolve()}


def netcdf(path: Path, overwrite: bool) -> Path:
    """Return where a netCDF result will go, or refuse a path that ends otherwise."""
    if path.suffix != ".nc":
        raise RefusedInputError(f"results are netCDF files, got {path}: end the path with .nc.")
    writable(path, overwrite)
    return path


def told(*lines: object) -> None:
    """Print lines for a person, after whatever a progress bar has left on the line, and nothing
    that a terminal would obey."""
    sys.stderr.flush()
    print(*(printable(str(line)) for line in lines), sep="\n", flush=True)


def measured(path: Path, environment: str | None) -> xr.Dataset:
    """Read a measured recording, or its sessions in one environment.

    Parameters
    ----------
    path : pathlib.Path
        netCDF file of ``repdrift measure`` or ``repdrift run``.
    environment : str or None
        Label of the environment; None keeps all.

    Raises
    ------
    RefusedInputError
        If it cannot be read, or no session lies there.
    """
    from drift.files.store import load
    from drift.metrics.rooms import in_environment

    dataset = load(path)
    return dataset if environment is None else in_environment(dataset, environment)
