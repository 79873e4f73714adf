"""Published numbers that simulations and recordings are set beside, each in one place."""

from __future__ import annotations

import math
from typing import NamedTuple

from scipy.stats import t


class PublishedSlope(NamedTuple):
    """Slope of a straight line with intercept through values normalised to the first session
    (Ratzon et al. 2024, Fig. 3)."""

    recording: str
    measure: str
    slope: float
    per: str
    p_value: float  # reported as smaller than this, except 0.004 and 0.011
    span: float  # from the first to the last session, in the unit of ``per``
    sessions: int | None  # points of the line; None where not published

    @property
    def change(self) -> float:
        """Change over the span that the slope implies, as a fraction of the first session."""
        return self.slope * self.span

    @property
    def largest_standard_error(self) -> float:
        """Of the change: that which gives the published p in the t-test of the slope. Where p is
        reported as a bound the true one is smaller, as it is where the number of sessions is not
        published and the normal distribution takes the place of Student's."""
        freedom = math.inf if self.sessions is None else self.sessions - 2
        return abs(self.change) / float(t.isf(self.p_value / 2, freedom))


SPATIAL_INFORMATION = "mean spatial information"
PUBLISHED_SLOPES = (
    PublishedSlope("Khatib 2023", "fraction of place cells", -0.0003, "min", 0.001, 200, None),
    PublishedSlope("Khatib 2023", SPATIAL_INFORMATION, 0.002, "min", 0.001, 200, None),
    PublishedSlope("Jercog 2019", "number of active cells", -0.052, "day", 0.004, 9, 10),
    PublishedSlope("Jercog 2019", SPATIAL_INFORMATION, 0.094, "day", 0.001, 9, 10),
    PublishedSlope("Karlsson 2015", "fraction of place cells", -0.048, "day", 0.011, 10, 11),
    PublishedSlope("Karlsson 2015", SPATIAL_INFORMATION, 0.054, "day", 0.001, 10, 11),
    PublishedSlope("Sheintuch 2023", "fraction of place cells", -0.026, "session", 0.001, 7, 8),
    PublishedSlope("Sheintuch 2023", SPATIAL_INFORMATION, 0.068, "session", 0.001, 7, 8),
)

# Corridor run of Ratzon et al. (2024), Fig. 2, re-run from the published code and data: value at
# the first step and after 1e6.
PUBLISHED_CORRIDOR = {
    "fraction_active_responses": (0.49, 0.09),
    "fraction_active_units": (0.73, 0.32),
    "spatial_information": (1.13, 2.67),
    "place_units": (365, 161),
}
