"""Stimuli instead of positions: one label per sample, as the labelled form has them, and labels of
samples from a table of trials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from data_adapters.positions import decimals
from drift.door import opened
from drift.metrics.stimuli import CIRCULAR, METRICS, UNORDERED
from drift.schema.labelled_form import RefusedInputError

ROUNDING = 1e-6  # s by which intervals may overlap
ROUND_ABOUT = 1e-9  # of the period
NOTHING = -1  # of whole numbers that are else not negative: no stimulus


def stimulus_coordinate(
    labels: ArrayLike,
    samples: int,
    metric: str | None,
    period: float | None,
    units: str,
    where: str,
) -> tuple[str, NDArray[Any], dict[str, str | float]]:
    """The coordinate ``stimulus`` of a session Dataset.

    Parameters
    ----------
    labels : array_like (sample,)
        Numbers or texts; NaN, "", None, and -1 among whole numbers of which no other is negative,
        mean no stimulus.
    samples : int
        As many as activity has.
    metric : {"circular", "linear", "none"} or None
        Whether stimuli that are numbers have neighbours; None is "none".
    period : float or None
        Of circular stimuli, in units of the labels.
    units : str
        Of labels that are numbers.
    where : str
        Which session, for the message.

    Returns
    -------
    tuple
        Dim, labels (float64 with NaN, or texts with "") and attributes, for
        ``xarray.Dataset.assign_coords``; circular ones lie from 0 to the period.

    Raises
    ------
    RefusedInputError
        If labels are neither numbers nor texts, are too few or too many or all missing, or the
        metric does not fit them.
    """
    array = _numbers_or_texts(labels, where)
    if array.shape != (samples,):
        raise RefusedInputError(
            f"stimulus of {where} was expected with one label per sample ({samples}), got shape "
            f"{array.shape}: cut both alike."
        )
    texts = array.dtype.kind == "U"
    attrs = _metric_attrs(metric, period, texts, where)
    array = array if texts else _without_nothing(array)
    if not (array != "" if texts else np.isfinite(array)).any():
        raise RefusedInputError(
            f"stimulus of {where} was expected in some samples, got none: give the labels."
        )
    if not texts:
        array = _as_meant(array)
    if metric == CIRCULAR and period is not None:
        array = array % period
        array = np.where(array > period * (1 - ROUND_ABOUT), 0.0, array)
    named = {} if texts or not units else {"units": units}
    return "sample", array, {"long_name": "stimulus", **named, **attrs}


def _numbers_or_texts(labels: ArrayLike, where: str) -> NDArray[Any]:
    """Labels as float64, or as texts where any of them is one."""
    array = np.asarray(labels)
    if array.dtype.kind == "O":
        entries = ["" if _is_missing(entry) else entry for entry in array.ravel().tolist()]
        if all(isinstance(entry, str) for entry in entries):
            return np.asarray(entries, dtype=np.str_).reshape(array.shape)
        filled = [np.nan if isinstance(entry, str) and not entry else entry for entry in entries]
        array = np.asarray(filled).reshape(array.shape)
    if array.dtype.kind == "U":
        return array
    if array.dtype.kind not in "biuf" or np.isinf(array.astype(np.float64)).any():
        raise RefusedInputError(
            f"stimulus of {where} was expected to hold finite numbers, or texts, got "
            f"{array.dtype if array.dtype.kind not in 'biuf' else 'an infinite number'}: give one "
            "kind of label."
        )
    return array.astype(np.float64)


def _as_meant(labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers as the decimals that they stand for: 0.1 + 0.2 is 0.3, and so is what was kept as
    float32."""
    values, places = np.unique(labels, return_inverse=True)
    meant = np.array([float(f"{value:.12g}") for value in decimals(values)])
    return meant[places].reshape(labels.shape)


def _is_missing(entry: object) -> bool:
    return entry is None or (isinstance(entry, float) and np.isnan(entry))


def _without_nothing(labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """NaN for -1 where labels are whole numbers of which no other is negative."""
    shown = labels[np.isfinite(labels) & (labels != NOTHING)]
    if (labels == NOTHING).any() and shown.size and np.isin(shown, (0, 1)).all():
        raise RefusedInputError(
            "stimuli -1 beside 0 and 1 were expected to tell no stimulus from another one, got "
            "what can be either: write NaN for none, or name stimuli by texts."
        )
    counted = (shown == np.floor(shown)).all() and (shown >= 0).all()
    return np.where(labels == NOTHING, np.nan, labels) if counted else labels


def _metric_attrs(
    metric: str | None, period: float | None, texts: bool, where: str
) -> dict[str, str | float]:
    """Attributes ``metric`` and ``period``."""
    metric = UNORDERED if metric is None else metric
    if metric not in METRICS:
        raise RefusedInputError(
            f"stimulus_metric of {where} was expected to be one of {', '.join(METRICS)}, got "
            f"{metric!r}: use one of these."
        )
    if texts and metric != UNORDERED:
        raise RefusedInputError(
            f"stimulus_metric of {where} was expected to be none, since labels are texts, got "
            f"{metric!r}: give numbers, or leave it out."
        )
    if metric != CIRCULAR and period is not None:
        raise RefusedInputError(
            f"stimulus_period of {where} belongs to a circular stimulus, got the metric {metric}: "
            'leave it out, or say stimulus_metric="circular".'
        )
    if metric == CIRCULAR and not (period is not None and np.isfinite(period) and period > 0):
        raise RefusedInputError(
            f"stimulus_period of {where} was expected above 0, got {period}: give 180 for "
            "orientations in deg, 360 for directions."
        )
    return {"metric": metric} if period is None else {"metric": metric, "period": float(period)}


def refuse_mixture(
    where: str, stimulus: bool, of_positions: Mapping[str, object], of_stimuli: Mapping[str, object]
) -> None:
    """Refuse a session with a position and a stimulus, with neither, or with what belongs to the
    other of them.

    Parameters
    ----------
    where : str
        Which session, for the message.
    stimulus : bool
        Whether samples are labelled by stimuli.
    of_positions, of_stimuli : mapping
        Arguments of ``session_dataset`` that belong to each, None where left out.

    Raises
    ------
    RefusedInputError
    """
    if not stimulus and of_positions["position"] is None:
        raise RefusedInputError(
            f"{where} was expected with a position or a stimulus, got neither: give one of them "
            "for each sample."
        )
    foreign = of_positions if stimulus else of_stimuli
    surplus = [name for name, value in foreign.items() if value is not None]
    if surplus:
        own = "stimulus" if stimulus else "position"
        raise RefusedInputError(
            f"{where} was expected with a position or a stimulus, got {own} and "
            f"{', '.join(surplus)}: leave out what belongs to the other, or join what tells "
            "samples apart into one label."
        )


def stimulus_speed(minimum_speed: float | None, velocity: object, where: str) -> float:
    """Speed above which samples with a stimulus count: none unless it is given, with a velocity.

    Raises
    ------
    RefusedInputError
        If nothing tells the speed that is required.
    """
    if minimum_speed and velocity is None:
        raise RefusedInputError(
            f"minimum_speed of {where} was expected with a velocity, since stimuli tell no speed, "
            f"got {minimum_speed:g} alone: give velocity."
        )
    return 0.0 if minimum_speed is None else float(minimum_speed)


@opened
def labels_by_interval(
    time: ArrayLike, start: ArrayLike, stop: ArrayLike, label: ArrayLike
) -> NDArray[Any]:
    """Label of each sample by the interval that it begins in, as a table of trials has them.

    Parameters
    ----------
    time : array_like (sample,)
        Beginning of each sample, s.
    start, stop : array_like (interval,)
        Of each interval, s; a sample lies in it from its start on and before its stop.
    label : array_like (interval,)
        Stimulus of each interval, numbers or texts; NaN or "" for none.

    Returns
    -------
    numpy.ndarray
        (sample) float64 with NaN, or texts with "", where a sample lies in no interval; what
        ``session_dataset`` takes as ``stimulus``.

    Raises
    ------
    RefusedInputError
        If intervals are not as many as labels, end before they start, or overlap by more than a
        microsecond.

    Examples
    --------
    >>> labels_by_interval([0.0, 0.5, 1.0, 1.5], [0.0, 1.0], [0.6, 1.4], ["left", "right"])
    array(['left', 'left', 'right', ''], dtype='<U5')
    """
    times = np.asarray(time, dtype=np.float64)
    begins, ends = (np.asarray(edge, dtype=np.float64).ravel() for edge in (start, stop))
    names = _numbers_or_texts(label, "the intervals").ravel()
    if not begins.size == ends.size == names.size:
        raise RefusedInputError(
            f"intervals were expected with one start, stop and label each, got {begins.size}, "
            f"{ends.size} and {names.size}: cut them alike."
        )
    if not (ends >= begins).all():
        first = int(np.flatnonzero(~(ends >= begins))[0])
        raise RefusedInputError(
            f"stop of interval {first} was expected at or after its start {begins[first]:g} s, got "
            f"{ends[first]:g}: correct it."
        )
    order = np.argsort(begins, kind="stable")
    begins, ends, names = begins[order], ends[order], names[order]
    _refuse_overlap(begins, ends, names)
    nothing = np.str_("") if names.dtype.kind == "U" else np.nan
    if not names.size:
        return np.full(times.shape, nothing)
    number = np.searchsorted(begins, times, side="right") - 1
    inside = (number >= 0) & (times < ends[number])
    return np.where(inside, names[number], nothing)


def _refuse_overlap(
    begins: NDArray[np.float64], ends: NDArray[np.float64], names: NDArray[Any]
) -> None:
    """Refuse intervals, in the order of their starts, of which one begins before another ends."""
    overlap = np.flatnonzero(begins[1:] < np.maximum.accumulate(ends)[:-1] - ROUNDING)
    if overlap.size:
        at = int(overlap[0]) + 1
        raise RefusedInputError(
            f"intervals were expected one after the other, got one of {names[at]} from "
            f"{begins[at]:g} s on before another ends: correct start and stop, or choose one kind "
            "of interval."
        )


def stimulus_fields(session: xr.Dataset) -> dict[str, Any]:
    """Arguments of ``session_dataset`` that make the stimuli of a session again.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset with the coordinate ``stimulus``.

    Returns
    -------
    dict
        ``stimulus`` and, where it has them, ``stimulus_metric``, ``stimulus_period`` and
        ``stimulus_units``.
    """
    coordinate = session["stimulus"]
    own = {f"stimulus_{name}": coordinate.attrs.get(name) for name in ("metric", "period", "units")}
    stated = {name: value for name, value in own.items() if value is not None}
    return {"stimulus": coordinate.values, **stated}
