"""What all recipes have in common: frozen, checked at the door, the same in Python, JSON and
TOML."""

from __future__ import annotations

import difflib
import json
import reprlib
import tomllib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from drift.door import opened_methods
from drift.errors import RefusedInputError

OURS = ("drift", "circuits", "data_adapters")


class Recipe(BaseModel):
    """A frozen set of named numbers; unknown keys and impossible values are refused with their
    path."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    def __init__(self, /, **values: Any) -> None:
        plain = {name: _without_numpy(value) for name, value in values.items()}
        try:
            super().__init__(**plain)
        except ValidationError as error:
            raise RefusedInputError(_sentence(type(self), error)) from None

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        super().__pydantic_init_subclass__(**options)
        if cls.__module__.partition(".")[0] in OURS:
            opened_methods(cls)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            super().__setattr__(name, value)
            return
        if name not in type(self).model_fields:
            raise RefusedInputError(
                f"{name} is not an entry of "
                f"{type(self).__name__}{_nearest(name, type(self).model_fields)}."
            )
        text = reprlib.repr(value)
        raise RefusedInputError(
            f"recipes are frozen, got {name} = {text}: write recipe = "
            f"recipe.replace({name}={text})."
        )

    def __delattr__(self, name: str) -> None:
        raise RefusedInputError(
            f"recipes are frozen, got del {name}: write recipe = recipe.replace({name}=...)."
        )

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with some entries changed, checked like a new one; the same as
        ``replace``."""
        return self.replace(**update) if update else super().model_copy(deep=deep)

    @classmethod
    def model_validate(cls, obj: Any) -> Self:  # type: ignore[override]
        """Return the recipe of a dictionary."""
        return _refusing(cls, super().model_validate, obj)

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray) -> Self:  # type: ignore[override]
        """Return the recipe of JSON text; see ``from_json``."""
        return _refusing(cls, super().model_validate_json, json_data)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some entries changed, checked like a new one."""
        return type(self)(**{**dict(self), **changes})

    def to_json(self) -> str:
        """Return the recipe as JSON text."""
        return json.dumps(self.model_dump(mode="json", serialize_as_any=True, exclude_none=True))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the recipe that ``to_json`` wrote; refuses text that is not JSON."""
        return cls(**_table(text.removeprefix("\ufeff"), json.loads, "JSON"))

    def to_toml(self) -> str:
        """Return the recipe as TOML text, with nested recipes as tables."""
        return "\n".join(_toml_lines(json.loads(self.to_json()), ())) + "\n"

    @classmethod
    def from_toml(cls, text: str) -> Self:
        """Return the recipe that ``to_toml`` or a person wrote; refuses text that is not TOML."""
        return cls(**_table(text.removeprefix("\ufeff"), tomllib.loads, "TOML"))

    def _repr_html_(self) -> str:
        """Show the recipe in a notebook: nested tables, what differs from the defaults in bold, and
        the Python that makes it."""
        # what decides the numbers of a run does not depend on it
        from drift.html import recipe_html

        return recipe_html(self)


def chosen(table: Mapping[str, type[Recipe]], value: Any) -> Any:
    """Return a recipe from a table of variants: an instance as it is, a mapping by its ``kind``.

    Parameters
    ----------
    table : mapping of str to class
        The variants by kind.
    value : Recipe or mapping
        What the user gave.

    Raises
    ------
    RefusedInputError
        If the kind is missing or unknown.
    """
    if not isinstance(value, Mapping):
        return value
    kind = str(value.get("kind"))
    if kind not in table:
        raise unknown_kind(kind, table)
    return table[kind](**value)


def unknown_kind(kind: str, known: Iterable[str]) -> RefusedInputError:
    """Return the refusal of a kind that is not among the known ones; it names the nearest."""
    kinds = list(known)
    return RefusedInputError(
        f"kind {kind!r} is unknown{_nearest(kind, kinds)}: use one of {', '.join(kinds)}."
    )


def _refusing(recipe: type[Recipe], validate: Callable[..., Any], given: Any) -> Any:
    try:
        return validate(given)
    except ValidationError as error:
        raise RefusedInputError(_sentence(recipe, error)) from None


def _without_numpy(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return [_without_numpy(entry) for entry in value] if isinstance(value, list | tuple) else value


def _nearest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _fault(recipe: type[Recipe], error: Any) -> str:
    path = ".".join(map(str, error["loc"]))
    cause = error.get("ctx", {}).get("error")
    if error["type"] == "extra_forbidden":
        return f"{path} is not an entry of {recipe.__name__}{_nearest(path, recipe.model_fields)}"
    if error["type"] == "missing":
        return f"{path} is missing from {recipe.__name__}"
    if isinstance(
        cause, ValueError
    ):  # our own sentence, from a validator or from a recipe inside this one
        return f"{path + ': ' if path else ''}{str(cause).rstrip('.')}"
    reason = error["msg"].removeprefix("Input ").removeprefix("Value ")
    return f"{path} {reason}, got {repr(error['input'])[:80]}"


def _sentence(recipe: type[Recipe], error: ValidationError) -> str:
    faults = "; ".join(_fault(recipe, fault) for fault in error.errors())
    return f"{recipe.__name__} refused: {faults}."


def _table(text: str, parse: Any, name: str) -> dict[str, Any]:
    try:
        table = parse(text)
    except ValueError as error:
        raise RefusedInputError(
            f"the recipe is not {name} ({error}): check the text near that place."
        ) from None
    if not isinstance(table, dict):
        raise RefusedInputError(
            f"the recipe is a {name} {type(table).__name__}, not a table of entries: write "
            "key and value pairs."
        )
    return table


def _toml_lines(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterable[str]:
    def nested(value: Any) -> bool:
        return isinstance(value, dict) or (
            isinstance(value, list) and bool(value) and isinstance(value[0], dict)
        )

    yield from (
        f"{key} = {_toml_value(value)}" for key, value in table.items() if not nested(value)
    )
    for key, value in table.items():
        if isinstance(value, dict):
            yield from (f"\n[{'.'.join((*path, key))}]", *_toml_lines(value, (*path, key)))
        elif nested(value):
            for entry in value:
                yield from (f"\n[[{'.'.join((*path, key))}]]", *_toml_lines(entry, (*path, key)))


def _toml_value(value: Any) -> str:
    """Write a value as JSON that is TOML too: no surrogate escapes, no raw delete character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")


opened_methods(Recipe)
