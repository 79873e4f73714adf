"""Every public name, read from what the packages offer and from the pages of the reference: a new
one is found by itself."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
FACES = (
    "drift",
    "drift.metrics",
    "drift.similarity_matching",
    "drift.notebook.widgets",
    "circuits",
    "data_adapters",
)
# What an engine asks of a circuit, a network, a rule or an objective of one's own, with states that
# the engine has checked.
CONTRACT = {
    "at_rest",
    "inhibition_change",
    "initial_state",
    "network",
    "rate_change",
    "residual",
    "shared_inhibition",
    "state_at_rest",
    "usual_dt",
    "winning",
    "bound",
    "learn",
    "slopes",
    "respond",
    "parameters",
    "session_response",
    "session_loss",
    "objective",
    "selected",
    "credit",
    "feedback",
    "gate",
    "forward",
    "responses",
    "of_jacobian",
    "of_pairs",
    "of_units",
    "quadratic",
    "scale",
    "slope",
    "value",
    "check_targets",
    "first_feedforward",
    "feedforward",
    "step",
}
BLOCK = re.compile(r"currentmodule:: (\S+)\n\n\.\. autosummary::\n(?:   :.*\n)*\n((?:   \S+\n)+)")


def public_members() -> dict[str, Any]:
    """Return functions and classes of the public face by their full names."""
    found = {
        f"{face}.{name}": _member(face, name)
        for face in FACES
        for name in importlib.import_module(face).__all__
    }
    for page in sorted(REFERENCE.glob("*.md")):
        for module, names in BLOCK.findall(page.read_text()):
            for name in names.split():
                found[f"{module}.{name}"] = _member(module, name)
    for name, member in list(found.items()):
        if inspect.ismodule(member):
            del found[name]
            found |= {f"{name}.{one}": value for one, value in _of_module(member)}
    unique = {id(member): name for name, member in reversed(found.items())}
    return {
        name: member
        for name, member in found.items()
        if callable(member) and unique[id(member)] == name
    }


def public_callables() -> dict[str, Callable[..., Any]]:
    """Return everything that can be called, by full name: functions, classes, and methods bound to
    an instance where one can be made."""
    found: dict[str, Callable[..., Any]] = {}
    for name, member in public_members().items():
        if not inspect.isclass(member):
            found[name] = member
        elif not issubclass(member, BaseException | tuple):
            found |= (
                {name: made_and_drawn(member)}
                if hasattr(member, "model_fields") and not inspect.isabstract(member)
                else {}
            )
            found |= {f"{name}.{method}": function for method, function in _methods(member)}
    return found


def made_and_drawn(kind: type) -> Callable[..., Any]:
    """Return the class as a function of its entries; a task that has been made draws as well."""

    def made(**entries: Any) -> Any:
        recipe = kind(**entries)
        return recipe.draw(0) if hasattr(recipe, "draw") else recipe

    entries = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None)
        for name in kind.model_fields
    ]  # type: ignore[attr-defined]
    made.__signature__ = inspect.Signature(entries)  # type: ignore[attr-defined]
    return made


def _member(module: str, name: str) -> Any:
    held = importlib.import_module(module)
    for part in name.split("."):
        try:
            held = getattr(held, part)
        except AttributeError:
            held = importlib.import_module(f"{held.__name__}.{part}")
    if callable(held) or not isinstance(held, (dict, tuple)):
        return held
    return None


def _of_module(module: Any) -> Iterator[tuple[str, Any]]:
    for name, value in vars(module).items():
        documented = inspect.isclass(value) or (
            inspect.isfunction(value) and "Parameters\n" in (value.__doc__ or "")
        )
        if (
            not name.startswith("_")
            and getattr(value, "__module__", "") == module.__name__
            and documented
        ):
            yield name, value


def _methods(kind: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    holder = _instance(kind)
    for name in dir(kind):
        owner = next((base for base in kind.__mro__ if name in vars(base)), kind)
        ours = owner.__module__.split(".")[0] in ("drift", "circuits", "data_adapters")
        answers = name in CONTRACT and kind.__name__ != "Accessor"
        if (
            holder is not None
            and not answers
            and not name.startswith("_")
            and ours
            and inspect.isroutine(getattr(kind, name))
        ):
            yield name, getattr(holder, name)


def _instance(kind: type) -> Any:
    """Return an instance on which methods are called; None of an abstract class, whose members are
    tried on those that inherit it."""
    from world import world

    if kind.__name__ == "Accessor":
        return world()["Dataset"]["run"].drift
    needed = {
        "path": "text.txt",
        "active_units": 2,
        "std": 0.1,
        "stop": 5,
        "active_fraction": 0.2,
        "units": 5,
        "circuit": world()["plain"]["circuit"],
    }
    for entries in ({}, *({one: needed[one]} for one in needed)):
        try:
            return kind(**entries)
        except (TypeError, ValueError):
            continue
    return None
