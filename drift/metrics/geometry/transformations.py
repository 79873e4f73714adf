"""Which transformation of the population explains its drift: do all conditions move together?"""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Draws, Seed
from drift.metrics.geometry.draws import own_stream
from drift.metrics.geometry.fits import TINY, TRANSFORMATIONS, Fitted
from drift.metrics.geometry.tables import Table
from drift.metrics.geometry.vectors import (
    KINDS,
    Array,
    DriftVectors,
    conditions_of,
    drift_vectors,
)
from drift.metrics.stability.correlations import per_environment
from drift.schema.map_dims import STIMULUS, map_dim

FEWEST = 4  # conditions: two to fit, two to test
RIDGE = (
    4.0  # mean squared noise of a map; chosen on simulated fields that turn, move or are redrawn
)


@opened
@per_environment
def drift_transformations(
    dataset: xr.Dataset,
    *,
    keep: xr.DataArray | None = None,
    p_values: xr.DataArray | None = None,
    surrogates: Draws = 20,
    seed: Seed = 0,
) -> xr.Dataset:
    """Share of the drift between two sessions that a translation, a rotation or a linear map of the
    population explains, at conditions on which it was not fitted.

    A transformation f is fitted on every second condition (along the way there and back; every
    second stimulus), and tested on the others, and the other way round:

        share = 1 - sum |y - f(x)|^2 / sum |y - x|^2,

    x and y the population vectors of a condition in the earlier and the later session. The three
    are nested: all conditions move alike; they turn about their mean as well; any linear map.
    Rotation and linear map are held back by a ridge of the size of the noise, so that they change
    nothing in directions of which nothing is known. Cross-validated sums of squares are sums of
    products of independent halves.

    A map of smooth fields can be foretold from its neighbours, also where every unit drifts for
    itself; what units do together is what exceeds the surrogates. In these each unit keeps its own
    maps in both sessions, and with them the amount of its drift and its noise, but they are moved
    along the way there and back by a random distance, its own for each unit. Stimuli have no order;
    theirs are shuffled, which also takes away which of them are alike.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate_half``, or of a network whose rates hold no noise.
    keep : xarray.DataArray, optional
        Bool over any of subject, session, unit: units to compare.
    p_values : xarray.DataArray, optional
        Of ``exchanged_trial_p_values``, by which pairs are ``defined`` where p is below .023; by
        default told by halves, which take up to 18 % of the pairs of codes at rest for drifting
        ones, where laps differ in how much all units fire and sessions are few.
    surrogates : int
        How many; 0 for none.
    seed : int
        Of these.

    Returns
    -------
    xarray.Dataset
        ``share`` (subject, session, session_other, transformation, kind), kind naive, frozen
        (naive, of a code that stands still) and cross_validated; ``surrogate_share`` and
        ``surrogate_deviation``, mean and standard deviation over surrogates; ``defined`` 1 where
        there is a drift, without which cross-validated shares are NaN. Fitted from the earlier to
        the later session; NaN with fewer than four conditions.

    Raises
    ------
    RefusedInputError
        If rates are noisy and there are no halves, or no two sessions may be compared.

    References
    ----------
    Schönemann 1966, Psychometrika 31:1 (orthogonal Procrustes). Cross-validated shares and
    surrogates are defined here.
    """
    halved = conditions_of(dataset)
    ordered = map_dim(halved["rate_half"]) != STIMULUS
    inner = ("transformation", "kind")
    variables = dict.fromkeys(("share", "surrogate_share", "surrogate_deviation"), inner)
    table = Table(
        halved, {**variables, "defined": ()}, transformation=tuple(TRANSFORMATIONS), kind=KINDS
    )
    for vectors in drift_vectors(halved, keep, p_values):
        if vectors.conditions.size < FEWEST:
            continue
        generator = own_stream(halved, vectors.at, seed)
        null = [_shares(_moved(vectors, ordered, generator)) for _ in range(surrogates)]
        numbers = {
            "share": _shares(vectors),
            "surrogate_share": np.mean(null, axis=0) if null else np.nan,
            "surrogate_deviation": np.std(null, axis=0, ddof=1) if len(null) > 1 else np.nan,
        }
        if not vectors.defined:
            numbers = {name: _without_drift(values) for name, values in numbers.items()}
        table.fill(vectors.at, **numbers, defined=float(vectors.defined))
    table.mirror()
    return table.dataset({"share": "share of drift explained at conditions that were not fitted"})


def _without_drift(values: Array | float) -> Array | float:
    if np.ndim(values) == 0:
        return values
    numbers = np.array(values)
    numbers[:, KINDS.index("cross_validated")] = np.nan
    return numbers


def _shares(vectors: DriftVectors) -> Array:
    """(transformation, kind)."""
    sums = np.zeros((len(TRANSFORMATIONS), len(KINDS), 2))
    for fold in (0, 1):
        tested = np.arange(vectors.conditions.size) % 2 == fold
        for row, fit in enumerate(TRANSFORMATIONS.values()):
            ridge = _ridge(vectors, ~tested)
            pair = vectors.before.mean(axis=0), vectors.after.mean(axis=0)
            fitted = fit(pair[0][~tested], pair[1][~tested], ridge)
            sums[row, 0] += _squares(fitted, pair, tested)
            sums[row, 2] += _crossed(fitted, vectors, tested)
            for before, after in vectors.frozen:
                still = fit(before[~tested], after[~tested], ridge)
                sums[row, 1] += _squares(still, (before, after), tested)
    left, total = sums[..., 0], sums[..., 1]
    return 1 - np.divide(left, total, out=np.full(total.shape, np.nan), where=total > 0)


def _ridge(vectors: DriftVectors, fitted: np.ndarray) -> float:
    """In proportion to the squared length of the noise of a map, or next to nothing."""
    noise = (vectors.noise[:, fitted] ** 2).sum(axis=-1).mean()
    size = (vectors.before[:, fitted] ** 2).sum(axis=-1).mean()
    return float(RIDGE * noise + TINY * size) or TINY  # of silent maps, which nothing moves


def _squares(fitted: Fitted, pair: tuple[Array, Array], tested: np.ndarray) -> tuple[float, float]:
    """Sums of squares of what is left of the drift, and of the drift."""
    before, after = (maps[tested] for maps in pair)
    left = after - fitted.image(before)
    return float((left**2).sum()), float(((after - before) ** 2).sum())


def _crossed(fitted: Fitted, vectors: DriftVectors, tested: np.ndarray) -> tuple[float, float]:
    """The same of independent halves: sums of squares of whole sessions less those of their noise,
    which the map has transformed as well."""
    pair = vectors.before.mean(axis=0), vectors.after.mean(axis=0)
    noise_before, noise_after = vectors.noise[:, tested]
    image = fitted.linear(noise_before)
    left, total = _squares(fitted, pair, tested)
    noise = (noise_after**2).sum()
    return float(left - noise - (image**2).sum()), float(total - noise - (noise_before**2).sum())


def _moved(vectors: DriftVectors, ordered: bool, generator: np.random.Generator) -> DriftVectors:
    """Surrogate: maps of each unit moved along the conditions, in both sessions alike."""
    conditions, units = vectors.conditions.size, vectors.units.size
    row = np.arange(conditions)[:, np.newaxis]
    if ordered:
        order = (row + generator.integers(conditions, size=units)) % conditions
    else:
        order = generator.permuted(np.broadcast_to(row, (conditions, units)), axis=0)
    columns = np.arange(units)
    return vectors._replace(
        before=vectors.before[:, order, columns], after=vectors.after[:, order, columns]
    )
