"""Gains on the drive with which units, or a whole population, keep the mean activity of their first
session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from circuits.base import Circuit
from drift.schema.labelled_form import RefusedInputError

Homeostasis = Literal["none", "population", "unit"]
"""Whose mean activity is kept."""

GAINS = (1e-3, 10.0)  # a unit that the input has left cannot be woken by any gain
HALVINGS = 45
KEPT = 1e-9  # relative deviation of activity that is left as it is
ROUNDS = 400
SETTLED = 1e-10  # largest change of the logarithm of a gain


def homeostatic_gain(circuit: Circuit, drive: np.ndarray, kind: Homeostasis) -> np.ndarray:
    """Return the gains that keep mean activity, found at the fixed points of the circuit.

    mean_s E_i(a_i I_i(s)) = the same of the first session, the mean over stimuli s, for each unit;
    or with one gain a for all and the mean over units too. Among several gains that do, the one
    nearest to 1 is taken: what was silent may stay so at gain 1. The linear interneuron has a =
    (mean of the first session) / (mean of the session) for the population, as it is indifferent to
    scale.

    Parameters
    ----------
    circuit : Circuit
        With a fixed point.
    drive : numpy.ndarray
        I, (session, stimulus, unit).
    kind : {"none", "population", "unit"}
        Whose mean activity is kept.

    Returns
    -------
    numpy.ndarray
        a, (session, unit), between 0.001 and 10; the limits where no gain between them suffices.

    Raises
    ------
    RefusedInputError
        If the circuit has no fixed point, or is silent in the first session; for "unit" if several
        interneurons inhibit its units or these excite themselves.
    """
    gain = np.ones((len(drive), drive.shape[-1]))
    if kind == "none":
        return gain
    if kind == "unit" and (
        len(circuit.sizes()) > 1 or circuit.state_variable != circuit.rate_variable
    ):
        raise RefusedInputError(
            "homeostasis 'unit' needs units that follow their drive under one interneuron, "
            f"got a {circuit.kind} circuit: use 'population' "
            "or 'none'."
        )
    target = circuit.fixed_point(drive[0])["rate"].values.mean(axis=0)  # (unit,)
    if not target.any():
        raise RefusedInputError(
            "the circuit is silent in its first session, so there is no activity to keep: "
            "raise its drive."
        )
    for session in range(1, len(drive)):
        gain[session] = (
            _for_units(circuit, drive[session], target)
            if kind == "unit"
            else _for_all(circuit, drive[session], target.mean())
        )
    return gain


def _for_all(circuit: Circuit, drive: np.ndarray, target: float) -> np.ndarray:
    def activity(gain: np.ndarray) -> np.ndarray:
        return np.array([circuit.fixed_point(gain[0] * drive)["rate"].values.mean()])

    return _nearest_gain(activity, np.array([target]))


def _for_units(circuit: Circuit, drive: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return gains (unit,): those that units need under the present inhibition, until inhibition
    and gains agree."""
    gain, silence = np.ones(drive.shape[-1]), np.zeros(drive.shape)
    for _round in range(ROUNDS):
        inhibition = circuit.fixed_point(gain * drive)["inhibition"].values  # (stimulus,)

        def activity(gain: np.ndarray, inhibition: np.ndarray = inhibition) -> np.ndarray:
            # f(a I, R), as tau_E dE/dt = f - E
            return circuit.rate_change(gain * drive, silence, inhibition).mean(axis=0)

        before, gain = gain, _nearest_gain(activity, target)
        if np.abs(np.log(gain / before)).max() < SETTLED:
            break
    return gain


def _nearest_gain(activity: Callable[[np.ndarray], np.ndarray], target: np.ndarray) -> np.ndarray:
    """Return the gains nearest to 1 at which activities, which rise with them, are as wanted."""
    baseline = activity(np.ones(target.shape))
    close = np.abs(baseline - target) <= KEPT * np.abs(target)
    low, high = (np.full(target.shape, bound) for bound in np.log(GAINS))
    low, high = np.where(baseline < target, 0.0, low), np.where(baseline > target, 0.0, high)
    for _halving in range(HALVINGS):
        middle = (low + high) / 2
        above = activity(np.exp(middle)) > target
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.where(close, 1.0, np.exp((low + high) / 2))
