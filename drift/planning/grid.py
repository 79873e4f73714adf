"""How often a study would find an effect, over numbers of animals, units, sessions and minutes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Annotated

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Count, Positive, Range, Seed, Share
from drift.errors import RefusedInputError
from drift.planning.design import StudyDesign
from drift.planning.effects import Effect
from drift.streams import stream

GRID = ("animals", "units", "sessions", "minutes", "registration_loss")
Cost = Annotated[float, Range(0)]
Loss = Annotated[float, Range(0, 1, below=True)]


@opened
def power(
    effect: Effect,
    design: StudyDesign | None = None,
    *,
    animals: Sequence[Count] | None = None,
    units: Sequence[Count] | None = None,
    sessions: Sequence[Count] | None = None,
    minutes: Sequence[Positive] | None = None,
    registration_loss: Sequence[Loss] | None = None,
    repetitions: Count = 400,
    level: Share = 0.05,
    animal_cost: Cost = 0.0,
    session_cost: Cost = 1.0,
    minute_cost: Cost = 0.0,
    seed: Seed = 0,
    progress: bool = False,
) -> xr.Dataset:
    """How many mice? The share of simulated studies that find an effect, for designs of a grid.

    Of each design ``repetitions`` studies are simulated: animals differ, the fields of their units
    are redrawn at the rate of each, units are missed and counts are Poisson, two halves of every
    session give the similarity without noise, and the studies are evaluated as one's own would be
    (see the effects). Counts of places are drawn at once, without frames (``observe`` and
    ``measure`` give the same power). A study with fewer animals is one with more that were left
    out, so that curves over animals are smooth.

    The cost of a design is that of all animals of all groups,

        animals x (animal_cost + visits x (session_cost + minutes x minute_cost)),

    visits to all environments; by default the number of sessions recorded.

    Parameters
    ----------
    effect : DriftRateEffect, ExperienceEffect or GroupEffect
        What there is to be found.
    design : StudyDesign, optional
        Of what the grid does not name; see ``study_like`` for that of a recording. By default that
        of ``StudyDesign()``, for an effect of visits with environments every 2 and every 4 days.
    animals, units, sessions, minutes, registration_loss : sequence of numbers, optional
        Grid; by default animals 2 to 12, else the number of the design.
    repetitions : int
        Studies of each design; the error of a power near .8 is .02 with 400.
    level : float
        p below which an effect counts as found, two-sided.
    animal_cost, session_cost, minute_cost : float
        See above.
    seed : int
        Of the stream "observation"; each design has a child.
    progress : bool
        Show a bar.

    Returns
    -------
    xarray.Dataset
        ``power``, ``standard_error`` (sqrt(p (1 - p) / repetitions), p by the rule of succession)
        and ``cost`` over animals (in each group), units, sessions (in each environment), minutes
        and registration_loss; attributes ``effect`` and ``design`` as JSON. See
        ``cheapest_design``.

    Raises
    ------
    RefusedInputError
        If a number of the grid is impossible, or the design cannot tell an effect of visits.
    """
    base = design or _default(effect)
    grid = _grid(base, (animals or range(2, 13), units, sessions, minutes, registration_loss))
    cells = list(product(*grid[1:]))
    shares = np.empty((len(cells), len(grid[0])))
    for number, cell in enumerate(_shown(cells, progress)):
        rng = stream(seed, "observation", number)
        studied = base.replace(**dict(zip(GRID[1:], cell, strict=True)))
        p_values = effect.p_values(studied, tuple(grid[0]), rng, repetitions)
        shares[number] = (p_values < level).mean(axis=0)
    shape = tuple(len(values) for values in grid[1:])
    powers = np.moveaxis(shares.reshape(*shape, -1), -1, 0)
    costs = (animal_cost, session_cost, minute_cost)
    return _labelled(powers, grid, base, effect, repetitions, costs).assign_attrs(level=level)


def _default(effect: Effect) -> StudyDesign:
    return StudyDesign(intervals=(2.0, 4.0)) if effect.kind == "experience" else StudyDesign()


def _grid(design: StudyDesign, values: Sequence[Sequence[float] | None]) -> list[list]:
    """Values of each dim; those of the design where none are stated."""
    grid = []
    for name, own in zip(GRID, values, strict=True):
        numbers = list(own) if own is not None else [getattr(design, name)]
        if not numbers or len(set(numbers)) < len(numbers):
            raise RefusedInputError(f"{name} must be distinct numbers, at least one, got {own}.")
        for number in numbers:
            design.replace(**{name: number})
        grid.append(sorted(numbers))
    return grid


def _shown(cells: list, progress: bool) -> Sequence:
    if not progress:
        return cells
    from drift.progress import progress_bar

    return progress_bar(cells, unit="design", desc="power")


def _labelled(
    shares: np.ndarray,
    grid: list[list],
    design: StudyDesign,
    effect: Effect,
    repetitions: int,
    costs: tuple[float, float, float],
) -> xr.Dataset:
    likely = (shares * repetitions + 1) / (repetitions + 2)
    error = np.sqrt(likely * (1 - likely) / repetitions)
    coords = dict(zip(GRID, grid, strict=True))
    result = xr.Dataset(
        {
            "power": (GRID, shares, {"units": "1", "long_name": "share of studies that find it"}),
            "standard_error": (GRID, error, {"units": "1", "long_name": "Monte Carlo error"}),
        },
        coords=coords,
    )
    for name, unit in zip(GRID, ("1", "1", "1", "min", "1"), strict=True):
        result[name].attrs["units"] = unit
    visits = result["sessions"] * len(design.intervals)
    each = costs[0] + visits * (costs[1] + result["minutes"] * costs[2])
    cost = (effect.groups * result["animals"] * each).broadcast_like(result["power"])
    words = "sessions recorded" if costs == (0, 1, 0) else "cost"
    result["cost"] = cost.transpose(*GRID).assign_attrs(units="1", long_name=words)
    return result.assign_attrs(
        effect=effect.to_json(), design=design.to_json(), repetitions=repetitions
    )
