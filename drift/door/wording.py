"""How a refusal at the door is worded: what, where, got, and remedy, in one sentence."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable
from typing import Any, Self

import numpy as np
import xarray as xr


class Refusal(Exception):
    """What an argument should have been, what it is, and what to do; the door adds where."""

    def __init__(self, wanted: str, got: str, remedy: str = "", where: str = "") -> None:
        super().__init__(wanted, got, remedy, where)
        self.wanted, self.got, self.remedy, self.where = wanted, got, remedy, where

    def within(self, where: str) -> Self:
        """Return the refusal as one of an entry of the argument."""
        return type(self)(
            self.wanted, self.got, self.remedy, f"{where}{' of ' if self.where else ''}{self.where}"
        )

    def sentence(self, function: str, argument: str, remedy: str) -> str:
        """Return the refusal as a sentence; the remedy is taken where there is no better one."""
        return (
            f"{self.place(argument)} must be {self.wanted}, got {self.got} in {function}: "
            f"{self.remedy or remedy}."
        )

    def place(self, argument: str) -> str:
        """Return which argument is meant, or which part of it."""
        return f"{self.where} of {argument}" if self.where and argument else self.where or argument


class Unknown(Refusal):
    """A name that is none of those that there are."""

    def sentence(self, function: str, argument: str, remedy: str) -> str:
        """Return the refusal as a sentence."""
        return f"{self.place(argument)} {self.got} is unknown{self.wanted}: {self.remedy}."


class Mislabelled(Refusal):
    """A Dataset that is none of the labelled form."""


def shown(value: Any) -> str:
    """Return a value as a refusal shows it, on one line and short."""
    if isinstance(value, xr.DataArray):
        return f"a DataArray with the dims ({', '.join(map(str, value.dims))})"
    if isinstance(value, xr.Dataset):
        return "a Dataset"
    if isinstance(value, np.ndarray) and value.ndim:
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    if value is None or isinstance(value, str | bool | int | float | complex):
        return reprlib.repr(value)
    if isinstance(value, np.generic):
        return f"{value}"
    name = type(value).__name__
    return (
        f"{name} {' '.join(reprlib.repr(value).split())}"
        if isinstance(value, list | tuple | dict | set)
        else f"{article(name)} {name}"
    )


def article(word: str) -> str:
    """Return "a" or "an"."""
    return "an" if word[0] in "AEIOUaeiou" else "a"


def nearest(word: Any, known: Iterable[Any]) -> str:
    """Return the known name that was probably meant, as a question in brackets; nothing if none is
    near."""
    close = (
        difflib.get_close_matches(word, [name for name in known if isinstance(name, str)], n=1)
        if isinstance(word, str)
        else []
    )
    return f" (did you mean {close[0]!r}?)" if close else ""
