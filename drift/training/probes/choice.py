"""Which probes a run takes: names of those that are registered, and functions of the user's own,
whose results are held against their rows in the table of variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import xarray as xr

from drift.door.wording import shown
from drift.errors import RefusedInputError
from drift.metrics.place_code import OF_MAPS
from drift.networks import LearningNetwork
from drift.schema.labelled_form import OPTIONAL_DIMS
from drift.schema.variables import SESSION, VARIABLES
from drift.training.probes.network import CURVATURE, PROBES, WEIGHTS, Probe
from drift.training.probes.snapshot import Snapshot

# What the Dataset of a run holds besides what its probes return, measures of rate maps apart.
FORMED = (
    "recorded", "detected_units", "place_unit", "place_units", "fraction_place_units", "elapsed",
)  # fmt: skip


def chosen(entries: Sequence[str | Probe]) -> dict[str, Probe]:
    """Return probes by the names of their variables.

    Parameters
    ----------
    entries : sequence of str or callable
        Names in ``PROBES``, and functions of a snapshot whose name has a row in
        ``drift.schema.VARIABLES``.

    Returns
    -------
    dict of str to callable
        Rate maps come with the occupancy that they are measured with.

    Raises
    ------
    RefusedInputError
        If a name is not registered, or a function has no row or the name of something else.
    """
    unknown = [name for name in entries if not callable(name) and name not in PROBES]
    if unknown or isinstance(entries, str) or not entries:
        raise RefusedInputError(
            f"probes must be a list of names or functions, got {entries!r}: choose from "
            f"{', '.join(PROBES)}."
        )
    table: dict[str, Probe] = {}
    for entry in entries:
        name, probe = _named(entry) if callable(entry) else (entry, PROBES[entry])
        if table.setdefault(name, probe) != probe:
            raise RefusedInputError(
                f"probes hold two functions named {name}: give each a name of its own."
            )
    if "rate" in table:
        table.setdefault("occupancy", PROBES["occupancy"])  # without which no map is measured
    return table


def check_suitable(network: LearningNetwork, names: Mapping[str, Probe]) -> None:
    """Refuse probes that say nothing of a network."""
    unsuitable = [
        *(() if network.knows_curvature() else CURVATURE),
        *(() if network.one_layer else WEIGHTS),
    ]
    for name in unsuitable:
        if name in names:
            raise RefusedInputError(f"probe {name} does not know a {_told(network)}: leave it out.")


def _told(network: LearningNetwork) -> str:
    """Name a network, and what of it is not that of every one of its kind."""
    special = type(network).known_curvature and not network.knows_curvature()
    return f"{type(network).__name__}{' of other than constant rectified units' if special else ''}"


def _named(function: Probe) -> tuple[str, Probe]:
    """Return the variable that a function records, and the probe: one of the user's own is looked
    after."""
    name = str(getattr(function, "__name__", type(function).__name__))
    if PROBES.get(name) is function:
        return name, function
    if name in (*PROBES, *OF_MAPS, *FORMED):
        raise RefusedInputError(
            f"probe {name} has the name of a variable that train forms itself: give it a name of "
            "its own."
        )
    row = VARIABLES.get(name)
    if row is None or row.dims[:2] != SESSION:
        got = "none" if row is None else f"one with the dims ({', '.join(row.dims)})"
        raise RefusedInputError(
            f"probe {name} needs a row of its name in drift.schema.VARIABLES, got {got}: write "
            f"VARIABLES[{name!r}] = Variable(('subject', 'session', ...), units, meaning)."
        )
    return name, _Own(name, function)


@dataclass(frozen=True)
class _Own:
    """A probe of the user's own, whose result is held against the row of its variable."""

    name: str
    function: Probe

    def __call__(self, seen: Snapshot) -> xr.DataArray | None:
        values = self.function(seen)
        if values is None:
            return None
        dims = ("subject", *(dim for dim in VARIABLES[self.name].dims if dim not in SESSION))
        sentence = f"probe {self.name} must return a DataArray ({', '.join(dims)})"
        if not isinstance(values, xr.DataArray):
            raise RefusedInputError(
                f"{sentence}, got {shown(values)}: return xarray.DataArray(values, dims={dims})."
            )
        surplus = [dim for dim in values.dims if dim not in dims]
        if set(dims) - set(values.dims) or set(surplus) - set(OPTIONAL_DIMS):
            raise RefusedInputError(
                f"{sentence}, got {shown(values)}: return these dims, or change its row in "
                "drift.schema.VARIABLES."
            )
        if values.sizes["subject"] != len(seen.subjects) or values.dtype.kind not in "biuf":
            raise RefusedInputError(
                f"{sentence} of one number or array of numbers for each subject, got "
                f"{values.dtype} {dict(values.sizes)} of {len(seen.subjects)} subjects: measure "
                "each subject alone."
            )
        return values.transpose(*dims, *surplus)
