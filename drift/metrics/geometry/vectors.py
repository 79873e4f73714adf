"""Drift vectors: how the population at each condition moved between two sessions, twice over from
independent halves, and the noise of that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import norm as normal
from scipy.stats import t as student

from drift.errors import RefusedInputError
from drift.metrics.stability.correlations import kept_units
from drift.metrics.stability.halves import with_halves
from drift.metrics.stability.pairs import comparable_pairs
from drift.schema.labelled_form import check
from drift.schema.map_dims import STIMULUS, map_dim

Array = NDArray[np.float64]
KINDS = ("naive", "frozen", "cross_validated")
# deviation of |d|^2 - |m|^2 - |n|^2 over that of m' n, m and n the noise of two sessions
SHARED = 12.0**0.5
CERTAIN = 2.0  # standard errors above 0 that make a drift
LEVEL = float(normal.sf(CERTAIN))  # the same for p values, .023


class DriftVectors(NamedTuple):
    """Maps of the two halves of two sessions of a subject, over the units recorded in both.

    Attributes
    ----------
    at : tuple of int
        Positions of the subject, the earlier session and the later one, by ``elapsed``.
    units, conditions : numpy.ndarray of int
        Positions of the units; of the conditions that are valid in all four halves, in the order
        of ``condition_order``.
    before, after : numpy.ndarray
        (half, condition, unit) rates.
    shared : float
        Squared length of the noise of a session of the subject, as far as units and conditions
        share it.
    p_value : float
        Of a code that stands still, by its trials; NaN where these are not known.
    """

    at: tuple[int, int, int]
    units: NDArray[np.int64]
    conditions: NDArray[np.int64]
    before: Array
    after: Array
    shared: float = 0.0
    p_value: float = np.nan

    @property
    def drift(self) -> Array:
        """(condition, unit) d, from whole sessions: the mean of both halves."""
        return np.asarray((self.after - self.before).mean(axis=0))

    @property
    def noise(self) -> Array:
        """(session, condition, unit) half the difference of the halves of each session: its
        second moments are those of the noise in d."""
        return np.stack([half[0] - half[1] for half in (self.before, self.after)]) / 2

    @property
    def independent(self) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """Both ways to pair d_a with a d_b that shares no half with it, (condition, unit) each."""
        (first, second), (later, latest) = self.before, self.after
        return (later - first, latest - second), (latest - first, later - second)

    @property
    def backward(self) -> DriftVectors:
        """The same from the later session to the earlier."""
        subject, session, session_other = self.at
        turned = self._replace(at=(subject, session_other, session))
        return turned._replace(before=self.after, after=self.before)

    @property
    def frozen(self) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """Twice two sessions of one code with the noise of these: each has a half of either.

        (condition, unit) whole maps, before and after.
        """
        (first, second), (later, latest) = self.before, self.after
        crossed = (first + later) / 2, (second + latest) / 2
        return crossed, ((first + latest) / 2, (second + later) / 2)

    @property
    def squared(self) -> dict[str, Array]:
        """(condition) squared length of the drift vector, by kind."""
        return by_kind((self.drift**2).sum(axis=-1), (self.noise**2).sum(axis=(0, -1)))

    @property
    def second_moment(self) -> dict[str, Array]:
        """(unit, unit) K, sum over conditions of the products of drift vectors, by kind."""
        drift, noise = self.drift, self.noise.reshape(-1, self.units.size)
        return by_kind(drift.T @ drift, noise.T @ noise)

    @property
    def error(self) -> float:
        """Standard error of the summed squared drift: over conditions, over units, or that of noise
        which all of them share, whichever is largest, as neighbouring places share noise and units
        may."""
        product = np.mean([first * second for first, second in self.independent], axis=0)
        sums = [product.sum(axis=axis) for axis in (0, 1)]
        errors = [row.std(ddof=1) * np.sqrt(row.size) for row in sums if row.size > 1]
        return float(max([*errors, self.shared_error]) if errors else np.nan)

    @property
    def shared_error(self) -> float:
        """Standard error of the summed squared drift of a code at rest, whatever its units
        and conditions share: laps on which all units fire more, say."""
        return SHARED * self.shared

    @property
    def defined(self) -> bool:
        """Whether there is a drift: trials say so, or its summed square is over 2 standard errors
        above 0, or halves hold no noise."""
        total = float(self.squared["cross_validated"].sum())
        if np.isfinite(self.p_value):
            return total > 0 and self.p_value < LEVEL
        exact = not self.noise.any()
        return total > (0.0 if exact else CERTAIN * self.error)


def by_kind(naive: Array, frozen: Array) -> dict[str, Array]:
    """Moments by kind: what is left of the naive ones without those of noise is cross-validated,
    sum of d d' - sum of n n' = symmetrised sum of d_a d_b'."""
    return dict(zip(KINDS, (naive, frozen, naive - frozen), strict=True))


def conditions_of(dataset: xr.Dataset) -> xr.Dataset:
    """Dataset with maps of two halves of each session over its conditions.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset; see ``with_halves``. Of a network that answers samples without places
        the ``sample_activity`` of each sample is the map of a stimulus, in halves that are equal.

    Raises
    ------
    RefusedInputError
        If rates are noisy and there are no halves.
    """
    if "sample_activity" not in dataset or {"rate", "rate_half"} & set(dataset.data_vars):
        return with_halves(dataset)
    check(dataset, "sample_activity")
    exact = dataset["sample_activity"].rename(sample=STIMULUS)
    return dataset.assign(rate=exact, rate_half=exact.expand_dims(half=2))


def condition_maps(dataset: xr.Dataset, name: str = "rate_half") -> xr.DataArray:
    """Maps over conditions: places (or stimuli) in the first direction, then, in the other
    direction, from the last place back to the first, so that there and back is one way.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset.
    name : str
        Variable over place or stimulus and, where it has them, directions.

    Returns
    -------
    xarray.DataArray
        (subject, session[, half], condition[, unit]) with the coordinates ``condition_place`` (or
        ``condition_stimulus``) and ``condition_direction``.
    """
    maps, along = dataset[name], map_dim(dataset[name])
    places = maps[along].values if along in maps.coords else np.arange(maps.sizes[along])
    bare = maps.reset_coords(drop=True).drop_vars([along, "direction"], errors="ignore")
    ways = range(maps.sizes.get("direction", 1))
    pieces = [bare.isel(direction=way) if "direction" in maps.dims else bare for way in ways]
    turned = [piece[{along: slice(None, None, -1)}] if way % 2 else piece
              for way, piece in zip(ways, pieces, strict=True)]  # fmt: skip
    labels = [places[::-1] if way % 2 else places for way in ways]
    of_way = maps["direction"].values if "direction" in maps.coords else np.arange(len(ways))
    joined = xr.concat(turned, along).rename({along: "condition"})
    return joined.transpose("subject", "session", ..., "condition").assign_coords(
        {
            f"condition_{along}": ("condition", np.concatenate(labels)),
            "condition_direction": ("condition", np.repeat(of_way, places.size)),
        }
    )


def drift_vectors(
    dataset: xr.Dataset, keep: xr.DataArray | None, p_values: xr.DataArray | None = None
) -> Iterator[DriftVectors]:
    """Every two sessions of a subject that may be compared, the earlier first.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate_half``, or of a network whose rates hold no noise.
    keep : xarray.DataArray or None
        Bool over any of subject, session, unit: units to measure.
    p_values : xarray.DataArray or None
        Of ``exchanged_trial_p_values``.

    Yields
    ------
    DriftVectors
        Pairs with fewer than two units or no condition are left out.

    Raises
    ------
    RefusedInputError
        If rates are noisy and there are no halves, or no two sessions may be compared.
    """
    halved = conditions_of(dataset)
    pairs = comparable_pairs(halved)
    maps = condition_maps(halved).transpose("subject", "session", "half", "condition", "unit")
    rates = maps.values.astype(float)
    member = recorded_units(halved, keep)
    known_p_values = _fitting(p_values, halved)
    for subject, own in enumerate(pairs):
        order = in_time(halved, subject)
        positions = np.argwhere(np.triu(own[np.ix_(order, order)], k=1))
        at = [(subject, *both) for both in order[positions].tolist()]
        shared = _shared_noise(_usable(rates[subject], at, member[subject]))
        for vectors in _usable(rates[subject], at, member[subject]):
            yield vectors._replace(shared=shared, p_value=float(known_p_values[vectors.at]))


def _fitting(p_values: xr.DataArray | None, dataset: xr.Dataset) -> Array:
    """(subject, session, session_other) of the subjects and sessions of a Dataset."""
    subjects, sessions = dataset.sizes["subject"], dataset.sizes["session"]
    if p_values is None:
        return np.full((subjects, sessions, sessions), np.nan)
    if set(p_values.dims) != {"subject", "session", "session_other"}:
        raise RefusedInputError(
            f"p_values were expected over subject, session, session_other, got {p_values.dims}: "
            "pass the result of metrics.exchanged_trial_p_values."
        )
    ordered = p_values.transpose("subject", "session", "session_other")
    labels = {dim: dataset[dim].values for dim in ("subject", "session") if dim in dataset.coords}
    labels |= {"session_other": labels["session"]} if "session" in labels else {}
    ordered = ordered.reindex({dim: own for dim, own in labels.items() if dim in ordered.coords})
    if ordered.shape != (subjects, sessions, sessions) or not bool(ordered.notnull().any()):
        raise RefusedInputError(
            f"p_values were expected of the {subjects} subjects and {sessions} sessions of the "
            f"Dataset, got {dict(p_values.sizes)} of other labels or NaN throughout: compute them "
            "from the sessions that were measured."
        )
    return np.asarray(ordered.values, dtype=float)


def in_time(dataset: xr.Dataset, subject: int) -> NDArray[np.int64]:
    """Positions of the sessions of a subject from the earliest to the latest, those of one time in
    the order of their labels.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset; without ``elapsed`` sessions are in order as they are.
    subject : int
        Position.
    """
    place = np.arange(dataset.sizes["session"])
    labels = np.unique(dataset["session"].values, return_inverse=True)[1] if (
        "session" in dataset.coords
    ) else place  # fmt: skip
    if "elapsed" not in dataset.variables:
        return place
    elapsed = dataset["elapsed"].transpose("subject", "session").values[subject].astype(float)
    return np.lexsort((place, labels, elapsed))


def _usable(
    rates: Array, at: list[tuple[int, int, int]], member: NDArray[np.bool_]
) -> Iterator[DriftVectors]:
    """Pairs of sessions of one subject with two units and a condition."""
    for pair in at:
        vectors = _vectors(rates, pair, member[pair[1]] & member[pair[2]])
        if vectors.units.size > 1 and vectors.conditions.size:
            yield vectors


def _shared_noise(pairs: Iterator[DriftVectors]) -> float:
    """Root mean squared cosine of the noise of two sessions, 1 where all units and conditions share
    it, times the mean squared length; larger in the way of Student where sessions are few."""
    cosines, lengths, sessions = [], [], set()
    for vectors in pairs:
        first, second = vectors.noise
        each = (first**2).sum(), (second**2).sum()
        if min(each) > 0:
            cosines.append((first * second).sum() / np.sqrt(each[0] * each[1]))
            lengths.append(np.mean(each))
            sessions |= set(vectors.at[1:])
    if not cosines:
        return 0.0
    few = student.ppf(normal.cdf(CERTAIN), len(sessions)) / CERTAIN
    return float(few * np.sqrt(np.mean(np.square(cosines))) * np.mean(lengths))


def recorded_units(dataset: xr.Dataset, keep: xr.DataArray | None = None) -> NDArray[np.bool_]:
    """(subject, session, unit) units that were recorded and that a caller wants."""
    wanted_units = kept_units(dataset, keep)
    if "recorded" not in dataset:
        return wanted_units
    recorded = dataset["recorded"].transpose("subject", "session", "unit").values == 1
    return np.asarray(wanted_units & recorded)


def _vectors(rates: Array, at: tuple[int, int, int], both: NDArray[np.bool_]) -> DriftVectors:
    """Of (session, half, condition, unit) rates of one subject."""
    maps = rates[list(at[1:])]
    finite = np.isfinite(maps).all(axis=(0, 1)) & both  # (condition, unit)
    conditions = np.flatnonzero(finite.any(axis=1))
    units = np.flatnonzero(finite[conditions].all(axis=0) & both)
    before, after = maps[:, :, conditions[:, np.newaxis], units]
    return DriftVectors(at, units, conditions, before, after)
