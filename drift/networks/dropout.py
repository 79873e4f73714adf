"""Units or weights that take no part in a step of learning."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from drift.recipe import Recipe


class Dropout(Recipe):
    """In each step of learning a random share of the units, or of the weights, takes no part.

    What takes part is divided by 1 - probability, so that the mean drive does not change. Sessions
    see the whole network. Noise of this kind moves a trained network along its solutions (Aitken et
    al. 2022); for linear units it is on average the penalty
    probability / (1 - probability) sum_j |V_j|^2 mean_t h_tj^2 on the output weights V, a ridge
    (Srivastava et al. 2014).

    Parameters
    ----------
    probability : float
        Share that takes no part, at least 0 and below 1.
    acts_on : {"units", "weights"}
        Hidden units, drawn for each sample; or weights from inputs and to outputs, drawn once a
        step. Biases always take part.
    """

    kind: Literal["dropout"] = "dropout"
    probability: float = Field(default=0.1, ge=0, lt=1)
    acts_on: Literal["units", "weights"] = "units"

    @property
    def gain(self) -> float:
        """What takes part is multiplied by this, 1 / (1 - probability)."""
        return 1.0 / (1.0 - self.probability)
