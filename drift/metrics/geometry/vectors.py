"""Drift vectors: how the population at each condition moved between two sessions, twice over from
independent halves, and the noise of that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from drift.metrics.stability.correlations import kept_units, pair_coordinates
from drift.metrics.stability.halves import with_halves
from drift.metrics.stability.pairs import comparable_pairs
from drift.schema.labelled_form import check
from drift.schema.map_dims import STIMULUS, map_dim

Array = NDArray[np.float64]
KINDS = ("naive", "frozen", "cross_validated")
PAIRS = ("subject", "session", "session_other")


class DriftVectors(NamedTuple):
    """Maps of the two halves of two sessions of a subject, over the units recorded in both.

    Attributes
    ----------
    at : tuple of int
        Positions of the subject, the earlier session and the later one.
    units, conditions : numpy.ndarray of int
        Positions of the units; of the conditions that are valid in all four halves, in the order
        of ``condition_order``.
    before, after : numpy.ndarray
        (half, condition, unit) rates.
    """

    at: tuple[int, int, int]
    units: NDArray[np.int64]
    conditions: NDArray[np.int64]
    before: Array
    after: Array

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
        """Standard error of the summed squared drift: over conditions or over units, whichever is
        larger, as neighbouring places share noise and units may."""
        product = np.mean([first * second for first, second in self.independent], axis=0)
        sums = [product.sum(axis=axis) for axis in (0, 1)]
        errors = [row.std(ddof=1) * np.sqrt(row.size) for row in sums if row.size > 1]
        return float(max(errors, default=np.nan))

    @property
    def defined(self) -> bool:
        """Whether there is a drift: its summed square is over 2 standard errors above 0, or halves
        hold no noise."""
        total = float(self.squared["cross_validated"].sum())
        exact = not self.noise.any()
        return total > (0.0 if exact else 2 * self.error)


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


def drift_vectors(dataset: xr.Dataset, keep: xr.DataArray | None) -> Iterator[DriftVectors]:
    """Every two sessions of a subject that may be compared, the earlier first.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate_half``, or of a network whose rates hold no noise.
    keep : xarray.DataArray or None
        Bool over any of subject, session, unit: units to measure.

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
    for subject, first, second in np.argwhere(pairs).tolist():
        if first < second:
            both = member[subject, first] & member[subject, second]
            vectors = _vectors(rates[subject], (subject, first, second), both)
            if vectors.units.size > 1 and vectors.conditions.size:
                yield vectors


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


class Table:
    """Numbers over pairs of sessions that are filled in pair by pair, NaN elsewhere.

    Parameters
    ----------
    dataset : xarray.Dataset
        Whose subjects and sessions these are.
    variables : mapping
        Dims of each variable after those of pairs of sessions.
    **inner : tuple of str
        Labels of these dims.
    """

    def __init__(
        self,
        dataset: xr.Dataset,
        variables: Mapping[str, tuple[str, ...]],
        **inner: tuple[str, ...],
    ) -> None:
        subjects, sessions = (dataset.sizes[dim] for dim in PAIRS[:2])
        self.dims, self.inner, self.filled = dict(variables), inner, False
        self.values = {
            name: np.full(
                (subjects, sessions, sessions, *(len(inner[dim]) for dim in dims)), np.nan
            )
            for name, dims in variables.items()
        }
        self.coords = pair_coordinates(dataset, *PAIRS[:2])

    def fill(self, at: tuple[int, int, int], **numbers: object) -> None:
        """Write numbers of one pair."""
        self.filled = True
        for name, number in numbers.items():
            self.values[name][at] = number

    def mirror(self) -> None:
        """Write what was measured from the earlier to the later session for both orders."""
        for values in self.values.values():
            first, second = np.triu_indices(values.shape[1], k=1)
            values[:, second, first] = values[:, first, second]

    def dataset(self, long_names: Mapping[str, str]) -> xr.Dataset:
        """The labelled result; all of it has no unit."""
        variables = {
            name: (
                (*PAIRS, *self.dims[name]),
                values,
                {"units": "1", "long_name": long_names.get(name, name.replace("_", " "))},
            )
            for name, values in self.values.items()
        }
        labels = {dim: list(names) for dim, names in self.inner.items()}
        return xr.Dataset(variables, coords={**self.coords, **labels})
