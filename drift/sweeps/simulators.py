"""What makes a subject of its recipe: a sweep hands tasks of any kind of recipe to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import xarray as xr

from drift.errors import DamagedFileError, RefusedInputError
from drift.experiment import Experiment
from drift.files.code_version import code_version
from drift.recipe import Recipe
from drift.training.engines import EngineName
from drift.training.engines.base import Precision
from drift.training.probes import network as probe_table
from drift.training.probes.choice import chosen
from drift.training.training import train


class Simulator(ABC):
    """Runs recipes of one kind, one at a time; it is handed to other processes together with its
    recipe, so it must be picklable.

    A class of recipes of another package says by its method ``simulator()`` what runs it.
    """

    recipes: ClassVar[type[Recipe]]

    @property
    @abstractmethod
    def options(self) -> dict[str, Any]:
        """What decides numbers besides recipe and code, as JSON has it."""

    @abstractmethod
    def code(self) -> str:
        """Return a hash of the code that decides numbers."""

    @abstractmethod
    def simulate(self, recipe: Any, checkpoint: Path) -> xr.Dataset:
        """Return the subject of a recipe, whose coordinate ``experiment`` is the recipe as JSON.

        Parameters
        ----------
        recipe : Recipe
            One of ``recipes``.
        checkpoint : Path
            File where a simulation that takes long keeps its state, and goes on from.
        """

    def check(self, recipes: Sequence[Any]) -> None:
        """Refuse recipes that are of another kind or cannot stand in one Dataset.

        Parameters
        ----------
        recipes : sequence of Recipe

        Raises
        ------
        RefusedInputError
        """
        foreign = [recipe for recipe in recipes if not isinstance(recipe, self.recipes)]
        if foreign or not recipes:
            kind = f"{type(foreign[0]).__name__} among them" if foreign else "none"
            raise RefusedInputError(
                f"{type(self).__name__} runs a list of at least one {self.recipes.__name__}, got "
                f"{kind}: give each kind of recipe a sweep of its own."
            )


@dataclass(frozen=True)
class NetworkSimulator(Simulator):
    """Networks that learn, in one thread on the CPU.

    Parameters
    ----------
    probes, engine, precision
        See ``drift.train``.
    """

    recipes: ClassVar[type[Recipe]] = Experiment
    probes: tuple[str, ...] = tuple(probe_table.DEFAULT)
    engine: EngineName = "auto"
    precision: Precision = "float32"

    @property
    def options(self) -> dict[str, Any]:
        """What decides numbers besides recipe and code."""
        return {
            "probes": list(chosen(self.probes)),
            "engine": self.engine,
            "precision": self.precision,
        }

    def code(self) -> str:
        """Return ``drift.files.code_version.code_version()``."""
        return code_version()

    def simulate(self, recipe: Experiment, checkpoint: Path) -> xr.Dataset:
        """Return the subject of a recipe, from its checkpoint if there is one."""
        try:
            return self._trained(recipe, checkpoint)
        except DamagedFileError:  # its checkpoint, which can be made again
            checkpoint.unlink(missing_ok=True)
            return self._trained(recipe, checkpoint)

    def _trained(self, recipe: Experiment, checkpoint: Path) -> xr.Dataset:
        return train([recipe], **self.options, threads=1, checkpoint=checkpoint, progress=False)


def simulator_of(
    recipes: Sequence[Recipe], given: Simulator | None, networks: NetworkSimulator
) -> Simulator:
    """Return what runs the recipes of a sweep, and refuse recipes that it does not run.

    Parameters
    ----------
    recipes : sequence of Recipe
    given : Simulator or None
        What was asked for; by default networks are trained, and other recipes say what runs them.
    networks : NetworkSimulator
        How networks are trained.

    Returns
    -------
    Simulator

    Raises
    ------
    RefusedInputError
        If there is no recipe, nothing that runs it, or options of networks are given to others.
    """
    simulator = given or _brought(recipes) or networks
    simulator.check(recipes)
    if simulator is not networks and networks.options != NetworkSimulator().options:
        raise RefusedInputError(
            "probes, engine and precision are options of networks, got them for "
            f"{simulator.recipes.__name__}: give simulator={type(simulator).__name__}(...) its own."
        )
    return simulator


def _brought(recipes: Sequence[Any]) -> Simulator | None:
    """What the first of the recipes says that runs it."""
    told = getattr(recipes[0], "simulator", None) if recipes else None
    return told() if callable(told) else None
