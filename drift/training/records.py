"""What the sessions of a group of networks have recorded, and the labelled Dataset that becomes of
it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import xarray as xr

from drift.metrics.place_code import place_code
from drift.metrics.places import place_coordinate
from drift.noise import COORDINATES
from drift.schema import labelled_form as schema
from drift.schema.labelled_form import described, labelled
from drift.schema.longitudinal import longitudinal_dataset
from drift.training.engines.base import Engine, Subject, silenced, stacked_first_weights
from drift.training.probes import network as probes
from drift.training.probes.network import Probe
from drift.training.probes.snapshot import Snapshot
from drift.training.stages import learned_before

DIVERGED_LOSS = (
    10.0  # times the variance of the targets, or the loss before learning where that is larger
)
CROSS_ENTROPY = {"units": "nat", "long_name": "cross-entropy, or what noise adds to it"}


class Records:
    """Numbers of subjects of one kind, filled session by session; what has not been observed is
    NaN.

    ``members`` are their places in the engine that runs them.
    """

    def __init__(
        self, subjects: Sequence[Subject], members: Sequence[int], names: Mapping[str, Probe]
    ) -> None:
        self.subjects, self._members = subjects, members
        self.steps = subjects[0].experiment.session_steps()
        beginning = Snapshot(subjects, stacked_first_weights(subjects), 0)
        start = probes.relative_loss(beginning).fillna(0.0).values
        self._limit = DIVERGED_LOSS * np.maximum(
            start, 1.0
        )  # a network that knows nothing may begin far off
        self.diverged_at = np.full(len(subjects), np.nan)
        self.silent = np.zeros(len(subjects), dtype=bool)
        self._probes = names
        self._values: dict[str, np.ndarray] = {}
        self._dims: dict[str, tuple[str, ...]] = {}

    def attend(self, engine: Engine) -> float:
        """Look for divergence, record a session if one is due, and return the mean relative loss of
        the healthy subjects.

        The weights of diverged subjects are shown to the probes as zeros: they have no code left to
        measure.
        """
        weights = engine.weights(self._members)
        with np.errstate(over="ignore", invalid="ignore"):
            current_snapshot = Snapshot(self.subjects, weights, engine.step)
            # NaN also where targets do not vary, which is no divergence
            losses = probes.relative_loss(self._learned(current_snapshot)).values
            bounded = [
                np.isfinite(values).reshape(len(values), -1).all(1) for values in weights.values()
            ]
            finite = np.logical_and.reduce(
                [*bounded, *(np.isfinite(each) for each in current_snapshot.all_losses())]
            )
        failing = ~finite | (losses > self._limit)
        self.diverged_at = np.where(
            np.isnan(self.diverged_at) & failing, engine.step, self.diverged_at
        )
        healthy = np.isnan(self.diverged_at)
        if engine.step in self.steps:
            shown = (
                current_snapshot
                if healthy.all()
                else Snapshot(self.subjects, silenced(weights, ~healthy), engine.step)
            )
            self._record(engine.step, shown, healthy)
        return float(losses[healthy].mean()) if healthy.any() else float("nan")

    def _learned(self, seen: Snapshot) -> Snapshot:
        """The snapshot on what was learned last: what is known of other environments may fade."""
        if self.subjects[0].experiment.protocol is None:
            return seen
        shown = [learned_before(subject, seen.step) for subject in self.subjects]
        return Snapshot(shown, seen.weights, seen.step)

    def _record(self, step: int, seen: Snapshot, healthy: np.ndarray) -> None:
        session = int(np.searchsorted(self.steps, step))
        for name, probe in self._probes.items():
            values = probe(seen)
            if values is not None:
                self._store(name, session, values, healthy)
        self.silent = ~(seen.hidden > 0).any(("sample", "unit")).values & healthy

    def _store(self, name: str, session: int, found: xr.DataArray, alive: np.ndarray) -> None:
        if name not in self._values:
            kind = np.float32 if found.ndim > 2 else np.float64  # maps and activities are large
            self._dims[name] = ("subject", "session", *map(str, found.dims[1:]))
            self._values[name] = np.full(
                (len(self.subjects), len(self.steps), *found.shape[1:]), np.nan, kind
            )
        self._values[name][alive, session] = found.values[alive]

    def state(self) -> dict[str, np.ndarray]:
        """Return what has been recorded, for a checkpoint."""
        dims = {f"dims.{name}": np.array(dims) for name, dims in self._dims.items()}
        values = {f"values.{name}": values for name, values in self._values.items()}
        return {"diverged_at": self.diverged_at, "silent": self.silent, **dims, **values}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go back to what ``state`` returned."""
        self.diverged_at, self.silent = state["diverged_at"].copy(), state["silent"].copy()
        for key, array in state.items():
            kind, _separator, name = key.partition(".")
            if kind == "dims":
                self._dims[name] = tuple(map(str, array))
            elif kind == "values":
                self._values[name] = array.copy()

    def dataset(self, labels: Sequence[str], engine: str) -> xr.Dataset:
        """Return the longitudinal Dataset of the group, with the measures that follow from its rate
        maps."""
        recorded = {
            name: described(xr.DataArray(self._values[name], dims=self._dims[name]), name)
            for name in self._values
        }
        if self.subjects[0].objective != "squared_error":
            recorded |= {
                name: recorded[name].assign_attrs(CROSS_ENTROPY)
                for name in recorded
                if "squared output" in recorded[name].units
            }
        sizes = {dim: size for values in recorded.values() for dim, size in values.sizes.items()}
        countable = (dim for dim in ("sample", "input", "output", "eigenvalue") if dim in sizes)
        coords = self._coordinates(labels) | {dim: np.arange(sizes[dim]) for dim in countable}
        presence = self._presence()
        if "rate" in recorded:
            occupancy = recorded["occupancy"].assign_attrs(units="sample")
            recorded |= {"occupancy": occupancy}
            presence = place_code(
                recorded["rate"],
                occupancy,
                presence["recorded"],
                detected=presence["detected_units"],
            )
            coords |= self._places(sizes)
        return longitudinal_dataset(
            recorded | presence,
            coords,
            elapsed=self._elapsed(),
            elapsed_units="step",
            attrs={"engine": engine},
        )

    def _elapsed(self) -> np.ndarray:
        steps = self.steps.astype(float)
        return np.broadcast_to(steps, (len(self.subjects), len(self.steps))).copy()

    def _coordinates(self, labels: Sequence[str]) -> dict[str, xr.DataArray]:
        experiments = [subject.experiment for subject in self.subjects]
        numbers = {
            "seed": [experiment.seed for experiment in experiments],
            "learning_rate": [
                getattr(experiment.learner, "learning_rate", np.nan) for experiment in experiments
            ],
        }
        for coordinate, kinds in COORDINATES.items():
            numbers[coordinate] = [
                next((noise.std for noise in experiment.noise if noise.kind in kinds), 0.0)
                for experiment in experiments
            ]
        return {
            "subject": xr.DataArray(np.array(labels, dtype=object), dims="subject"),
            "session": xr.DataArray(np.arange(len(self.steps)), dims="session"),
            "unit": xr.DataArray(np.arange(experiments[0].network.units), dims="unit"),
            "experiment": xr.DataArray(
                np.array([experiment.to_json() for experiment in experiments], dtype=object),
                dims="subject",
            ),
            "status": xr.DataArray(np.array(self._status(), dtype=object), dims="subject"),
            "diverged_at": xr.DataArray(self.diverged_at, dims="subject", attrs={"units": "step"}),
            **{
                name: xr.DataArray(np.array(values), dims="subject")
                for name, values in numbers.items()
            },
        }

    def _status(self) -> list[str]:
        diverged = ~np.isnan(self.diverged_at)
        return [
            "diverged" if gone else "silent" if quiet else "complete"
            for gone, quiet in zip(diverged, self.silent, strict=True)
        ]

    def _presence(self) -> dict[str, xr.DataArray]:
        """Which units are there, and how many: all until their network diverges."""
        observed = ~(self._elapsed() >= self.diverged_at[:, np.newaxis])  # (subject, session)
        units = self.subjects[0].experiment.network.units
        present = np.repeat(observed[..., np.newaxis], units, axis=-1).astype("int8")
        return {
            "recorded": labelled("recorded", ("subject", "session", "unit"), present),
            "detected_units": labelled(
                "detected_units", ("subject", "session"), observed * float(units)
            ),
        }

    def _places(self, sizes: Mapping[Hashable, int]) -> dict[str, xr.DataArray]:
        experience = self.subjects[0].experience
        coordinates = place_coordinates(experience)
        if "environment" in sizes:
            coordinates["environment"] = xr.DataArray(
                np.arange(sizes["environment"]), dims="environment"
            )
        if "direction" in sizes:
            coordinates["direction"] = xr.DataArray([1, -1], dims="direction")
        return coordinates


def place_coordinates(experience: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return the coordinates of a task's places: bin centres along a line, or numbers of bins and
    their centres in a plane.

    Parameters
    ----------
    experience : xarray.Dataset
        With ``position`` (sample) or (sample, axis), see ``drift.tasks.worlds.experiences``.
    """
    position = experience["position"]
    if "axis" not in position.dims:
        return {"place": place_coordinate(position.attrs, probes.place_edges(experience))}
    edges = [probes.plane_edges(position.attrs, axis) for axis in range(2)]
    centres = np.meshgrid(*((own[:-1] + own[1:]) / 2 for own in edges))
    attrs = {"units": str(position.attrs["units"]), "long_name": "bin centre"}
    attrs |= {"bin_size": position.attrs["bin_size"]}
    of_axes = {
        name: xr.DataArray(values.ravel(), dims="place", attrs={**attrs, "origin": own[0]})
        for name, values, own in zip(("place_x", "place_y"), centres, edges, strict=True)
    }
    places = xr.DataArray(np.arange(centres[0].size), dims="place", attrs={"units": "1"})
    return {"place": places, **of_axes}


def combined(parts: Sequence[xr.Dataset], order: Sequence[str]) -> xr.Dataset:
    """Return the subjects of several groups in the order in which their experiments were given."""
    return schema.combine(parts).sel(subject=list(order))
