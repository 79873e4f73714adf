"""What a session of a network records: each probe is a function of a snapshot, registered here by
the name of its variable; ``drift.train`` takes functions of the user's own beside these names.

Probes look at the noise-free task. They say what they record and never change the network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from drift.door.wording import shown
from drift.errors import RefusedInputError
from drift.metrics import activity as population
from drift.metrics.maps import assign_places, bin_edges, rate_maps
from drift.metrics.place_code import OF_MAPS
from drift.networks import hidden_activity
from drift.schema.labelled_form import OPTIONAL_DIMS
from drift.schema.variables import SESSION, VARIABLES
from drift.training.engines.base import AnyWeights, Subject, Weights, arrays
from drift.training.probes import curvature as landscape_probe
from drift.training.probes import differentiable as denoising_probes
from drift.training.probes.snapshot import DenoisingSnapshot, readout, unit_biases


class Snapshot(NamedTuple):
    """Subjects of one shape between two steps of learning."""

    subjects: Sequence[Subject]
    weights: Weights
    hidden: xr.DataArray  # (subject, sample, unit)

    @property
    def activity(self) -> xr.DataArray:
        """What counts as activity: all of it, since units are rectified."""
        return self.hidden

    def all_losses(self) -> list[np.ndarray]:
        """Return the losses that tell whether subjects are healthy, each (subject,)."""
        return [loss(self).values]

    @property
    def error(self) -> np.ndarray:
        """Output minus target, shape (subject, samples, outputs)."""
        outputs = [
            hidden @ outward
            for hidden, outward in zip(self.hidden.values, self.weights.outward, strict=True)
        ]
        return np.array(
            [
                output - subject.targets
                for output, subject in zip(outputs, self.subjects, strict=True)
            ]
        )


def snapshot(
    subjects: Sequence[Subject], weights: AnyWeights, step: int
) -> Snapshot | DenoisingSnapshot:
    """Return the subjects' responses to the noise-free task with the weights of a step of
    learning."""
    if not isinstance(weights, Weights):
        return DenoisingSnapshot(subjects, weights, step)
    hidden = [
        hidden_activity(inward, subject.inputs)
        for inward, subject in zip(weights.inward, subjects, strict=True)
    ]
    return Snapshot(
        subjects, weights, xr.DataArray(np.array(hidden), dims=("subject", "sample", "unit"))
    )


AnySnapshot = Snapshot | DenoisingSnapshot


def loss(seen: AnySnapshot) -> xr.DataArray:
    """Mean squared error on the noise-free task; cross-entropy where the targets are classes."""
    if isinstance(seen, DenoisingSnapshot):
        return _per_subject(seen.losses(noisy=False))
    return _per_subject(np.array([np.square(error).mean() for error in seen.error]))


def relative_loss(seen: AnySnapshot) -> xr.DataArray:
    """Mean squared error over the unbiased variance of all targets, the published measure of
    performance."""
    if isinstance(seen, DenoisingSnapshot):
        reference = seen.reference_losses()
        return loss(seen) / np.where(reference > 0, reference, np.nan)
    variance = np.array(
        [
            subject.targets.var(ddof=1) if subject.targets.size > 1 else np.nan
            for subject in seen.subjects
        ]
    )
    return loss(seen) / np.where(variance > 0, variance, np.nan)


def fraction_active_units(seen: AnySnapshot) -> xr.DataArray:
    """Fraction of hidden units that respond to any sample."""
    return population.fraction_active_units(seen.activity)


def active_units(seen: AnySnapshot) -> xr.DataArray:
    """Number of hidden units that respond to any sample."""
    return population.active_units(seen.activity)


def fraction_active_responses(seen: AnySnapshot) -> xr.DataArray:
    """Fraction of all responses, samples times units, above zero."""
    return population.fraction_active_responses(seen.activity)


def participation_ratio(seen: AnySnapshot) -> xr.DataArray:
    """Effective number of dimensions of the hidden activity."""
    return population.participation_ratio(seen.activity)


def rate(seen: AnySnapshot) -> xr.DataArray | None:
    """Rate map of each hidden unit, by running direction; None where the task has no places."""
    return _stacked(
        [
            _maps(subject, hidden)["rate"]
            for subject, hidden in zip(seen.subjects, seen.activity, strict=True)
            if "position" in subject.experience
        ]
    )


def occupancy(seen: AnySnapshot) -> xr.DataArray | None:
    """Samples at each place; None where the task has no places."""
    return _stacked(
        [
            _maps(subject, seen.activity[0])["occupancy"]
            for subject in seen.subjects
            if "position" in subject.experience
        ]
    )


def squared_norm(seen: AnySnapshot) -> xr.DataArray:
    """Sum of the squares of all weights and biases; it grows without bound under update noise."""
    squares = [[np.square(values).sum() for values in layer] for layer in arrays(seen.weights)]
    return _per_subject(np.array(squares, dtype=float).sum(0))


def hessian_trace(seen: AnySnapshot) -> xr.DataArray | None:
    """Trace of the Hessian of the noise-free loss, which equals that of its Gauss-Newton part.

    tr H = (2 / (T D)) (D sum_tj h_tj^2 + sum_j |V_j|^2 sum_t [h_tj > 0] (|x_t|^2 + 1)) for T
    samples and D outputs.
    """
    if isinstance(seen, DenoisingSnapshot):
        return None
    traces = [
        _trace(*arguments)
        for arguments in zip(seen.subjects, seen.hidden.values, seen.weights.outward, strict=True)
    ]
    return _per_subject(np.array(traces))


def input_weights(seen: AnySnapshot) -> xr.DataArray:
    """Weights from inputs to units."""
    if isinstance(seen, DenoisingSnapshot):
        return xr.DataArray(seen.weights["input_weights"], dims=("subject", "unit", "input"))
    return xr.DataArray(seen.weights.inward[..., :-1], dims=("subject", "unit", "input"))


def bias(seen: AnySnapshot) -> xr.DataArray:
    """Bias of each unit."""
    if isinstance(seen, DenoisingSnapshot):
        return xr.DataArray(unit_biases(seen.weights), dims=("subject", "unit"))
    return xr.DataArray(seen.weights.inward[..., -1], dims=("subject", "unit"))


def output_weights(seen: AnySnapshot) -> xr.DataArray:
    """Weights from units to outputs."""
    if isinstance(seen, DenoisingSnapshot):
        return xr.DataArray(readout(seen.weights), dims=("subject", "output", "unit"))
    return xr.DataArray(seen.weights.outward, dims=("subject", "unit", "output")).transpose(
        "subject", "output", "unit"
    )


def sample_activity(seen: AnySnapshot) -> xr.DataArray:
    """Activity of each hidden unit for each sample."""
    return seen.hidden


Probe = Callable[[Any], xr.DataArray | None]
CURVATURE = (
    "largest_eigenvalue",
    "fraction_positive_eigenvalues",
    "gauss_newton_spectrum",
    "gauss_newton_rank",
    "gauss_newton_log_determinant",
)
PROBES: dict[str, Probe] = {
    "loss": loss,
    "relative_loss": relative_loss,
    "fraction_active_units": fraction_active_units,
    "fraction_active_responses": fraction_active_responses,
    "active_units": active_units,
    "participation_ratio": participation_ratio,
    "squared_norm": squared_norm,
    "hessian_trace": hessian_trace,
    "rate": rate,
    "occupancy": occupancy,
    "input_weights": input_weights,
    "bias": bias,
    "output_weights": output_weights,
    "sample_activity": sample_activity,
    **{name: getattr(denoising_probes, name) for name in denoising_probes.NAMES},
    **{name: getattr(landscape_probe, name) for name in CURVATURE},
}
DEFAULT = (*tuple(PROBES)[:10], *denoising_probes.NAMES)
WEIGHTS = ("input_weights", "bias", "output_weights")
# What the Dataset of a run holds besides what its probes return, measures of rate maps apart.
FORMED = (
    "recorded", "detected_units", "place_unit", "place_units", "fraction_place_units", "elapsed",
)  # fmt: skip


def chosen(asked: Sequence[str | Probe]) -> dict[str, Probe]:
    """Return probes by the names of their variables.

    Parameters
    ----------
    asked : sequence of str or callable
        Names in ``PROBES``, and functions of a snapshot whose name has a row in
        ``drift.schema.VARIABLES``.

    Returns
    -------
    dict of str to callable

    Raises
    ------
    RefusedInputError
        If a name is not registered, or a function has no row or the name of something else.
    """
    unknown = [name for name in asked if not callable(name) and name not in PROBES]
    if unknown or isinstance(asked, str) or not asked:
        raise RefusedInputError(
            f"probes must be a list of names or functions, got {asked!r}: choose from "
            f"{', '.join(PROBES)}."
        )
    table: dict[str, Probe] = {}
    for entry in asked:
        name, probe = _named(entry) if callable(entry) else (entry, PROBES[entry])
        if table.setdefault(name, probe) != probe:
            raise RefusedInputError(
                f"probes hold two functions named {name}: give each a name of its own."
            )
    return table


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

    def __call__(self, seen: AnySnapshot) -> xr.DataArray | None:
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


def place_edges(experience: xr.Dataset) -> np.ndarray:
    """Return the edges of a task's place bins."""
    extent = experience["position"].attrs
    return bin_edges(extent["low"], extent["high"], extent["places"])


def _per_subject(values: np.ndarray) -> xr.DataArray:
    return xr.DataArray(values, dims="subject")


def _stacked(maps: Sequence[xr.DataArray]) -> xr.DataArray | None:
    return (
        xr.DataArray(
            np.stack([place_map.values for place_map in maps]), dims=("subject", *maps[0].dims)
        )
        if maps
        else None
    )


def _maps(subject: Subject, hidden: xr.DataArray) -> xr.Dataset:
    """Rate maps and occupancy of one subject; several environments lie along a dim of their own."""
    edges, environment = place_edges(subject.experience), subject.experience.get("environment")
    index = assign_places(subject.experience["position"], edges)
    direction = subject.experience["direction"]
    if environment is None or int(environment.max()) == 0:
        return rate_maps(hidden, index, len(edges) - 1, direction=direction)
    visits = [
        rate_maps(hidden, index, len(edges) - 1, direction=direction, keep=environment == room)
        for room in np.unique(environment)
    ]
    return xr.concat(visits, dim="environment").transpose(..., "place", "direction", "environment")


def _trace(subject: Subject, hidden: np.ndarray, outward: np.ndarray) -> float:
    samples, outputs = subject.targets.shape
    reach = (hidden > 0).T @ (np.square(subject.inputs).sum(1) + 1)  # (unit,)
    total = outputs * np.square(hidden).sum() + (np.square(outward).sum(1) * reach).sum()
    return float(2 * total / (samples * outputs))
