"""How far corrected information is expected to be off for how many events on how many places:
measured on simulated cells of known information."""

from __future__ import annotations

import warnings
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import NotNegative, Positive

Correction = Literal["scaled_shuffle_reduction", "extrapolation"]
WORDS = {
    "scaled_shuffle_reduction": "scaled shuffle reduction",
    "extrapolation": "bounded asymptotic extrapolation",
}
TOLERATED = 0.1  # bits
# (bias, its standard deviation over populations) of the population value, bits, by places (rows)
# and events of a cell (columns).
EVENTS = (10, 15, 25, 50, 100, 200)
PLACES = (12, 20, 40, 80, 160)
SIMULATED = {
    "scaled_shuffle_reduction": (
        ((-0.01, 0.10), (0.02, 0.07), (0.04, 0.04), (0.06, 0.02), (0.03, 0.02), (0.02, 0.01)),
        ((-0.19, 0.09), (-0.08, 0.09), (0.01, 0.06), (0.05, 0.03), (0.05, 0.02), (0.03, 0.02)),
        ((-0.49, 0.14), (-0.37, 0.09), (-0.18, 0.07), (-0.02, 0.06), (0.05, 0.04), (0.04, 0.02)),
        ((-0.77, 0.21), (-0.64, 0.20), (-0.47, 0.14), (-0.21, 0.09), (-0.05, 0.07), (0.03, 0.03)),
        ((-0.99, 0.35), (-0.80, 0.24), (-0.73, 0.19), (-0.46, 0.12), (-0.22, 0.09), (-0.03, 0.05)),
    ),
    "extrapolation": (
        ((-0.35, 0.18), (-0.14, 0.09), (-0.04, 0.05), (0.03, 0.03), (0.01, 0.02), (0.00, 0.01)),
        ((-0.50, 0.20), (-0.16, 0.12), (-0.01, 0.07), (0.05, 0.03), (0.04, 0.03), (0.01, 0.02)),
        ((-0.62, 0.17), (-0.21, 0.08), (0.04, 0.06), (0.11, 0.06), (0.08, 0.04), (0.04, 0.02)),
        ((-0.69, 0.16), (-0.06, 0.16), (0.17, 0.12), (0.20, 0.08), (0.13, 0.07), (0.07, 0.03)),
        ((-0.99, 0.27), (0.15, 0.22), (0.43, 0.19), (0.39, 0.11), (0.22, 0.08), (0.13, 0.04)),
    ),
}


class ExpectedError(NamedTuple):
    """How far a correction is off in the mean over simulated populations, and how much this differs
    between them; bits per event.

    Attributes
    ----------
    bias : float
        Above 0 where the estimate is too high.
    spread : float
        Standard deviation over populations, whose fields differ in width and contrast.
    """

    bias: float
    spread: float

    @property
    def size(self) -> float:
        """Root mean square of the error of a population."""
        return float(np.hypot(self.bias, self.spread))


@opened
def expected_error(events: NotNegative, places: Positive, correction: Correction) -> ExpectedError:
    """Error that a correction of information is expected to leave in the mean over place cells.

    Between the simulated numbers of events and places it is interpolated over their logarithms;
    beyond the largest map what counts is the number of events for each place, and beyond the
    smallest and largest numbers of events it is that of these.

    Parameters
    ----------
    events : float
        Of a cell, while running: the median over the place units.
    places : float
        Valid places, or pairs of place and direction.
    correction : {"scaled_shuffle_reduction", "extrapolation"}
        The latter is ``bounded_asymptotic_extrapolation``.

    Returns
    -------
    ExpectedError
        ``bias`` and ``spread`` in bits per event, and their root mean square ``size``.

    Notes
    -----
    Simulated are 40 populations of 100 cells with a Gaussian field (standard deviation .03 to .12
    of the track) and 0 to 30 % of their events elsewhere, in 6,000 samples;
    tests/drift/metrics/information/test_validity.py simulates them anew.
    """
    beyond = max(1.0, places / PLACES[-1])
    of_events = [
        [np.interp(np.log(max(events / beyond, 1.0)), np.log(EVENTS), column) for column in row.T]
        for row in np.array(SIMULATED[correction])
    ]
    numbers = [np.interp(np.log(places), np.log(PLACES), column) for column in zip(*of_events)]
    return ExpectedError(*map(float, numbers))


def warn_of_error(curves: xr.DataArray, correction: Correction, stacklevel: int = 4) -> None:
    """Warn of a correction of the curves of a population that is expected to be far off.

    Parameters
    ----------
    curves : xarray.DataArray
        Of ``population_curves``, with the coordinates ``events`` and ``places``; other curves tell
        nothing.
    correction : str
        Which is to be applied.
    stacklevel : int
        As ``warnings.warn`` takes it; 4 is who called the public function.
    """
    if not {"events", "places"} <= set(curves.coords) or curves["events"].ndim > 0:
        return
    events, places = float(curves["events"]), float(curves["places"])
    if not np.isfinite(events):
        return
    error = expected_error(events, places, correction)
    if error.size > TOLERATED:
        warnings.warn(
            f"{WORDS[correction]} is expected to be off by {error.bias:+.2f} ± {error.spread:.2f} "
            f"bits/event for cells of {events:.0f} events on {places:.0f} places: use wider bins, "
            "longer recordings or cells with more events.",
            stacklevel=stacklevel,
        )
