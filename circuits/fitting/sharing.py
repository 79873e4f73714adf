"""Parameters that several animals have in common: the joint minimum of their distances.

Near its estimate the distance of each animal is a parabola, (x - m)^T A (x - m) with its minimum m
and the information A of its statistics. The sum over animals, with the shared parameters equal, has
its minimum at a weighted mean of theirs, and moves the own parameters along with the shared ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.linalg import block_diag
from scipy.stats import chi2

from circuits.fitting.bounds import Bounds
from circuits.fitting.refinement import Refined, information
from drift.errors import RefusedInputError


class Joint(NamedTuple):
    """Estimates of several animals that share parameters.

    Attributes
    ----------
    refined : list of Refined
        Of each animal, at the joint minimum.
    errors : list of numpy.ndarray or None
        (simulation, parameter) what simulated recordings, one of each animal, are estimated off by
        together.
    agreement : numpy.ndarray
        (parameter,) chance of animals as far apart if they had the parameter in common; NaN for
        those that are not shared.
    """

    refined: list[Refined]
    errors: list[np.ndarray] | None
    agreement: np.ndarray


def shared_parameters(shared: Sequence[str], bounds: Bounds, subjects: int) -> np.ndarray:
    """Return which parameters are shared, (parameter,) bool, or refuse those that cannot be.

    Parameters
    ----------
    shared : sequence of str
        Their names.
    bounds : Bounds
        Of the search.
    subjects : int
        How many animals there are.
    """
    listed = isinstance(shared, list | tuple)
    if not (listed and all(isinstance(name, str) for name in shared)):
        raise RefusedInputError(
            f"shared must be a list of names of parameters, got {shared!r}: write "
            f"shared=[{bounds.names[0]!r}]."
        )
    unknown = [name for name in shared if name not in bounds.names]
    if unknown:
        raise RefusedInputError(
            f"shared names {', '.join(unknown)}, which {'is' if len(unknown) == 1 else 'are'} not "
            f"fitted: choose of {', '.join(bounds.names)}."
        )
    if shared and subjects < 2:
        raise RefusedInputError(
            f"parameters can be shared by at least two subjects, got {subjects}: pass several, or "
            "leave shared out."
        )
    return np.isin(bounds.names, list(shared))


def joint(
    refined: Sequence[Refined], shared: np.ndarray, errors: Sequence[np.ndarray] | None
) -> Joint:
    """Return estimates of animals at the minimum of the sum of their distances.

    Parameters
    ----------
    refined : sequence of Refined
        Of each animal by itself.
    shared : numpy.ndarray
        (parameter,) bool.
    errors : sequence of numpy.ndarray, optional
        (simulation, parameter) of the simulated recordings of each animal, with chance of its own.
    """
    mean = _weights(refined, shared)  # (animal and parameter, animal and parameter)
    animals, parameters = len(refined), shared.size
    own_minima = np.concatenate([animal.aimed for animal in refined])
    aimed = (mean @ own_minima).reshape(animals, parameters)
    covariance = mean @ block_diag(*[animal.known.covariance for animal in refined]) @ mean.T
    blocks = [slice(start, start + parameters) for start in range(0, mean.shape[0], parameters)]
    moved = [
        _moved(animal, minimum, covariance[block, block])
        for animal, minimum, block in zip(refined, aimed, blocks, strict=True)
    ]
    if errors is None:
        spread = [np.diagonal(animal.known.covariance) for animal in refined]
        return Joint(moved, None, _agreement(refined, aimed, spread, shared))
    spread = [(error**2).mean(axis=0) for error in errors]
    together = np.split(np.concatenate(errors, axis=1) @ mean.T, animals, axis=1)
    return Joint(moved, together, _agreement(refined, aimed, spread, shared))


def _weights(refined: Sequence[Refined], shared: np.ndarray) -> np.ndarray:
    """The linear map from the minima of each animal to the joint minimum."""
    parameters = shared.size
    free = int((~shared).sum())
    rows = []
    for animal in range(len(refined)):
        row = np.zeros((parameters, int(shared.sum()) + free * len(refined)))
        row[shared, : int(shared.sum())] = np.eye(int(shared.sum()))
        start = int(shared.sum()) + free * animal
        row[~shared, start : start + free] = np.eye(free)
        rows.append(row)
    design = np.concatenate(rows)
    whole = block_diag(*[information(animal.law, animal.precision) for animal in refined])
    weighted = design.T @ whole
    return np.asarray(design @ np.linalg.solve(weighted @ design, weighted))


def _moved(animal: Refined, aimed: np.ndarray, covariance: np.ndarray) -> Refined:
    """One animal at the joint minimum."""
    unit = np.clip(aimed, 0.0, 1.0)
    step = animal.law.jacobian @ (unit - animal.unit)
    law = animal.law._replace(statistics=animal.law.statistics + step)
    return animal._replace(
        unit=unit, aimed=aimed, law=law, known=animal.known._replace(covariance=covariance)
    )


def _agreement(
    refined: Sequence[Refined],
    aimed: np.ndarray,
    spread: Sequence[np.ndarray],
    shared: np.ndarray,
) -> np.ndarray:
    """Chance (parameter,) of animals as far from what they share: sum of squares in units of their
    own variance, chi squared of animals less one."""
    apart = np.array([animal.aimed for animal in refined]) - aimed
    squares = (apart**2 / np.array(spread)).sum(axis=0)
    return np.where(shared, chi2.sf(squares, len(refined) - 1), np.nan)
