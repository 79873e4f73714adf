"""What positions of a lab can be: lengths in cm within the track that is stated, as many axes as
its geometry has."""

from __future__ import annotations

import warnings
from collections import Counter
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drift.metrics.places import OVERHANG, RING, Grid, equal_bins, refuse_open_ring
from drift.schema.labelled_form import RefusedInputError

AXES = {"linear": 1, RING: 1, "square": 2, "circle": 2}  # of a position; others may have one or two
STRAY = 0.02  # share of samples that may be called stray
SMALLEST_SPAN = 2.0  # cm, below which positions are in metres
# with fewer a small range, and a small part of the track, say nothing
FEWEST_SAMPLES, MANY_SAMPLES = 10, 100
SMALL_PART = 0.2  # of the track; who visits less is asked whether it is that long


class Extent(NamedTuple):
    """What is stated of a track: its length, and edges of equal bins where they were given."""

    track_length: float | None = None
    edges: tuple[float, float, float] | None = None  # width, first and last

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Where positions may lie, without the overhang; None where nothing is stated."""
        ends = [] if self.edges is None else list(self.edges[1:])
        ends += [] if self.track_length is None else [0.0, self.track_length]
        return (min(ends), max(ends)) if ends else None

    def attrs(self) -> dict[str, float]:
        """Attributes of the session that ``drift.measurement.running_samples.session_grid``
        takes."""
        edges = (
            {} if self.edges is None else {"first_edge": self.edges[1], "last_edge": self.edges[2]}
        )
        return edges if self.track_length is None else {"track_length": self.track_length, **edges}


def stated_extent(
    track_length: Any, bin_edges: ArrayLike | None, geometry: str, where: str
) -> Extent:
    """What a session states of its track.

    Parameters
    ----------
    track_length : float or None
        In units of position.
    bin_edges : array_like or None
        (bins + 1,) edges of equal bins.
    geometry : str
        A ring needs its length, or edges that go around once.
    where : str
        For messages.

    Returns
    -------
    Extent

    Raises
    ------
    RefusedInputError
        If the length is not above 0, bins are unequal, or a ring has no length.
    """
    edges = (
        None
        if bin_edges is None
        else equal_bins(np.asarray(bin_edges, dtype=float), f"bin edges of {where}")
    )
    if not (
        track_length is None
        or (isinstance(track_length, Real) and 0 < float(track_length) < np.inf)
    ):
        raise RefusedInputError(
            f"track_length of {where} was expected above 0, got {track_length!r}: give it in "
            "units of position."
        )
    if geometry == RING and edges is not None:
        around = edges[2] - edges[1]
        if track_length is not None and abs(around - float(track_length)) > 1e-6 * around:
            raise RefusedInputError(
                f"bin edges of {where} were expected to go around the ring of "
                f"{float(track_length):g}, got {around:g}: give all."
            )
        track_length = around
    if geometry == RING and track_length is None:
        raise RefusedInputError(
            f"the ring of {where} was expected to have a length, got none: give track_length "
            "(cm around)."
        )
    return Extent(None if track_length is None else float(track_length), edges)


def default_bin_size(usual: float, extent: Extent, geometry: str) -> float:
    """Width of given bins, else the usual one; on a ring the nearest that goes around a whole
    number of times."""
    if extent.edges is not None:
        return extent.edges[0]
    if geometry != RING or extent.track_length is None:
        return usual
    return extent.track_length / max(1, round(extent.track_length / usual))


def refuse_uneven_ring(bin_size: float, extent: Extent, geometry: str, where: str) -> None:
    """Refuse a ring that is no whole number of bins."""
    if geometry == RING:
        refuse_open_ring(Grid(bin_size, 0.0, extent.track_length, ring=True), where)


def decimals(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers that were kept as float32 as the decimals that they stand for, 0.112 for
    0.11200000345; others as they are.

    Times a factor they would else come to lie beside the edges of bins that they lie on.

    Parameters
    ----------
    values : numpy.ndarray

    Returns
    -------
    numpy.ndarray
        Within half of the last place of float32.
    """
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    if not np.array_equal(single, values, equal_nan=True):
        return values
    return single.astype(np.str_).astype(np.float64)


def in_centimetres(
    values: NDArray[np.float64], scale: float | None, lost: float | None, where: str
) -> NDArray[np.float64]:
    """Positions (sample[, axis]) times ``scale``; samples in which an axis has the value that marks
    lost ones are NaN.

    Parameters
    ----------
    values : numpy.ndarray
        As in the file.
    scale : float or None
        cm per unit of the file; None: 1.
    lost : float or None
        Value in units of the file, such as 1023 or -1.
    where : str
        For messages.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    RefusedInputError
        If the scale is not above 0.
    """
    if scale is not None and not (np.isfinite(scale) and scale > 0):
        raise RefusedInputError(
            f"scale of {where} was expected above 0, got {scale}: give cm per unit of "
            "position, 0.1 for mm."
        )
    if lost is not None:
        gone = np.isclose(values, lost, rtol=1e-6, atol=0.0)
        values = np.where(
            gone if values.ndim == 1 else gone.any(axis=1, keepdims=True), np.nan, values
        )
    return values if scale is None else decimals(values) * scale


def refuse_other_geometry(geometry: str, axes: int, where: str) -> None:
    """Refuse a geometry that has another number of axes than the position."""
    if axes != AXES.get(geometry, axes):
        expectation = (
            "one axis (the distance along it)" if AXES[geometry] == 1 else "two axes (x, y)"
        )
        remedy = (
            "use geometry='ring' for a circular track"
            if geometry == "circle"
            else "linearise it or name another geometry"
        )
        remedy = "give both axes or name another geometry" if geometry == "square" else remedy
        raise RefusedInputError(
            f"position of {where} was expected to have {expectation} for geometry {geometry!r}, "
            f"got {axes}: {remedy}."
        )


def refuse_outside(
    position: NDArray[np.float64], extent: Extent, geometry: str, where: str
) -> None:
    """Refuse positions in cm that cannot lie on the track, and say why they probably do not.

    Parameters
    ----------
    position : numpy.ndarray
        (sample[, axis]) cm, NaN where lost, but not throughout.
    extent : Extent
        What is stated of the track.
    geometry : str
        In a plane only the extent along each axis counts, since arenas may be centred.
    where : str
        For messages.

    Raises
    ------
    RefusedInputError
        If positions lie beyond the track by more than 5 % of it, or span less than 2 cm.

    Warns
    -----
    UserWarning
        If they cover less than a fifth of a track.
    """
    axes = position.reshape(len(position), -1)
    span = float((np.nanmax(axes, axis=0) - np.nanmin(axes, axis=0)).max())
    bounds, many = extent.bounds, np.isfinite(axes).all(axis=1).sum() >= FEWEST_SAMPLES
    if (
        many
        and 0 < span < SMALLEST_SPAN
        and (bounds is None or bounds[1] - bounds[0] > 2 * SMALLEST_SPAN)
    ):
        length = None if bounds is None else bounds[1] - bounds[0]
        share = "" if length is None else f"; if it is a part of the track, pass scale={length:g}"
        raise RefusedInputError(
            f"position of {where} was expected in cm, got a range of {span:.3g} cm in all: if "
            f"it is in metres, pass scale=100{share}."
        )
    if bounds is None:
        return
    _mind_small_part(span, bounds, axes, where)
    low, high = _limits(axes, bounds, geometry)
    outside = np.asarray(((axes < low) | (axes > high)).any(axis=1))
    if outside.any():
        raise RefusedInputError(
            f"position of {where} was expected within {_told(bounds)}, got "
            f"{_cause(axes, outside, bounds)}."
        )


def _mind_small_part(
    span: float, bounds: tuple[float, float], axes: NDArray[np.float64], where: str
) -> None:
    """Warn of a track that is many times longer than what was visited of it."""
    length = bounds[1] - bounds[0]
    if axes.shape == (len(axes), 1) and len(axes) >= MANY_SAMPLES and span < SMALL_PART * length:
        warnings.warn(
            f"positions of {where} cover {span:.4g} cm of a track of {length:g} cm: correct "
            "the length, or the unit by scale=.",
            stacklevel=4,
        )


def _limits(
    axes: NDArray[np.float64], bounds: tuple[float, float], geometry: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest position of each axis; in a plane the room may lie anywhere around the
    median position."""
    length = bounds[1] - bounds[0]
    if axes.shape[1] == 1:
        once_around = (
            geometry == RING and np.ptp(axes[np.isfinite(axes)]) <= (1 + 2 * OVERHANG) * length
        )
        beyond = np.inf if once_around else OVERHANG * length  # a ring may be counted from anywhere
        return np.array([bounds[0] - beyond]), np.array([bounds[1] + beyond])
    inside = (np.nanmin(axes, axis=0) >= bounds[0] - OVERHANG * length) & (
        np.nanmax(axes, axis=0) <= bounds[1] + OVERHANG * length
    )
    fits = np.nanmax(axes, axis=0) - np.nanmin(axes, axis=0) <= (1 + 2 * OVERHANG) * length
    if (inside | fits).all():
        return np.full(axes.shape[1], -np.inf), np.full(axes.shape[1], np.inf)
    middle = np.nanmedian(axes, axis=0)
    return middle - (0.5 + OVERHANG) * length, middle + (0.5 + OVERHANG) * length


def _told(bounds: tuple[float, float]) -> str:
    return (
        f"the track of {bounds[1] - bounds[0]:g} cm from {bounds[0]:g} to {bounds[1]:g} (and 5 % "
        "beyond)"
    )


def _cause(
    axes: NDArray[np.float64], outside: NDArray[np.bool_], bounds: tuple[float, float]
) -> str:
    """What lies outside, and the likely reason with its remedy."""
    tracked = np.isfinite(axes).all(axis=1)
    middle = np.nanmedian(axes, axis=0)
    distance = np.where(
        outside,
        np.nanmax(np.abs(np.nan_to_num(axes, nan=np.inf, posinf=0.0) - middle), axis=1),
        -1.0,
    )
    sample = int(np.argmax(distance))
    value = float(axes[sample, int(np.argmax(np.abs(axes[sample] - middle)))])
    got = (
        f"{value:.8g} at sample {sample} ({int(outside.sum())} of {int(tracked.sum())} samples lie "
        "outside)"
    )
    often, times = Counter(np.round(axes[outside].ravel(), 9).tolist()).most_common(1)[0]
    if outside.sum() <= STRAY * tracked.sum() or (
        times > 1 and abs(often - value) < 1e-6 and _fits(axes[axes != often], bounds)
    ):
        return (
            f"{got}: if {value:.8g} marks lost frames, pass lost={value:.8g}, else set stray "
            "frames to NaN"
        )
    return f"{got}: {_unit(axes[tracked], bounds)}"


def _fits(values: NDArray[np.float64], bounds: tuple[float, float]) -> bool:
    """Whether all other positions lie on the track as they are, or would in mm."""
    length = bounds[1] - bounds[0]
    values = values[np.isfinite(values)]
    return values.size > 0 and any(
        values.min() * scale >= bounds[0] - OVERHANG * length
        and values.max() * scale <= bounds[1] + OVERHANG * length
        for scale in (1.0, 0.1)
    )


def _unit(axes: NDArray[np.float64], bounds: tuple[float, float]) -> str:
    """Guess from how many times the track is too short."""
    low, high = np.quantile(axes, (0.01, 0.99), axis=0)
    length = bounds[1] - bounds[0]
    ratio = float((high - low).max() / length)
    if 5 < ratio < 11:
        return "it may be in mm, so pass scale=0.1, or the stated length is wrong"
    if ratio <= 1.1 and axes.shape[1] == 1:
        return (
            f"it seems to count from elsewhere: subtract {float(low[0]) - bounds[0]:.3g}, so that "
            f"the track begins at {bounds[0]:g}"
        )
    return (
        "it may be in pixels or other units, or the stated length is wrong: pass scale= (cm per "
        "unit) or correct the length"
    )
