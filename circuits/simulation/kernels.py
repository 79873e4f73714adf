"""Compiled loops of circuits: translated once for each kind, compiled once, and kept in the user's
cache."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from circuits.simulation.source import Argument, Source
from drift.errors import RefusedInputError
from drift.files.atomic import replaced_atomically
from drift.files.user_cache import cache_folder
from drift.loops.compiled import exact

FOLDER = "circuits"


class Program(NamedTuple):
    """What is kept of a translated kind of circuit.

    ``alone`` advances one copy, ``abreast`` several at once where it is not None. ``constants``
    holds the constants of the equations that are not those of the circuit, by "owner.name".
    """

    alone: Source
    abreast: Source | None
    constants: dict[str, float]


@lru_cache(maxsize=256)
def loop(text: str) -> Callable[..., None]:
    """Return the compiled loop of a text.

    Parameters
    ----------
    text : str
        That defines ``advance``.
    """
    path = _folder() / _digest(text) / "advance.py"
    _keep(path, text)
    names: dict[str, Any] = {
        # numba finds what it kept by the name of a module that can be imported
        "__name__": __name__,
        "np": np,
        "math": math,
        "inlined": njit(forceinline=True, nogil=True, error_model="numpy"),
    }
    exec(compile(text, str(path), "exec"), names)
    # loops that are loaded side by side must not share a name
    names["advance"].__qualname__ = f"advance_{_digest(text)}"
    compiled_loop: Callable[..., None] = exact(names["advance"])
    return compiled_loop


def remembered(key: tuple[object, ...], translate: Callable[[], Program]) -> Program:
    """Return a program that was kept under a key, or translate it and keep it.

    Parameters
    ----------
    key : tuple
        All that the program depends on, as text or numbers.
    translate : callable
        Makes the program.
    """
    path = _folder() / f"{_digest(repr((key, _makers())))}.json"
    try:
        return _read(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError):
        pass  # not there, or damaged
    program = translate()
    _keep(path, json.dumps(program))
    return program


def _read(text: Any) -> Program:
    alone, abreast, constants = text
    return Program(_source(alone), abreast and _source(abreast), dict(constants))


def _source(pair: Any) -> Source:
    text, arguments = pair
    return Source(str(text), tuple(Argument(*argument) for argument in arguments))


@cache
def _makers() -> str:
    """Hash of all that makes programs: Brian2's version and the modules beside this one."""
    content = hashlib.sha256(importlib.metadata.version("brian2").encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        content.update(path.read_bytes())
    return content.hexdigest()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _folder() -> Path:
    return cache_folder() / FOLDER


def _keep(path: Path, text: str) -> None:
    """Write a file that is not there yet, or damaged; where nothing can be written, do nothing."""
    try:
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replaced_atomically(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
    except (OSError, ValueError, RefusedInputError):
        return
