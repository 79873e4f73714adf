"""One linear interneuron (C1): winners are always the most strongly driven units, however the drive
is scaled.

Sources: Bricken, Schaeffer, Olshausen & Kreiman (ICML 2023), interneuron circuit; fixed point and
gains: circuits, 2.1 and 4.1.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import numpy as np
import xarray as xr

from circuits.base import Circuit, RestingState, require_fraction, selection_drive
from circuits.drives import checked_drive
from circuits.parameters import Positive
from circuits.rest.fixed_points import threshold_linear_level
from drift.door.quantities import Share
from drift.schema.labelled_form import RefusedInputError


class LinearInterneuron(Circuit):
    """Excitatory units inhibited by one interneuron that follows their mean rate.

    tau_E dE_i/dt = -E_i + [I_i - R]_+,   tau_I dR/dt = -R + g mean_j(E_j).

    At rest E_i = [I_i - lambda]_+ with lambda = G S_k / (1 + G k), G = g / N, where S_k sums the k
    largest drives. The winners are exactly the k most strongly driven units; k does not change when
    all drives are multiplied by one number, but it does when one number is added to all. Units with
    equal drive win or lose together.

    Parameters
    ----------
    gain : float
        g = N G. For standard normal drives and N large, g = tau/mu: 27.07 leaves 10 %, 78.73 leaves
        5 % of the units active.
    """

    kind: Literal["linear"] = "linear"
    gain: Positive = 78.7277

    excitatory_equations: ClassVar[str] = """
        dE/dt = (-E + clip(drive - R, 0, inf)) / tau_E : 1
        drive : 1 (constant)
        R : 1 (linked)
    """
    interneuron_equations: ClassVar[str] = """
        dR/dt = (-R + gain * total / units) / tau_I : 1
        total : 1
        gain : 1 (constant)
    """

    def rate_change(
        self, drive: np.ndarray, rate: np.ndarray, inhibition: np.ndarray
    ) -> np.ndarray:
        return np.maximum(drive - inhibition[..., np.newaxis], 0.0) - rate

    def inhibition_change(self, rate: np.ndarray, inhibition: np.ndarray) -> np.ndarray:
        return self.gain * rate.mean(axis=-1) - inhibition

    def fixed_point(self, drive: Any) -> xr.Dataset:
        drive = checked_drive(drive, self.units)
        return self.at_rest(drive, *self.resting_state(drive.values))

    def resting_state(self, drive: np.ndarray) -> RestingState:
        inhibition, winners = threshold_linear_level(drive, self.gain / self.units)
        rate = np.maximum(drive - inhibition[..., np.newaxis], 0.0)  # (..., unit)
        return RestingState(rate, inhibition, self.gain / self.units * winners)

    def for_active_fraction(self, active_fraction: Share, drive: Any = None) -> Self:
        require_fraction(active_fraction, self.units)
        if drive is None:
            # the same number as the optimal pooling of the infinite-width theory
            from drift.theory.kernels.depth import optimal_pooling

            if active_fraction >= 0.5:
                raise RefusedInputError(
                    f"active_fraction {active_fraction} of a standard normal drive needs "
                    "negative inhibition: ask for less than 0.5."
                )
            return self.replace(gain=float(optimal_pooling(active_fraction)))
        return self.replace(
            gain=_selecting_gain(
                selection_drive(self.units, drive).values.reshape(-1, self.units), active_fraction
            )
        )


def _selecting_gain(drives: np.ndarray, active_fraction: float) -> float:
    """Return N G for a mean fraction over ``drives (stimulus, unit)``; a single stimulus gets the
    middle of its range of gains."""
    units = drives.shape[1]
    if len(drives) == 1:
        return units * _middle_gain(drives[0], round(active_fraction * units))
    return units * float(np.exp(_bisected_log_gain(drives, active_fraction * units)))


def _middle_gain(drive: np.ndarray, winners: int) -> float:
    """Return G = lambda / sum_{i<=k}(I_(i) - lambda) with lambda between the k-th and the next
    drive (circuits, 2.1)."""
    ordered = -np.sort(-drive)
    following = ordered[winners] if winners < drive.size else 0.0
    level = (ordered[winners - 1] + following) / 2
    if not (level > 0 and ordered[winners - 1] > following):
        raise RefusedInputError(
            f"no gain leaves exactly {winners} units active on this drive (drives {winners} "
            f"and {winners + 1} are "
            f"{ordered[winners - 1]:g} and {following:g}): ask for a fraction at which they "
            "differ and their mean is positive."
        )
    return float(level / np.sum(ordered[:winners] - level))


def _bisected_log_gain(drives: np.ndarray, winners: float) -> float:
    low, high = np.log(1e-12), np.log(1e12)
    for _iteration in range(80):
        middle = (low + high) / 2
        mean_winners = threshold_linear_level(drives, np.exp(middle))[1].mean()
        low, high = (middle, high) if mean_winners > winners else (low, middle)
    reached = threshold_linear_level(drives, np.exp(low))[1].mean()
    if reached < winners:
        raise RefusedInputError(
            f"on average only {reached:g} units have a positive drive, fewer than the "
            f"{winners:g} asked for: "
            "ask for a smaller fraction or add an offset."
        )
    return (low + high) / 2
