"""The decorator that reads the signature of a public function and refuses what does not fit, in one
sentence.

Arguments are checked once, where a call comes from outside: a public function that another one
calls trusts what it is given. Hints are read at the first call, so that decorating costs nothing.
"""

from __future__ import annotations

import functools
import inspect
import sysconfig
import threading
import traceback
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from types import GeneratorType
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=type)


PACKAGES = Path(__file__).resolve().parents[2]
UNFORESEEN = (
    ArithmeticError,
    LookupError,
    TypeError,
    AttributeError,
    ValueError,
    RecursionError,
    PermissionError,
)


class _Trust(threading.local):
    """Whether this thread is inside of a public function, and what was found there already."""

    inside = False
    memory: dict[Any, Any] | None = None


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
        With the same name, docstring and signature. It raises ``RefusedInputError`` for an argument
        that does not fit, ``SchemaError`` for a Dataset that does not.
    """
    if getattr(function, "is_opened", False):
        return function

    @functools.wraps(function)
    def door(*args: P.args, **kwargs: P.kwargs) -> R:
        if _trust.inside:
            return function(*args, **kwargs)
        bound = signature_of(function).bound(args, kwargs)
        _trust.inside, _trust.memory = True, {}
        try:
            result = function(*bound.args, **bound.kwargs)
            if isinstance(result, GeneratorType):
                guarded: Any = _guarded(function.__qualname__, bound.arguments, result)
                return guarded
            return result
        except MemoryError as error:
            raise beyond_memory(function.__qualname__, error) from error
        except UNFORESEEN as error:
            if (refusal := unforeseen(function.__qualname__, bound.arguments, error)) is None:
                raise
            raise refusal from error
        finally:
            _trust.inside, _trust.memory = False, None

    door.is_opened = True  # type: ignore[attr-defined]
    return door


def findings() -> dict[Any, Any] | None:
    """What was found out about arguments since this thread came through a door, None outside.

    Arrays do not change inside, so that what was validated once need not be validated again.
    """
    return _trust.memory


def forwarding(function: Callable[P, R]) -> Callable[P, R]:
    """Return the function with its own arguments checked; those that it passes on meet the doors of
    the functions it calls."""

    @functools.wraps(function)
    def door(*args: P.args, **kwargs: P.kwargs) -> R:
        if _trust.inside:
            return function(*args, **kwargs)
        bound = signature_of(function).bound(args, kwargs)
        return function(*bound.args, **bound.kwargs)

    door.is_opened = True  # type: ignore[attr-defined]
    return door


def opened_methods(kind: C, open_one: Callable[[Any], Any] = opened) -> C:
    """Return the class with the methods that it defines itself opened, private and special ones
    apart."""
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
    return RefusedInputError(
        f"{name} must fit in the memory of this computer, got {reason}: ask for fewer or "
        "smaller arrays."
    )


def _guarded(name: str, arguments: Mapping[str, Any], values: Generator) -> Generator:
    """Yield what a public function yields, refusing what no check foresaw on the way, too."""
    try:
        yield from values
    except UNFORESEEN as error:
        if (refusal := unforeseen(name, arguments, error)) is None:
            raise
        raise refusal from error


def unforeseen(name: str, arguments: Mapping[str, Any], error: Exception) -> Exception | None:
    """Return the refusal of arguments that no check foresaw; None for a refusal, and for an error
    in code of the user."""
    from drift.errors import RefusedInputError

    if isinstance(error, RefusedInputError) or _in_code_of_the_user(error):
        return None
    if isinstance(error, PermissionError):
        return RefusedInputError(
            f"{error.filename or name} was expected to be open to you, got "
            f"{error.strerror or error}: ask its owner, or choose another path."
        )
    listing = (
        ", ".join(f"{key}={_shortly(value)}" for key, value in arguments.items() if key != "self")
        or "none"
    )
    reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return RefusedInputError(
        f"{name} cannot compute with these arguments, got {listing} ({reason}): compare them "
        "with its docstring, and report it if they fit."
    )


def _in_code_of_the_user(error: Exception) -> bool:
    """Tell whether a learner, a probe or another part that is neither ours nor a library's took
    part in the error."""
    frames = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)]
    homes = [
        *(PACKAGES / package for package in ("drift", "circuits", "data_adapters")),
        Path(sysconfig.get_path("stdlib")),
    ]
    # frames of compiled libraries bear the names of their sources
    written = [Path(name) for name in frames if not name.startswith("<") and name[-4:] != ".pyx"]
    typed = any(name.startswith(("<stdin", "<ipython")) for name in frames)
    return typed or any(
        "site-packages" not in path.parts and not set(homes) & set(path.parents) for path in written
    )


def _shortly(value: Any) -> str:
    text = (
        " ".join(repr(value).split())
        if isinstance(value, str | int | float | bool | list | tuple | None)
        else type(value).__name__
    )
    return text if len(text) <= 60 else f"{text[:57]}..."


@functools.cache
def signature_of(function: Callable[..., Any]) -> Any:
    """Return what a function asks of its arguments, read once."""
    from drift.door.signature import Signature

    return Signature(function)
