"""How a list of experiments is run: engines differ in speed and hardware, not in what they compute."""

from __future__ import annotations

from collections.abc import Sequence

from drift.engines.base import Engine, Precision, Subject
from drift.errors import RefusedInputError

ENGINES = ("auto", "batched")


def make_engine(name: str, subjects: Sequence[Subject], *, precision: Precision, device: str, threads: int | None) -> Engine:
    """Return an engine that holds the subjects before their first step.

    Parameters
    ----------
    name : str
        One of ``ENGINES``.
    subjects : sequence of Subject
        Of one shape and kind; see ``drift.engines.base.same_kind``.
    precision, device, threads
        See ``drift.train``.

    Raises
    ------
    RefusedInputError
        If the engine, precision, device or number of threads is not to be had.
    """
    if name not in ENGINES or precision not in ("float32", "float64"):
        raise RefusedInputError(f"engine {name!r} with precision {precision!r} is unknown: use one of {ENGINES} and float32 or float64.")
    if threads is not None and threads < 1:
        raise RefusedInputError(f"threads must be at least 1, got {threads}: leave it out to use all.")
    from drift.engines.batched import BatchedEngine

    return BatchedEngine(subjects, precision, device, threads)
