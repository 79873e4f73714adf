"""One interneuron with a threshold (C2): the summed rate is held, and with a strong interneuron the
code is the sparsemax.

Sources: circuits, 2.2 and 4.4; the limit of large gain is the projection on the simplex (Martins &
Astudillo 2016).
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self, TypeVar

import numpy as np
import xarray as xr
from scipy.special import ndtr, ndtri

from circuits.base import Circuit, RestingState, require_fraction, selection_drive
from circuits.drives import checked_drive
from circuits.parameters import NotNegative, Positive
from circuits.rest.fixed_points import threshold_linear_level
from drift.door.quantities import Share
from drift.schema.labelled_form import RefusedInputError

Thresholded = TypeVar("Thresholded", bound=Circuit)


class ThresholdInterneuron(Circuit):
    """Excitatory units inhibited by one interneuron that follows how far their mean rate exceeds a
    threshold.

    tau_E dE_i/dt = -E_i + [I_i - R]_+,   tau_I dR/dt = -R + g [mean_j(E_j) - h]_+.

    At rest E_i = [I_i - lambda]_+ with lambda = w (S_k - theta) / (1 + w k), w = g / N, theta = N
    h, where S_k sums the k largest drives; without enough rate to reach the threshold there is no
    inhibition. For large gain the mean rate is h whatever the drive (sparsemax), and k does not
    change when one number is added to all drives. Units with equal drive win or lose together.

    Parameters
    ----------
    gain : float
        g = N w.
    threshold : float
        h = theta / N, mean rate at which the interneuron starts to respond.
    """

    kind: Literal["threshold"] = "threshold"
    gain: Positive = 1000.0
    threshold: NotNegative = 0.0192481

    excitatory_equations: ClassVar[str] = """
        dE/dt = (-E + clip(drive - R, 0, inf)) / tau_E : 1
        drive : 1 (constant)
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
        return np.maximum(drive - inhibition[..., np.newaxis], 0.0) - rate

    def inhibition_change(self, rate: np.ndarray, inhibition: np.ndarray) -> np.ndarray:
        return self.gain * np.maximum(rate.mean(axis=-1) - self.threshold, 0.0) - inhibition

    def fixed_point(self, drive: Any) -> xr.Dataset:
        drive = checked_drive(drive, self.units)
        return self.at_rest(drive, *self.resting_state(drive.values))

    def resting_state(self, drive: np.ndarray) -> RestingState:
        inhibition, winners = threshold_linear_level(
            drive, self.gain / self.units, self.threshold * self.units
        )
        rate = np.maximum(drive - inhibition[..., np.newaxis], 0.0)  # (..., unit)
        return RestingState(rate, inhibition, self.gain / self.units * winners * (inhibition > 0))

    def for_active_fraction(self, active_fraction: Share, drive: Any = None) -> Self:
        """Return the circuit whose threshold leaves this fraction of its units active; the gain
        stays. See ``Circuit``."""
        require_fraction(active_fraction, self.units)
        if drive is None:
            return with_normal_threshold(
                self, active_fraction, mean_excess(-ndtri(active_fraction))
            )
        return with_selecting_threshold(self, active_fraction, selection_drive(self.units, drive))


def mean_excess(level: float) -> float:
    """Return the mean of [x - a]_+ for standard normal x: phi(a) - a Phi(-a), the unit normal loss
    function."""
    return float(np.exp(-(level**2) / 2) / np.sqrt(2 * np.pi) - level * ndtr(-level))


def with_normal_threshold(
    circuit: Thresholded, active_fraction: float, mean_rate: float
) -> Thresholded:
    """Return a circuit with the threshold that puts the inhibition at a = -Phi^-1(f) for standard
    normal drives and many units.

    h = mean rate - a / g, since R = a needs a mean rate that exceeds the threshold by a / g.

    Parameters
    ----------
    circuit : Circuit
        With ``gain`` and ``threshold``.
    active_fraction : float
        f.
    mean_rate : float
        Mean rate over units when the inhibition is a.
    """
    level = -float(ndtri(active_fraction))
    if level < 0:
        raise RefusedInputError(
            f"active_fraction {active_fraction} of a standard normal drive needs negative "
            "inhibition: ask for at most 0.5."
        )
    gain = float(dict(circuit)["gain"])
    if mean_rate < level / gain:
        raise _too_weak(gain, f"at least {level / mean_rate:.4g} without a threshold")
    return circuit.replace(threshold=mean_rate - level / gain)


def with_selecting_threshold(
    circuit: Thresholded, active_fraction: float, drive: xr.DataArray
) -> Thresholded:
    """Return a circuit with the threshold at which the mean number of winners over stimuli is the
    one asked for.

    The number grows with the threshold; of the thresholds that give the same number the middle one
    is taken.

    Parameters
    ----------
    circuit : Circuit
        With ``gain`` and ``threshold``.
    active_fraction : float
        f.
    drive : xarray.DataArray
        I, (..., unit).
    """
    target = (
        active_fraction * circuit.units
        if drive.size > circuit.units
        else round(active_fraction * circuit.units)
    )
    rounding = 1e-9 * circuit.units
    fewest, most = (_winners(circuit, threshold, drive) for threshold in (0.0, _silencing(drive)))
    if fewest > target + rounding:
        raise _too_weak(
            float(dict(circuit)["gain"]),
            f"more than now: even without a threshold {fewest:g} units stay active",
        )
    if most < target - rounding:
        raise RefusedInputError(
            f"on average only {most:g} units have a positive drive, fewer than the {target:g} "
            "asked for: ask for a smaller fraction or "
            "add an offset."
        )
    low = _bisected_threshold(circuit, drive, target - rounding)
    selecting_circuit = circuit.replace(
        threshold=(low + _bisected_threshold(circuit, drive, target + rounding)) / 2
    )
    if (
        drive.size == circuit.units
        and (
            winners := _winners(
                selecting_circuit, float(dict(selecting_circuit)["threshold"]), drive
            )
        )
        != target
    ):
        raise RefusedInputError(
            f"no threshold leaves exactly {target} units active on this drive, {winners:g} come "
            "closest (units with equal drive win or lose "
            "together): ask for another fraction."
        )
    return selecting_circuit


def _too_weak(gain: float, remedy: str) -> RefusedInputError:
    return RefusedInputError(
        f"an interneuron of gain {gain:g} is too weak to leave so few units active: raise the "
        f"gain to {remedy}."
    )


def _silencing(drive: xr.DataArray) -> float:
    """Return a threshold that no mean rate reaches: rates exceed neither 1 nor the drives."""
    return max(1.0, float(drive.max()))


def _winners(circuit: Circuit, threshold: float, drive: xr.DataArray) -> float:
    return float(circuit.replace(threshold=threshold).fixed_point(drive)["active_units"].mean())


def _bisected_threshold(circuit: Circuit, drive: xr.DataArray, winners: float) -> float:
    """Return the smallest threshold at which at least this mean number of units wins."""
    low, high = 0.0, _silencing(drive)
    for _iteration in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if _winners(circuit, middle, drive) < winners else (low, middle)
    return high
