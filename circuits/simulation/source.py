"""The text of a compiled loop: blocks of statements, as Brian2 gave them, within loops over steps,
elements and copies that are simulated abreast."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable
from typing import NamedTuple

from circuits.simulation.functions import WRITTEN
from circuits.simulation.translation import ELEMENT, POST, PRE, SINGLE, Assignment, Block, Place

FIXED = ("steps", "dt", "before", "rates", "inhibitions", "last_rate", "last_inhibition")
"""Arguments of every loop: number of steps and step in s, the step before which each of the stored
rates is taken, and where rates and inhibition go, at each of these and at the end."""


TOGETHER = 64  # elements that are updated before they are summed


class Argument(NamedTuple):
    """A number or an array of a loop.

    ``form`` is "array", "constant", "size" (of an object), "pre" (presynaptic elements, sorted by
    their targets) or "starts" (where the synapses of each target begin).
    """

    name: str
    form: str
    owner: str
    variable: str = ""


class Structure(NamedTuple):
    """What is the same for all copies of a network, so that loops need not look it up.

    Attributes
    ----------
    single : frozenset of str
        Objects of one element.
    uniform : frozenset of (str, str)
        Variables, by owner and name, with one value for all elements.
    shared : frozenset of (str, str)
        Variables of indices that all point to the first element.
    ordered : frozenset of str
        Synapses whose presynaptic elements stand in order, the n-th at the n-th synapse.
    pooling : frozenset of str
        Those of them that run from all elements of an object to a single target.
    """

    single: frozenset[str]
    uniform: frozenset[tuple[str, str]]
    shared: frozenset[tuple[str, str]]
    ordered: frozenset[str]
    pooling: frozenset[str]


class Source(NamedTuple):
    """Text of a loop that is called ``advance``, and its arguments after the ``FIXED`` ones."""

    text: str
    arguments: tuple[Argument, ...]

    def position(self, owner: str, variable: str) -> int:
        """Return which of the arguments is a variable of an object."""
        places = [argument[1:] for argument in self.arguments]
        return places.index(("array", owner, variable))


def source_of(
    blocks: Iterable[Block], structure: Structure, synapses: frozenset[str], *, abreast: bool
) -> Source:
    """Return a loop over the steps of a network.

    Parameters
    ----------
    blocks : iterable of Block
        In the order of a step.
    structure : Structure
        Of the network.
    synapses : frozenset of str
        Names of objects that are synapses.
    abreast : bool
        Whether arrays have a last axis of copies, which are advanced together.
    """
    return _Text(tuple(blocks), structure, synapses, abreast).source()


def can_go_abreast(blocks: Iterable[Block]) -> bool:
    """Tell whether copies can be advanced together: not where a group shares a variable."""
    return all(place.index != SINGLE for block in blocks for place in block.places.values())


class _Text:
    def __init__(
        self,
        blocks: tuple[Block, ...],
        structure: Structure,
        synapses: frozenset[str],
        abreast: bool,
    ) -> None:
        self.blocks, self.structure, self.synapses = blocks, structure, synapses
        self.abreast = abreast
        self.arguments: dict[tuple[str, str, str], Argument] = {}
        self.copied: set[str] = set()

    def source(self) -> Source:
        steps = self._step()
        ends = [line for block in self.blocks for line in self._at_the_end(block)]
        lines = [
            *(f"{name}_old = np.empty_like({name})" for name in sorted(self.copied)),
            "snapshot = 0",
            "for step in range(steps):",
            *_indented(steps),
            "step = steps",
            *ends,
        ]
        names = [*FIXED, *(argument.name for argument in self.arguments.values())]
        if self.abreast:
            lines.insert(0, "lanes = last_rate.shape[1]")
        body = [f"def advance({', '.join(names)}):", *_indented(lines)]
        return Source(_with_functions("\n".join(body)), tuple(self.arguments.values()))

    def _step(self) -> list[str]:
        """What happens in one step, in the order of the blocks."""
        lines, pooled = [], None
        for block, following in zip(self.blocks, (*self.blocks[1:], None), strict=True):
            if block is pooled:
                continue
            pooled = following if self._is_pooled(block, following) else None
            lines += self._scheduled(block) if pooled is None else self._pooled(block, pooled)
        return lines

    def _is_pooled(self, block: Block, following: Block | None) -> bool:
        """Tell whether elements that were updated can be summed while others are updated."""
        if self.abreast or following is None or following.purpose != "sum":
            return False
        sources = {place.owner for place in following.places.values() if place.index == PRE}
        is_whole = following.owner in self.structure.pooling and sources == {block.owner}
        return is_whole and block.purpose == "update" and not self._is_single(block.owner)

    def _pooled(self, block: Block, following: Block) -> list[str]:
        """Update and sum a few elements at a time: the processor sums the ones while it updates the
        others."""
        assert following.target is not None
        outside, inside = self._updated(block)
        summed_outside, summed = self._read(following)
        summed += self._assigned(following, following.each)
        size = self._argument("size", block.owner)
        return [
            *self._old(block),
            *outside,
            *summed_outside,
            "total = 0.0",
            f"for first in range(0, {size}, {TOGETHER}):",
            f"    for number in range(first, min(first + {TOGETHER}, {size})):",
            "        k = np.uintp(number)",  # so that it is no index from the end
            *_indented(_indented(inside)),
            f"    for number in range(first, min(first + {TOGETHER}, {size})):",
            "        pre = np.uintp(number)",
            *_indented(_indented([*summed, f"total += {self._own(following, following.result)}"])),
            f"{self._array(following.target)} = total",
        ]

    def _scheduled(self, block: Block) -> list[str]:
        if block.purpose == "rates":
            return [
                "while snapshot < before.size and before[snapshot] <= step:",
                *_indented(self._elements(block, "rates[snapshot, {}]")),
                "    snapshot += 1",
            ]
        if block.purpose == "inhibitions":
            recorded = self._elements(block, "inhibitions[step, {}]")
            return ["if step < inhibitions.shape[0]:", *_indented(recorded)]
        return self._sum(block) if block.purpose == "sum" else self._elements(block)

    def _at_the_end(self, block: Block) -> list[str]:
        if block.purpose == "rates":
            return [
                "while snapshot < before.size:",
                *_indented(self._elements(block, "rates[snapshot, {}]")),
                "    snapshot += 1",
                *self._elements(block, "last_rate[{}]"),
            ]
        if block.purpose == "inhibitions":
            return self._elements(block, "last_inhibition[{}]")
        return []

    def _elements(self, block: Block, recorded: str = "") -> list[str]:
        """Statements for all elements of an object."""
        outside, inside = self._updated(block)
        if recorded:
            index = ("0" if self._is_single(block.owner) else "k") + ", lane" * self.abreast
            inside.append(f"{recorded.format(index)} = {self._own(block, block.result)}")
        return [*self._old(block), *outside, *self._over_elements(block, inside)]

    def _updated(self, block: Block) -> tuple[list[str], list[str]]:
        """What is read, computed and written before the elements and for each of them."""
        outside, inside = self._read(block)
        inside += self._assigned(block, block.each)
        for name in block.written:
            place = block.places[name]
            written = f"{self._array(place)} = {self._own(block, name)}"
            (outside if place.index == SINGLE else inside).append(written)
        return outside, inside

    def _over_elements(self, block: Block, inside: list[str]) -> list[str]:
        inside = self._over_lanes(inside)
        if self._is_single(block.owner):
            return inside
        return [f"for k in range({self._argument('size', block.owner)}):", *_indented(inside)]

    def _over_lanes(self, lines: list[str]) -> list[str]:
        return ["for lane in range(lanes):", *_indented(lines)] if self.abreast else lines

    def _sum(self, block: Block) -> list[str]:
        """Sum over the synapses of each target, in their order."""
        assert block.target is not None
        outside, inside = self._read(block)
        inside += self._assigned(block, block.each)
        single = self._is_single(block.target.owner)
        target = self._array(block.target._replace(index=SINGLE if single else POST))
        total = target if self.abreast else "total"
        inside.append(f"{total} += {self._own(block, block.result)}")
        starts = self._argument("starts", block.owner)
        within = ["pre = k"]
        if block.owner not in self.structure.ordered:
            within = [f"pre = {self._argument('pre', block.owner)}[k]"]
        post = "0" if single else "post"
        lines = [
            *self._over_lanes([f"{total} = 0.0"]),
            f"for k in range({starts}[{post}], {starts}[{post} + 1]):",
            *_indented([*within, *self._over_lanes(inside)]),
            *([] if self.abreast else [f"{target} = total"]),
        ]
        if not single:
            targets = self._argument("size", block.target.owner)
            lines = [f"for post in range({targets}):", *_indented(lines)]
        return [*outside, *lines]

    def _read(self, block: Block) -> tuple[list[str], list[str]]:
        """What is read, and assigned, before the elements and for each of them."""
        outside: list[str] = []
        inside: list[str] = []
        for name, place in block.places.items():
            line = f"{self._own(block, name)} = {self._array(place, self._is_old(block, place))}"
            fixed = place.index == SINGLE or (self._index(place) == "0" and not self.abreast)
            (outside if fixed and name not in block.written else inside).append(line)
        return [*outside, *self._assigned(block, block.once)], inside

    def _old(self, block: Block) -> list[str]:
        """Copies of what a block changes and also reads elsewhere than at the same element."""
        names = {self._name(place) for place in block.places.values() if self._is_old(block, place)}
        self.copied |= names
        return [f"{name}_old[:] = {name}" for name in sorted(names)]

    def _is_old(self, block: Block, place: Place) -> bool:
        changed = {block.places[name] for name in block.written}
        return any(place[:2] == target[:2] and place != target for target in changed)

    def _assigned(self, block: Block, assignments: Iterable[Assignment]) -> list[str]:
        return [
            f"{self._own(block, variable)} = {self._renamed(block, expression)}"
            for variable, expression in assignments
        ]

    def _renamed(self, block: Block, expression: str) -> str:
        tree = ast.parse(expression, mode="eval")
        called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        modules = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and id(node) not in called | modules:
                node.id = self._own(block, node.id)
        return ast.unparse(tree)

    def _own(self, block: Block, name: str) -> str:
        """Name of a number of a block in the loop."""
        number = block.numbers.get(name)
        if number is None:
            return f"b{self.blocks.index(block)}_{name}"
        owner, _, variable = number.partition(".")
        is_constant = owner == block.owner and variable == name
        return self._argument("constant", owner, variable) if is_constant else number

    def _array(self, place: Place, old: bool = False) -> str:
        lane = ", lane" if self.abreast and place.owner not in self.synapses else ""
        return f"{self._name(place)}{'_old' * old}[{self._index(place)}{lane}]"

    def _name(self, place: Place) -> str:
        return self._argument("array", place.owner, place.variable)

    def _index(self, place: Place) -> str:
        if place[:2] in self.structure.uniform or self._is_single(place.owner):
            return "0"
        if place.index == ELEMENT:
            return "k"
        if place.index in (SINGLE, PRE, POST):
            return {SINGLE: "0", PRE: "pre", POST: "post"}[place.index]
        return self._indirect(place)

    def _indirect(self, place: Place) -> str:
        """Index that stands in another variable of the object that is looped over."""
        owner, variable = place.index.split(".")
        if (owner, variable) in self.structure.shared:
            return "0"
        return f"{self._argument('array', owner, variable)}[k]"

    def _is_single(self, owner: str) -> bool:
        return owner in self.structure.single

    def _argument(self, form: str, owner: str, variable: str = "") -> str:
        key = (form, owner, variable)
        if key not in self.arguments:
            name = re.sub(r"\W", "_", "_".join(filter(None, (form, owner, variable))))
            self.arguments[key] = Argument(name, *key)
        return self.arguments[key].name


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _with_functions(text: str) -> str:
    """Put the functions that a loop calls before it."""
    called = [
        textwrap.dedent(inspect.getsource(function))
        for name, function in WRITTEN.items()
        if f"{name}(" in text
    ]
    return "\n\n".join([*map(_bare, called), text]) + "\n"


def _bare(function: str) -> str:
    """Return the text of a function, inlined where it is called, without annotations."""
    tree = ast.parse(function)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            for argument in node.args.args:
                argument.annotation = None
    return "@inlined\n" + ast.unparse(tree)
