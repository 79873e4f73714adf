"""What may enter as events: not negative, not NaN, sparse; counts, amplitudes, or a trace that says
so."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from drift.metrics.event_kinds import KINDS, are_counts, are_whole, possible_counts
from drift.schema.labelled_form import RefusedInputError

ROUNDING = 1e-6  # of the largest value: deconvolution leaves so much below zero
DENSE, OFTEN = 0.9, 0.5  # share of the samples of a unit above 0: no events; many for events
BLOCK = 4096  # samples that are looked at together, so that nothing large is held twice
FEWEST = 50  # samples; fewer do not tell a trace from events
DECONVOLVE = "deconvolve the traces and give the events"


def checked_events(
    values: NDArray[np.float64],
    where: str,
    sampling_rate: float,
    events_are: str | None,
    threshold_sd: float | None,
) -> tuple[NDArray[np.float64], str]:
    """Events as they are measured, and what their numbers are.

    Parameters
    ----------
    values : numpy.ndarray
        (sample, unit).
    where : str
        Of which session, for messages.
    sampling_rate : float
        Hz.
    events_are : {"counts", "amplitudes", "trace"} or None
        What the numbers are; None: counts or amplitudes, as they look.
    threshold_sd : float or None
        Values below so many standard deviations of their own unit's series become 0.

    Returns
    -------
    events : numpy.ndarray
        (sample, unit) not negative.
    kind : str
        One of ``drift.metrics.event_kinds.KINDS``.

    Raises
    ------
    RefusedInputError
        If a value is negative or NaN, numbers are not what is said of them, or most units are above
        0 nearly always.
    """
    if events_are is not None and events_are not in KINDS:
        raise RefusedInputError(
            f"events_are of {where} was expected to be one of {', '.join(KINDS)}, got "
            f"{events_are!r}: use one of these."
        )
    events = thresholded(not_negative(values, where), threshold_sd, where)
    kind = events_are or ("counts" if are_counts(events, sampling_rate) else "amplitudes")
    if kind == "counts" and not are_whole(events):
        got = events[events != np.floor(events)][0]
        raise RefusedInputError(
            f"activity of {where} was expected to hold counts, got {got:g}: say "
            "events_are='amplitudes'."
        )
    if kind == "amplitudes":
        _refuse_trace(events, where)
    if (
        events_are is None
        and kind == "amplitudes"
        and possible_counts(events, sampling_rate)
        and (events == 1).any()
    ):
        warnings.warn(
            f"activity of {where} holds whole numbers that are taken for amplitudes of "
            "events, since samples with events hold more than "
            "spikes at a steady rate would: if they are spikes, say events_are='counts'.",
            stacklevel=4,
        )
    return events, kind


def not_negative(values: NDArray[np.float64], where: str) -> NDArray[np.float64]:
    """Return the values with rounding below zero taken away; refuse what is negative or NaN."""
    if values.min(initial=0.0) >= 0:  # NaN is not
        return values
    below = np.nan_to_num(values) < 0
    tolerated = below & (values > -ROUNDING * np.nan_to_num(values).max(initial=0.0))
    bad = np.isnan(values) | (below & ~tolerated)
    if bad.any():
        sample, unit = (int(index) for index in np.argwhere(bad)[0])
        got = f"{values[sample, unit]} at sample {sample}, unit {unit}"
        remedy = (
            "0 means no event, drop lost frames"
            if np.isnan(values[sample, unit])
            else f"0 means no event, {DECONVOLVE}"
        )
        raise RefusedInputError(
            f"activity of {where} was expected not negative and not NaN, got {got}: {remedy}."
        )
    return np.where(tolerated, 0.0, values) if tolerated.any() else values


def cut_rounding(series: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return series (unit, sample) with rounding below zero taken away in place, one unit at a
    time, so that nothing large is held twice; what is more than rounding stays."""
    least = -ROUNDING * max((float(np.nanmax(row, initial=0.0)) for row in series), default=0.0)
    for row in series:
        row[(row < 0) & (row > least)] = 0.0
    return series


def thresholded(
    events: NDArray[np.float64], threshold_sd: float | None, where: str
) -> NDArray[np.float64]:
    """Return events with 0 in place of values below ``threshold_sd`` standard deviations of their
    unit's series."""
    if threshold_sd is None:
        return events
    if not (np.isfinite(threshold_sd) and threshold_sd > 0):
        raise RefusedInputError(
            f"threshold_sd of {where} was expected above 0, got {threshold_sd}: give standard "
            "deviations, e.g. 3."
        )
    return np.where(events < threshold_sd * events.std(axis=0), 0.0, events)


def _refuse_trace(events: NDArray[np.float64], where: str) -> None:
    """Refuse amplitudes that are above 0 nearly always, as fluorescence is; a series that never
    changes is none."""
    if len(events) < FEWEST:
        return
    blocks = (events[begin : begin + BLOCK] for begin in range(0, len(events), BLOCK))
    above = np.sum([np.count_nonzero(block > 0, axis=0) for block in blocks], axis=0)
    share = np.where(np.ptp(events, axis=0) > 0, above / len(events), 0.0)
    dense = share > DENSE
    if 2 * dense.sum() > dense.size:
        raise RefusedInputError(
            f"activity of {where} was expected to be sparse, got {dense.sum()} of "
            f"{dense.size} units above 0 in more than "
            f"{DENSE:.0%} of the samples, as traces of fluorescence are: {DECONVOLVE}, or say "
            "events_are='trace'."
        )
    if 2 * (share > OFTEN).sum() > share.size:
        warnings.warn(
            f"activity of {where} is above 0 in {np.median(share):.0%} of the samples of its "
            "median unit: if these are traces cut at 0, "
            f"{DECONVOLVE}; if they are deconvolved, threshold_sd=3 keeps the clear events.",
            stacklevel=5,
        )
