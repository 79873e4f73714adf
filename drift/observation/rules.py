"""How a simulation is observed: the options of ``drift.observe``, kept with each session."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from drift.recipe import Recipe


class Observation(Recipe):
    """The options of ``drift.observe``, where each is described.

    Each observed session, and what is measured of it, holds them as JSON in its attribute
    ``observation``.
    """

    seed: int = Field(default=0, ge=0)
    events: Literal["poisson", "calcium"] = "poisson"
    sampling_rate: float = Field(default=20.0, gt=0)
    decay_time: float = Field(default=0.5, gt=0)
    detection_threshold: float = Field(default=2.0, gt=0)
    time_scale: float | None = None
