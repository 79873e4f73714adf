"""Integral control of the count (C5): the inhibition changes until exactly the chosen number of
units is active.

Sources: circuits, 2.5 and 4.7; in the literature on k winners the one-neuron network.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import numpy as np
import xarray as xr
from pydantic import model_validator
from scipy.special import expit, ndtri

from circuits.base import (
    Circuit,
    RestingState,
    Update,
    impossible_count,
    require_fraction,
    selection_drive,
)
from circuits.drives import checked_drive, normal_quantiles
from circuits.parameters import Fraction, Positive
from circuits.rest.fixed_points import count_control_level
from circuits.stable_steps import INTEGRAL_LIMITS, known_update
from drift.door.quantities import Share
from drift.schema.labelled_form import RefusedInputError


class CountControl(Circuit):
    """Excitatory units with logistic rates, inhibited by an interneuron that integrates by how much
    too many of them are active.

    tau_E dE_i/dt = -E_i + sigma(beta (I_i - R)),   tau_I dR/dt = K (mean_j(E_j) - f).

    At rest the mean rate is exactly f. A unit wins if E > 1/2, that is I > R; the number of winners
    differs from f N by few units, by none for steep units. R is a control variable of either sign:
    it is negative where more units than have positive drive are asked for. Units with equal drive
    at the boundary share one rate between 0 and 1.

    Parameters
    ----------
    active_fraction : float
        f = k / N.
    steepness : float
        beta, in 1 / drive.
    gain : float
        K = N K_i. It damps well in proportion to 1 / density of the drives at R: 0.5 for 5 % of
        standard normal drives.
    """

    kind: Literal["count_control"] = "count_control"
    active_fraction: Fraction = 0.05
    steepness: Positive = 50.0
    gain: Positive = 0.5

    active_rate: ClassVar[float] = 0.5
    time_constants_to_rest: ClassVar[float] = (
        36.0  # oscillations of the loop decay with twice the excitatory time constant
    )
    # tanh is the logistic function without overflow
    excitatory_equations: ClassVar[str] = """
        dE/dt = (-E + (1 + tanh(steepness * (drive - R) / 2)) / 2) / tau_E : 1
        drive : 1 (constant)
        steepness : 1 (constant)
        R : 1 (linked)
    """
    interneuron_equations: ClassVar[str] = """
        dR/dt = gain * (total / units - active_fraction) / tau_I : 1
        total : 1
        gain : 1 (constant)
        active_fraction : 1 (constant)
    """

    @model_validator(mode="after")
    def _some_but_not_all(self) -> Self:
        if fault := impossible_count(self.active_fraction, self.units):
            raise ValueError(fault.removesuffix("."))
        return self

    def rate_change(
        self, drive: np.ndarray, rate: np.ndarray, inhibition: np.ndarray
    ) -> np.ndarray:
        return expit(self.steepness * (drive - inhibition[..., np.newaxis])) - rate

    def inhibition_change(self, rate: np.ndarray, inhibition: np.ndarray) -> np.ndarray:
        return self.gain * (rate.mean(axis=-1) - self.active_fraction)

    def fixed_point(self, drive: Any) -> xr.Dataset:
        drive = checked_drive(drive, self.units)
        return self.at_rest(drive, *self.resting_state(drive.values))

    def resting_state(self, drive: np.ndarray) -> RestingState:
        inhibition = count_control_level(drive, self.active_fraction * self.units, self.steepness)
        rate = expit(self.steepness * (drive - inhibition[..., np.newaxis]))  # (..., unit)
        gain = self.gain * self.steepness * (rate * (1 - rate)).mean(axis=-1)
        return RestingState(rate, inhibition, gain)

    def for_active_fraction(self, active_fraction: Share, drive: Any = None) -> Self:
        """Return the circuit that asks for this fraction, with the gain that damps it by 1 / sqrt 2
        on such drives.

        K = tau_I / (2 tau_E p), with p the density of the drives at the boundary of the winners.
        See ``Circuit``.
        """
        fraction = require_fraction(active_fraction, self.units)
        density = (
            _normal_density(fraction)
            if drive is None
            else _density(selection_drive(self.units, drive).values, fraction)
        )
        gain = self.inhibitory_time_constant / (2 * self.excitatory_time_constant * density)
        return self.replace(active_fraction=fraction, gain=gain)

    def stable_dt(self, drive: Any = None, update: Update = "staggered") -> float:
        gains = self.loop_gains(normal_quantiles(self.units) if drive is None else drive)
        return float(
            np.min(
                INTEGRAL_LIMITS[known_update(update)](
                    gains, self.excitatory_time_constant, self.inhibitory_time_constant
                )
            )
        )


def _normal_density(active_fraction: float) -> float:
    return float(np.exp(-(ndtri(active_fraction) ** 2) / 2) / np.sqrt(2 * np.pi))


def _density(drives: np.ndarray, active_fraction: float) -> float:
    """Return how densely drives lie at the boundary of the winners, from quantiles around it, as
    the mean over stimuli of 1/p."""
    margin = min(active_fraction, 1 - active_fraction) / 2
    low, high = np.quantile(
        drives, [1 - active_fraction - margin, 1 - active_fraction + margin], axis=-1
    )
    width = float(np.mean(high - low))
    if width == 0:
        raise RefusedInputError(
            f"the drives around the boundary of the strongest {active_fraction:g} are all "
            "equal: no count can be controlled there, so "
            "ask for another fraction."
        )
    return 2 * margin / width
