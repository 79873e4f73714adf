"""Faces of packages: what a package offers is said once, as imports for type checkers, and loaded
when a name is first used."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def lazily(package: str) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__all__``, ``__getattr__`` and ``__dir__`` of a package whose names stand under ``if
    TYPE_CHECKING``.

    Parameters
    ----------
    package : str
        Its ``__name__``.

    Returns
    -------
    names, getattr, dir : list of str, callable, callable
        In the order in which the package lists the names.
    """
    module = sys.modules[package]
    homes = _homes(Path(str(module.__file__)).read_text(encoding="utf-8"))

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home, own_name = homes[name]
        value = getattr(importlib.import_module(home), own_name, None)
        value = importlib.import_module(f"{home}.{own_name}") if value is None else value
        setattr(module, name, value)
        return value

    return list(homes), load, lambda: sorted({*vars(module), *homes})


def _homes(source: str) -> dict[str, tuple[str, str]]:
    """Module of each public name and its name there, by the imports under ``if TYPE_CHECKING``."""
    homes: dict[str, tuple[str, str]] = {}
    for node in ast.parse(source).body:
        if (
            isinstance(node, ast.If)
            and isinstance(node.test, ast.Name)
            and node.test.id == "TYPE_CHECKING"
        ):
            for line in node.body:
                if isinstance(line, ast.ImportFrom) and line.module:
                    homes |= {
                        alias.asname or alias.name: (line.module, alias.name)
                        for alias in line.names
                    }
    return homes
