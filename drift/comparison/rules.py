"""How a simulation is set beside a recording: the options of ``drift.compare``, kept with what it
returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import xarray as xr
from pydantic import Field

from drift.measurement.rules import Measurement
from drift.observation.rules import Observation
from drift.recipe import Recipe


class Comparison(Recipe):
    """The options of ``drift.compare``, where each is described; its Dataset holds them as JSON in
    the attribute ``comparison``."""

    seed: int = Field(default=0, ge=0, lt=2**63)
    events: Literal["poisson", "calcium"] = "poisson"
    sampling_rate: float = Field(default=20.0, gt=0)
    shuffles: int = Field(default=100, ge=0)
    corrected: bool = False
    bootstraps: int = Field(default=200, ge=0)
    halves: Literal["trials", "time"] | None = None
    confused: float = 0.1
    final_time: float | None = None
    null_draws: int = Field(default=20, ge=0)
    environment: str | None = None

    def observation(self) -> Observation:
        """Return how each code is observed."""
        return Observation(seed=self.seed, events=self.events, sampling_rate=self.sampling_rate)

    def measurement(self) -> Measurement:
        """Return how each source is measured."""
        return Measurement(
            seed=self.seed, shuffles=self.shuffles, corrected=self.corrected, halves=self.halves
        )


def conventions_of(recording: xr.Dataset | Sequence[xr.Dataset]) -> dict[str, Any]:
    """Options of ``drift.measure`` that make numbers of an observed run mean what those of a
    longitudinal recording mean: directions apart, events of active units.

    Parameters
    ----------
    recording : xarray.Dataset or sequence of xarray.Dataset
        Sessions are measured with the run, by its options.

    Returns
    -------
    dict
    """
    text = recording.attrs.get("measurement") if isinstance(recording, xr.Dataset) else None
    if text is None:
        return {}
    rules = Measurement.from_json(str(text))
    apart = {"direction": "apart"} if rules.direction == "apart" else {}
    return {"active_events": rules.active_events, **apart}
