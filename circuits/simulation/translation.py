"""What a Brian2 network does in one step, read from Brian2 itself: its state updaters and its code
generation turn equations into statements, its schedule puts them in order."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np

from circuits.simulation import brian
from circuits.simulation.functions import FUNCTIONS
from drift.errors import RefusedInputError

ELEMENT, SINGLE, PRE, POST = "element", "single", "pre", "post"
CLOCK = {"dt": "dt", "t": "step * dt", "timestep": "step", "t_in_timesteps": "step"}
STEPPED = ("stateupdate", "summed_variable")
PASSIVE = ("NeuronGroup", "Synapses")


class Place(NamedTuple):
    """Where a number stands: in which variable of which Brian2 object, and at which index.

    ``index`` is one of ``ELEMENT``, ``SINGLE``, ``PRE`` and ``POST``, or the name of a variable of
    indices.
    """

    owner: str
    variable: str
    index: str = ELEMENT  # type: ignore[assignment]  # the method of tuples is not called


class Assignment(NamedTuple):
    """``variable = expression`` in Python; names are those of the block."""

    variable: str
    expression: str


@dataclass(frozen=True)
class Block:
    """One operation of a step, for all elements of a Brian2 object.

    Attributes
    ----------
    purpose : {"update", "sum", "rates", "inhibitions"}
        New values of the elements; their sum for each postsynaptic element; or what is recorded.
    owner : str
        Whose elements.
    once, each : tuple of Assignment
        Before the elements, and for each of them.
    numbers : dict
        Literals or names of the clock by the names that they have in the block.
    places : dict
        Where the other names of the block stand.
    written : tuple of str
        Names that are written back.
    target : Place or None
        Of a sum.
    """

    purpose: Literal["update", "sum", "rates", "inhibitions"]
    owner: str
    once: tuple[Assignment, ...]
    each: tuple[Assignment, ...]
    numbers: Mapping[str, str]
    places: Mapping[str, Place]
    written: tuple[str, ...]
    target: Place | None = None

    @property
    def result(self) -> str:
        """Name of what is summed or recorded."""
        return self.each[-1].variable


@dataclass(frozen=True)
class Translated:
    """A Brian2 network that was read.

    Attributes
    ----------
    blocks : tuple of Block
        In the order of a step.
    objects : dict
        The Brian2 objects by name.
    constants : dict
        Value of every constant of the equations, by owner and name.
    units, interneurons : int
        Elements of the two groups that are recorded.
    """

    blocks: tuple[Block, ...]
    objects: Mapping[str, Any]
    constants: Mapping[tuple[str, str], float]
    units: int
    interneurons: int

    def values(self, owner: str, variable: str) -> np.ndarray:
        """Return the present values of a variable."""
        return np.array(self.objects[owner].variables[variable].get_value())

    @cached_property
    def synapses(self) -> dict[str, tuple[np.ndarray, np.ndarray, int]]:
        """Presynaptic and postsynaptic indices and number of targets, by name of the synapses."""
        return {
            name: (
                np.array(item.variables["_synaptic_pre"].get_value(), dtype=np.int64),
                np.array(item.variables["_synaptic_post"].get_value(), dtype=np.int64),
                int(item.target.N),
            )
            for name, item in self.objects.items()
            if "_synaptic_pre" in item.variables
        }


def translated(components: Mapping[str, Any], recorded: Mapping[str, str]) -> Translated:
    """Read what the Brian2 objects of a network do in one step.

    Parameters
    ----------
    components : mapping
        Brian2 objects by name, ``excitatory`` and ``interneuron`` among them.
    recorded : mapping
        Variable of each of these two that is recorded at the start of a step.

    Raises
    ------
    RefusedInputError
        If an object does more than to change rates and to sum them.
    """
    b2 = brian.brian2()
    purposes = {"excitatory": "rates", "interneuron": "inhibitions"}
    monitors = {
        b2.StateMonitor(components[name], variable, record=True, clock=components[name].clock,
                        name=purposes[name]): name
        for name, variable in recorded.items()
    }  # fmt: skip
    network = b2.Network(*components.values(), *monitors)
    _refuse_clocks(network)
    blocks: list[Block] = []
    constants: dict[tuple[str, str], float] = {}
    for item in network.sorted_objects:
        item.before_run({})
        item._network = network.id  # so that Brian2 does not take it for forgotten
        if item in monitors:
            group = components[monitors[item]]
            code = f"_recorded = {recorded[monitors[item]]}"
            reading = _Reading(group, code, item.name)
        elif getattr(item, "template", None) in STEPPED and item.codeobj is not None:
            summed = item.template == "summed_variable"
            if not summed and "_synaptic_pre" in item.group.variables:
                raise RefusedInputError(_unable(f"the synapses '{item.group.name}'"))
            reading = _Reading(item.group, item.abstract_code, "sum" if summed else "update")
            reading.target = _target(item) if summed else None
        elif _idle(item):
            continue
        else:
            raise RefusedInputError(_unable(f"{type(item).__name__} '{item.name}'"))
        blocks.append(reading.block())
        constants |= reading.constants
    groups = {item.name: item for item in components.values()}
    sizes = [int(components[name].N) for name in recorded]
    return Translated(tuple(blocks), groups, constants, *sizes)


def _idle(item: Any) -> bool:
    """Tell whether a Brian2 object does nothing itself within a step."""
    if type(item).__name__ in PASSIVE:
        return True
    return getattr(item, "template", None) == "stateupdate"  # without an equation to step


def _unable(what: str) -> str:
    return (
        f"{what} does more than to change rates and to sum them, which engine='compiled' does "
        "not know: use engine='brian2'."
    )


def _refuse_clocks(network: Any) -> None:
    steps = {float(item.clock.dt_) for item in network.sorted_objects}
    if len(steps) > 1:
        raise RefusedInputError(
            f"the circuit has clocks of {len(steps)} different steps, got {sorted(steps)} s; "
            "engine='compiled' needs one: use engine='brian2'."
        )


def _target(updater: Any) -> Place:
    target = updater.target_var
    if target.size != updater.target.N:
        raise RefusedInputError(_unable(f"a sum over a part of '{target.owner.name}'"))
    return Place(target.owner.name, target.name)


class _Reading:
    """One piece of abstract code while it is read."""

    def __init__(self, group: Any, code: str, purpose: Any) -> None:
        # a weak reference knows its object by its name only
        self.group, self.code, self.purpose = group, code, purpose
        self.target: Place | None = None
        self.constants: dict[tuple[str, str], float] = {}
        self.variables = self._resolved()

    def block(self) -> Block:
        """Return the code as statements of Python."""
        from brian2.codegen.translation import make_statements

        once, each = make_statements(self.code, self.variables, np.float64, optimise=True)
        assignments = [self._assignments(once), self._assignments(each)]
        lines = [*assignments[0], *assignments[1]]
        names = _names(lines)
        numbers: dict[str, str] = {}
        places: dict[str, Place] = {}
        for name in sorted(names & set(self.variables)):
            self._sort_in(name, numbers, places)
        written = {assignment.variable for assignment in lines}
        self._refuse_foreign(places, written)
        return Block(
            self.purpose, self.group.name, assignments[0], assignments[1], numbers, places,
            tuple(name for name in places if name in written), self.target,
        )  # fmt: skip

    def _resolved(self) -> dict[str, Any]:
        from brian2.codegen.translation import analyse_identifiers

        identifiers = analyse_identifiers(self.code, self.group.variables, recursive=True)
        names = set().union(*identifiers[1:])  # those of the group and those of its namespace
        return dict(self.group.resolve_all(names, {}, user_identifiers=set()))

    def _assignments(self, statements: Any) -> tuple[Assignment, ...]:
        return tuple(
            Assignment(
                statement.var,
                self._in_python(
                    f"{statement.var} {statement.op[:-1]} ({statement.expr})"
                    if statement.inplace
                    else statement.expr
                ),
            )
            for statement in statements
        )

    def _in_python(self, expression: str) -> str:
        tree = ast.parse(expression.strip(), mode="eval")
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                self._refuse_unknown(node)
                node.func.id = FUNCTIONS[node.func.id]  # type: ignore[attr-defined]
        return ast.unparse(tree)

    def _refuse_unknown(self, call: ast.Call) -> None:
        from brian2.core.functions import DEFAULT_FUNCTIONS

        name = ast.unparse(call.func)
        if name not in FUNCTIONS or self.variables.get(name) is not DEFAULT_FUNCTIONS.get(name):
            raise RefusedInputError(
                f"the equations of '{self.group.name}' call {name}(), which engine='compiled' "
                f"does not know: use some of {', '.join(FUNCTIONS)}, or engine='brian2'."
            )

    def _sort_in(self, name: str, numbers: dict[str, str], places: dict[str, Place]) -> None:
        variable = self.variables[name]
        kind = type(variable).__name__
        if kind in ("Subexpression", "Function"):  # the first stand among the assignments
            return
        if kind == "SymbolicConstant":
            numbers[name] = repr(float(variable.value)).replace("inf", "np.inf")
        elif kind == "Constant":
            self.constants[self.group.name, name] = float(variable.get_value())
            numbers[name] = f"{self.group.name}.{name}"
        elif variable.owner.__class__.__name__ == "Clock":
            numbers[name] = CLOCK[variable.name]
        elif np.dtype(variable.dtype).kind not in "fiub":
            raise RefusedInputError(_unable(f"the {variable.dtype} variable '{name}'"))
        else:
            places[name] = Place(variable.owner.name, variable.name, self._index(name))

    def _refuse_foreign(self, places: Mapping[str, Place], written: set[str]) -> None:
        for name in written & set(places):
            if places[name].index not in (ELEMENT, SINGLE):
                raise RefusedInputError(_unable(f"'{self.group.name}', which changes '{name}',"))

    def _index(self, name: str) -> str:
        indices = self.group.variables.indices
        index = indices.get(name, ELEMENT)
        usual = {
            "_idx": ELEMENT, "0": SINGLE, "_presynaptic_idx": PRE, "_postsynaptic_idx": POST,
        }  # fmt: skip
        return usual.get(index) or f"{self.group.variables[index].owner.name}.{index}"


def _names(assignments: Iterable[Assignment]) -> set[str]:
    names = set()
    for assignment in assignments:
        names.add(assignment.variable)
        names |= {
            node.id
            for node in ast.walk(ast.parse(assignment.expression))
            if isinstance(node, ast.Name)
        }
    return names
