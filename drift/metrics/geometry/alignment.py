"""Does a code drift along its noise, or along what it codes?"""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Count, Draws, Seed, Square
from drift.errors import RefusedInputError
from drift.metrics.geometry.directions import (
    Sides,
    along_code,
    along_matrix,
    contrasts,
    leading_components,
)
from drift.metrics.geometry.draws import own_stream
from drift.metrics.geometry.noise import PairNoise
from drift.metrics.geometry.tables import Table
from drift.metrics.geometry.vectors import (
    KINDS,
    Array,
    DriftVectors,
    conditions_of,
    drift_vectors,
)
from drift.metrics.stability.correlations import per_environment

Directions = Literal["noise", "components", "coding"]
BY_KIND = (
    "alignment",
    "normalised_alignment",
    "standard_error",
    "chance",
    "shuffled",
    "shuffled_deviation",
    "squared_drift",
)
BY_PAIR = ("squared_drift_error", "defined", "units_compared")
UNDEFINED = (
    "alignment",
    "normalised_alignment",
    "standard_error",
    "shuffled",
    "shuffled_deviation",
)
MOST = 1e100  # entries of a covariance; sums of products are numbers
LONG_NAMES = {
    "alignment": "share of the largest possible drift along the directions, phi^2",
    "normalised_alignment": "alignment from chance (0) to the strongest direction (1), rho",
    "standard_error": "standard error of the alignment over conditions",
    "chance": "alignment of drift in no particular direction",
    "shuffled": "mean alignment with the units of the drift shuffled",
    "shuffled_deviation": "standard deviation of the alignment over shuffles",
    "squared_drift": "squared drift, mean over conditions",
    "squared_drift_error": "standard error of the squared drift",
    "defined": "1 where there is a drift, over 2 standard errors above none",
    "units_compared": "units recorded in both sessions",
}


@opened
def frozen_alignment(noise: Square, directions: Square | None = None) -> float:
    """Alignment that a code which stands still appears to have, from its noise alone.

    A drift vector that is a difference of two means of trials holds their noise. If the code does
    not move, nothing else is in it: its covariance is proportional to the noise covariance S, and
    the naive alignment with the directions M tends to

        phi_F^2 = E(d' M d) / (E(d' d) lambda_max) = tr(M S) / (tr S lambda_max(M)),

    with its own noise (M = S) to tr S^2 / (tr S lambda_max(S)). It does not depend on how many
    trials there are. Isotropic noise has 1.

    Parameters
    ----------
    noise : numpy.ndarray
        (unit, unit) covariance S of the noise.
    directions : numpy.ndarray, optional
        (unit, unit) second moment M of the directions; by default S.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    RefusedInputError
        If the matrices are of different units, or hold no variance.

    References
    ----------
    Alignment: Rule et al. 2020, eLife 9:51121, eqs 3-5. Its frozen value is derived here.
    """
    matrix = noise if directions is None else directions
    _refuse_endless(noise, matrix)
    largest = _largest(np.asarray(matrix, dtype=float))
    total = float(np.trace(noise))
    if not (largest > 0 and total > 0):
        raise RefusedInputError(
            "an alignment needs variance, got matrices whose trace or largest eigenvalue is not "
            "above 0: pass covariances."
        )
    return float(np.sum(np.asarray(matrix) * np.asarray(noise).T) / (total * largest))


def _refuse_endless(*matrices: Array) -> None:
    for matrix in matrices:
        size = float(np.abs(np.asarray(matrix, dtype=float)).max(initial=0.0))
        if not size <= MOST:
            raise RefusedInputError(
                f"an alignment needs covariances that are finite, got an entry of {size:g}: "
                "leave units out that were not recorded, or choose larger units of rate."
            )


def _largest(matrix: Array) -> float:
    return float(np.linalg.eigvalsh((matrix + matrix.T) / 2)[-1])


@opened
@per_environment
def drift_alignment(
    dataset: xr.Dataset,
    of: Directions = "noise",
    *,
    noise: xr.DataArray | None = None,
    components: Count | None = None,
    keep: xr.DataArray | None = None,
    p_values: xr.DataArray | None = None,
    shuffles: Draws = 100,
    seed: Seed = 0,
) -> xr.Dataset:
    """Alignment of the drift between two sessions with directions of the code: naive, what a frozen
    code would have, and cross-validated.

    With d the difference of the population vectors of a condition (a place in a running direction,
    or a stimulus) between two sessions, and M the second moment of the directions,

        phi^2 = sum d' M d / (lambda_max(M) sum d' d),  phi_0^2 = tr M / (D lambda_max(M)),
        rho = (phi - phi_0) / (1 - phi_0),

    sums over conditions, D units, phi the root with the sign of phi^2. The naive d holds the noise
    of both maps, and noise lies along itself: see ``frozen_alignment``. Drift vectors d_a, d_b of
    independent halves share none, and d_a' M d_b in the place of d' M d leaves the drift alone. An
    eigenvalue lambda_max of few or noisy samples is too large, and phi^2 too small; phi^2 /
    phi_0^2, in multiples of chance, does not depend on it.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate_half`` (``measure(..., halves="trials")``), or of a network
        whose rates hold no noise.
    of : {"noise", "components", "coding"}
        M is the noise covariance; the projector on its leading components (phi^2 is the share of
        the drift in the variational space); the second moment of the coding directions of
        ``session``, which are the differences of neighbouring places in one running direction, or
        of each stimulus and the mean of all.
    noise : xarray.DataArray, optional
        Of ``trial_noise_covariance`` of the sessions. By default that of the halves of all other
        sessions in the environment (``noise_covariance``), of which there must be some.
    components : int, optional
        Leading components; by default the participation ratio of the noise, rounded up.
    keep : xarray.DataArray, optional
        Bool over any of subject, session, unit: units to compare; both sessions must keep the unit.
    p_values : xarray.DataArray, optional
        Of ``exchanged_trial_p_values``, by which pairs are ``defined`` where p is below .023; by
        default told by halves, which take up to 18 % of the pairs of codes at rest for drifting
        ones, where laps differ in how much all units fire and sessions are few.
    shuffles : int
        Draws in which the units of the drift are exchanged, for ``shuffled``.
    seed : int
        Of these.

    Returns
    -------
    xarray.Dataset
        Over (subject, session, session_other, kind), kind naive, frozen (naive, of the noise of the
        two sessions alone) and cross_validated: ``alignment`` phi^2, ``normalised_alignment`` rho,
        its ``chance`` phi_0^2, ``standard_error`` of phi^2 over conditions, ``shuffled`` and
        ``shuffled_deviation``, ``squared_drift``. Over pairs: ``squared_drift_error``, ``defined``,
        ``units_compared``. The cross-validated alignment and its null are NaN where they are not
        ``defined``: where sum d_a' d_b is within 2 standard errors of 0 (over conditions, over
        units, or of noise that all of them share). NaN, too, between environments and of a
        session with itself.

    Raises
    ------
    RefusedInputError
        If rates are noisy and there are no halves, no two sessions may be compared, or no noise is
        known: two sessions without trials tell none that is not in their drift.

    References
    ----------
    Rule et al. 2020, eLife 9:51121, eqs 3-5; Aitken et al. 2022, PLoS Comput Biol 18:e1010716,
    eq. 9 (share of drift in the variational space). Cross-validation and frozen value are derived
    here.
    """
    variables = dict.fromkeys(BY_KIND, ("kind",)) | dict.fromkeys(BY_PAIR, ())
    halved = conditions_of(dataset)
    table = Table(halved, variables, kind=KINDS)
    by_noise = None if of == "coding" else PairNoise(halved, noise)
    rows = contrasts(halved) if of == "coding" else None
    for vectors in drift_vectors(halved, keep, p_values):
        for way in (vectors, vectors.backward) if of == "coding" else (vectors,):
            if by_noise is None:
                assert rows is not None
                sides = along_code(way, rows)
            else:
                way, sides = _along_noise(way, by_noise, of, components)
            if sides is not None:
                _fill(table, way, sides, shuffles, own_stream(halved, way.at, seed))
    if not table.filled and noise is None and of != "coding":
        raise RefusedInputError(
            "the noise of two sessions cannot be told from their drift by halves of these two "
            "alone, got no other session and no noise: pass "
            "noise=metrics.trial_noise_covariance(sessions)."
        )
    if of != "coding":
        table.mirror()
    return table.dataset(LONG_NAMES)


def _along_noise(
    vectors: DriftVectors, noise: PairNoise, of: str, components: int | None
) -> tuple[DriftVectors, dict[str, Sides] | None]:
    pair = noise.of(vectors)
    if pair is None:
        return vectors, None
    fewer, covariance = pair
    matrix = covariance if of == "noise" else leading_components(covariance, components)
    return fewer, along_matrix(fewer, matrix)


def _fill(
    table: Table,
    vectors: DriftVectors,
    sides: dict[str, Sides],
    shuffles: int,
    generator: np.random.Generator,
) -> None:
    """Numbers of one pair, by kind and without."""
    orders = [generator.permutation(vectors.units.size) for _ in range(shuffles)]
    columns = [_numbers(sides[kind], orders) for kind in KINDS]
    if not vectors.defined:
        for name in UNDEFINED:
            columns[-1][name] = np.nan
    by_column = {name: [column[name] for column in columns] for name in columns[0]}
    table.fill(
        vectors.at,
        **by_column,
        squared_drift_error=vectors.error / vectors.conditions.size,
        defined=float(vectors.defined),
        units_compared=vectors.units.size,
    )


def _numbers(sides: Sides, orders: list[np.ndarray]) -> dict[str, float]:
    """Alignment of one kind, its error, chance and null."""
    largest, total = _largest(sides.matrix), float(sides.squared.sum())
    squared_drift = float(sides.squared.mean())
    if not (largest > 0 and total > 0):
        return dict.fromkeys(BY_KIND, np.nan) | {"squared_drift": squared_drift}
    alignment = float(sides.along.sum()) / (largest * total)
    chance = float(np.trace(sides.matrix)) / (len(sides.matrix) * largest)
    residual = sides.along / largest - alignment * sides.squared
    count = residual.size
    error = np.sqrt(count / (count - 1) * (residual**2).sum()) / total if count > 1 else np.nan
    null = _shuffled(sides, orders) / (largest * total)
    return {
        "alignment": alignment,
        "normalised_alignment": normalised(alignment, chance),
        "standard_error": float(error),
        "chance": chance,
        "shuffled": float(null.mean()) if null.size else np.nan,
        "shuffled_deviation": float(null.std(ddof=1)) if null.size > 1 else np.nan,
        "squared_drift": squared_drift,
    }


def _shuffled(sides: Sides, orders: list[np.ndarray]) -> Array:
    """(shuffle) sum of d' M d with the units of d in another order."""
    sums = [(sides.matrix * sides.moment[np.ix_(order, order)]).sum() for order in orders]
    return np.asarray(sums)


def normalised(alignment: float, chance: float) -> float:
    """rho of phi^2 and phi_0^2, Rule et al. 2020; a negative phi^2 has a negative root.

    Parameters
    ----------
    alignment, chance : float
    """
    phi, phi_0 = (np.sign(number) * np.sqrt(abs(number)) for number in (alignment, chance))
    return float((phi - phi_0) / (1 - phi_0)) if phi_0 < 1 else np.nan
