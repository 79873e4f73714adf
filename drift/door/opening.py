"""The decorator that reads the signature of a public function and refuses what does not fit, in one sentence.

Arguments are checked once, where a call comes from outside: a public function that another one calls trusts what it is given.
Hints are read at the first call, so that decorating costs nothing.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=type)


class _Trust(threading.local):
    """Whether this thread is inside of a public function."""

    inside = False


_trust = _Trust()


def opened(function: Callable[P, R]) -> Callable[P, R]:
    """Return the function with its arguments checked against its signature.

    Parameters
    ----------
    function : callable
        With type hints; see ``drift.door.quantities`` for what they can say.

    Returns
    -------
    callable
        With the same name, docstring and signature. It raises ``RefusedInputError`` for an argument that does not fit, ``SchemaError``
        for a Dataset that does not.
    """
    if getattr(function, "is_opened", False):
        return function

    @functools.wraps(function)
    def door(*args: P.args, **kwargs: P.kwargs) -> R:
        if _trust.inside:
            return function(*args, **kwargs)
        bound = signature_of(function).bound(args, kwargs)
        _trust.inside = True
        try:
            return function(*bound.args, **bound.kwargs)
        except MemoryError as error:
            raise beyond_memory(function.__qualname__, error) from error
        finally:
            _trust.inside = False

    door.is_opened = True  # type: ignore[attr-defined]
    return door


def forwarding(function: Callable[P, R]) -> Callable[P, R]:
    """Return the function with its own arguments checked; those that it passes on meet the doors of the functions it calls."""

    @functools.wraps(function)
    def door(*args: P.args, **kwargs: P.kwargs) -> R:
        if _trust.inside:
            return function(*args, **kwargs)
        bound = signature_of(function).bound(args, kwargs)
        return function(*bound.args, **bound.kwargs)

    door.is_opened = True  # type: ignore[attr-defined]
    return door


def opened_methods(kind: C, open_one: Callable[[Any], Any] = opened) -> C:
    """Return the class with the methods that it defines itself opened, private and special ones apart."""
    for name, member in list(vars(kind).items()):
        if name.startswith("_") or getattr(member, "is_opened", False):
            continue
        if isinstance(member, classmethod | staticmethod):
            setattr(kind, name, type(member)(open_one(member.__func__)))
        elif callable(member) and hasattr(member, "__code__"):
            setattr(kind, name, (forwarding if _passes_on(member) else open_one)(member))
    return kind


def _passes_on(method: Any) -> bool:
    return bool(method.__code__.co_flags & inspect.CO_VARKEYWORDS)


def beyond_memory(name: str, error: MemoryError) -> Exception:
    """Return the refusal of a call that this computer cannot hold."""
    from drift.errors import RefusedInputError

    reason = " ".join(str(error).split()) or "no more is free"
    return RefusedInputError(f"{name} must fit in the memory of this computer, got {reason}: ask for fewer or smaller arrays.")


@functools.cache
def signature_of(function: Callable[..., Any]) -> Any:
    """Return what a function asks of its arguments, read once."""
    from drift.door.signature import Signature

    return Signature(function)
