"""One batch as a compiled loop, or on whichever of Brian2's targets: numpy, cython, or a compiled
program."""

from __future__ import annotations

from circuits.simulation import brian
from circuits.simulation.batch import Batch, Simulated, run_network
from circuits.simulation.standalone import simulate_standalone
from drift.door import opened
from drift.errors import RefusedInputError

TARGETS = ("numpy", "cython", "cpp_standalone")
ENGINES = ("brian2", "compiled")


@opened  # once, so that what it asks of circuits again and again is trusted
def simulate(
    batch: Batch,
    duration: float,
    *,
    snapshots: bool = False,
    trajectory: bool = False,
    target: str = "numpy",
    engine: str = "brian2",
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
    engine : {"brian2", "compiled"}
        Run them in Brian2, or in loops that are compiled from what Brian2 makes of them.

    Returns
    -------
    Simulated
    """
    if engine not in ENGINES:
        raise RefusedInputError(f"engine {engine!r} is unknown: use 'brian2' or 'compiled'.")
    if target not in TARGETS:
        raise RefusedInputError(f"target {target!r} is unknown: use one of {', '.join(TARGETS)}.")
    if engine == "compiled":
        # numba is loaded with the first compiled loop
        from circuits.simulation.compiled import simulate_compiled

        return simulate_compiled(batch, duration, snapshots=snapshots, trajectory=trajectory)
    if target == "cpp_standalone":
        return simulate_standalone(batch, duration, snapshots=snapshots, trajectory=trajectory)
    with brian.prepared(target):
        return run_network(batch, duration, snapshots=snapshots, trajectory=trajectory)
