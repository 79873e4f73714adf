"""How the stability of a code is measured: the options of ``drift.code_stability``, kept with what
it returns."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from drift.recipe import Recipe


class StabilityRules(Recipe):
    """The options of ``drift.code_stability``, where each is described.

    Its result holds them as JSON in the attribute ``code_stability``, so that another code can be
    measured alike: ``drift.code_stability(source, **dict(StabilityRules.from_json(text)))``.
    """

    smoothing: float = Field(default=1.0, ge=0)
    minimum_events: float = Field(default=10.0, ge=0)
    halves: Literal["auto", "trials", "time"] = "auto"
    shuffles: int = Field(default=0, ge=0)
    bin_size: float | None = Field(default=None, gt=0)
    minimum_speed: float | None = Field(default=None, ge=0)
    direction: Literal["auto", "split", "pooled"] = "auto"
    decoder: Literal["auto", "bayes", "template", "linear", "classifier"] = "auto"
    window: float = Field(default=0.25, gt=0)
    twins: int = Field(default=20, ge=0)
    seed: int = Field(default=0, ge=0, lt=2**63)

    @property
    def of_maps(self) -> dict[str, Any]:
        """Options of ``drift.measure`` without halves."""
        names = ("shuffles", "bin_size", "minimum_speed", "direction", "seed")
        return {name: getattr(self, name) for name in names}

    @property
    def of_readouts(self) -> dict[str, Any]:
        """Options of ``drift.metrics.decoder_triple``."""
        names = (
            "decoder", "window", "bin_size", "minimum_speed", "direction", "minimum_events", "seed",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}
