"""One circuit and all that makes its code drift, as a recipe: the same in Python, JSON and TOML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import xarray as xr
from pydantic import Field, Strict, field_validator

from circuits.base import Circuit
from circuits.kinds.table import CIRCUITS
from circuits.simulation.settled_rates import Engine
from circuits.wandering.context import PlaceContextInput
from circuits.wandering.excitability import Excitability
from circuits.wandering.inputs import PlaceInput
from circuits.wandering.sessions import run_sessions
from circuits.wandering.wandering_weights import WeightDrift
from drift.door import opened
from drift.errors import RefusedInputError
from drift.recipe import Recipe, chosen
from drift.sweeps.simulators import Simulator
from drift.tasks import TASKS
from drift.tasks.base import Task

INPUTS: dict[str, type[Recipe]] = {
    "place": PlaceInput,
    "place_context": PlaceContextInput,
    **TASKS,
}


class DriftingCircuit(Recipe):
    """What ``run_sessions`` is given for one subject.

    Parameters
    ----------
    circuit : Circuit
        See ``circuits.CIRCUITS``.
    inputs : PlaceInput, PlaceContextInput or drift task
        What it sees of places.
    drift : WeightDrift, optional
        How its weights wander; they stay by default.
    excitability : Excitability, optional
        How excitable its units are; alike by default.
    elapsed : sequence of float
        Times of the sessions, rising.
    elapsed_units : str
        Of them, and of lifetimes.
    seed : int
        Source of all chance of this subject.
    """

    kind: Literal["drifting_circuit"] = "drifting_circuit"
    circuit: Any
    inputs: Any = Field(default_factory=PlaceInput)
    drift: Any = None
    excitability: Any = None
    elapsed: Annotated[tuple[float, ...], Strict(False), Field(min_length=1, max_length=100_000)]
    elapsed_units: str = "day"
    seed: int = Field(default=0, ge=0)

    def simulator(self) -> Simulator:
        """Return what runs this recipe in ``drift.run_sweep``: the closed form."""
        from circuits.wandering.simulator import CircuitSimulator

        return CircuitSimulator()

    @field_validator("circuit")
    @classmethod
    def _circuit(cls, value: Any) -> Circuit:
        return _one_of(chosen(CIRCUITS, value), Circuit, "LinearInterneuron(units=1000)")

    @field_validator("inputs")
    @classmethod
    def _inputs(cls, value: Any) -> Recipe:
        kinds = (PlaceInput, PlaceContextInput, Task)
        return _one_of(chosen(INPUTS, value), kinds, "PlaceInput()")

    @field_validator("drift")
    @classmethod
    def _drift(cls, value: Any) -> WeightDrift | None:
        own = WeightDrift(**value) if isinstance(value, Mapping) else value
        return _one_of(own, (WeightDrift, type(None)), "WeightDrift(weight_lifetime=10.0)")

    @field_validator("excitability")
    @classmethod
    def _excitability(cls, value: Any) -> Excitability | None:
        own = Excitability(**value) if isinstance(value, Mapping) else value
        return _one_of(own, (Excitability, type(None)), "Excitability(std=0.5, lifetime=10.0)")


def _one_of(value: Any, kinds: Any, example: str) -> Any:
    if not isinstance(value, kinds):
        raise ValueError(f"got {type(value).__name__}: write {example}")
    return value


@opened
def run_circuits(
    recipes: Sequence[DriftingCircuit], *, engine: Engine = "fixed_point", progress: bool = True
) -> xr.Dataset:
    """Let circuits drift as their recipes say: ``run_sessions`` of recipes.

    Parameters
    ----------
    recipes : sequence of DriftingCircuit
        One for each subject, with as many sessions and one unit of time.
    engine : {"brian2", "compiled", "fixed_point"}
        Settle in Brian2, in loops compiled from its code, or take the closed form.
    progress : bool
        Show a progress bar.

    Returns
    -------
    xarray.Dataset
        As that of ``run_sessions``; the recipe of a subject is read back from it by
        ``DriftingCircuit.from_json(run["experiment"].values[0])``.

    Raises
    ------
    RefusedInputError
        If there is no recipe, or sessions or units of time differ.
    """
    listed = list(recipes)
    if not listed or not all(isinstance(recipe, DriftingCircuit) for recipe in listed):
        raise RefusedInputError(
            "run_circuits needs a list of at least one DriftingCircuit: write "
            "run_circuits([DriftingCircuit(...)])."
        )
    check_agreement(listed)
    run = run_sessions(
        [recipe.circuit for recipe in listed],
        [recipe.inputs for recipe in listed],
        [recipe.drift for recipe in listed],
        elapsed=[recipe.elapsed for recipe in listed],
        elapsed_units=listed[0].elapsed_units,
        seeds=[recipe.seed for recipe in listed],
        excitability=[recipe.excitability for recipe in listed],
        engine=engine,
        progress=progress,
    )
    texts = np.array([recipe.to_json() for recipe in listed], dtype=object)
    return run.assign_coords(experiment=("subject", texts))


def check_agreement(recipes: Sequence[DriftingCircuit]) -> None:
    """Refuse recipes that cannot stand in one Dataset.

    Parameters
    ----------
    recipes : sequence of DriftingCircuit

    Raises
    ------
    RefusedInputError
        If sessions or units of time differ.
    """
    for name, values in (
        ("numbers of sessions", {len(recipe.elapsed) for recipe in recipes}),
        ("units of elapsed", {recipe.elapsed_units for recipe in recipes}),
    ):
        if len(values) > 1:
            raise RefusedInputError(
                f"recipes of one call must agree in {name}, got {sorted(values)}: run them apart."
            )
