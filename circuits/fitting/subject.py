"""One subject of a recording before and after the search: where it ended, the estimate, and what
simulated recordings are estimated off by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from circuits.fitting.bounds import Bounds
from circuits.fitting.calibration import estimated_errors, looks
from circuits.fitting.model import Model
from circuits.fitting.refinement import Refined, Sought, echo_seeds, refine
from circuits.fitting.search import Searched, search
from circuits.fitting.sharing import joint
from circuits.fitting.statistics import bootstrap_covariance, codes
from circuits.fitting.statistics import statistics as statistics_of
from drift.errors import RefusedInputError
from drift.progress import progress_bar
from drift.streams import stream

ROUNDING = 1e-9  # of a statistic: what varies by less does not vary


class Effort(NamedTuple):
    """How hard to search: independent ``restarts``, candidates of each in a generation, most
    generations, samples of the bootstrap, and recordings simulated for intervals."""

    restarts: int
    population: int
    generations: int
    bootstraps: int
    calibrated: int


class Found(NamedTuple):
    """A subject after the search: its ``model``, what was ``sought``, where searches ended, its
    estimate, all its statistics ``target``, which of them are ``usable``, the weights of single
    ones in the search, and what simulated recordings are estimated off by, if there are any,
    ``errors (simulation, parameter)``."""

    label: str
    model: Model
    sought: Sought
    optima: Searched
    refined: Refined
    target: np.ndarray
    usable: np.ndarray
    precision: np.ndarray
    errors: np.ndarray | None

    @property
    def bounds(self) -> Bounds:
        """Of the search."""
        return self.sought.bounds


def searched_subject(
    model: Model, bounds: Bounds, effort: Effort, label: str, progress: bool
) -> Found:
    """Search the parameters of one subject.

    Parameters
    ----------
    model : Model
        With the lens of its recording.
    bounds : Bounds
        Of the search.
    effort : Effort
        How hard to search.
    label : str
        Of the subject.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Found

    Raises
    ------
    RefusedInputError
        If the recording offers fewer statistics than there are parameters.
    """
    target, usable, recorded = _recorded(model, effort.bootstraps)
    if usable.sum() < len(bounds.names):
        raise RefusedInputError(
            f"subject {label} offers {usable.sum()} statistics for {len(bounds.names)} "
            "parameters: fit fewer, or take more sessions."
        )
    sought = _sought(model, bounds, target, usable, recorded)
    # a bootstrap of two dozen statistics is too rough to be inverted whole
    precision = np.diag(1 / np.diagonal(sought.recorded))
    optima = _searched(sought, precision, effort, model.seed, _bar(effort, label, progress))
    refined = refine(sought, optima, echo_seeds(model.seed), effort.calibrated)
    errors = estimated_errors(refined) if effort.calibrated else None
    return Found(label, model, sought, optima, refined, target, usable, precision, errors)


def _recorded(model: Model, bootstraps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Statistics of the recording (all statistics,), which of them are usable, and their
    covariance."""
    halves = model.lens.halves
    measured = codes(model.lens.rate, model.lens, None if halves is None else halves.rate)
    target = statistics_of(measured, model.selection)
    covariance = bootstrap_covariance(
        measured, model.selection, stream(model.seed, "bootstrap"), bootstraps
    )
    # what never varies but by rounding, such as a saturated quantile, has no scale
    varies = np.diagonal(covariance) > np.square(ROUNDING * np.maximum(np.abs(target), 1.0))
    return target, np.isfinite(target) & varies, covariance


def _sought(
    model: Model, bounds: Bounds, target: np.ndarray, usable: np.ndarray, recorded: np.ndarray
) -> Sought:
    """What is searched, of the usable statistics alone."""

    def simulator(candidates: np.ndarray, seeds: Sequence[int] | None = None) -> np.ndarray:
        return model(candidates, seeds)[:, usable]

    def whole(unit: np.ndarray, count: int) -> np.ndarray:
        return looks(model, bounds, unit, usable, count)

    return Sought(simulator, whole, bounds, target[usable], recorded[np.ix_(usable, usable)])


def _searched(
    sought: Sought, precision: np.ndarray, effort: Effort, seed: int, shown: Any
) -> Searched:
    with shown as bar:

        def report(distance: float) -> None:
            bar.set_postfix(distance=f"{distance:.3g}")
            bar.update()

        return search(
            sought.simulator, sought.bounds, sought.target, precision, seed=seed,
            restarts=effort.restarts, population=effort.population,
            generations=effort.generations, report=report,
        )  # fmt: skip


def _bar(effort: Effort, label: str, progress: bool) -> Any:
    return progress_bar(
        total=effort.generations,
        desc=f"fit of subject {label}",
        unit="generation",
        disable=not progress,
    )


def joined_subjects(found: list[Found], common: np.ndarray) -> tuple[list[Found], np.ndarray]:
    """Return subjects at the estimates that they share, and whether they agree, (parameter,).

    Parameters
    ----------
    found : list of Found
        Each by itself.
    common : numpy.ndarray
        (parameter,) bool, which are shared.
    """
    errors = [animal.errors for animal in found if animal.errors is not None]
    together = joint([animal.refined for animal in found], common, errors or None)
    split = together.errors if together.errors is not None else [None] * len(found)
    moved = [
        animal._replace(refined=refined, errors=own)
        for animal, refined, own in zip(found, together.refined, split, strict=True)
    ]
    return moved, together.agreement
