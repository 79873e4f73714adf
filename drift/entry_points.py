"""Readers and circuits of other packages: what is installed beside repdrift and says so by entry
points."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from drift.errors import RefusedInputError


@cache
def announced(group: str) -> dict[str, EntryPoint]:
    """Entry points of a group by name, as installed packages announce them; nothing is imported.

    Parameters
    ----------
    group : str
        ``"repdrift.readers"`` or ``"repdrift.circuits"``.

    Returns
    -------
    dict of str to importlib.metadata.EntryPoint
        The first of a name; a second one of another package is named in a warning.
    """
    entries: dict[str, EntryPoint] = {}
    for entry in entry_points(group=group):
        first = entries.setdefault(entry.name, entry)
        if first.value != entry.value:
            warnings.warn(
                f"{entry.name!r} of {group} is announced by {_package(first)} and by "
                f"{_package(entry)}: the first is taken; uninstall one of them.",
                stacklevel=2,
            )
    return entries


def beside(own: Mapping[str, Any], group: str) -> dict[str, EntryPoint]:
    """Return the entry points of a group that do not bear one of our own names; those that do are
    named in a warning and left out."""
    entries = announced(group)
    for name in own.keys() & entries.keys():
        _warned_of_clash(name, group)
    return {name: entry for name, entry in entries.items() if name not in own}


@cache  # once in a process
def _warned_of_clash(name: str, group: str) -> None:
    warnings.warn(
        f"{name!r} of {group} in {_package(announced(group)[name])} has the name of one of "
        "repdrift, which is taken: rename it in that package.",
        stacklevel=3,
    )


def loaded(entry: EntryPoint) -> Any:
    """Load what an entry point names.

    Raises
    ------
    RefusedInputError
        If the package that announces it cannot be imported or does not hold it.
    """
    try:
        return entry.load()
    except Exception as error:  # of another's package: whatever it may be
        raise RefusedInputError(
            f"{entry.name!r} of {_package(entry)} was expected to load {entry.value}, got "
            f"{type(error).__name__} ({error}): mend or uninstall that package."
        ) from error


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.value
