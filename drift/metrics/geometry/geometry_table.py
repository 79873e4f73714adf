"""Where does it drift? All figures of geometry with their intervals, as one table."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from drift.door import opened
from drift.door.quantities import Confidence, Draws, Seed
from drift.metrics.geometry.figures import TITLES, Figure, Options, geometry_figures
from drift.metrics.geometry.vectors import Array, conditions_of, recorded_units
from drift.metrics.intervals.limits import half_width, mean_or_nan
from drift.metrics.intervals.nested import nested_interval
from drift.metrics.stability.pairs import comparable_pairs
from drift.streams import child_of, stream

REPETITIONS = 1000
MOST_UNDEFINED = 0.5  # share of the pairs without a drift above which there is no figure
BOUNDS = {  # between which figures without noise lie
    **dict.fromkeys(("noise", "components", "coding"), (0.0, 1.0)),
    "dimension": (1.0, np.inf),
    **dict.fromkeys(("translation", "rotation", "linear"), (-np.inf, 1.0)),
    "stability": (-1.0, 1.0),
}
NOT_COMPUTED = "no interval of one subject was computed: groups=10 makes it"
TOO_FEW = "no interval: without a session, or a group of units, no pair of sessions is left"
NO_DAYS = "no interval of one subject: its days are too few to be drawn from"


@opened
def geometry_table(
    dataset: xr.Dataset,
    *,
    noise: xr.DataArray | None = None,
    p_values: xr.DataArray | None = None,
    keep: xr.DataArray | None = None,
    groups: Draws = 10,
    null: Draws = 20,
    confidence: Confidence = 0.95,
    seed: Seed = 0,
) -> pd.DataFrame:
    """Where does it drift? Each figure of geometry naive, of a code at rest, cross-validated with
    its interval, and beside its null.

    A figure is the mean over the pairs of sessions between which there is a drift, then over
    subjects. Of several subjects the interval is Student's over these. Of a single one, with m
    sessions, it is

        estimate  +-  t(m - 1)  sqrt(V_units + V_sessions),
        V = (g - 1) / g  sum_k (f_(-k) - mean f_(-k))^2,

    f_(-k) the figure without one of g groups of units (each unit in one of them), and without one
    of its m sessions: the jackknife, taken through ``nested_interval`` by its pseudovalues. Units
    are not drawn with replacement: a unit that is there twice covaries with itself, and a figure
    made of covariances comes out of such draws with a bias (see the documentation). Both are added,
    as units share the days and days the units.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate_half`` (``measure(..., halves="trials")``), or of a network
        whose rates hold no noise.
    noise : xarray.DataArray, optional
        Of ``trial_noise_covariance``; by default that of halves of other sessions.
    p_values : xarray.DataArray, optional
        Of ``exchanged_trial_p_values``, by which there is a drift or none. By default told by
        halves; then it cannot be told whether laps on which all units fire more are a drift.
    keep : xarray.DataArray, optional
        Bool over any of subject, session, unit: units to compare.
    groups : int
        g, at most the number of units; 0 for no interval of a single subject.
    null : int
        Draws of each null.
    confidence : float
        How often an interval covers.
    seed : int
        Of nulls, and of the groups.

    Returns
    -------
    pandas.DataFrame
        ``measure``; ``naive`` and ``frozen``; ``estimate`` (cross-validated), ``lower`` and
        ``upper``; ``null`` and ``null_deviation`` of the cross-validated figure; ``drifting_pairs``
        of ``pairs`` compared; ``confidence``, ``independent_subjects``, ``speaks_of`` and
        ``reason``, why there is no estimate or no interval. An estimate is "undefined", NaN, where
        at more than half of the pairs of sessions no drift is told from 0. A single subject has no
        interval of coordination, which rests on its days alone.

    Raises
    ------
    RefusedInputError
        If rates are noisy and there are no halves, or no two sessions may be compared.

    Notes
    -----
    Over simulated mice with six sessions of 60 units, whose fields are redrawn unit by unit, or
    swell and shrink together from day to day, too, these intervals covered the mean over mice in 91
    to 100 % (31 and 32 mice); groups of units alone in 72 to 97 %, sessions alone in 75 to 100 %.

    References
    ----------
    Kott 2001, J Off Stat 17:521 (jackknife by groups); Arvesen 1969, Ann Math Stat 40:2076
    (of pairs).
    """
    halved = conditions_of(
        dataset.isel(environment=0) if "environment" in dataset.dims else dataset
    )
    options = Options(noise, p_values, keep, int(null), int(seed))
    figures, reasons = geometry_figures(halved, options)
    without = _without_groups(halved, options, int(groups))
    compared = np.triu(comparable_pairs(halved), k=1).sum()
    rows = [
        _Row(name, figures[name], [fewer.get(name) for fewer in without], float(confidence))
        for name in TITLES
        if name in figures
    ]
    subjects = xr.DataArray(np.arange(halved.sizes["subject"]), dims="subject")
    labels = halved["subject"] if "subject" in halved.coords else subjects
    told = [row.told(labels, int(compared)) for row in rows]
    absent = [{"measure": TITLES[name], "reason": reason} for name, reason in reasons.items()]
    table = pd.DataFrame([*told, *absent])
    table["confidence"] = float(confidence)
    return table.reindex(columns=COLUMNS)


COLUMNS = [
    "measure", "naive", "frozen", "estimate", "lower", "upper", "null", "null_deviation",
    "drifting_pairs", "pairs", "confidence", "independent_subjects", "speaks_of", "reason",
]  # fmt: skip


class _Row(NamedTuple):
    """One figure, and the same without each group of units (None where it is not defined)."""

    name: str
    figure: Figure
    without: list[Figure | None]
    confidence: float

    def told(self, labels: xr.DataArray, compared: int) -> dict[str, object]:
        """Numbers of the table."""
        by_kind = _mean_of_pairs(self.figure.values)
        naive, frozen = (mean_or_nan(by_kind[:, kind], 0) for kind in (0, 1))
        drifting = np.isfinite(self.figure.values[..., -1])
        twice = 2 if self.name == "coding" else 1
        own = np.where(self._undefined(), np.nan, by_kind[:, -1])
        limits, speaks_of, reason = self._limits(own, labels)
        defined = bool(np.isfinite(own).any())
        words = "undefined: no drift is told from noise at most pairs of sessions"
        null = (_mean_of_pairs(array[..., np.newaxis])[:, 0] for array in self.figure[1:])
        numbers = (float(mean_or_nan(array, 0)) if defined else np.nan for array in null)
        return {
            "measure": TITLES[self.name],
            "naive": float(naive),
            "frozen": float(frozen),
            **dict(zip(("estimate", "lower", "upper"), limits, strict=True)),
            **dict(zip(("null", "null_deviation"), numbers, strict=True)),
            "drifting_pairs": int(drifting.sum()) // twice if self._of_pairs else np.nan,
            "pairs": compared if self._of_pairs else np.nan,
            "independent_subjects": int(np.isfinite(own).sum()),
            "speaks_of": speaks_of if defined else "",
            "reason": reason if defined else words,
        }

    @property
    def _of_pairs(self) -> bool:
        return self.name not in ("coordination", "stability")

    def _undefined(self) -> NDArray[np.bool_]:
        """(subject) whether no drift is told at most of the pairs."""
        naive, crossed = (np.isfinite(self.figure.values[..., kind]) for kind in (0, -1))
        compared, drifting = (flags.sum(axis=(1, 2)) for flags in (naive, crossed))
        return np.asarray(compared - drifting > MOST_UNDEFINED * compared)

    def _limits(self, own: Array, labels: xr.DataArray) -> tuple[list[float], str, str]:
        """Estimate, lower and upper; whom they speak of; why there is no interval."""
        who = np.flatnonzero(np.isfinite(own))
        if who.size > 1:
            values = xr.DataArray(own, dims="subject")
            interval = nested_interval(values, ("subject",), confidence=self.confidence)
            ends = [float(interval[end]) for end in ("estimate", "lower", "upper")]
            return ends, str(interval.attrs["speaks_of"]), ""
        if not who.size:
            return [np.nan] * 3, "", ""
        estimate, name = float(own[who[0]]), str(labels.values[who[0]])
        width = np.nan if self.name == "coordination" else self._width(int(who[0]), estimate)
        reason = "" if np.isfinite(width) else self._no_interval()
        possible = self._possible(estimate, width)
        return [estimate, *possible], f"subject {name} alone, by its units and its sessions", reason

    def _no_interval(self) -> str:
        """Why one subject has no interval."""
        if self.name == "coordination":
            return NO_DAYS
        return TOO_FEW if self.without else NOT_COMPUTED

    def _possible(self, estimate: float, width: float) -> tuple[float, float]:
        """Limits, as far as the figure can lie there."""
        low, high = BOUNDS.get(self.name, (-np.inf, np.inf))
        lower, upper = estimate - width, estimate + width
        return max(lower, min(low, estimate)), min(upper, max(high, estimate))

    def _width(self, subject: int, estimate: float) -> float:
        """Half of the interval of one subject."""
        sessions = _without_sessions(self.figure.values[subject, ..., -1])
        units = np.array([
            np.nan if fewer is None else _mean_of_pairs(fewer.values)[subject, -1]
            for fewer in self.without
        ])  # fmt: skip
        if min(sessions.size, units.size) < 2:
            return np.nan
        errors = [
            self._error(estimate, units, "unit"), self._error(estimate, sessions, "session"),
        ]  # fmt: skip
        error = float(np.sqrt(np.square(errors).sum()))
        return float(half_width(error, sessions.size - 1, self.confidence))

    def _error(self, estimate: float, without: Array, level: Literal["session", "unit"]) -> float:
        """Standard error of the jackknife, by its pseudovalues."""
        if not np.isfinite(without).all():
            return np.nan
        count = without.size
        pseudovalues = estimate + (count - 1) * (without.mean() - without)
        values = xr.DataArray(pseudovalues[np.newaxis], dims=("subject", level))
        interval = nested_interval(
            values, (level,), confidence=self.confidence, repetitions=REPETITIONS
        )
        width = float((interval["upper"] - interval["lower"]).item()) / 2
        return width / float(half_width(1.0, count - 1, self.confidence))


def _mean_of_pairs(values: Array) -> Array:
    """(subject, kind) of (subject, session, session_other, kind)."""
    return np.asarray(mean_or_nan(values.reshape(len(values), -1, values.shape[-1]), 1))


def _without_sessions(values: Array) -> Array:
    """Means over the pairs without each session that is in one, of (session, session_other)."""
    defined = np.isfinite(values)
    present = np.flatnonzero(defined.any(axis=0) | defined.any(axis=1))
    means = []
    for session in present:
        left = np.delete(np.delete(values, session, axis=0), session, axis=1)
        means.append(float(mean_or_nan(left.ravel(), 0)))
    return np.array(means)


def _without_groups(dataset: xr.Dataset, options: Options, groups: int) -> list[dict[str, Figure]]:
    """Figures without each group of units in turn; none of several subjects, which need none."""
    if groups < 2 or dataset.sizes["subject"] > 1:
        return []
    member = recorded_units(dataset, options.keep)
    groups = min(groups, int(member.any(axis=(0, 1)).sum()))
    group = np.stack(
        [_dealt(dataset, own, subject, groups, options.seed) for subject, own in enumerate(member)]
    )
    figures = []
    for number in range(groups):
        left = xr.DataArray(
            member & (group != number)[:, np.newaxis], dims=("subject", "session", "unit")
        )
        figures.append(geometry_figures(dataset, options._replace(keep=left, null=0))[0])
    return figures


def _dealt(
    dataset: xr.Dataset, member: NDArray[np.bool_], subject: int, groups: int, seed: int
) -> NDArray[np.int64]:
    """(unit) number of the group; units are dealt in the order of what they fire, so that their
    labels change nothing."""
    rates = dataset["rate_half"].isel(subject=subject).transpose("session", "unit", ...).values
    size = np.nansum(rates.reshape(*rates.shape[:2], -1), axis=(0, 2))
    label = str(dataset["subject"].values[subject]) if "subject" in dataset.coords else str(subject)
    generator = stream(seed, "bootstrap", child_of(label))
    units = np.flatnonzero(member.any(axis=0))
    ordered = units[np.argsort(size[units], kind="stable")]
    group = np.full(member.shape[1], -1)
    group[generator.permutation(ordered)] = np.arange(units.size) % groups
    return group
