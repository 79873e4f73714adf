"""How much of what looks like drift would be explained by units that are taken for other cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr
from scipy.optimize import brentq

from drift.door import opened
from drift.door.quantities import Smoothing
from drift.errors import RefusedInputError
from drift.metrics.stability.compared_sessions import Code, compared_sessions
from drift.metrics.stability.correlations import PAIRS, pair_coordinates
from drift.metrics.stability.exchanges import Exchange
from drift.metrics.stability.halves import with_halves
from drift.metrics.stability.matching import (
    Registered,
    candidates,
    registration_steps,
)
from drift.metrics.stability.pairs import comparable_pairs

RATE = "wrong_match_rate"
RATES = np.linspace(0, 0.5, 26)
HIGHEST = 0.999  # rate up to which all of the drift is looked for


class _Pair(NamedTuple):
    """Two sessions: where their number stands, how alike they are, over how many steps."""

    at: tuple[int, int]
    similarity: float
    exchange: Exchange
    steps: int

    def at_rest(self, rate: float) -> float:
        """Similarity of a code that stands still, seen with wrong matches."""
        probability = np.full(self.exchange.candidates.size, (1 - rate) ** self.steps)
        return self.exchange.at_rest(probability)


@opened
def wrong_matches(
    dataset: xr.Dataset,
    rates: np.ndarray | None = None,
    of: Code = "rate_map",
    *,
    smoothing: Smoothing = 0.0,
    select: Literal["both", "all"] = "both",
    keep: xr.DataArray | None = None,
    registered: Registered = "in_chain",
) -> xr.Dataset:
    """How much of the drift would be explained if units were other cells at a rate q from session
    to session, and the rate at which all of it would be.

    A code that stands still, seen with matches that are right with the probability p_st = (1 - q)^n
    over n steps, has the similarity p_st + (1 - p_st) B0, with B0 that of units to those that they
    may be taken for (see ``corrected_similarity``). What it has lost over what was lost,

        sum_st [1 - p_st - (1 - p_st) B0] / sum_st [1 - C_st],

    over all pairs of sessions of a subject, is the share that wrong matches would explain; above 1
    they would explain more than there is. It says what would be, not that it is: the rate itself
    must come from elsewhere, such as the program that followed the cells.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate_half`` and ``elapsed``, or of a network without noise.
    rates : numpy.ndarray, optional
        Rates q from 0 to below 1; by default 0 to .5 in steps of .02.
    of, smoothing, select, keep
        As in ``corrected_similarity``.
    registered : {"in_chain", "at_once"}
        Whether wrong matches add up from session to session; see ``match_probability``.

    Returns
    -------
    xarray.Dataset
        ``explained`` (subject, wrong_match_rate) share of the drift; ``rate_explaining_all``
        (subject) the rate at which it is 1, NaN where no rate below 1 would do; ``similarity``
        (subject, session, session_other) as measured, and ``similarity_at_rest`` (subject,
        wrong_match_rate, session, session_other) of a code that stands still. NaN where a subject
        has lost nothing, or sessions are not compared. The attribute ``candidates`` says which
        units may be taken for which.

    Raises
    ------
    RefusedInputError
        If rates are out of range, are noisy and there are no halves, no two sessions may be
        compared, or environments lie along a dim of their own.
    """
    values = RATES if rates is None else np.asarray(rates, dtype=float)
    if values.ndim != 1 or not ((values >= 0) & (values < 1)).all():
        raise RefusedInputError(
            f"rates of wrong matches were expected from 0 to below 1, got {values}: give shares of "
            "the units from session to session."
        )
    if "environment" in dataset.dims:
        raise RefusedInputError(
            f"wrong matches are counted in one environment, got {dataset.sizes['environment']}: "
            "select one with isel(environment=0)."
        )
    halved = with_halves(dataset)
    comparable = comparable_pairs(halved)
    steps = registration_steps(halved, registered)
    pairs: list[list[_Pair]] = [[] for _ in comparable]
    for compared in compared_sessions(halved, comparable, of, "mean", smoothing, select, keep):
        at = (compared.first, compared.second)
        if at[0] != at[1] and np.isfinite(similarity := float(compared.similarity)):
            own = int(steps[(compared.subject, *at)])
            pairs[compared.subject].append(_Pair(at, similarity, compared.exchange, own))
    rows = [_of_subject(own, values, comparable.shape[1]) for own in pairs]
    return _labelled(rows, values, halved)


def _of_subject(pairs: list[_Pair], rates: np.ndarray, sessions: int) -> dict[str, np.ndarray]:
    similarity = np.full((sessions, sessions), np.nan)
    at_rest = np.full((rates.size, sessions, sessions), np.nan)
    for pair in pairs:
        curve = np.array([pair.at_rest(rate) for rate in rates])
        for at in (pair.at, pair.at[::-1]):
            similarity[at] = pair.similarity
            at_rest[(slice(None), *at)] = curve
    lost = sum(1 - pair.similarity for pair in pairs)

    def explained(rate: float) -> float:
        return sum(1 - pair.at_rest(rate) for pair in pairs) / lost

    nothing = not lost > 0
    return {
        "explained": np.array([np.nan if nothing else explained(rate) for rate in rates]),
        "rate_explaining_all": np.array(np.nan if nothing else _crossing(explained)),
        "similarity": similarity,
        "similarity_at_rest": at_rest,
    }


def _crossing(explained: Callable[[float], float]) -> float:
    """Rate at which all is explained; NaN where none is high enough."""
    if not explained(HIGHEST) > 1:
        return np.nan
    return float(brentq(lambda rate: explained(rate) - 1, 0.0, HIGHEST))


def _labelled(
    rows: list[dict[str, np.ndarray]], rates: np.ndarray, dataset: xr.Dataset
) -> xr.Dataset:
    dims = {
        "explained": ("subject", RATE),
        "rate_explaining_all": ("subject",),
        "similarity": PAIRS,
        "similarity_at_rest": ("subject", RATE, *PAIRS[1:]),
    }
    meanings = {
        "explained": "share of the drift that wrong matches would explain",
        "rate_explaining_all": "rate of wrong matches that would explain all of the drift",
        "similarity": "similarity of two sessions, noise taken out",
        "similarity_at_rest": "the same of a code that stands still, seen with wrong matches",
    }
    variables = {
        name: (dims[name], np.stack([row[name] for row in rows]), {"units": "1", "long_name": told})
        for name, told in meanings.items()
    }
    of_rate = (RATE, rates, {"units": "1", "long_name": "rate of wrong matches"})
    coords = {**pair_coordinates(dataset, "subject", "session"), RATE: of_rate}
    return xr.Dataset(variables, coords=coords, attrs={"candidates": candidates(dataset)})
