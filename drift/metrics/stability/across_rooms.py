"""How another environment changes a code: remapping, under names of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Draws, Seed, Smoothing
from drift.errors import RefusedInputError
from drift.metrics.rooms import environment_labels
from drift.metrics.stability.corrected import corrected_similarity
from drift.metrics.stability.correlations import (
    kept_units,
    mean_over,
    population_vector_correlation,
    rate_map_correlation,
    shuffled_identity,
)
from drift.metrics.stability.halves import has_halves
from drift.metrics.stability.matching import observed_sessions
from drift.metrics.stability.pairs import tracked_pairs
from drift.schema.labelled_form import check
from drift.schema.map_dims import map_dims
from drift.streams import child_of, stream

DIMS = ("subject", "environment", "environment_other")
MEANINGS = {
    "spatial_correlation": "mean correlation of the rate maps of a unit",
    "population_vector_correlation": "correlation across units at each place, mean over places",
    "rate_overlap": "lower over higher mean rate of a unit, mean over units",
    "rate_remapping_index": "difference over sum of the mean rates of a unit, mean over units",
    "shared_active_units": "units active in both over those active in either",
    "corrected_spatial_correlation": "correlation of rate maps with the noise of both taken out",
}
Matrices = dict[str, np.ndarray]


@opened
def remapping(
    dataset: xr.Dataset,
    *,
    smoothing: Smoothing = 0.0,
    keep: xr.DataArray | None = None,
    draws: Draws = 20,
    seed: Seed = 0,
) -> xr.Dataset:
    """How much the code of one environment differs from that of another, beside how alike sessions
    of one environment are.

    Means over all pairs of different sessions, one in each environment, with the same units. With
    rbar the mean rate of a unit over the time in a session, over units that are active in either,

        rate overlap = mean_i min(rbar_s, rbar_t) / max(rbar_s, rbar_t),
        rate remapping index = mean_i |rbar_s - rbar_t| / (rbar_s + rbar_t).

    Within an environment (on the diagonal) they say what drift and noise make of sessions that
    differ in nothing but time: remapping is what lies below that. By chance stands what shuffled
    identities give.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate``, ``occupancy`` and the coordinate ``environment``
        (subject, session), or with environments along a dim of their own. Places are compared by
        their distance from the start of each track.
    smoothing : float
        Standard deviation in bins of a Gaussian applied to rate maps first; see ``smoothed``.
    keep : xarray.DataArray, optional
        Bool over any of subject, session, unit: units to compare; both sessions must keep the unit.
    draws : int
        Of shuffled identities; 0 for no chance at all.
    seed : int
        Of the stream "shuffle", with a child for each subject by its label.

    Returns
    -------
    xarray.Dataset
        (subject, environment, environment_other) each: ``spatial_correlation`` (0 where fields are
        dealt anew: global remapping), ``population_vector_correlation``, ``rate_overlap``,
        ``rate_remapping_index`` (large beside a high spatial correlation: rate remapping),
        ``shared_active_units`` and, with ``rate_half`` or rates without noise,
        ``corrected_spatial_correlation``; each ``_by_chance``; and ``session_pairs`` how many they
        are over. NaN where there is none.

    Raises
    ------
    RefusedInputError
        If sessions lie in one environment, or no two share the identity of their units.
    SchemaError
        If a variable is missing.

    References
    ----------
    Leutgeb et al. 2005, Science 309:619 (rate and global remapping, rate overlap); Muller & Kubie
    1987, J Neurosci 7:1951.
    """
    check(dataset, "rate", "occupancy")
    stacked = _one_room_a_session(dataset)
    sizes = {"subjects": stacked.sizes["subject"], "sessions": stacked.sizes["session"]}
    labels = environment_labels(stacked, **sizes)
    observed = observed_sessions(stacked)
    rooms = [room for room in dict.fromkeys(labels[observed.any(axis=-1)].tolist()) if room]
    if len(rooms) < 2:
        raise RefusedInputError(
            f"remapping is between environments, got {len(rooms)} ({', '.join(rooms) or 'none'}): "
            "give sessions another label environment, or measure drift by metrics.by_lag."
        )
    tracked_pairs(stacked)  # refuses where no two sessions share the identity of their units
    entering = xr.DataArray(kept_units(stacked, keep), dims=("subject", "session", "unit"))
    rows = []
    for subject in range(sizes["subjects"]):
        own = _of_subject(stacked.assign(_kept=entering), subject, observed[subject])
        chance = _chance(own, smoothing, draws, seed) if own is not None else iter(())
        rows.append(_row(own, rooms, smoothing, chance))
    return _labelled(rows, rooms, stacked)


def _one_room_a_session(dataset: xr.Dataset) -> xr.Dataset:
    """Environments along a dim of their own become sessions, one behind the other."""
    if "environment" not in dataset.dims:
        return dataset
    shape = (dataset.sizes["subject"], dataset.sizes["session"])
    names = dataset["environment"].values if "environment" in dataset.coords else None
    apart = []
    for number in range(dataset.sizes["environment"]):
        label = str(number if names is None else names[number])
        of_room = dataset.isel(environment=number).drop_vars("environment", errors="ignore")
        room = (("subject", "session"), np.full(shape, label))
        apart.append(of_room.assign_coords(environment=room))
    joined = xr.concat(apart, "session", data_vars="minimal", coords="minimal")
    return joined.assign_coords(session=np.arange(joined.sizes["session"]))


def _of_subject(dataset: xr.Dataset, subject: int, observed: np.ndarray) -> xr.Dataset | None:
    """One subject with its own sessions and units, so that its company changes no number; None
    where no two of its sessions share the identity of their units."""
    pick = {
        "subject": [subject],
        "session": np.flatnonzero(observed.any(axis=1)),
        "unit": np.flatnonzero(observed.any(axis=0)),
    }
    own = dataset.isel({dim: index for dim, index in pick.items() if dim in dataset.dims})
    try:
        tracked_pairs(own)
    except RefusedInputError:
        return None
    return own


def _matrices(own: xr.Dataset, smoothing: float) -> Matrices:
    """(session, session) of one subject each."""
    keep = own["_kept"]
    maps = rate_map_correlation(own, smoothing, keep, across_environments=True).values[0]
    vectors = population_vector_correlation(own, keep, across_environments=True).values[0]
    matrices = {
        "spatial_correlation": mean_over(maps, np.ones(maps.shape, dtype=bool), -1),
        "population_vector_correlation": vectors,
        **_of_rates(_mean_rates(own)),
    }
    if has_halves(own):
        corrected = corrected_similarity(
            own, smoothing=smoothing, select="all", keep=keep, across_environments=True
        )
        matrices["corrected_spatial_correlation"] = corrected.values[0]
    return matrices


def _mean_rates(own: xr.Dataset) -> np.ndarray:
    """(session, unit) mean rate over the time in each session; NaN where not observed or kept."""
    cells = map_dims(own["rate"])
    time = own["occupancy"].where(own["rate"].notnull())
    mean = (own["rate"] * time).sum(cells) / time.sum(cells)
    entering = mean.where(own["_kept"]).isel(subject=0)
    return np.asarray(entering.transpose("session", "unit").values)


def _of_rates(rates: np.ndarray) -> Matrices:
    first, second = rates[:, np.newaxis], rates[np.newaxis]
    low, high = np.minimum(first, second), np.maximum(first, second)
    active = high > 0
    overlap = np.divide(low, high, out=np.full(high.shape, np.nan), where=active)
    either = active.sum(axis=-1)
    both = ((low > 0) & active).sum(axis=-1)
    return {
        "rate_overlap": mean_over(overlap, active, -1),
        "rate_remapping_index": mean_over((1 - overlap) / (1 + overlap), active, -1),
        "shared_active_units": np.divide(
            both, either, out=np.full(either.shape, np.nan), where=either > 0
        ),
    }


def _chance(own: xr.Dataset, smoothing: float, draws: int, seed: int) -> Iterator[Matrices]:
    """Matrices of shuffled identities, one draw each."""
    label = own["subject"].values[0] if "subject" in own.coords else 0
    rng = stream(seed, "shuffle", child_of(str(label)))
    for _ in range(draws):
        yield _matrices(shuffled_identity(own, rng), smoothing)


def _row(
    own: xr.Dataset | None, rooms: list[str], smoothing: float, chance: Iterator[Matrices]
) -> dict[str, np.ndarray]:
    """(environment, environment) means of one subject."""
    if own is None:
        return {"session_pairs": np.zeros((len(rooms), len(rooms)))}
    labels = environment_labels(own, subjects=1, sessions=own.sizes["session"])[0]
    pairs = tracked_pairs(own)[0] & ~np.eye(len(labels), dtype=bool)

    def by_room(matrix: np.ndarray, summed: Callable = np.mean) -> np.ndarray:
        values = np.full((len(rooms), len(rooms)), np.nan)
        for at in np.ndindex(values.shape):
            inside = pairs & np.logical_and.outer(labels == rooms[at[0]], labels == rooms[at[1]])
            finite = matrix[inside & np.isfinite(matrix)]
            values[at] = summed(finite) if finite.size else np.nan
        return values

    measured = {name: by_room(matrix) for name, matrix in _matrices(own, smoothing).items()}
    drawn = [{name: by_room(matrix) for name, matrix in draw.items()} for draw in chance]
    by_chance = {
        f"{name}_by_chance": _mean([draw[name] for draw in drawn]) for name in measured if drawn
    }
    count = np.nan_to_num(by_room(np.ones(pairs.shape), np.sum))
    count[np.diag_indices(len(rooms))] /= 2  # each pair once
    return {**measured, **by_chance, "session_pairs": count}


def _mean(matrices: list[np.ndarray]) -> np.ndarray:
    return np.mean(matrices, axis=0)


def _labelled(
    rows: list[dict[str, np.ndarray]], rooms: list[str], dataset: xr.Dataset
) -> xr.Dataset:
    names = list(dict.fromkeys(name for row in rows for name in row))
    nothing = np.full((len(rooms), len(rooms)), np.nan)
    coords: dict[str, Any] = {"environment": rooms, "environment_other": rooms}
    if "subject" in dataset.coords:
        coords["subject"] = dataset["subject"].values
    variables = {}
    for name in names:
        told = MEANINGS.get(name.removesuffix("_by_chance"), "pairs of sessions")
        told = f"{told}, with shuffled identities" if name.endswith("_by_chance") else told
        values = np.stack([row.get(name, nothing) for row in rows])
        variables[name] = (DIMS, values, {"units": "1", "long_name": told})
    return xr.Dataset(variables, coords=coords)
