"""One batch on whichever of Brian2's targets: numpy, cython, or a compiled program."""

from __future__ import annotations

from circuits.simulation import brian
from circuits.simulation.batch import Batch, Simulated, living_objects_set_aside, run_network
from circuits.simulation.standalone import simulate_standalone
from drift.errors import RefusedInputError

TARGETS = ("numpy", "cython", "cpp_standalone")


def simulate(
    batch: Batch,
    duration: float,
    *,
    snapshots: bool = False,
    trajectory: bool = False,
    target: str = "numpy",
) -> Simulated:
    """Run one batch of circuits from their initial state, silence for most.

    Parameters
    ----------
    batch : Batch
        Circuits and their drives.
    duration : float
        In s.
    snapshots : bool
        Keep the rates every ms.
    trajectory : bool
        Keep the inhibition of every step too.
    target : {"numpy", "cython", "cpp_standalone"}
        How Brian2 runs the equations.

    Returns
    -------
    Simulated
    """
    if target not in TARGETS:
        raise RefusedInputError(f"target {target!r} is unknown: use one of {', '.join(TARGETS)}.")
    if target == "cpp_standalone":
        return simulate_standalone(batch, duration, snapshots=snapshots, trajectory=trajectory)
    brian2 = brian.brian2()

    previous_target = brian2.prefs.codegen.target
    brian2.prefs.codegen.target = target
    try:
        with living_objects_set_aside(), brian.runtime_device():
            return run_network(batch, duration, snapshots=snapshots, trajectory=trajectory)
    finally:
        brian2.prefs.codegen.target = previous_target
