"""Several interneurons with random connections (C4): the dentate gyrus of Gozel & Gerstner, of any
size.

Sources: Gozel & Gerstner (eLife 2021, 10:e66463), equations and parameters of their network;
circuits, 2.4 and 4.6.
"""

from __future__ import annotations

import functools
from typing import Any, ClassVar, Literal, Self

import numpy as np
import xarray as xr
from pydantic import Field

from circuits.base import Circuit, require_fraction, selection_drive
from circuits.drives import checked_drive, normal_quantiles
from circuits.kinds.threshold import with_selecting_threshold
from circuits.parameters import NotNegative, Positive
from drift.door.quantities import Share
from drift.schema.labelled_form import RefusedInputError
from drift.streams import stream


class RandomInterneurons(Circuit):
    """Excitatory units and several interneurons, each connected at random to most of the units,
    both ways.

    tau_E dE_j/dt = -E_j + tanh([I_j - inh_j]_+ / L),      inh_j = sum_i d_ji R_i / (p M),
    tau_I dR_i/dt = -R_i + g [mean_j(c_ij E_j) - h]_+,     c, d = 1 with probability p, else 0.

    What is held is the mean rate, about h / p; more units are active than it says. Since every unit
    has its own inhibition the winners (I_j > inh_j) are not quite the most strongly driven units.
    Biases of the units are subtracted from the drive. Two units of equal drive may differ in
    whether they win, as their inhibition does.

    Parameters
    ----------
    interneurons : int
        M.
    connection_probability : float
        p, in either direction.
    gain : float
        g = N W^IE, for the published weight 1 the number of units.
    threshold : float
        h = p*, mean rate at which an interneuron starts to respond.
    width : float
        L, drive above the inhibition over which a unit saturates.
    seed : int
        Of the connections.
    """

    kind: Literal["random_interneurons"] = "random_interneurons"
    units: int = Field(default=100, ge=1)
    interneurons: int = Field(default=25, ge=1)
    connection_probability: float = Field(default=0.9, gt=0, le=1)
    gain: Positive = 100.0
    threshold: NotNegative = 0.1
    width: Positive = 0.5
    seed: int = Field(default=0, ge=0)

    excitatory_equations: ClassVar[str] = """
        dE/dt = (-E + tanh(clip(drive - inhibition, 0, inf) / width)) / tau_E : 1
        drive : 1 (constant)
        width : 1 (constant)
        inhibition : 1
    """
    interneuron_equations: ClassVar[str] = """
        dR/dt = (-R + gain * clip(total / units - threshold, 0, inf)) / tau_I : 1
        total : 1
        gain : 1 (constant)
        threshold : 1 (constant)
    """

    def sizes(self) -> tuple[int, ...]:
        return (self.units, self.interneurons)

    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the weights to interneurons (interneuron, unit) and to units (unit,
        interneuron)."""
        inward, outward = _connections(
            self.units, self.interneurons, self.connection_probability, self.seed
        )
        return inward, outward / (self.connection_probability * self.interneurons)

    def rate_change(
        self, drive: np.ndarray, rate: np.ndarray, inhibition: np.ndarray
    ) -> np.ndarray:
        return self._response(drive, inhibition) - rate

    def inhibition_change(self, rate: np.ndarray, inhibition: np.ndarray) -> np.ndarray:
        return (
            self.gain * np.maximum(rate @ self.weights()[0].T / self.units - self.threshold, 0.0)
            - inhibition
        )

    def winning(self, drive: np.ndarray, rate: np.ndarray, inhibition: np.ndarray) -> np.ndarray:
        return drive > inhibition @ self.weights()[1].T

    def shared_inhibition(self, inhibition: np.ndarray) -> np.ndarray:
        return inhibition @ self.weights()[1].mean(axis=0)

    def fixed_point(self, drive: Any) -> xr.Dataset:
        """Return where the circuit comes to rest, from Newton's method for the interneurons. See
        ``Circuit``.

        The loop gain is that of all interneurons, those below threshold included: on the way to
        rest most of them respond.
        """
        drive = checked_drive(drive, self.units)
        rows = drive.values.reshape(-1, self.units)
        # (stimulus, interneuron)
        rates = np.array([self._resting_interneurons(row) for row in rows])
        gains = [
            np.abs(np.linalg.eigvals(self._loop(row, rate))).max()
            for row, rate in zip(rows, rates, strict=True)
        ]
        inhibition = rates.reshape(*drive.shape[:-1], self.interneurons)
        return self.at_rest(
            drive,
            self._response(drive.values, inhibition),
            inhibition,
            np.reshape(gains, drive.shape[:-1]),
        )

    def for_active_fraction(self, active_fraction: Share, drive: Any = None) -> Self:
        """Return the circuit whose threshold leaves this fraction of its units active; the gain
        stays. See ``Circuit``."""
        require_fraction(active_fraction, self.units)
        drive = normal_quantiles(self.units) if drive is None else drive
        return with_selecting_threshold(self, active_fraction, selection_drive(self.units, drive))

    def _response(self, drive: np.ndarray, inhibition: np.ndarray) -> np.ndarray:
        return np.tanh(np.maximum(drive - inhibition @ self.weights()[1].T, 0.0) / self.width)

    def _loop(self, drive: np.ndarray, inhibition: np.ndarray) -> np.ndarray:
        """Return by how much each interneuron is inhibited through the units if another fires more,
        (interneuron, interneuron)."""
        inward, outward = self.weights()
        rate = self._response(drive, inhibition)
        slope = np.where(rate > 0, 1 - rate**2, 0.0) / self.width  # (unit,)
        return self.gain / self.units * (inward * slope) @ outward

    def _resting_interneurons(self, drive: np.ndarray) -> np.ndarray:
        """Return the rates of the interneurons at rest, (interneuron,), by Newton steps that are
        shortened until they help."""

        def left(inhibition: np.ndarray) -> np.ndarray:
            return self.inhibition_change(self._response(drive, inhibition), inhibition)

        inhibition = np.full(
            self.interneurons, max(0.0, float(np.quantile(drive, 1 - min(1.0, self.threshold))))
        )
        for _iteration in range(200):
            change = left(inhibition)
            if np.abs(change).max() <= 1e-12 * (1 + self.gain):
                return inhibition
            # the others lie below threshold and have no slope
            responding = (inhibition + change > 0)[:, np.newaxis]
            step = np.linalg.solve(
                np.eye(self.interneurons) + responding * self._loop(drive, inhibition), change
            )
            shares = 0.5 ** np.arange(30)
            tried = (inhibition + share * step for share in shares)
            inhibition = next(
                (
                    candidate
                    for candidate in tried
                    if np.linalg.norm(left(candidate)) < np.linalg.norm(change)
                ),
                inhibition + shares[-1] * step,
            )
        raise RefusedInputError(
            f"no resting state of the {self.interneurons} interneurons was found on this "
            "drive: let the circuit settle instead, or lower "
            f"its gain of {self.gain:g}."
        )


@functools.lru_cache(maxsize=256)
def _connections(
    units: int, interneurons: int, probability: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return 1 where there is a connection, to interneurons (interneuron, unit) and to units (unit,
    interneuron)."""
    generator = stream(seed, "weights")
    inward = (generator.random((interneurons, units)) < probability).astype(float)
    outward = (generator.random((units, interneurons)) < probability).astype(float)
    return inward, outward


def weight_change(
    weights: np.ndarray,
    inputs: np.ndarray,
    rates: np.ndarray,
    *,
    learning_rate: float = 0.01,
    threshold: float = 0.15,
    ceiling: float = 10.0,
) -> np.ndarray:
    """Return how much the weights from inputs to units change by the published rule: strong
    responses grow, weak ones shrink.

    dw_jk = eta x_k {gamma E_j [E_j - theta]_+ - alpha E_j [theta - E_j]_+} - eta E_j [E_j -
    theta]_+ E_j^2 w_jk, with gamma = theta_hat - theta and alpha = 0.05 / theta^3; no weight
    becomes negative.

    Parameters
    ----------
    weights : numpy.ndarray
        w, (unit, input), not negative.
    inputs, rates : numpy.ndarray
        x, (input,), and E, (unit,), of one pattern at rest.
    learning_rate, threshold, ceiling : float
        eta, theta and theta_hat.

    Returns
    -------
    numpy.ndarray
        (unit, input).

    References
    ----------
    Gozel & Gerstner (2021); circuits, 2.4.
    """
    # (unit,)
    above, below = (
        rates * np.maximum(rates - threshold, 0.0),
        rates * np.maximum(threshold - rates, 0.0),
    )
    growth = (ceiling - threshold) * above - 0.05 / threshold**3 * below
    change = learning_rate * (
        np.outer(growth, inputs) - (above * rates**2)[:, np.newaxis] * weights
    )
    return np.maximum(weights + change, 0.0) - weights


def bias_change(
    biases: np.ndarray, rates: np.ndarray, *, aim: float = 0.2, slowness: float = 100.0
) -> np.ndarray:
    """Return how much the biases of the units change: (E_j - aim) / slowness, where none becomes
    negative.

    Parameters
    ----------
    biases, rates : numpy.ndarray
        b and E, (unit,).
    aim, slowness : float
        Rate at which a bias stays, and patterns over which it follows.

    Returns
    -------
    numpy.ndarray
        (unit,).
    """
    return np.maximum(biases + (rates - aim) / slowness, 0.0) - biases
