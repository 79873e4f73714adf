"""How often sessions in another order would give as large an effect."""

from __future__ import annotations

import zlib

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from drift.metrics.experience.mixed_model import Array, Fit, Robust, Rows
from drift.metrics.experience.pair_rows import PairRows
from drift.streams import stream

BLOCK = 100  # orders at a time, for memory
ROUNDING = 1e-9


def permutation_p(rows: Rows, fit: Fit, robust: Robust, orders: list[NDArray[np.int64]]) -> Array:
    """(term) share of orders of the sessions with as large a t of a term, the order as recorded
    included.

    As ter Braak: what the whole model leaves of the response is exchanged between pairs as sessions
    change places, and the t of what then comes out by chance is compared with that of the
    response. (What a model without the term leaves, as Freedman and Lane exchange, holds the effect
    as a difference between environments that no order of their sessions removes: p stays large
    where it is strong.) t is the coefficient over its standard error from the agreement of
    subjects, see ``Robust``, without which exchanged pairs would count as independent.

    Parameters
    ----------
    rows, fit, robust
        The model.
    orders : list of numpy.ndarray
        (order, row) for each subject: which row comes in the place of each, -1 for none.
    """
    left = rows.response - rows.fixed @ fit.coefficients
    recorded = _size(rows.response[np.newaxis], fit, robust)
    sizes = [
        _size(_exchanged(left, orders, start), fit, robust)
        for start in range(0, len(orders[0]), BLOCK)
    ]
    drawn = np.concatenate([recorded, *sizes])
    return np.asarray((drawn >= recorded * (1 - ROUNDING)).mean(axis=0))


def _exchanged(left: Array, orders: list[NDArray[np.int64]], start: int) -> Array:
    """(order, subject, row) residuals in the place of others; 0 for pairs that were not there."""
    padded = np.concatenate([left, np.zeros((len(left), 1))], axis=1)
    part = [own[order[start : start + BLOCK]] for own, order in zip(padded, orders, strict=True)]
    return np.stack(part, axis=1)


def _size(response: Array, fit: Fit, robust: Robust) -> Array:
    """(order, term) absolute t."""
    scores = np.einsum("kan,okn->oka", fit.projection, response, optimize=True)
    coefficients, error = robust.judged(scores, fit.information)
    return np.abs(coefficients) / np.maximum(error, 1e-300)


def session_orders(
    pairs: PairRows, names: xr.DataArray, length: int, permutations: int, seed: int
) -> list[NDArray[np.int64]]:
    """(order, row) for each subject that has pairs: sessions of each environment in other orders.

    Parameters
    ----------
    pairs : PairRows
        Those of a subject stand together.
    names : xarray.DataArray
        (subject) labels, which name the streams.
    length : int
        Rows of a subject with padding.
    permutations, seed : int
        Orders, and the seed of the stream "shuffle".
    """
    orders = []
    for subject in np.unique(pairs.subject):
        child = zlib.crc32(str(names.values[subject]).encode())
        rng = stream(seed, "shuffle", child)
        own = np.flatnonzero(pairs.subject == subject)
        order = np.full((permutations, length), -1)
        for room in np.unique(pairs.room[own]):
            rows = np.flatnonzero(pairs.room[own] == room)
            ends = pairs.first[own[rows]], pairs.second[own[rows]]
            order[:, rows] = _orders(rows, *ends, permutations, rng)
        orders.append(order)
    return orders


def _orders(
    rows: NDArray[np.int64],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    permutations: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """(order, row) which row has the two sessions that come in the place of those of a row."""
    sessions, ends = np.unique(np.stack([first, second]), return_inverse=True)
    ends = ends.reshape(2, -1)
    row_of = np.full((sessions.size, sessions.size), -1)
    row_of[ends[0], ends[1]] = row_of[ends[1], ends[0]] = rows
    places = np.tile(np.arange(sessions.size), (permutations, 1))
    moved = rng.permuted(places, axis=1)
    return row_of[moved[:, ends[0]], moved[:, ends[1]]]
