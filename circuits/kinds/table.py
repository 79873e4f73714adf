"""The circuits by kind: one line for each."""

from __future__ import annotations

from circuits.base import Circuit
from circuits.kinds.competitive import Majani
from circuits.kinds.count_control import CountControl
from circuits.kinds.explaining_away import ExplainingAway
from circuits.kinds.linear import LinearInterneuron
from circuits.kinds.random_interneurons import RandomInterneurons
from circuits.kinds.saturating import SaturatingUnits
from circuits.kinds.threshold import ThresholdInterneuron
from drift.door import opened
from drift.entry_points import beside, loaded
from drift.errors import RefusedInputError
from drift.recipe import unknown_kind

CIRCUIT_GROUP = "repdrift.circuits"

CIRCUITS: dict[str, type[Circuit]] = {
    "linear": LinearInterneuron,
    "threshold": ThresholdInterneuron,
    "saturating": SaturatingUnits,
    "random_interneurons": RandomInterneurons,
    "count_control": CountControl,
    "majani": Majani,
    "explaining_away": ExplainingAway,
}
"""What ``drift.recipe.chosen`` needs to read a circuit from its ``kind``."""


@opened
def circuit_names() -> list[str]:
    """Kinds of all circuits: those of ``CIRCUITS`` and, after them, those that other installed
    packages announce by entry points of the group ``repdrift.circuits``.

    Returns
    -------
    list of str
    """
    return [*CIRCUITS, *beside(CIRCUITS, CIRCUIT_GROUP)]


@opened
def circuit_class(kind: str) -> type[Circuit]:
    """Class of a kind of circuit, of repdrift or of another package.

    Parameters
    ----------
    kind : str
        One of ``circuit_names()``.

    Raises
    ------
    RefusedInputError
        If the kind is unknown, or the package that announces it does not hold a circuit.
    """
    if kind in CIRCUITS:
        return CIRCUITS[kind]
    announced_kinds = beside(CIRCUITS, CIRCUIT_GROUP)
    if kind not in announced_kinds:
        raise unknown_kind(kind, circuit_names())
    announced = loaded(announced_kinds[kind])
    if not (isinstance(announced, type) and issubclass(announced, Circuit)):
        raise RefusedInputError(
            f"{kind!r} of {CIRCUIT_GROUP} was expected to name a class of circuits.Circuit, got "
            f"{announced!r}: mend the package that announces it."
        )
    return announced
