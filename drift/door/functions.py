"""The door of functions of the user that are called from inside: they take what they are given, and
return what is needed."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import xarray as xr

from drift.door.wording import shown
from drift.errors import RefusedInputError


def answer_of(
    function: Callable[..., Any], name: str, *arguments: Any, dims: tuple[str, ...]
) -> xr.DataArray:
    """Return what a function of the user says of these arguments.

    Parameters
    ----------
    function : callable
    name : str
        Of the argument that it is, for messages.
    *arguments
        What it is called with.
    dims : tuple of str
        That its answer must have; they come first, in this order.

    Raises
    ------
    RefusedInputError
        If it does not take that many arguments, or answers with something else.
    """
    _refuse_other_arguments(function, name, arguments)
    answer = function if isinstance(function, type) else function(*arguments)
    if not isinstance(answer, xr.DataArray) or not set(dims) <= set(answer.dims):
        raise RefusedInputError(
            f"{name} was expected to return a DataArray ({', '.join(dims)}, ...), got "
            f"{shown(answer)}: keep these dims of what it is given."
        )
    return answer.transpose(*dims, ...)


def _refuse_other_arguments(
    function: Callable[..., Any], name: str, arguments: tuple[Any, ...]
) -> None:
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError as error:
        what = " and ".join(shown(argument) for argument in arguments)
        raise RefusedInputError(
            f"{name} is called with {what}, got a function that does not take that ({error}): "
            "see the docstring for its arguments."
        ) from None
    except ValueError:  # compiled functions do not tell
        return
