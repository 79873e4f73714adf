"""The plain forward-Euler loop in numpy that Brian2 is held against, with an optional delay of the
inhibition."""

from __future__ import annotations

from collections import deque

import numpy as np

from circuits.base import Circuit, Update


def euler(
    circuit: Circuit,
    drive: np.ndarray,
    *,
    duration: float = 0.3,
    dt: float = 1e-4,
    update: Update = "staggered",
    delay: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the last states and the inhibition at every step, from silence.

    Parameters
    ----------
    circuit : Circuit
        Any circuit whose equations are written in numpy too.
    drive : numpy.ndarray
        I, (..., unit).
    duration, dt, delay : float
        Simulated time, step and delay of the inhibition in s; the delay is rounded to steps.
    update : {"staggered", "simultaneous"}
        Whether the interneuron sees the new excitatory rates of a step or the old ones.

    Returns
    -------
    rate : numpy.ndarray
        (..., unit).
    inhibition : numpy.ndarray
        (step, ...), after each step.
    """
    rate, interneurons = circuit.initial_state(drive), circuit.sizes()[1:]
    # an interneuron without a time constant follows at once, from the first step on
    inhibition = np.zeros((*drive.shape[:-1], *interneurons))
    inhibitory = dt / circuit.inhibitory_time_constant if circuit.inhibitory_time_constant else 1.0
    if not circuit.inhibitory_time_constant:
        inhibition = circuit.inhibition_change(rate, inhibition)
    # the oldest acts now
    waiting = deque([inhibition] * (round(delay / dt) + 1), maxlen=round(delay / dt) + 1)
    excitatory = dt / circuit.excitatory_time_constant
    path = []
    for _iteration in range(round(duration / dt)):
        old, rate = rate, rate + excitatory * circuit.rate_change(drive, rate, waiting[0])
        presynaptic_rate = (
            old if update == "simultaneous" and circuit.inhibitory_time_constant else rate
        )
        inhibition = inhibition + inhibitory * circuit.inhibition_change(
            presynaptic_rate, inhibition
        )
        waiting.append(inhibition)
        path.append(inhibition)
    return rate, np.array(path)
