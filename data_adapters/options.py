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

from data_adapters.statements import OF_EVERY_READER, Statements, takes_statements
from drift.schema.labelled_form import RefusedInputError

LONGEST_MESSAGE = 300  # letters of another library's error


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
    candidates = sorted(names)
    similar = difflib.get_close_matches(name, candidates, n=1)
    return f"use {similar[0]}" if similar else f"use one of {', '.join(candidates)}"


def existing(path: str | Path) -> Path:
    """The path, if there is such a file or folder.

    Raises
    ------
    RefusedInputError
        If there is none.
    """
    expanded_path = Path(path).expanduser()
    try:
        is_there = expanded_path.exists()
    except OSError as error:
        raise RefusedInputError(
            f"{path} cannot be used ({error.strerror}): ask its owner, or choose another path."
        ) from None
    if not is_there:
        raise RefusedInputError(
            f"a file or folder was expected at {path}, got nothing there: check the path."
        )
    return expanded_path


def one_line(error: Exception) -> str:
    """Message of another library's error without its line breaks, to stand inside a sentence; what
    is longer than a sentence is cut."""
    text = " ".join(str(error).split()).rstrip(".")
    return text if len(text) <= LONGEST_MESSAGE else f"{text[:LONGEST_MESSAGE]} ..."


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
    hints = hints_of(reader)
    permitted_options = [*dict.fromkeys([*hints, *OF_EVERY_READER, *FILTERS])]
    for option in options:
        if option not in permitted_options:
            raise RefusedInputError(
                f"option {option!r} is unknown to the reader {name}: "
                f"{nearest(option, permitted_options)}."
            )
    hints = {**get_type_hints(Statements), **hints}
    return {
        option: _value(value, hints[option], option) if isinstance(value, str) else value
        for option, value in options.items()
    }


def hints_of(reader: Callable[..., Any]) -> dict[str, Any]:
    """Type hints of the options that a reader takes itself, by name."""
    hints = get_type_hints(reader)
    named = [
        parameter.name
        for parameter in list(inspect.signature(reader).parameters.values())[1:]
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    own = {name: hints[name] for name in named}
    return own | (get_type_hints(Statements) if takes_statements(reader) else {})


def parted(
    reader: Callable[..., Any], options: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part options into those that a reader takes itself and those that every reader takes."""
    own = hints_of(reader)
    return (
        {name: value for name, value in options.items() if name in own},
        {name: value for name, value in options.items() if name not in own},
    )


# options of every reader, and the labels that they choose by
FILTERS = {"animal": "subject", "environment": "environment"}


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
    parameters = hints_of(reader)
    label_options = {
        option: value
        for option, value in options.items()
        if option in FILTERS and option not in parameters and value is not None
    }
    own = {
        option: value
        for option, value in options.items()
        if option not in FILTERS or option in parameters
    }
    return own, {FILTERS[option]: _labels(value, option) for option, value in label_options.items()}


def _labels(value: Any, option: str) -> tuple[str, ...]:
    labels = value.split(",") if isinstance(value, str) else value
    if (
        not isinstance(labels, Sequence)
        or not labels
        or not all(isinstance(label, str) and label.strip() for label in labels)
    ):
        raise RefusedInputError(
            f"option {option} takes a label, or several separated by commas, got {value!r}: "
            f"give {option}=A."
        )
    return tuple(label.strip() for label in labels)


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
    occurrences: dict[str, set[str]] = {name: set() for name in wanted}
    for session in recorded:
        labels = {name: str(session[name].item()) for name in wanted}
        for name, label in labels.items():
            occurrences[name].add(label)
        if all(labels[name] in choice for name, choice in wanted.items()):
            yield session
    option = {label: name for name, label in FILTERS.items()}
    for name, choice in wanted.items():
        for absent in (label for label in choice if label not in occurrences[name]):
            listing = ", ".join(sorted(occurrences[name])) or "no session"
            remedy = nearest(absent, occurrences[name]) if occurrences[name] else "check the path"
            raise RefusedInputError(
                f"sessions of {option[name]} {absent!r} were expected, got {listing}: {remedy}."
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
        sequences = [kind for kind in accepted if get_origin(kind) is Sequence]
        if sequences:
            entry_type = get_args(sequences[0])[0]
            return tuple(entry_type(entry) for entry in text.split(","))
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
