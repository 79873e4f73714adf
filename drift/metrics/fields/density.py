"""Where fields lie: more of them at some places than the time spent there explains."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.spatial import cKDTree

from drift.door import opened
from drift.door.quantities import Confidence, Count, Seed
from drift.errors import RefusedInputError
from drift.metrics.fields.detection import place_fields
from drift.metrics.fields.regions import Grid, grid_of
from drift.schema.labelled_form import check
from drift.schema.map_dims import map_dim
from drift.streams import child_of, stream

NAMES = ("density", "expected", "lower", "upper")


@opened
def centroid_density(
    dataset: xr.Dataset, *, draws: Count = 1000, confidence: Confidence = 0.95, seed: Seed = 0
) -> xr.Dataset:
    """Share of the largest fields that lie at each place, against the share of time spent there.

    The band is that of fields dealt anew: each field of a session is given a place with the
    probability of the time spent there, ``draws`` times. It holds at all places at once: with the
    probability ``confidence`` such fields nowhere lie farther from what is expected, counted in
    standard deviations of a place.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate`` and ``occupancy``; the centres of fields, ``field_place``
        of ``place_fields``, are taken where they are there, else those by its usual rule.
    draws : int
        How often fields are dealt.
    confidence : float
        Of the band.
    seed : int
        Of the stream "shuffle", with a child for each subject by its label.

    Returns
    -------
    xarray.Dataset
        ``density``, ``expected``, ``lower`` and ``upper`` (subject, session, place[, direction])
        shares of the fields of a session (and direction); ``p_value`` and ``fields_placed``
        (subject, session[, direction]): how often fields dealt anew lie as far from what is
        expected anywhere, and how many there are. NaN where there is none.

    Raises
    ------
    RefusedInputError
        If draws are too few for the confidence.
    SchemaError
        If a variable is missing.
    """
    check(dataset, "rate", "occupancy")
    if draws * (1 - confidence) < 1:
        least = int(np.ceil(1 / (1 - confidence)))
        raise RefusedInputError(
            f"a band of confidence {confidence:g} needs at least {least} draws, got {draws}: "
            "draw more."
        )
    rate, along = dataset["rate"], map_dim(dataset["rate"])
    fields = dataset if "field_place" in dataset else place_fields(rate)
    ways = [dim for dim in ("direction",) if dim in rate.dims]
    centres = (
        fields["field_place"].isel(field=0).transpose("subject", "session", *ways, "unit", ...)
    )
    time = dataset["occupancy"].transpose("subject", "session", *ways, along).fillna(0.0)
    places = _nearest(centres.values, grid_of(rate), "axis" in centres.dims)
    rows = []
    for subject, (own, spent) in enumerate(zip(places, time.values)):
        label = dataset["subject"].values[subject] if "subject" in dataset.coords else subject
        rng = stream(seed, "shuffle", child_of(str(label)))
        flat = own.reshape(-1, own.shape[-1]), spent.reshape(-1, spent.shape[-1])
        rows.append([_of_session(*pair, draws, confidence, rng) for pair in zip(*flat)])
    return _labelled(rows, time, along)


def _nearest(centres: np.ndarray, grid: Grid, plane: bool) -> np.ndarray:
    """Position of the place that each field lies at, -1 without a field."""
    points = centres.reshape(-1, centres.shape[-1] if plane else 1)
    some, at = np.isfinite(points[:, 0]), grid.centres
    if grid.length is not None:  # round the ring the first place lies behind the last one, too
        at = np.concatenate([at, at + grid.length, at - grid.length])
    index = np.full(len(points), -1)
    index[some] = cKDTree(at).query(points[some])[1] % len(grid.centres)
    return index.reshape(centres.shape[: centres.ndim - plane])


def _of_session(
    places: np.ndarray, time: np.ndarray, draws: int, confidence: float, rng: np.random.Generator
) -> dict[str, np.ndarray | float]:
    """Of the fields of one session and direction."""
    fields = places[places >= 0]
    if fields.size == 0 or not time.sum() > 0:
        nothing = np.full(time.size, np.nan)
        return dict.fromkeys(NAMES, nothing) | {"p_value": np.nan, "fields_placed": fields.size}
    seconds = time.astype(float)  # of files in single precision, whose shares add up to over 1
    expected = seconds / seconds.sum()
    deviation = np.sqrt(expected * (1 - expected) / fields.size)
    density = np.bincount(fields, minlength=time.size) / fields.size
    dealt = rng.multinomial(fields.size, expected, size=draws) / fields.size
    farthest = _farthest(dealt, expected, deviation)
    reach = np.quantile(farthest, confidence, method="higher") * deviation
    own = _farthest(density[np.newaxis], expected, deviation)[0]
    return {
        "density": density,
        "expected": expected,
        "lower": np.maximum(expected - reach, 0.0),
        "upper": np.minimum(expected + reach, 1.0),
        "p_value": (1 + (farthest >= own * (1 - 1e-12)).sum()) / (1 + draws),
        "fields_placed": fields.size,
    }


def _farthest(density: np.ndarray, expected: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Largest distance from what is expected, in standard deviations; a field where no time was
    spent is infinitely far."""
    apart = np.abs(density - expected)
    far = np.where(apart > 0, np.inf, 0.0)
    return np.divide(apart, deviation, out=far, where=deviation > 0).max(axis=-1)


def _labelled(rows: list[list[dict]], time: xr.DataArray, along: str) -> xr.Dataset:
    """Numbers with the dims and coordinates of the time spent."""
    shape, dims = time.shape[:-1], time.dims
    variables = {}
    for name in (*NAMES, "p_value", "fields_placed"):
        values = np.array([[session[name] for session in row] for row in rows], dtype=float)
        own_dims = dims if name in NAMES else dims[:-1]
        variables[name] = (own_dims, values.reshape(*shape, *values.shape[2:]), {"units": "1"})
    order = ["subject", "session", along, *(dim for dim in dims if dim == "direction")]
    return xr.Dataset(variables, coords=time.coords).transpose(*order)
