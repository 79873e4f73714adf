"""What estimators are given of statistics: numbers of one scale, and which of them are missing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

LARGEST = 5.0  # standard deviations


class Scaling(NamedTuple):
    """Means and spreads of statistics in a bank.

    Attributes
    ----------
    centre, spread : numpy.ndarray
        (statistic,) median, and half the distance of the quantiles that hold 68 %.
    missing : numpy.ndarray
        (statistic,) bool, which are NaN anywhere in the bank: these have an indicator.
    """

    centre: np.ndarray
    spread: np.ndarray
    missing: np.ndarray

    def numbers(self, values: np.ndarray) -> np.ndarray:
        """Return statistics (window, statistic) in spreads from the centre, bounded; 0 for what is
        missing."""
        scaled = (values - self.centre) / self.spread
        return np.nan_to_num(np.clip(scaled, -LARGEST, LARGEST), nan=0.0)

    def inputs(self, values: np.ndarray) -> np.ndarray:
        """Return numbers and, behind them, indicators of what is missing, (window, input)
        float32."""
        indicators = np.isnan(values[:, self.missing]).astype(float)
        return np.concatenate([self.numbers(values), indicators], axis=1).astype(np.float32)


def scaling_of(values: np.ndarray) -> Scaling:
    """Return the scaling of the statistics (window, statistic) of a bank."""
    low, centre, high = np.nanquantile(values, [0.16, 0.5, 0.84], axis=0)
    spread = np.maximum((high - low) / 2, 1e-3)
    return Scaling(centre, spread, np.isnan(values).any(axis=0))
