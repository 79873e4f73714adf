"""Circuits in time: Brian2, its twins in plain numpy, and how long they take to settle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from circuits.simulation.targets import simulate
    from circuits.simulation.settle import cartesian

__getattr__, __dir__ = lazily(__name__)
