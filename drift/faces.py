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
        source = Path(str(module.__file__)).read_text(encoding="utf-8")
        return {name: home for name, home in imported_for_types(source).items() if home[1]}

    def meant(name: str) -> str:
        import difflib  # only where a name is misspelt

        close = difflib.get_close_matches(name, [*homes(), *vars(module)], n=1)
        return f" (did you mean {close[0]!r}?)" if close and not name.startswith("_") else ""

    def load(name: str) -> Any:
        if name == "__all__":
            value: Any = [public for public in homes() if not public.startswith("__")]
        elif name in homes():
            value = held(*homes()[name])
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}{meant(name)}")
        setattr(module, name, value)
        return value

    return load, lambda: sorted({*vars(module), *homes()})


def held(module: str, name: str) -> Any:
    """Return what a module holds under a name, a module of its own included; the module itself
    where the name is empty."""
    home = import_module(module)
    if not name:
        return home
    return getattr(home, name) if hasattr(home, name) else import_module(f"{module}.{name}")


def imported_for_types(source: str) -> dict[str, tuple[str, str]]:
    """Module of each name that is imported under ``if TYPE_CHECKING`` and its name there, empty for
    the module itself."""
    import ast  # with the first name that is used, not with the package

    homes: dict[str, tuple[str, str]] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            for line in node.body:
                if isinstance(line, ast.ImportFrom) and line.module:
                    for alias in line.names:
                        homes[alias.asname or alias.name] = (line.module, alias.name)
                elif isinstance(line, ast.Import):
                    homes |= {alias.asname or alias.name: (alias.name, "") for alias in line.names}
    return homes
