"""How a simulation is observed: the options of ``drift.observe``, kept with each session."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from drift.recipe import Recipe


class Observation(Recipe):
    """The options of ``drift.observe``, where each is described.

    Each observed session holds them as JSON in its attribute ``observation``, as does what is
    measured of sessions that were all observed alike.
    """

    seed: int = Field(default=0, ge=0, lt=2**63)
    events: Literal["poisson", "calcium"] = "poisson"
    sampling_rate: float = Field(default=20.0, gt=0)
    decay_time: float = Field(default=0.5, gt=0)
    detection_threshold: float = Field(default=2.0, gt=0)
    time_scale: float | None = None
