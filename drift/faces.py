"""Faces of packages: what a package offers is said once, as imports for type checkers, and loaded
when a name is first used."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any


def lazily(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a package whose names stand under ``if
    TYPE_CHECKING``; ``__all__`` lists them in the order of the package.

    Parameters
    ----------
    package : str
        Its ``__name__``.

    Returns
    -------
    getattr, dir : callable
    """
    module = sys.modules[package]

    @cache
    def homes() -> dict[str, tuple[str, str]]:
        return _homes(Path(str(module.__file__)).read_text(encoding="utf-8"))

    def load(name: str) -> Any:
        if name == "__all__":
            value: Any = list(homes())
        elif name in homes():
            home, own_name = homes()[name]
            value = getattr(import_module(home), own_name, None)
            value = import_module(f"{home}.{own_name}") if value is None else value
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        setattr(module, name, value)
        return value

    return load, lambda: sorted({*vars(module), *homes()})


def _homes(source: str) -> dict[str, tuple[str, str]]:
    """Module of each public name and its name there, by the imports under ``if TYPE_CHECKING``."""
    import ast  # with the first name that is used, not with the package

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
