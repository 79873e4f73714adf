"""Saturating units and one interneuron with a threshold (C3): the mean rate is held, and more units
are active than it says.

Sources: circuits, 2.3 and 4.5.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import numpy as np
import xarray as xr
from scipy.integrate import quad
from scipy.special import ndtri

from circuits.base import Circuit, RestingState, require_fraction, selection_drive
from circuits.drives import checked_drive
from circuits.kinds.threshold import with_normal_threshold, with_selecting_threshold
from circuits.parameters import NotNegative, Positive
from circuits.rest.fixed_points import saturating_level
from drift.door.quantities import Share


class SaturatingUnits(Circuit):
    """Excitatory units with rates between 0 and 1, inhibited by one interneuron that follows how
    far their mean exceeds a threshold.

    tau_E dE_i/dt = -E_i + tanh([I_i - R]_+ / L),   tau_I dR/dt = -R + g [mean_j(E_j) - h]_+.

    At rest the mean rate is h + R / g. Since units are graded, more than a fraction h of them is
    active; for small L the two agree. The loop gain grows with the gain whatever L is, so a large
    gain needs small steps. Units with equal drive win or lose together.

    Parameters
    ----------
    gain : float
        g = N w.
    threshold : float
        h = theta / N, mean rate at which the interneuron starts to respond.
    width : float
        L, drive above the inhibition over which a unit saturates.
    """

    kind: Literal["saturating"] = "saturating"
    gain: Positive = 1000.0
    threshold: NotNegative = 0.05
    width: Positive = 0.5

    excitatory_equations: ClassVar[str] = """
        dE/dt = (-E + tanh(clip(drive - R, 0, inf) / width)) / tau_E : 1
        drive : 1 (constant)
        width : 1 (constant)
        R : 1 (linked)
    """
    interneuron_equations: ClassVar[str] = """
        dR/dt = (-R + gain * clip(total / units - threshold, 0, inf)) / tau_I : 1
        total : 1
        gain : 1 (constant)
        threshold : 1 (constant)
    """

    def rate_change(
        self, drive: np.ndarray, rate: np.ndarray, inhibition: np.ndarray
    ) -> np.ndarray:
        return self._response(drive, inhibition) - rate

    def inhibition_change(self, rate: np.ndarray, inhibition: np.ndarray) -> np.ndarray:
        return self.gain * np.maximum(rate.mean(axis=-1) - self.threshold, 0.0) - inhibition

    def fixed_point(self, drive: Any) -> xr.Dataset:
        drive = checked_drive(drive, self.units)
        return self.at_rest(drive, *self.resting_state(drive.values))

    def resting_state(self, drive: np.ndarray) -> RestingState:
        inhibition = saturating_level(
            drive, self.gain / self.units, self.threshold * self.units, self.width
        )
        rate = self._response(drive, inhibition)  # (..., unit)
        slope = np.where(rate > 0, 1 - rate**2, 0.0) / self.width
        return RestingState(rate, inhibition, self.gain * slope.mean(axis=-1) * (inhibition > 0))

    def for_active_fraction(self, active_fraction: Share, drive: Any = None) -> Self:
        """Return the circuit whose threshold leaves this fraction of its units active; the gain
        stays. See ``Circuit``."""
        require_fraction(active_fraction, self.units)
        if drive is None:
            return with_normal_threshold(
                self, active_fraction, self._normal_rate(-float(ndtri(active_fraction)))
            )
        return with_selecting_threshold(self, active_fraction, selection_drive(self.units, drive))

    def _response(self, drive: np.ndarray, inhibition: np.ndarray) -> np.ndarray:
        return np.tanh(np.maximum(drive - inhibition[..., np.newaxis], 0.0) / self.width)

    def _normal_rate(self, level: float) -> float:
        """Return the mean rate of units with standard normal drive under inhibition by
        ``level``."""

        def density(excess: float) -> float:
            normal = np.exp(-((level + excess) ** 2) / 2) / np.sqrt(2 * np.pi)
            return float(np.tanh(excess / self.width) * normal)

        return float(
            quad(density, 0.0, 12.0, points=[min(self.width, 1.0)], epsabs=1e-13, limit=200)[0]
        )
