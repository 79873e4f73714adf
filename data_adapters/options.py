"""What all readers ask of their arguments: paths that exist, options that are known, text turned
into values."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

import xarray as xr

from drift.schema.labelled_form import RefusedInputError


def nearest(name: str, names: Iterable[str]) -> str:
    """The remedy for a misspelt name: the most similar known names, or all of them.

    Parameters
    ----------
    name : str
        What was given.
    names : iterable of str
        What is known.

    Returns
    -------
    str
        ``use <name>`` or ``use one of <names>``.
    """
    known = sorted(names)
    similar = difflib.get_close_matches(name, known, n=1)
    return f"use {similar[0]}" if similar else f"use one of {', '.join(known)}"


def existing(path: str | Path) -> Path:
    """The path, if there is such a file or folder.

    Raises
    ------
    RefusedInputError
        If there is none.
    """
    found = Path(path).expanduser()
    try:
        is_there = found.exists()
    except OSError as error:
        raise RefusedInputError(
            f"{path} cannot be used ({error.strerror}): ask its owner, or choose another path."
        ) from None
    if not is_there:
        raise RefusedInputError(
            f"a file or folder was expected at {path}, got nothing there: check the path."
        )
    return found


def one_line(error: Exception) -> str:
    """Message of another library's error without its line breaks, to stand inside a sentence."""
    return " ".join(str(error).split()).rstrip(".")


def chosen(name: str, reader: Callable[..., Any], options: dict[str, Any]) -> dict[str, Any]:
    """The options of a reader, checked by name; text is converted to what the type hint of the
    option says.

    Parameters
    ----------
    name : str
        Name of the reader, for messages.
    reader : callable
        ``sessions(path, **options)`` of the reader.
    options : dict
        Values by option; text from a command line is allowed for every option.

    Returns
    -------
    dict
        Values by option.

    Raises
    ------
    RefusedInputError
        If an option is unknown, or its text does not say a value that the option takes.
    """
    known = [*dict.fromkeys([*list(inspect.signature(reader).parameters)[1:], *FILTERS])]
    for option in options:
        if option not in known:
            raise RefusedInputError(
                f"option {option!r} is unknown to the reader {name}: {nearest(option, known)}."
            )
    hints = get_type_hints(reader)
    return {
        option: _value(value, hints[option], option) if isinstance(value, str) else value
        for option, value in options.items()
    }


FILTERS = {
    "animal": "subject",
    "environment": "environment",
}  # options of every reader, and the labels that they choose by


def filters(
    reader: Callable[..., Any], options: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, tuple[str, ...]]]:
    """Part options into those of the reader and the labels that sessions must have.

    Parameters
    ----------
    reader : callable
        ``sessions(path, **options)`` of the reader; an option that it takes itself is its own.
    options : dict
        Values by option.

    Returns
    -------
    own : dict
        Options of the reader.
    wanted : dict
        Labels by the coordinate that has them; several are separated by commas or stand in a
        sequence.
    """
    taken = list(inspect.signature(reader).parameters)[1:]
    wanted = {
        option: value
        for option, value in options.items()
        if option in FILTERS and option not in taken and value is not None
    }
    own = {
        option: value
        for option, value in options.items()
        if option not in FILTERS or option in taken
    }
    return own, {FILTERS[option]: _labels(value, option) for option, value in wanted.items()}


def _labels(value: Any, option: str) -> tuple[str, ...]:
    given = value.split(",") if isinstance(value, str) else value
    if (
        not isinstance(given, Sequence)
        or not given
        or not all(isinstance(one, str) and one.strip() for one in given)
    ):
        raise RefusedInputError(
            f"option {option} takes a label, or several separated by commas, got {value!r}: "
            f"give {option}=A."
        )
    return tuple(one.strip() for one in given)


def kept(
    recorded: Iterable[xr.Dataset], wanted: dict[str, tuple[str, ...]]
) -> Iterator[xr.Dataset]:
    """Sessions that have the wanted labels.

    Parameters
    ----------
    recorded : iterable of xarray.Dataset
        Session Datasets.
    wanted : dict
        See ``filters``.

    Raises
    ------
    RefusedInputError
        If a label that was asked for does not occur, after the last session.
    """
    seen: dict[str, set[str]] = {name: set() for name in wanted}
    for one in recorded:
        labels = {name: str(one[name].item()) for name in wanted}
        for name, label in labels.items():
            seen[name].add(label)
        if all(labels[name] in choice for name, choice in wanted.items()):
            yield one
    option = {label: name for name, label in FILTERS.items()}
    for name, choice in wanted.items():
        for absent in (label for label in choice if label not in seen[name]):
            found = ", ".join(sorted(seen[name])) or "no session"
            remedy = nearest(absent, seen[name]) if seen[name] else "check the path"
            raise RefusedInputError(
                f"sessions of {option[name]} {absent!r} were expected, got {found}: {remedy}."
            )


def _value(text: str, hint: Any, option: str) -> Any:
    """Text as the value that the type hint asks for; ``none`` is None where None is allowed."""
    accepted = get_args(hint) or (hint,)
    if text.casefold() == "none" and NoneType in accepted:
        return None
    if str in accepted:
        return text
    if bool in accepted:
        return _truth(text, option)
    try:
        if any(get_origin(kind) is Sequence for kind in accepted):
            return tuple(int(part) for part in text.split(","))
        return int(text) if int in accepted else float(text)
    except ValueError as error:
        raise RefusedInputError(
            f"option {option} takes numbers (several: separated by commas), got {text!r}: "
            f"give {option}=1."
        ) from error


def _truth(text: str, option: str) -> bool:
    if text.casefold() not in ("true", "false"):
        raise RefusedInputError(
            f"option {option} takes true or false, got {text!r}: give {option}=true."
        )
    return text.casefold() == "true"
