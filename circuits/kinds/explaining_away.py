"""Explaining away (C7): interneurons carry what the active units already explain of the input, and
units answer to the rest.

Sources: Rozell, Johnson, Baraniuk & Olshausen (2008), locally competitive algorithm; circuits, 2.7
and 4.9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
import xarray as xr
from pydantic import BeforeValidator, Field, model_validator

from circuits.base import Circuit, Update, require_fraction, selection_drive
from circuits.drives import checked_drive
from circuits.parameters import NotNegative
from circuits.stable_steps import INTEGRAL_LIMITS, known_update
from drift.door.quantities import Share
from drift.schema.labelled_form import RefusedInputError


def _rows(value: Any) -> Any:
    """Make nested lists hashable, so that circuits can be compared and kept in tables."""
    return (
        tuple(tuple(map(float, row)) for row in value) if isinstance(value, list | tuple) else value
    )


if TYPE_CHECKING:
    Matrix = Any  # arrays and lists are taken, tuples kept
else:
    Matrix = Annotated[tuple[tuple[float, ...], ...], BeforeValidator(_rows), Field(min_length=1)]


class ExplainingAway(Circuit):
    """Units that stand for the columns of a dictionary and compete to explain an input, through
    interneurons that reconstruct it.

    tau_E du_j/dt = -u_j + I_j - lambda - sum_i D_ij R_i + h_j,   h_j = [u_j]_+,
    tau_I dR_i/dt = -R_i + sum_j D_ij h_j.

    With the drive I = D^T x the rates at rest minimise |x - D h|^2 / 2 + lambda sum_j h_j over h >=
    0 (non-negative lasso). How many units are active depends on how redundant the dictionary is.
    Units with equal columns share their rate in any proportion.

    Parameters
    ----------
    dictionary : array_like
        D, (input, unit), without columns of zeros.
    penalty : float
        lambda, drive that a unit needs to become active.
    """

    kind: Literal["explaining_away"] = "explaining_away"
    dictionary: Matrix = Field(repr=False)
    penalty: NotNegative = 0.1

    state_variable: ClassVar[str] = "u"
    rate_variable: ClassVar[str] = "h"
    time_constants_to_rest: ClassVar[float] = (
        150.0  # directions in which the active columns hardly differ decay slowly
    )
    excitatory_equations: ClassVar[str] = """
        du/dt = (-u + drive - penalty - inhibition + h) / tau_E : 1
        h = clip(u, 0, inf) : 1
        drive : 1 (constant)
        penalty : 1 (constant)
        inhibition : 1
    """
    interneuron_equations: ClassVar[str] = """
        dR/dt = (-R + total) / tau_I : 1
        total : 1
    """

    @model_validator(mode="before")
    @classmethod
    def _count_columns(cls, values: dict[str, Any]) -> dict[str, Any]:
        if "dictionary" not in values:
            return values
        try:
            matrix = np.asarray(values["dictionary"], dtype=float)
        except (TypeError, ValueError):
            raise ValueError(
                "dictionary must be an array of numbers with rows of one length: pass (input, unit)"
            ) from None
        if matrix.ndim != 2 or not matrix.size:
            raise ValueError(
                f"dictionary must be an array (input, unit), got shape {matrix.shape}: give "
                "one column for each unit"
            )
        empty = int((~matrix.any(axis=0)).sum())
        if empty:
            raise ValueError(
                f"{empty} columns of the dictionary are all 0, and their units would never "
                "rest: leave them out"
            )
        return {"units": matrix.shape[1], **values}

    @model_validator(mode="after")
    def _one_unit_a_column(self) -> Self:
        if self._matrix.shape[1] != self.units:
            raise ValueError(
                f"the dictionary has {self._matrix.shape[1]} columns for {self.units} units: "
                "leave units out"
            )
        return self

    @property
    def _matrix(self) -> np.ndarray:
        return np.array(self.dictionary)  # (input, unit)

    def feedforward(self, inputs: Any) -> np.ndarray:
        """Return the drive I = D^T x, (..., unit), of inputs x, (..., input)."""
        values = np.asarray(inputs)
        if values.dtype.kind not in "biuf" or not np.isfinite(values).all():
            raise RefusedInputError(
                "inputs to explain must be finite numbers, got others or NaN: fill or drop "
                "these inputs."
            )
        if values.shape[-1:] != self._matrix.shape[:1]:
            raise RefusedInputError(
                f"inputs have shape {values.shape}, the dictionary {len(self._matrix)} "
                "inputs: pass (..., input)."
            )
        return values @ self._matrix

    def sizes(self) -> tuple[int, ...]:
        return (self.units, len(self._matrix))

    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the weights to interneurons (interneuron, unit) and to units (unit,
        interneuron)."""
        return self._matrix, self._matrix.T

    def winning(self, drive: np.ndarray, rate: np.ndarray, inhibition: np.ndarray) -> np.ndarray:
        return rate > 0

    def rate_change(
        self, drive: np.ndarray, rate: np.ndarray, inhibition: np.ndarray
    ) -> np.ndarray:
        return drive - self.penalty - inhibition @ self._matrix + np.maximum(rate, 0.0) - rate

    def state_at_rest(
        self, drive: np.ndarray, rate: np.ndarray, inhibition: np.ndarray
    ) -> np.ndarray:
        return drive - self.penalty - inhibition @ self._matrix + rate

    def inhibition_change(self, rate: np.ndarray, inhibition: np.ndarray) -> np.ndarray:
        return np.maximum(rate, 0.0) @ self._matrix.T - inhibition

    def shared_inhibition(self, inhibition: np.ndarray) -> np.ndarray:
        return inhibition @ self._matrix.mean(axis=1)

    def fixed_point(self, drive: Any) -> xr.Dataset:
        """Return the non-negative lasso, from coordinate descent. See ``Circuit``."""
        drive = checked_drive(drive, self.units)
        matrix, rows = self._matrix, drive.values.reshape(-1, self.units)
        rates = np.array([_lasso(matrix, row - self.penalty) for row in rows])  # (stimulus, unit)
        gains = np.array(
            [np.linalg.norm(matrix[:, row > 0], 2) ** 2 if row.any() else 0.0 for row in rates]
        )
        rate = rates.reshape(drive.shape)
        return self.at_rest(drive, rate, rate @ matrix.T, gains.reshape(drive.shape[:-1]))

    def for_active_fraction(self, active_fraction: Share, drive: Any = None) -> Self:
        """Return the circuit whose penalty leaves this mean fraction of its units active on the
        drive, as nearly as it can."""
        require_fraction(active_fraction, self.units)
        if drive is None:
            raise RefusedInputError(
                "how many units explain an input depends on the inputs: give a drive, "
                "circuit.feedforward(inputs)."
            )
        array = selection_drive(self.units, drive)
        low, high = 0.0, float(array.max())
        for _iteration in range(50):
            middle = (low + high) / 2
            active_units = float(
                self.replace(penalty=middle).fixed_point(array)["active_units"].mean()
            )
            low, high = (
                (middle, high) if active_units > active_fraction * self.units else (low, middle)
            )
        return self.replace(penalty=high)

    def stable_dt(self, drive: Any = None, update: Update = "staggered") -> float:
        """Return the largest step in s at which the loop is stable whichever units are active: that
        of the whole dictionary."""
        gain = np.array(np.linalg.norm(self._matrix, 2) ** 2)
        return float(
            INTEGRAL_LIMITS[known_update(update)](
                gain, self.inhibitory_time_constant, self.excitatory_time_constant
            )
        )


def _lasso(dictionary: np.ndarray, aim: np.ndarray, sweeps: int = 100_000) -> np.ndarray:
    """Return h >= 0 that minimises h^T D^T D h / 2 - q^T h for q (unit,), by coordinate descent
    until rates move by 1e-14 of the largest.

    Refused if a rate still moves by more than 1e-9 of the largest after all sweeps.
    """
    gram = dictionary.T @ dictionary
    norms = np.diag(gram)
    rate, surplus = np.zeros(len(aim)), aim.copy()  # surplus: q - D^T D h
    largest = 0.0
    for _sweep in range(sweeps):
        largest = 0.0
        for unit in range(len(aim)):
            change = max(0.0, rate[unit] + surplus[unit] / norms[unit]) - rate[unit]
            if change:
                rate[unit] += change
                surplus -= change * gram[unit]
                largest = max(largest, abs(change))
        if largest <= 1e-14 * max(1e-300, float(rate.max())):
            return rate
    if largest > 1e-9 * float(rate.max()):
        raise RefusedInputError(
            f"the rates that explain the drive still change by {largest:.1g} after {sweeps} "
            "sweeps: let the circuit settle instead, or "
            "leave out columns of the dictionary that hardly differ."
        )
    return rate
