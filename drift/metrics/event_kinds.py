"""What the numbers of an activity are: counts of spikes, amplitudes of events, or a trace that is
above zero nearly always."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drift.door import opened
from drift.door.quantities import OfSamplesAndUnits
from drift.errors import RefusedInputError

KINDS = ("counts", "amplitudes", "trace")
FASTEST = 1000.0  # spikes/s of one neuron within a sample: the refractory period is about 1 ms
BLOCK = 2**16  # numbers that are looked at before the next ones
BURST = 3  # spikes that may fall into however short a sample
BURSTING = (
    2.0  # spikes in a sample with spikes, over what the Poisson law has for as many silent samples
)


@opened
def activity_kind(activity: OfSamplesAndUnits) -> str:
    """Tell what the numbers of an activity are: what its attribute ``kind`` says, otherwise what
    they look like.

    Parameters
    ----------
    activity : xarray.DataArray
        (..., sample, unit) not negative; NaN where a unit was not observed.

    Returns
    -------
    str
        "counts" (spikes in each sample), "amplitudes" (sizes of events, of any unit) or "trace" (no
        events at all).

    Raises
    ------
    RefusedInputError
        If the attribute says something else.
    """
    kind = activity.attrs.get("kind")
    if kind is None:
        values = activity.transpose(..., "sample", "unit").values
        return "counts" if are_counts(values) else "amplitudes"
    if kind not in KINDS:
        raise RefusedInputError(
            f"the attribute kind of activity was expected to be one of {', '.join(KINDS)}, "
            f"got {kind!r}: use one."
        )
    return str(kind)


def are_counts(values: NDArray[np.float64], sampling_rate: float | None = None) -> bool:
    """Tell whether numbers can be spike counts; amplitudes that were saved as whole numbers are
    not.

    Spike counts are whole, no neuron fires faster than about 1000/s, and where most samples are
    silent most others hold one spike: with a share p of samples above zero a Poisson law has lambda
    = -ln(1 - p) spikes a sample and lambda / p in a sample with spikes. Half of the units or more
    must stay below twice that.

    Parameters
    ----------
    values : numpy.ndarray
        (..., sample, unit) not negative; NaN where a unit was not observed.
    sampling_rate : float, optional
        Samples per second, Hz; without it the fastest rate is not asked for.

    Returns
    -------
    bool
    """
    values = np.asarray(values, dtype=float)
    if not possible_counts(values, sampling_rate):
        return False
    numbers = np.nan_to_num(values)
    above = numbers > 0
    share = above.mean(axis=-2)[above.any(axis=-2)]
    mean = numbers.mean(axis=-2)[above.any(axis=-2)] / share
    with np.errstate(divide="ignore"):
        expected = -np.log1p(-share) / share
    return share.size == 0 or bool(np.median(mean / expected) <= BURSTING)


def possible_counts(values: NDArray[np.float64], sampling_rate: float | None = None) -> bool:
    """Tell whether numbers are whole and no larger than a neuron can fire in a sample, whatever
    their law; NaN is no number."""
    fastest = np.inf if sampling_rate is None else BURST + FASTEST / sampling_rate
    return are_whole(values) and bool(np.fmax.reduce(values, axis=None, initial=0) <= fastest)


def are_whole(values: NDArray[np.float64]) -> bool:
    """Tell whether all numbers are whole; amplitudes end it with the first of many blocks."""
    flat = values.ravel(order="K")
    blocks = (flat[begin : begin + BLOCK] for begin in range(0, flat.size, BLOCK))
    return not any(((block != np.floor(block)) & ~np.isnan(block)).any() for block in blocks)
