"""Explicit Top-K: only the most active units of each input respond."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from drift.networks.inhibition.base import Inhibition, Moment, Selection

if TYPE_CHECKING:
    from torch import Tensor


class TopK(Inhibition):
    """Keep the ``active_units`` largest activities of each input.

    ``method="mask"`` silences all others; ``"subtract"`` takes the k-th largest activity from all,
    h_i <- relu(h_i - h_(k)), as subtractive inhibition would, without a gradient through h_(k).
    With a ``schedule``, k falls from all units to ``active_units`` within ``duration`` steps:
    linearly, k = m - (m - k_min) t / T, or exponentially, k = m (k_min / m)^(t / T) (Bricken et al.
    2023).

    Parameters
    ----------
    active_units : int
        k, of the network's units.
    method : {"mask", "subtract"}
    schedule : {"fixed", "linear", "exponential"}
    duration : int
        Steps until k is reached; only with a schedule.
    """

    kind: Literal["top_k"] = "top_k"
    active_units: int = Field(ge=1)
    method: Literal["mask", "subtract"] = "mask"
    schedule: Literal["fixed", "linear", "exponential"] = "fixed"
    duration: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _timed(self) -> Self:
        if (self.schedule == "fixed") != (self.duration is None):
            raise ValueError(
                f"duration belongs to a schedule, got {self.duration} with schedule "
                f"{self.schedule!r}: give both or none"
            )
        return self

    def least_units(self) -> int:
        """Return k."""
        return self.active_units

    def active_units_at(self, step: int, units: int) -> int:
        """Return k in a step of learning for a layer of ``units``."""
        if self.duration is None:
            return min(self.active_units, units)
        passed, share = min(step / self.duration, 1.0), self.active_units / units
        falling = 1 - (1 - share) * passed if self.schedule == "linear" else share**passed
        return min(max(round(units * falling), self.active_units), units)

    def selected(self, drive: Tensor, weights: Mapping[str, Tensor], moment: Moment) -> Selection:
        """Return the winners' activity."""
        hidden = moment.activation(drive)
        count = self.active_units_at(moment.step, drive.shape[-1])
        largest, places = hidden.topk(count, dim=-1)
        if self.method == "subtract":
            return Selection(drive, (hidden - largest[..., -1:].detach()).relu())
        return Selection(drive, hidden.new_zeros(hidden.shape).scatter(-1, places, largest))
