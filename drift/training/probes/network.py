"""What a session of a network records: each probe is a function of a snapshot, registered here by
the name of its variable; ``drift.train`` takes functions of the user's own beside these names.

Probes look at the noise-free task. They say what they record and never change the network; where
there is nothing to record, they return None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from drift.metrics import activity as population
from drift.metrics.maps import assign_places, bin_edges, rate_maps
from drift.training.engines.base import Subject
from drift.training.probes import curvature as landscape_probe
from drift.training.probes import differentiable as denoising_probes
from drift.training.probes.snapshot import Snapshot, readout, unit_biases


def loss(seen: Snapshot) -> xr.DataArray:
    """Mean squared error on the noise-free task; cross-entropy where the targets are classes."""
    return _per_subject(seen.losses(noisy=False))


def relative_loss(seen: Snapshot) -> xr.DataArray:
    """Loss over that of a constant answer: the unbiased variance of all targets, the published
    measure of performance, or that of what is held out."""
    reference = seen.reference_losses()
    return loss(seen) / np.where(reference > 0, reference, np.nan)


def environment_loss(seen: Snapshot) -> xr.DataArray | None:
    """Mean squared error in each environment; None where there is one, or targets are no
    numbers."""
    rooms = [_rooms(subject) for subject in seen.subjects]
    if len(rooms[0]) < 2 or seen.subjects[0].objective != "squared_error":
        return None
    square = np.square(seen.error).mean(2)  # (subject, sample)
    values = [
        [of_subject[subject.experience["environment"].values == room].mean() for room in own]
        for subject, own, of_subject in zip(seen.subjects, rooms, square, strict=True)
    ]
    return xr.DataArray(np.array(values), dims=("subject", "environment"))


def steps_learned(seen: Snapshot) -> xr.DataArray | None:
    """Steps in which each environment was learned so far; None without a protocol, or where there
    is one environment."""
    protocol = seen.subjects[0].experiment.protocol
    rooms = _rooms(seen.subjects[0])
    if protocol is None or len(rooms) < 2:
        return None
    steps = [float(protocol.steps_in(int(room), seen.step)) for room in rooms]
    return xr.DataArray(np.tile(steps, (len(seen.subjects), 1)), dims=("subject", "environment"))


def _rooms(subject: Subject) -> np.ndarray:
    """Numbers of the environments of a task with places."""
    experience = subject.experience
    return np.unique(experience["environment"]) if "environment" in experience else np.zeros(1)


def fraction_active_units(seen: Snapshot) -> xr.DataArray:
    """Fraction of hidden units that respond to any sample."""
    return population.fraction_active_units(seen.activity)


def active_units(seen: Snapshot) -> xr.DataArray:
    """Number of hidden units that respond to any sample."""
    return population.active_units(seen.activity)


def fraction_active_responses(seen: Snapshot) -> xr.DataArray:
    """Fraction of all responses, samples times units, above zero."""
    return population.fraction_active_responses(seen.activity)


def participation_ratio(seen: Snapshot) -> xr.DataArray:
    """Effective number of dimensions of the hidden activity."""
    return population.participation_ratio(seen.activity)


def rate(seen: Snapshot) -> xr.DataArray | None:
    """Rate map of each hidden unit, by running direction; None where the task has no places."""
    return _stacked(
        [
            _maps(subject, hidden)["rate"]
            for subject, hidden in zip(seen.subjects, seen.activity, strict=True)
            if "position" in subject.experience
        ]
    )


def occupancy(seen: Snapshot) -> xr.DataArray | None:
    """Samples at each place; None where the task has no places."""
    return _stacked(
        [
            _maps(subject, seen.activity[0])["occupancy"]
            for subject in seen.subjects
            if "position" in subject.experience
        ]
    )


def squared_norm(seen: Snapshot) -> xr.DataArray:
    """Sum of the squares of all weights and biases; it grows without bound under update noise."""
    blocks = seen.network.parameters(seen.weights)
    squares = [[np.square(values).sum() for values in block] for block in blocks]
    return _per_subject(np.array(squares, dtype=float).sum(0))


def hessian_trace(seen: Snapshot) -> xr.DataArray | None:
    """Trace of the Hessian of the noise-free loss, which equals that of its Gauss-Newton part.

    tr H = (2 / (T D)) (D sum_tj h_tj^2 + sum_j |V_j|^2 sum_t [h_tj > 0] (|x_t|^2 + 1)) for T
    samples and D outputs.
    """
    if not seen.network.knows_curvature():
        return None
    outward = seen.weights["output_weights"].swapaxes(1, 2)  # (subject, unit, output)
    traces = [
        _trace(*arguments)
        for arguments in zip(seen.subjects, seen.hidden.values, outward, strict=True)
    ]
    return _per_subject(np.array(traces))


def input_weights(seen: Snapshot) -> xr.DataArray:
    """Weights from inputs to units."""
    return xr.DataArray(seen.weights["input_weights"], dims=("subject", "unit", "input"))


def bias(seen: Snapshot) -> xr.DataArray:
    """Bias of each unit."""
    return xr.DataArray(unit_biases(seen.weights), dims=("subject", "unit"))


def output_weights(seen: Snapshot) -> xr.DataArray:
    """Weights from units to outputs."""
    return xr.DataArray(readout(seen.weights), dims=("subject", "output", "unit"))


def excitability(seen: Snapshot) -> xr.DataArray | None:
    """Excitability of each unit; None where units have none."""
    if "excitability" not in seen.weights:
        return None
    return xr.DataArray(seen.weights["excitability"], dims=("subject", "unit"))


def sample_activity(seen: Snapshot) -> xr.DataArray:
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
    "excitability": excitability,
    "environment_loss": environment_loss,
    "steps_learned": steps_learned,
    **{name: getattr(denoising_probes, name) for name in denoising_probes.NAMES},
    **{name: getattr(landscape_probe, name) for name in CURVATURE},
}
OF_ENVIRONMENTS = ("environment_loss", "steps_learned")
DEFAULT = (*tuple(PROBES)[:10], *OF_ENVIRONMENTS, *denoising_probes.NAMES)
WEIGHTS = ("input_weights", "bias", "output_weights")


def place_edges(experience: xr.Dataset) -> np.ndarray:
    """Return the edges of a task's place bins along a line."""
    extent = experience["position"].attrs
    return bin_edges(extent["low"], extent["high"], extent["places"])


def place_numbers(experience: xr.Dataset) -> tuple[xr.DataArray, int]:
    """Return the bin of each sample of a task, along a line or in a plane, and how many there
    are."""
    position, attrs = experience["position"], experience["position"].attrs
    if "axis" not in position.dims:
        edges = place_edges(experience)
        return assign_places(position, edges), len(edges) - 1
    columns, rows = attrs["columns"], attrs["rows"]
    along = [assign_places(position.isel(axis=axis), plane_edges(attrs, axis)) for axis in range(2)]
    inside = (along[0] >= 0) & (along[1] >= 0)
    return (along[1] * columns + along[0]).where(inside, -1).astype(int), rows * columns


def plane_edges(position: Mapping[str, Any], axis: int) -> np.ndarray:
    """Return the edges of the bins of a plane along x (0) or y (1).

    Parameters
    ----------
    position : mapping
        Attributes of the position: ``low_x``, ``low_y``, ``bin_size``, ``columns`` along x and
        ``rows`` along y.
    axis : int
    """
    bins = position["rows" if axis else "columns"]
    low = position["low_y" if axis else "low_x"]
    return low + position["bin_size"] * np.arange(bins + 1)


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
    index, places = place_numbers(subject.experience)
    environment = subject.experience.get("environment")
    direction = subject.experience.get("direction")
    if environment is None or int(environment.max()) == 0:
        return rate_maps(hidden, index, places, direction=direction)
    visits = [
        rate_maps(hidden, index, places, direction=direction, keep=environment == room)
        for room in np.unique(environment)
    ]
    directed = () if direction is None else ("direction",)
    return xr.concat(visits, dim="environment").transpose(..., "place", *directed, "environment")


def _trace(subject: Subject, hidden: np.ndarray, outward: np.ndarray) -> float:
    samples, outputs = subject.targets.shape
    reach = (hidden > 0).T @ (np.square(subject.inputs).sum(1) + 1)  # (unit,)
    total = outputs * np.square(hidden).sum() + (np.square(outward).sum(1) * reach).sum()
    return float(2 * total / (samples * outputs))
