"""A code whose drift is known in closed form: place fields that wander round a ring, and how alike
their maps stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.memory import refuse_beyond_memory
from drift.door.quantities import Count, Numbers, Places, Range, Seed, Size
from drift.errors import RefusedInputError
from drift.metrics.place_code import place_code
from drift.metrics.places import RING, place_coordinate
from drift.schema.labelled_form import labelled
from drift.schema.longitudinal import longitudinal_dataset
from drift.streams import stream

PAIR = ("subject", "session")
MAP = (*PAIR, "unit", "place", "direction")
UNLEARNED = 0.5  # rate of every unit at every place before learning
WAY_BACK = 0.3  # of the track: how far from its field on the way out a unit fires on its way back
FAINTEST = 0.2  # height of the lowest fields; the highest have 1
SAMPLES = 3.0  # at each place, each way
TURNS = np.arange(-2, 3)  # a field reaches round the track, at most twice

FieldWidth = Annotated[float, Range(0.01, 0.25)]
"""Standard deviation of a place field, as a part of the ring."""

Movement = Annotated[float, Range(0, 10)]
"""Standard deviation of the step of a field, as a part of the ring."""


@opened
def wandering_fields(
    seeds: Sequence[Seed] = (0, 1),
    *,
    sessions: Count = 6,
    units: Count = 60,
    places: Places = 24,
    movement: Movement = 0.05,
    width: FieldWidth = 0.1,
    interval: Size = 100.0,
) -> xr.Dataset:
    """A run whose truth is known: bell-shaped place fields on a ring, each of which takes a random
    step of its own from session to session.

    r_is(x) = h_i sum_k exp(-(x - c_is - k)^2 / (2 w^2)), the sum over turns k round the ring of
    length 1, with c_is = c_i,s-1 + m xi_is, xi standard normal, c_i1 uniform, and h_i uniform from
    0.2 to 1. On its way back a unit fires 0.3 of the ring further on. What is known: maps
    decorrelate as ``wandering_fields_correlation`` says; information, -log2(w sqrt(2 pi)) - 1 / (2
    ln 2) bits an event for narrow fields, mean rates and the number of place units do not change.
    With ``movement`` 0 the code stands still.

    It has the form of a run of ``train``, so that measures can be tried on it: elapsed counts
    steps, and session 0 is one before learning, in which all units fire alike everywhere.

    Parameters
    ----------
    seeds : sequence of int
        One for each subject; a subject does not depend on its company.
    sessions, units, places : int
        At least two sessions; at least one place for each ``width``.
    movement : float
        m, standard deviation of a step of a field, as a part of the ring.
    width : float
        w, as a part of the ring, from 0.01 to 0.25.
    interval : float
        Steps of learning from session to session, which scale ``elapsed`` and nothing else.

    Returns
    -------
    xarray.Dataset
        Longitudinal Dataset with ``rate`` (subject, session, unit, place, direction), ``occupancy``
        and the measures of a place code.

    Raises
    ------
    RefusedInputError
        If there are no seeds, a single session, or too few places for the width.
    """
    _refuse(seeds, sessions, units, places, width)
    rate = np.stack([_rates(seed, sessions, units, places, movement, width) for seed in seeds])
    rates = labelled("rate", MAP, rate)
    visits = np.full((len(seeds), sessions, places, 2), SAMPLES)
    occupancy = labelled("occupancy", (*PAIR, "place", "direction"), visits, units="sample")
    present = np.ones((len(seeds), sessions, units), dtype="int8")
    code = place_code(rates, occupancy, labelled("recorded", (*PAIR, "unit"), present))
    active = code["detected_units"].drop_attrs()
    coords = {
        "subject": [str(number) for number in range(len(seeds))],
        "session": np.arange(sessions),
        "unit": np.arange(units),
        "place": place_coordinate({"units": "1", "geometry": RING}, np.linspace(0, 1, places + 1)),
        "direction": [1, -1],
        "seed": ("subject", np.array(seeds, dtype=float)),
    }
    return longitudinal_dataset(
        {**code, "rate": rates, "occupancy": occupancy, "active_units": active},
        coords,
        elapsed=np.tile(interval * np.arange(sessions), (len(seeds), 1)),
        elapsed_units="step",
        attrs={"title": "place fields that wander", "movement": movement, "width": width},
    )


@opened
def wandering_fields_correlation(
    sessions_apart: Numbers, movement: Movement = 0.05, width: FieldWidth = 0.1
) -> Any:
    """Expected correlation of the rate maps of a unit of ``wandering_fields`` between two sessions.

    C(n) = sum_k exp(-4 pi^2 k^2 (w^2 + n m^2 / 2)) / sum_k exp(-4 pi^2 k^2 w^2), k = 1, 2, ...:
    the harmonics of a field, less its mean, each damped by a normal displacement of variance n m^2.
    Until fields come round, C(n) = (rho - c) / (1 - c) with the overlap rho = 1 / sqrt(1 + n m^2 /
    (2 w^2)) of two fields and the share c = 2 sqrt(pi) w of their means.

    Parameters
    ----------
    sessions_apart : float or array
        n, the number of steps between the two sessions; its sign does not matter.
    movement, width : float
        m and w, as given to ``wandering_fields``.

    Returns
    -------
    float or array
        Between 0 and 1, of the kind of ``sessions_apart``.
    """
    harmonics = 4 * np.pi**2 * np.arange(1, int(1 / width) + 2) ** 2
    shares = np.exp(-harmonics * width**2)

    def correlation(apart: Any) -> Any:
        variance = np.abs(np.asarray(apart, dtype=float))[..., np.newaxis] * movement**2
        return (shares * np.exp(-harmonics * variance / 2)).sum(axis=-1) / shares.sum()

    return xr.apply_ufunc(correlation, sessions_apart)


def _rates(
    seed: int, sessions: int, units: int, places: int, movement: float, width: float
) -> np.ndarray:
    """Rates of one subject, (session, unit, place, direction)."""
    world = stream(seed, "world")
    first, heights = world.random(units), world.uniform(FAINTEST, 1, units)
    steps = movement * stream(seed, "update_noise").standard_normal((sessions, units))
    steps[:2] = 0.0  # nothing is learned in session 0; fields start to move in session 1
    centres = (first + np.cumsum(steps, axis=0))[..., np.newaxis, np.newaxis]
    where = ((np.arange(places) + 0.5) / places)[:, np.newaxis]
    offset = (where - centres - [0.0, WAY_BACK]) % 1 - 0.5  # half a turn more than the distance
    rate = np.zeros(offset.shape)
    for turn in TURNS + 0.5:
        rate += np.exp(-0.5 * ((offset + turn) / width) ** 2)
    rate *= heights[:, np.newaxis, np.newaxis]
    rate[0] = UNLEARNED
    return rate


def _refuse(seeds: Sequence[int], sessions: int, units: int, places: int, width: float) -> None:
    if not len(seeds):
        raise RefusedInputError("seeds must name at least one subject, got none: give (0,).")
    if sessions < 2:
        raise RefusedInputError(
            f"sessions must be at least 2, got {sessions}: the first one is before learning."
        )
    if places * width < 1:
        raise RefusedInputError(
            f"places of a field of width {width:g} must be at least {np.ceil(1 / width):.0f}, got "
            f"{places}: the known correlation holds for maps that resolve their fields."
        )
    refuse_beyond_memory("rate", 4 * len(seeds), sessions, units, places, 2)
