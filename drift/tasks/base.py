"""What every task is: a recipe that draws one fixed batch of experience."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Literal, Self

import numpy as np
import xarray as xr
from pydantic import model_validator

from drift.door.memory import refuse_beyond_memory
from drift.errors import RefusedInputError
from drift.recipe import Recipe

Objective = Literal["squared_error", "cross_entropy", "next_token"]


class Task(Recipe, ABC):
    """A world that, given a seed, supplies the inputs and targets a network learns from."""

    kind: str

    def extent(self) -> tuple[int, int, int]:
        """Return samples, inputs and outputs as far as they are known before anything is drawn,
        otherwise 0."""
        return 0, 0, 0

    def objective(self) -> Objective:
        """Return what is asked of the outputs: numbers, one class, or the next token at every
        position. What is drawn says the same in its attribute ``objective``, unless it is
        numbers."""
        return "squared_error"

    @model_validator(mode="after")
    def _fits(self) -> Self:
        samples, inputs, outputs = self.extent()
        refuse_beyond_memory(
            "the experience of a task, samples x (inputs + outputs),", samples, inputs + outputs
        )
        return self

    @abstractmethod
    def draw(self, seed: int) -> xr.Dataset:
        """Return the experience of the subject with this seed.

        Returns
        -------
        xarray.Dataset
            ``inputs (sample, input)``, ``targets (sample, output)`` and, where the task has places,
            ``position (sample)``, ``direction (sample)`` and ``environment (sample)``, with the
            coordinate ``place`` of bin centres; attribute ``objective`` where it is not
            "squared_error".
        """

    def files(self) -> tuple[Path, ...]:
        """Return the files that ``draw`` reads: what they hold is part of what a sweep knows a
        result by.

        Returns
        -------
        tuple of Path
            The file of the entry ``path``, where a task has one.
        """
        path = getattr(self, "path", None)
        return () if path is None else (Path(path),)


def experience(inputs: np.ndarray, targets: np.ndarray, **variables: np.ndarray) -> xr.Dataset:
    """Label one batch of experience.

    Parameters
    ----------
    inputs : array, shape (samples, inputs)
    targets : array, shape (samples, outputs)
    **variables : array, shape (samples,)
        Such as position, direction, environment.
    """
    columns = {name: ("sample", values) for name, values in variables.items()}
    return xr.Dataset(
        {
            "inputs": (("sample", "input"), inputs),
            "targets": (("sample", "output"), targets),
            **columns,
        }
    )


def unit_range(values: np.ndarray) -> np.ndarray:
    """Scale by the global extremes to about [0, 1], as the older published code does; refuses a
    constant."""
    if values.max() == values.min():
        raise RefusedInputError(
            f"the task has drawn {values.size} equal numbers, which leave no range to scale: "
            "ask for more samples, inputs or outputs."
        )
    shifted = values - (values.min() + 1e-5)
    return shifted / (shifted.max() + 1e-5)


def symmetric_range(values: np.ndarray) -> np.ndarray:
    """Scale by the global extremes to about [-1, 1], as the released code does."""
    return 2 * (unit_range(values) - 0.5)
