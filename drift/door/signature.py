"""The signature of one function with what each of its arguments must be."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import xarray as xr

from drift.door.hints import ANYTHING, Expectation, expectation
from drift.door.labels import (
    beside_plain,
    checked_array,
    checked_dataset,
    refuse_different_labels,
    refuse_different_lengths,
    refuse_different_shapes,
)
from drift.door.wording import Mislabelled, Refusal, nearest
from drift.errors import RefusedInputError, SchemaError
from drift.faces import held, imported_for_types

MANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Signature:
    """Checks the arguments of one function.

    Parameters
    ----------
    function : callable
        Its hints are evaluated here, those of names that only a type checker imports as well.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.name = function.__qualname__
        self.parameters = inspect.signature(function).parameters
        names = _Names(function)
        self.expected = {
            name: _expected(parameter.annotation, names)
            for name, parameter in self.parameters.items()
        }
        self._binding = inspect.Signature(list(self.parameters.values()))

    def bound(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> inspect.BoundArguments:
        """Return the arguments of a call by name, checked, or refuse the first that does not
        fit."""
        try:
            bound = self._binding.bind(*args, **kwargs)
        except TypeError as error:
            raise RefusedInputError(self._unbound(kwargs, str(error))) from None
        for name, value in bound.arguments.items():
            bound.arguments[name] = self._argument(name, value)
        self._agree(bound.arguments)
        return bound

    def _argument(self, name: str, value: Any) -> Any:
        parameter, expected = self.parameters[name], self.expected[name]
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            return tuple(self._value(name, expected, entry) for entry in value)
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            return {key: self._value(key, expected, entry) for key, entry in value.items()}
        return value if value is parameter.default else self._value(name, expected, value)

    def _value(self, name: str, expected: Expectation, value: Any) -> Any:
        try:
            if expected is ANYTHING:
                return _labels_checked(value)
            checked = expected.checked(value)
            return (
                checked
                if checked is value or not isinstance(checked, Iterator)
                else self._read(name, checked)
            )
        except Refusal as refusal:
            raise self._error(refusal, name) from None

    def _read(self, name: str, values: Iterator[Any]) -> Iterator[Any]:
        """Yield what an iterator gives, checked one by one."""
        try:
            yield from values
        except Refusal as refusal:
            raise self._error(refusal, name) from None

    def _agree(self, arguments: dict[str, Any]) -> None:
        labelled = {
            name: value
            for name, value in arguments.items()
            if isinstance(value, xr.DataArray | xr.Dataset)
        }
        alike = {name: value for name, value in arguments.items() if self.expected[name].alike}
        plain = {
            name: (value, axes)
            for name, value in arguments.items()
            if (axes := self.expected[name].axes) and value is not None
        }
        try:
            if len(labelled) > 1:
                refuse_different_labels(labelled)
            if len(alike) > 1:
                refuse_different_shapes(alike)
                arguments.update(beside_plain(alike))
            if plain:
                refuse_different_lengths(plain)
        except Refusal as refusal:
            raise self._error(refusal, "") from None

    def _error(self, refusal: Refusal, name: str) -> RefusedInputError:
        kind = SchemaError if isinstance(refusal, Mislabelled) else RefusedInputError
        default = (
            self.parameters[name].default if name in self.parameters else inspect.Parameter.empty
        )
        usual = isinstance(default, str | bool | int | float)
        return kind(
            refusal.sentence(
                self.name,
                name,
                f"its default is {default!r}" if usual else "its docstring says what it means",
            )
        )

    def _unbound(self, kwargs: Mapping[str, Any], reason: str) -> str:
        names = [
            name
            for name, parameter in self.parameters.items()
            if parameter.kind not in MANY and name != "self"
        ] or ["no name"]
        takes_all = any(
            parameter.kind is inspect.Parameter.VAR_KEYWORD
            for parameter in self.parameters.values()
        )
        unknown = [] if takes_all else [name for name in kwargs if name not in names]
        if unknown:
            return (
                f"{self.name} has no argument {unknown[0]!r}{nearest(unknown[0], names)}: it "
                f"takes {', '.join(names)}."
            )
        return f"{self.name} cannot be called so ({reason}): it takes {', '.join(names)}."


def _labels_checked(value: Any) -> Any:
    if isinstance(value, xr.DataArray):
        return checked_array(value)
    return checked_dataset(value) if isinstance(value, xr.Dataset) else value


def _expected(annotation: Any, names: Mapping[str, Any]) -> Expectation:
    if annotation is inspect.Parameter.empty:
        return ANYTHING
    try:
        while isinstance(annotation, str):
            annotation = eval(annotation, {}, names)  # the text of a hint in our own source
    except (NameError, AttributeError, TypeError):
        return ANYTHING
    return expectation(annotation)


class _Names(Mapping[str, Any]):
    """What the hints of a function can name: what its module holds, and what it imports for type
    checkers alone."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._module = function.__module__
        self._held = inspect.unwrap(function).__globals__  # not those of a decorator

    def __getitem__(self, name: str) -> Any:
        if name in self._held:
            return self._held[name]
        return held(*_imported_for_types(self._module)[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)


@functools.cache
def _imported_for_types(module: str) -> dict[str, tuple[str, str]]:
    """Return where each name comes from that a module imports under ``TYPE_CHECKING``."""
    return imported_for_types(inspect.getsource(sys.modules[module]))
