"""Look at files as a reader understands them, before anything is measured."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data_adapters.inspection.impressions import Impression, impression
from data_adapters.inspection.recognition import REGISTRATION, recognised
from data_adapters.options import existing
from data_adapters.registrations.cell_map import Registration
from data_adapters.registrations.files import read_registration
from data_adapters.session import watched
from drift.door import opened
from drift.schema.labelled_form import RefusedInputError

# taken file by file, so that one that is refused does not hide the others
BY_FILE = ("interchange", "nwb")
# said to see what is refused
LENIENT: tuple[dict[str, Any], ...] = (
    {"events_are": "trace"},
    {"events_are": "trace", "keep_rejected": True},
    {"events_are": "trace", "keep_rejected": True, "environment": "several"},
)


class Inspection(NamedTuple):
    """What a reader understands of files."""

    reader: str
    sessions: list[Impression]
    registration: Registration | None = None


@opened
def inspect(path: str | Path, reader: str | None = None, **options: Any) -> Inspection:
    """Understand files without measuring them; what is refused is a finding.

    Parameters
    ----------
    path : str or pathlib.Path
        File or folder, as the reader has it.
    reader : str or None
        One of ``data_adapters.reader_names()``; None: told by the files.
    **options
        Of the reader; see ``data_adapters.sessions``.

    Returns
    -------
    Inspection
        ``sessions``: an ``Impression`` each, with ``refusal`` where the session cannot be read as
        it is; ``registration`` where the files are a table of registered cells.

    Raises
    ------
    RefusedInputError
        If no reader is known for the files.
    """
    name = recognised(path) if reader is None else reader
    if name == REGISTRATION:
        if unknown := [option for option in options if option != "base"]:
            raise RefusedInputError(
                f"a table of registered cells takes the option base, got {unknown[0]!r}: leave it "
                "out."
            )
        base = options.get("base")
        return Inspection(name, [], read_registration(path, None if base is None else int(base)))
    rows: list[tuple[Impression, str, list[int]]] = []
    for file in _files(name, existing(path)):
        rows += _rows(name, file, options)
    return Inspection(name, _registered(rows))


def _files(name: str, path: Path) -> list[Path]:
    if name not in BY_FILE or not path.is_dir():
        return [path]
    from data_adapters.inspection.recognition import SIGNS

    files = sorted(file for file in path.rglob("*") if SIGNS[name](file))
    return files or [path]


def _rows(
    name: str, path: Path, options: dict[str, Any]
) -> Iterator[tuple[Impression, str, list[int]]]:
    """Impression of each session, the identity and the numbers of its units; the last may be a
    refused one."""
    import data_adapters

    met: list[dict[str, Any]] = []
    refusal = ""
    with watched(met.append), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", UserWarning)
        try:
            for _session in data_adapters.sessions(name, path, **options):
                yield _row(met[-1], warned)
                met.clear()
                warned.clear()
            return
        except RefusedInputError as error:
            refusal = str(error)
        arguments = met[-1] if met else _leniently(name, path, options, met)
    impression_there, identity, units = _row(
        arguments or {"subject": path.name, "session": "?"}, warned
    )
    yield impression_there._replace(refusal=refusal), identity, units


def _leniently(
    name: str, path: Path, options: dict[str, Any], met: list[dict[str, Any]]
) -> dict[str, Any] | None:
    """What would come to the door if traces and rejected cells were welcome."""
    import data_adapters

    for extra in LENIENT:
        with suppress(RefusedInputError):
            next(data_adapters.sessions(name, path, **{**options, **extra}), None)
        if met:
            return met[-1]
    return None


def _row(
    arguments: dict[str, Any], warned: list[warnings.WarningMessage]
) -> tuple[Impression, str, list[int]]:
    """What one session looks like, with what its reader warned of among the notes."""
    told = "; ".join(dict.fromkeys(str(message.message).rstrip(".") for message in warned))
    units = arguments.get("unit")
    identity = f"{arguments.get('subject')} {arguments.get('unit_identity', '')}"
    with np.errstate(all="ignore"):
        session = impression(arguments)
        return (
            session._replace(notes="; ".join(filter(None, (session.notes, told)))),
            identity,
            [] if units is None else np.asarray(units).astype(int).tolist(),
        )


def _registered(rows: list[tuple[Impression, str, list[int]]]) -> list[Impression]:
    """Impressions with the number of cells that another session has too."""
    times = Counter((identity, unit) for _row, identity, units in rows for unit in units)
    return [
        row._replace(registered=sum(times[identity, unit] > 1 for unit in units))
        for row, identity, units in rows
    ]
