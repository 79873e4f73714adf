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

# What each variable of a comparison means, for tables that go to other programs.
MEANINGS = {
    "curve": "mean over subjects, divided by the first session",
    "curve_standard_error": "standard error of the curve over subjects",
    "subjects": "subjects in which the measure is defined",
    "slope": "slope of a line through the curve, over elapsed time",
    "standard_error": "standard error of the slope, sessions taken as independent",
    "p_value": "of the slope against no change, sessions taken as independent",
    "intercept": "of the line at the first session",
    "slope_per_session": "slope of a line through the curve, over numbers of sessions",
    "standard_error_per_session": "standard error of the slope per session",
    "change": "slope times the time from the first to the last session",
    "change_standard_error": "standard error of the change",
    "effect_size": "correlation of the curve with time",
    "first_value": "mean over subjects that the curve is divided by",
    "noise_ceiling": "correlation of rate maps without drift, from halves of sessions",
    "undivided": "subjects whose first value is 0, left out where each is divided by its own",
    "published_slope": "slope of a published figure",
    "published_p_value": "p value of the published slope",
    "published_change": "published slope times the time that was recorded",
    "sign_agreement": "1 where a certain change has the sign of the published one, 0 where not",
    "change_ratio": "certain change over the published one",
    "share_explained": "change of a null model over a certain change of the source",
    "share_explained_standard_error": "standard error of the share",
    "time_scale": "steps of the run per unit of recorded time",
    "time_scale_low": "lower end of the 95 % interval of the time scale",
    "time_scale_high": "upper end of the 95 % interval of the time scale",
    "attenuation": "recorded similarity over that of the run at the time scale",
    "time_scale_subjects": "recorded subjects that the time scale rests on",
    "time_scale_simulated_subjects": "simulated subjects that the time scale rests on",
}


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
