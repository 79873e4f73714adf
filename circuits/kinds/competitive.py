"""Mutual competition (C6): the units that start highest push all others down until exactly K are
left.

Sources: Majani, Erlanson & Abu-Mostafa (NIPS 1988); circuits, 2.6 and 4.7.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import xarray as xr
from pydantic import Field, model_validator
from scipy.optimize import brentq

from circuits.base import Circuit, Update, impossible_count, require_fraction
from circuits.drives import checked_drive
from circuits.parameters import Fraction, Number, Positive, Seconds
from circuits.stable_steps import known_update
from drift.door.quantities import Share
from drift.schema.labelled_form import RefusedInputError


class Majani(Circuit):
    """Units that excite themselves and inhibit one another through an interneuron without delay,
    until K of them are active.

    tau_E du_i/dt = -u_i + (a + 1)(2 E_i - 1) - R,   E_i = sigma(2 beta u_i),
    R = 2 (sum_j E_j - K),   K = f N, rounded.

    The drive is where the units start, u_i(0), and acts no longer afterwards. All units receive the
    same inhibition, so their order is kept and the winners are the K that start highest. Units win
    if E > 1/2. With K winners each winner's input is a + 1, with one more it would be a - 1: |a| <
    1 makes the number exact. Units that start equal at the boundary stay equal and share the
    places.

    Parameters
    ----------
    active_fraction : float
        f = K / N.
    self_excitation : float
        a.
    steepness : float
        beta.
    inhibitory_time_constant : float
        0: the interneuron follows at once.

    References
    ----------
    Majani, Erlanson & Abu-Mostafa (1988), with g = 2 E - 1 and the sum over units written as the
    inhibition R.
    """

    kind: Literal["majani"] = "majani"
    units: int = Field(default=100, ge=2)
    excitatory_time_constant: Seconds = 0.020
    inhibitory_time_constant: Annotated[float, Field(ge=0, le=0)] = 0.0
    active_fraction: Fraction = 0.05
    self_excitation: Number = 0.0
    steepness: Positive = 50.0

    state_variable: ClassVar[str] = "u"
    active_rate: ClassVar[float] = 0.5
    time_constants_to_rest: ClassVar[float] = 20.0
    excitatory_equations: ClassVar[str] = """
        du/dt = (-u + (self_excitation + 1) * (2 * E - 1) - R) / tau_E : 1
        E = (1 + tanh(steepness * u)) / 2 : 1
        self_excitation : 1 (constant)
        steepness : 1 (constant)
        R : 1 (linked)
    """
    interneuron_equations: ClassVar[str] = """
        R = 2 * (total - winners) : 1
        total : 1
        winners : 1 (constant)
    """

    @model_validator(mode="after")
    def _some_but_not_all(self) -> Self:
        if fault := impossible_count(self.active_fraction, self.units):
            raise ValueError(fault.removesuffix("."))
        return self

    @property
    def winners(self) -> int:
        """K, units that are left active."""
        return round(self.active_fraction * self.units)

    def equation_parameters(self) -> dict[str, float]:
        return {
            "self_excitation": self.self_excitation,
            "steepness": self.steepness,
            "winners": float(self.winners),
        }

    def initial_state(self, drive: np.ndarray) -> np.ndarray:
        return np.array(drive)

    def winning(self, drive: np.ndarray, rate: np.ndarray, inhibition: np.ndarray) -> np.ndarray:
        return rate > 0.5

    def rate_change(
        self, drive: np.ndarray, rate: np.ndarray, inhibition: np.ndarray
    ) -> np.ndarray:
        return (
            (self.self_excitation + 1) * np.tanh(self.steepness * rate)
            - inhibition[..., np.newaxis]
            - rate
        )

    def state_at_rest(
        self, drive: np.ndarray, rate: np.ndarray, inhibition: np.ndarray
    ) -> np.ndarray:
        return (self.self_excitation + 1) * (2 * rate - 1) - inhibition[..., np.newaxis]

    def inhibition_change(self, rate: np.ndarray, inhibition: np.ndarray) -> np.ndarray:
        return 2 * (self._rate(rate).sum(axis=-1) - self.winners) - inhibition

    def fixed_point(self, drive: Any) -> xr.Dataset:
        drive = checked_drive(drive, self.units)
        if abs(self.self_excitation) >= 1:
            raise RefusedInputError(
                f"self_excitation {self.self_excitation:g} does not make the circuit select "
                f"{self.winners} units: take it between -1 and 1."
            )
        ordered = -np.sort(-drive.values, axis=-1)  # (..., unit)
        tied = int((ordered[..., self.winners - 1] == ordered[..., self.winners]).sum())
        if tied:
            raise RefusedInputError(
                f"drives {self.winners} and {self.winners + 1} are equal in {tied} stimuli: "
                "nothing selects between them, so break the tie."
            )
        inhibition, high, low = self._resting_inhibition()
        state = np.where(drive.values >= ordered[..., self.winners - 1, np.newaxis], high, low)
        gain = self.steepness * (1 - np.tanh(self.steepness * state) ** 2).sum(axis=-1)
        return self.at_rest(drive, self._rate(state), np.full(drive.shape[:-1], inhibition), gain)

    def for_active_fraction(self, active_fraction: Share, drive: Any = None) -> Self:
        """Return the circuit that leaves this fraction active, whatever the drive. See
        ``Circuit``."""
        return self.replace(active_fraction=require_fraction(active_fraction, self.units))

    def stable_dt(self, drive: Any = None, update: Update = "staggered") -> float:
        """Return a step in s that keeps the inhibition from overshooting while it moves along the
        drives.

        dt = 2 tau_E / s with s = beta (drives in the fullest window of width 2 / beta), the largest
        slope of the summed rate: at rest all units are saturated and any step would do. Without a
        drive all units are taken to start at one place.
        """
        known_update(update)
        if drive is None:
            return 2 * self.excitatory_time_constant / (self.steepness * self.units)
        # (stimulus, unit)
        values = np.sort(checked_drive(drive, self.units).values.reshape(-1, self.units), axis=-1)
        fullest = max(
            int(np.max(np.searchsorted(row, row + 2 / self.steepness) - np.arange(self.units)))
            for row in values
        )
        return 2 * self.excitatory_time_constant / (self.steepness * fullest)

    def usual_dt(self, drive: xr.DataArray) -> float:
        return min(super().usual_dt(drive), self.stable_dt(drive) / 2)

    def _rate(self, state: np.ndarray) -> np.ndarray:
        return (1 + np.tanh(self.steepness * state)) / 2

    def _resting_inhibition(self) -> tuple[float, float, float]:
        """Return the inhibition at rest, and where it leaves winners and losers."""
        strength = self.self_excitation + 1

        def resting(inhibition: float, side: float) -> float:
            state, before = side * (strength + 2.0), np.inf
            # from outside towards the outermost fixed point, faster the steeper the
            # units are
            while abs(state - before) > 1e-15:
                state, before = strength * np.tanh(self.steepness * state) - inhibition, state
            return state

        def excess(inhibition: float) -> float:
            high, low = (self._rate(np.array(resting(inhibition, side))) for side in (1.0, -1.0))
            return float(
                2 * (self.winners * high + (self.units - self.winners) * low - self.winners)
                - inhibition
            )

        level = float(brentq(excess, -strength, strength, xtol=1e-15))
        return level, float(resting(level, 1.0)), float(resting(level, -1.0))
