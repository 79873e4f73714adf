"""The one door to Brian2: it is imported when a circuit settles, and says what is wrong when it
cannot be."""

from __future__ import annotations

import functools
import gc
import importlib
import importlib.metadata
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from drift.schema.labelled_form import RefusedInputError

FIRST_FOR_NUMPY_2_4 = (2, 10)


@functools.cache
def brian2() -> Any:
    """Return the Brian2 module.

    Raises
    ------
    RefusedInputError
        If numpy is too new for the installed Brian2, which would fail while being imported
        (brian2#1705).
    """
    refuse_clashing_versions(
        importlib.metadata.version("numpy"), importlib.metadata.version("brian2")
    )
    hook = sys.excepthook
    try:
        return importlib.import_module("brian2")
    finally:
        sys.excepthook = hook  # Brian2 would claim every later error of the session as its own


@contextmanager
def runtime_device() -> Iterator[None]:
    """Run in this process whatever device the user has set, which is set again afterwards with its
    options."""
    brian = brian2()
    # the attribute of this name is the active device, not the module
    devices = importlib.import_module("brian2.devices.device")
    if brian.get_device() is devices.runtime_device:
        yield
        return
    brian.set_device("runtime")
    try:
        yield
    finally:
        devices.reset_device()


@contextmanager
def prepared(target: str) -> Iterator[None]:
    """Have Brian2 generate code for a target of this process, and set all back afterwards.

    Parameters
    ----------
    target : {"numpy", "cython"}
        As in Brian2's preferences.
    """
    brian = brian2()
    previous_target = brian.prefs.codegen.target
    brian.prefs.codegen.target = target
    try:
        with living_objects_set_aside(), runtime_device():
            yield
    finally:
        brian.prefs.codegen.target = previous_target


@contextmanager
def living_objects_set_aside() -> Iterator[None]:
    """Keep Brian2's collection of garbage before each run from walking all that lives, which costs
    as much as a thousand steps."""
    if gc.get_freeze_count():  # frozen by someone else, who would lose it
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def refuse_clashing_versions(numpy: str, brian: str) -> None:
    """Refuse a numpy that the installed Brian2 cannot be imported with.

    Parameters
    ----------
    numpy, brian : str
        Versions such as "2.3.5" and "2.9.0".
    """
    if _release(numpy) >= (2, 4) and _release(brian) < FIRST_FOR_NUMPY_2_4:
        raise RefusedInputError(
            f"Brian2 {brian} cannot be imported with numpy {numpy}: install 'numpy<2.4', or "
            "Brian2 2.10 or newer on Python 3.12 or newer."
        )


def _release(version: str) -> tuple[int, int]:
    major, minor, *_ = version.split(".")
    return int(major), int(minor)
