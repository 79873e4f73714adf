"""What a type hint asks of an argument: each hint becomes one ``Expectation``, compiled once."""

from __future__ import annotations

import inspect
import math
import os
import types
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import numpy as np
import xarray as xr

from drift.door.labels import checked_array, checked_dataset, checked_numbers
from drift.door.quantities import ALIKE, EXACT, NUMBERS, UNBOUNDED, UNREAD, Axes, Dims, Range
from drift.door.wording import Mislabelled, Refusal, Unknown, article, nearest, shown

CONTAINERS, STREAMS = (Sequence, Set, Collection, list, set, frozenset), (Iterable, Iterator)
LARGEST = 1e100  # the third power of a greater number is none
REMEDIES = {
    np.random.Generator: "make one with drift.stream(seed, name)",
    xr.Dataset: "pass the result of train, measure or load",
    xr.DataArray: "pass a labelled array such as run.rate",
}


class Expectation(NamedTuple):
    """What is wanted in words, whether a value is of that kind at all, and the check that returns
    it or raises ``Refusal``."""

    wanted: str
    takes: Callable[[Any], bool]
    checked: Callable[[Any], Any]
    plural: str = ""
    alike: bool = False  # broadcast with the other arguments that are
    axes: tuple[str, ...] = ()  # names of the axes of a plain array


def expectation(hint: Any, extras: tuple[Any, ...] = ()) -> Expectation:
    """Return what a hint asks for; a hint that nothing is known of asks for nothing."""
    origin, arguments = get_origin(hint), get_args(hint)
    if NUMBERS in extras:
        return Expectation(
            "numbers", lambda value: True, _numbers, "numbers", alike=ALIKE in extras
        )
    if origin is Annotated:
        return expectation(arguments[0], (*extras, *arguments[1:]))
    if origin in (Union, types.UnionType):
        return _any_of([expectation(option, extras) for option in arguments])
    if origin is Literal:
        return _choice(arguments)
    if hint is None or hint is type(None):
        return _simple("None", lambda value: value is None)
    if hint in _PLAIN:
        return _PLAIN[hint](extras)
    if origin is tuple or hint is tuple:
        return _tuple(arguments)
    if origin is Callable or hint is Callable:
        return _simple("a function", callable)._replace(plural="functions")
    if (origin or hint) in (Mapping, dict):
        return _mapping(arguments)
    if (origin or hint) in (*CONTAINERS, *STREAMS):
        return _several(arguments[0] if arguments else Any, lazily=(origin or hint) in STREAMS)
    if inspect.isclass(hint):
        return _answering(hint) if getattr(hint, "_is_protocol", False) else _instance(hint)
    return ANYTHING


ANYTHING = Expectation("anything", lambda value: True, lambda value: value)


def _simple(
    wanted: str, takes: Callable[[Any], bool], remedy: str = "", error: type[Refusal] = Refusal
) -> Expectation:
    def checked(value: Any) -> Any:
        if not takes(value):
            raise error(wanted, shown(value), remedy)
        return value

    return Expectation(wanted, takes, checked)


def _whole(extras: tuple[Any, ...]) -> Expectation:
    span = next((extra for extra in extras if isinstance(extra, Range)), Range(high=2**63 - 1))
    description = f"a whole number{span.wording(whole=True)}"

    def takes(value: Any) -> bool:
        whole_float = isinstance(value, float | np.floating) and float(value).is_integer()
        return (isinstance(value, int | np.integer) and not isinstance(value, bool)) or whole_float

    def checked(value: Any) -> Any:
        if takes(value) and value > span.high:
            raise Refusal(f"a whole number of at most {span.high:.10g}", shown(value))
        if not takes(value) or not span.holds(value):
            raise Refusal(description, shown(value))
        return int(value) if isinstance(value, float | np.floating) else value

    return Expectation(description, takes, checked, "whole numbers")


def _real(extras: tuple[Any, ...]) -> Expectation:
    span = next((extra for extra in extras if isinstance(extra, Range)), Range())
    unbounded = UNBOUNDED in extras
    description = f"{'a' if unbounded else 'one finite'} number{span.wording()}"

    def takes(value: Any) -> bool:
        return isinstance(value, int | float | np.integer | np.floating) and not isinstance(
            value, bool
        )

    def checked(value: Any) -> Any:
        if not takes(value) or not span.holds(value) or (abs(value) == math.inf and not unbounded):
            raise Refusal(description, shown(value))
        if LARGEST < abs(float(value)) < math.inf:
            raise Refusal(
                f"a number whose powers a computer holds, of at most {LARGEST:g}", shown(value)
            )
        return value if isinstance(value, float | np.number) or abs(value) < 2**63 else float(value)

    return Expectation(description, takes, checked, "numbers")


def _choice(choices: tuple[Any, ...]) -> Expectation:
    description = f"one of {', '.join(map(str, choices))}"
    kinds = tuple({type(choice) for choice in choices})

    def checked(value: Any) -> Any:
        if isinstance(value, kinds) and value in choices:
            return value
        raise Unknown(nearest(value, choices), shown(value), f"use {description}")

    return Expectation(description, lambda value: isinstance(value, kinds), checked, "names")


def _dataset(extras: tuple[Any, ...]) -> Expectation:
    held = _simple(
        "an xarray Dataset",
        lambda value: isinstance(value, xr.Dataset),
        REMEDIES[xr.Dataset],
        Mislabelled,
    )
    return held._replace(
        checked=lambda value: checked_dataset(held.checked(value), read=UNREAD not in extras),
        plural="Datasets",
    )


def _array(extras: tuple[Any, ...]) -> Expectation:
    dims = next((extra for extra in extras if isinstance(extra, Dims)), Dims())
    description = f"an xarray DataArray{' with the dims ' + ', '.join(dims) if dims else ''}"
    held = _simple(
        description, lambda value: isinstance(value, xr.DataArray), REMEDIES[xr.DataArray]
    )

    def checked(value: Any) -> Any:
        array = checked_array(held.checked(value), dims, UNBOUNDED in extras)
        if EXACT in extras and len(array.dims) > len(dims):
            raise Refusal(
                f"{description} alone", shown(array), "take one of each other dim by isel"
            )
        return array

    return held._replace(checked=checked, plural="DataArrays")


def _ndarray(extras: tuple[Any, ...]) -> Expectation:
    def takes(value: Any) -> bool:
        return isinstance(value, (np.ndarray | np.number | xr.DataArray, list | tuple | range))

    axes = next((extra for extra in extras if isinstance(extra, Axes)), Axes())
    description = (
        f"an array of numbers with the {'axis' if len(axes) == 1 else 'axes'} {', '.join(axes)}"
        if axes
        else "an array of numbers"
    )
    held = _simple(description, takes)

    def checked(value: Any) -> Any:
        array = checked_numbers(held.checked(value), UNBOUNDED in extras)
        if axes and (array.ndim < len(axes) - 1 if axes[0] == "..." else array.ndim != len(axes)):
            raise Refusal(description, shown(array))
        return array

    return held._replace(checked=checked, axes=axes)


def _numbers(value: Any) -> Any:
    """Return numbers of any shape in whatever holds them, tensors of torch among them."""
    if type(value).__module__.partition(".")[0] == "torch":
        return value
    if not isinstance(
        value, np.ndarray | xr.DataArray | list | tuple | range | int | float | np.number
    ) or isinstance(value, bool):
        raise Refusal("numbers", shown(value))
    return checked_numbers(value)


_PLAIN: dict[Any, Callable[[tuple[Any, ...]], Expectation]] = {
    Any: lambda extras: ANYTHING,
    object: lambda extras: ANYTHING,
    bool: lambda extras: _simple("True or False", lambda value: isinstance(value, bool | np.bool_)),
    int: _whole,
    float: _real,
    str: lambda extras: _simple("text", lambda value: isinstance(value, str))._replace(
        plural="names"
    ),
    os.PathLike: lambda extras: _simple("a path", lambda value: isinstance(value, os.PathLike)),
    xr.Dataset: _dataset,
    xr.DataArray: _array,
    np.ndarray: _ndarray,
}


def _instance(kind: type) -> Expectation:
    name = kind.__name__
    return _simple(
        f"{article(name)} {name}", lambda value: isinstance(value, kind), REMEDIES.get(kind, "")
    )._replace(plural=f"{name}s")


def _answering(protocol: type) -> Expectation:
    names = {
        *getattr(protocol, "__annotations__", {}),
        *(name for name in vars(protocol) if not name.startswith("_")),
    }
    return _simple(
        f"{article(protocol.__name__)} {protocol.__name__}",
        lambda value: all(hasattr(value, name) for name in names),
    )


def _any_of(options: Sequence[Expectation]) -> Expectation:
    if ANYTHING in options:
        return ANYTHING
    description, plural = (
        " or ".join(dict.fromkeys(words))
        for words in zip(*((option.wanted, option.plural or option.wanted) for option in options))
    )

    def checked(value: Any) -> Any:
        fitting = [option for option in options if option.takes(value)]
        for option in fitting[:-1]:
            try:
                return option.checked(value)
            except Refusal:
                continue
        if fitting:
            return fitting[-1].checked(value)
        raise Refusal(description, shown(value), _remedy(options, value))

    axes = next((option.axes for option in options if option.axes), ())
    return Expectation(
        description,
        lambda value: any(option.takes(value) for option in options),
        checked,
        plural,
        axes=axes,
    )


def _remedy(options: Sequence[Expectation], value: Any) -> str:
    """Return what the first option that knows better would advise."""
    for option in options:
        try:
            option.checked(value)
        except Refusal as refusal:
            if refusal.remedy:
                return refusal.remedy
    return ""


def _tuple(hints: tuple[Any, ...]) -> Expectation:
    if not hints or hints[-1] is Ellipsis:
        return _several(hints[0] if hints else Any, lazily=False)
    members = [expectation(hint) for hint in hints]
    description = f"{len(members)} values, " + " and ".join(member.wanted for member in members)

    def takes(value: Any) -> bool:
        return isinstance(value, tuple | list) or (
            isinstance(value, np.ndarray) and value.ndim == 1
        )

    def checked(value: Any) -> Any:
        if not takes(value) or len(value) != len(members):
            raise Refusal(description, shown(value))
        for number, (member, entry) in enumerate(zip(members, value, strict=True)):
            _entry(member, number, entry)
        return value

    return Expectation(description, takes, checked)


def _mapping(hints: tuple[Any, ...]) -> Expectation:
    values = expectation(hints[1]) if hints else ANYTHING
    held = _simple("a dictionary", lambda value: isinstance(value, Mapping))

    def checked(value: Any) -> Any:
        for name, entry in held.checked(value).items():
            _entry(values, name, entry)
        return value

    return held._replace(checked=checked)


def _several(hint: Any, lazily: bool) -> Expectation:
    member = expectation(hint)
    description = f"a list of {member.plural}" if member.plural else "a list"

    def takes(value: Any) -> bool:
        if isinstance(value, str | bytes | xr.Dataset | xr.DataArray | Mapping) or (
            isinstance(value, np.ndarray) and value.ndim == 0
        ):
            return False
        return isinstance(value, Iterable if lazily else Collection)

    def checked(value: Any) -> Any:
        if not takes(value):
            raise Refusal(
                description,
                shown(value),
                "write it in brackets, [...]" if member.takes(value) else "",
            )
        if member is ANYTHING:
            return value
        return _one_by_one(member, value) if isinstance(value, Iterator) else _all_of(member, value)

    return Expectation(description, takes, checked)


def _all_of(member: Expectation, values: Any) -> Any:
    """Return the container with its entries checked: itself, unless an entry was read from disk."""
    entries = [_entry(member, number, entry) for number, entry in enumerate(values)]
    return (
        values
        if all(new is old for new, old in zip(entries, values)) or isinstance(values, np.ndarray)
        else entries
    )


def _one_by_one(member: Expectation, values: Iterator[Any]) -> Iterator[Any]:
    yield from (_entry(member, number, entry) for number, entry in enumerate(values))


def _entry(member: Expectation, label: Any, entry: Any) -> Any:
    try:
        return member.checked(entry)
    except Refusal as refusal:
        raise refusal.within(f"entry {label!r}") from None
