"""How much each unit, session or trial weighs in each draw of a nested bootstrap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from drift.streams import child_of, stream

Values = xr.DataArray | xr.Dataset


def even_shares(values: Values, levels: Sequence[str]) -> xr.DataArray:
    """What every entry weighs in the estimate: entries of one parent alike, so that a mean by these
    shares is a mean of means.

    Parameters
    ----------
    values : xarray.DataArray or xarray.Dataset
        (subject, ...), with the levels among its dims.
    levels : sequence of str
        Below subjects, from the outer to the inner one.

    Returns
    -------
    xarray.DataArray
        (subject, *levels), sums of 1 over the levels; 0 for what was not observed.
    """
    observed = _observed(values, levels)
    shares = np.ones(observed.shape)
    for depth in range(1, observed.ndim):
        present = observed.any(axis=tuple(range(depth + 1, observed.ndim)), keepdims=True)
        count = present.sum(axis=depth, keepdims=True)
        shares = shares * present / np.maximum(count, 1)
    return xr.DataArray(shares, dims=("subject", *levels))


def shares_without(values: Values, levels: Sequence[str]) -> xr.DataArray:
    """Even shares without each entry of the outermost level in turn.

    Parameters
    ----------
    values, levels
        See ``even_shares``; of one subject.

    Returns
    -------
    xarray.DataArray
        (draw, subject, *levels), a draw for each entry that was observed; none for a single one.
    """
    even = even_shares(values, levels)
    weights = even.sum(levels[1:]).values[0]
    entries = np.flatnonzero(weights)
    count = entries.size if entries.size > 1 else 0
    without = np.repeat(even.values[np.newaxis], count, axis=0)
    without[np.arange(count), 0, entries[:count]] = 0.0
    return xr.DataArray(without * count / max(count - 1, 1), dims=("draw", *even.dims))


def drawn_shares(
    values: Values, levels: Sequence[str], repetitions: int, seed: int
) -> xr.DataArray:
    """What every entry weighs in each draw: entries of each drawn parent are drawn with
    replacement, as many as there are.

    Each subject draws from a stream of its own, a child of "bootstrap" by its label, so that its
    company changes nothing; entries are drawn in the order of their values, so that labels change
    nothing.

    Parameters
    ----------
    values, levels
        See ``even_shares``.
    repetitions : int
        Draws.
    seed : int
        Of the stream "bootstrap".

    Returns
    -------
    xarray.DataArray
        (draw, subject, *levels), sums of 1 over the levels.
    """
    observed, sizes = _observed(values, levels), _sizes(values, levels)
    shares = [
        _of_subject(observed[subject], sizes[subject], repetitions, rng)
        for subject, rng in enumerate(subject_streams(values, seed))
    ]
    return xr.DataArray(np.stack(shares, axis=1), dims=("draw", "subject", *levels))


def subject_streams(values: Values, seed: int) -> list[np.random.Generator]:
    """A stream of "bootstrap" for each subject, by its label; of equal labels by their order."""
    labels = [str(label) for label in _labels(values)]
    occurrences = [labels[:place].count(label) for place, label in enumerate(labels)]
    names = [f"{label}\n{count}" for label, count in zip(labels, occurrences, strict=True)]
    return [stream(seed, "bootstrap", child_of(name)) for name in names]


def _labels(values: Values) -> np.ndarray:
    number = np.arange(values.sizes["subject"])
    return np.asarray(values["subject"].values if "subject" in values.coords else number)


def _arrays(values: Values) -> list[xr.DataArray]:
    return list(values.data_vars.values()) if isinstance(values, xr.Dataset) else [values]


def _observed(values: Values, levels: Sequence[str]) -> np.ndarray:
    """(subject, *levels) bool, where any number is known."""
    order = ("subject", *levels)
    finite = [array.notnull().transpose(*order, ...).values for array in _arrays(values)]
    return np.any([flags.reshape(*flags.shape[: len(order)], -1).any(-1) for flags in finite], 0)


def _sizes(values: Values, levels: Sequence[str]) -> np.ndarray:
    """(subject, *levels) sums of what is known, by which entries are put in order."""
    order = ("subject", *levels)
    arrays = [array.transpose(*order, ...).values.astype(float) for array in _arrays(values)]
    flat = [array.reshape(*array.shape[: len(order)], -1) for array in arrays]
    return np.sum([np.where(np.isfinite(array), array, 0.0).sum(axis=-1) for array in flat], 0)


def _of_subject(
    observed: np.ndarray, sizes: np.ndarray, repetitions: int, rng: np.random.Generator
) -> np.ndarray:
    """(draw, *levels) of one subject; ``observed`` and ``sizes`` (*levels)."""
    paths: list[tuple[int, ...]] = [()]
    shares = np.ones((repetitions, 1))
    for depth in range(observed.ndim):
        inner = tuple(range(depth + 1, observed.ndim))
        present = np.asarray(observed.any(axis=inner))
        size = np.asarray(sizes.sum(axis=inner))
        children = [_in_order(present[path], size[path]) for path in paths]
        counts = np.array([entries.size for entries in children])
        shares = dealt(shares, counts, rng)
        paths = [
            (*path, int(entry))
            for path, entries in zip(paths, children, strict=True)
            for entry in entries
        ]
    drawn = np.zeros((repetitions, *observed.shape))
    if paths:
        drawn[(slice(None), *np.array(paths).T)] = shares
    return drawn


def _in_order(present: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Positions of the entries that are there, from the smallest to the largest."""
    entries = np.flatnonzero(present)
    return entries[np.argsort(size[entries], kind="stable")]


def dealt(shares: np.ndarray, counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shares of the children of all parents, where as many are drawn of each parent as it has.

    Parameters
    ----------
    shares : numpy.ndarray
        (draw, parent).
    counts : numpy.ndarray
        (parent) children.
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray
        (draw, child) of all parents, side by side.
    """
    draws, most = len(shares), int(counts.max(initial=0))
    picks = (rng.random((draws, counts.size, most)) * counts[:, np.newaxis]).astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(counts)])[:-1]
    counted = np.arange(most) < counts[:, np.newaxis]  # (parent, pick)
    target = (picks + starts[:, np.newaxis])[:, counted]  # (draw, child)
    total = target.shape[1]
    offset = target + total * np.arange(draws)[:, np.newaxis]
    times = np.bincount(offset.ravel(), minlength=draws * total).reshape(draws, total)
    return times * np.repeat(shares / np.maximum(counts, 1), counts, axis=1)
