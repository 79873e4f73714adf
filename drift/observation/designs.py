"""Designs as lenses, for studies whose data are not at hand or not yet recorded: sessions,
behaviour and event rates, no code. Those of four published recordings, and one's own."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import numpy as np
import xarray as xr
from scipy.stats import norm

from drift.door import opened
from drift.door.memory import refuse_beyond_memory
from drift.door.quantities import Count, OfSessions, Places, Range, Size
from drift.errors import RefusedInputError
from drift.metrics.place_code import place_code
from drift.metrics.places import RING, Grid, place_attrs
from drift.schema.labelled_form import labelled
from drift.schema.longitudinal import longitudinal_dataset

# Assumed, as the papers give none that fits all: half of the time is spent running, mean event
# rates are log-normal over cells.
RUNNING = 0.5
RATE_SPREAD = 1.0  # sd of the log of the mean event rate
PAIR = ("subject", "session")
CALCIUM_RATE, SPIKE_RATE = 0.1, 0.5  # median, events/s

RateSpread = Annotated[float, Range(0, 10)]
"""Standard deviation of the log of mean event rates over cells."""

SessionMinutes = Annotated[float, Range(0, 100_000, above=True)]
"""Duration of a session."""


class Design(NamedTuple):
    """What a session of a published recording was like (Ratzon et al. 2024, Table 3)."""

    elapsed: tuple[float, ...]
    units: str
    duration: float  # min a session
    geometry: str
    places: tuple[int, ...]  # bins along each axis
    bin_size: float  # cm
    cells: int  # of one animal, order of magnitude
    event_rate: float  # median over cells, events/s
    tracked: bool  # the same cells in all sessions


DESIGNS = {
    "Khatib 2023": Design(
        tuple(np.arange(0.0, 200.0, 20.0)), "min", 20, "linear", (25,), 4.0, 50, CALCIUM_RATE, True
    ),
    "Jercog 2019": Design(
        tuple(np.arange(10.0)), "day", 40, "square", (10, 10), 5.0, 58, SPIKE_RATE, False
    ),
    "Karlsson 2015": Design(
        tuple(np.arange(11.0)), "day", 20, "W", (75,), 4.0, 30, SPIKE_RATE, False
    ),
    "Sheintuch 2023": Design(
        tuple(np.arange(0.0, 16.0, 2.0)), "day", 20, "linear", (24,), 4.0, 50, CALCIUM_RATE, True
    ),
}


@opened
def recording_design(
    elapsed: OfSessions,
    cells: Count = 100,
    *,
    elapsed_units: str = "day",
    places: Places = 24,
    bin_size: Size = 4.0,
    minutes: SessionMinutes = 10.0,
    event_rate: Size = 0.4,
    rate_spread: RateSpread = RATE_SPREAD,
    geometry: Literal["linear", "ring"] = "linear",
) -> xr.Dataset:
    """Return a recording as one would plan it, as a lens for ``observe``: one animal on a track or
    a ring, the same cells in all sessions, and as much time at every place.

    It holds no recorded activity: rate maps are flat, at mean event rates that are log-normal over
    cells, lambda_i = lambda exp(s z_i), with z_i the normal quantiles of (i + 1/2) / cells. What
    ``observe`` and ``measure`` make of a simulation behind it is what the planned recording would
    tell.

    Parameters
    ----------
    elapsed : array_like
        (session) time of the sessions, rising.
    cells : int
        Tracked throughout.
    elapsed_units : str
        Of ``elapsed``: "day", "min".
    places : int
        Bins of the track, or around the ring; ways to and fro are not told apart.
    bin_size : float
        In cm.
    minutes : float
        Spent running in each session.
    event_rate : float
        lambda, the median over cells in events/s.
    rate_spread : float
        s, standard deviation of the log of the event rate; 0 for equal rates.
    geometry : {"linear", "ring"}
        A track that is run to and fro, or a ring that is run round and round.

    Returns
    -------
    xarray.Dataset
        Longitudinal Dataset with ``rate``, ``occupancy`` and ``recorded``.

    Raises
    ------
    RefusedInputError
        If ``elapsed`` does not rise from session to session.
    """
    times = np.asarray(elapsed, dtype=float)
    if not times.size or not (np.diff(times) > 0).all():
        raise RefusedInputError(
            f"elapsed must rise from session to session, got {times.tolist()}: give the times of "
            "the sessions in their order."
        )
    refuse_beyond_memory("rate of the design", times.size, cells, places)
    plan = Design(
        tuple(times), elapsed_units, minutes, geometry, (places,), bin_size, cells, event_rate, True
    )
    return _lens(plan, minutes, rate_spread, (), "a design")


@opened
def published_design(recording: str) -> xr.Dataset:
    """Return the design of a published recording as a lens for ``observe``: one animal, its
    sessions, and uniform behaviour.

    It holds no recorded activity: rate maps are flat, at mean event rates that are log-normal over
    cells. Number and time of sessions, their duration and the arena are published; track lengths,
    running time and event rates are assumed.

    Parameters
    ----------
    recording : str
        As in ``drift.comparison.published``: "Khatib 2023", "Jercog 2019", "Karlsson 2015" or
        "Sheintuch 2023".

    Returns
    -------
    xarray.Dataset
        Longitudinal Dataset with ``rate``, ``occupancy`` and ``recorded``.

    Raises
    ------
    RefusedInputError
        If there is no such recording.

    References
    ----------
    Ratzon, Derdikman & Barak 2024, Table 3 and Methods.
    """
    if recording not in DESIGNS:
        raise RefusedInputError(
            f"a published recording was expected, got {recording!r}: use one of "
            f"{', '.join(DESIGNS)}."
        )
    design = DESIGNS[recording]
    ways = ("direction",) if design.geometry == "linear" else ()
    source = f"the design of {recording}"
    return _lens(design, RUNNING * design.duration, RATE_SPREAD, ways, source)


def _lens(
    design: Design, running: float, rate_spread: float, ways: tuple[str, ...], source: str
) -> xr.Dataset:
    """The longitudinal Dataset of a design in which ``running`` minutes of a session are spent on
    the move, equally long at each place and, where ways are told apart, each way."""
    sessions, places = len(design.elapsed), int(np.prod(design.places))
    shape = (1, sessions, places, *[2] * len(ways))
    rates = design.event_rate * np.exp(
        rate_spread * norm.ppf((np.arange(design.cells) + 0.5) / design.cells)
    )
    flat = np.ones((1, sessions, design.cells, *shape[2:])) * rates.reshape(
        -1, *[1] * (1 + len(ways))
    )
    identity = ["tracked" if design.tracked else f"session {number}" for number in range(sessions)]
    coords = {
        "subject": ["design"],
        "session": np.arange(sessions),
        "unit": np.arange(design.cells),
        "environment": (PAIR, np.full((1, sessions), "A")),
        "unit_identity": (PAIR, np.array([identity])),
        **_places(design),
        **({"direction": [1, -1]} if ways else {}),
    }
    seconds = 60 * running / (places * 2 ** len(ways))
    rate = labelled("rate", (*PAIR, "unit", "place", *ways), flat, units="events/s")
    occupancy = labelled("occupancy", (*PAIR, "place", *ways), np.full(shape, seconds), units="s")
    present = np.ones((1, sessions, design.cells), dtype="int8")
    code = place_code(rate, occupancy, labelled("recorded", (*PAIR, "unit"), present), tested=False)
    return longitudinal_dataset(
        {**code, "rate": rate, "occupancy": occupancy},
        coords,
        elapsed=np.array([design.elapsed]),
        elapsed_units=design.units,
        attrs={
            "bin_size": design.bin_size,
            "minimum_speed": 1.0,
            "geometry": design.geometry,
            "source": source,
            **({"track_length": _around(design)} if design.geometry == RING else {}),
        },
    )


def _around(design: Design) -> float:
    """Length around a ring, cm."""
    return design.bin_size * design.places[0]


def _places(design: Design) -> dict[str, tuple]:
    grid = Grid(design.bin_size)
    if design.geometry == RING:
        grid = Grid(design.bin_size, end=_around(design), ring=True)
    attrs = place_attrs(grid, "cm")
    axes = [(np.arange(bins) + 0.5) * design.bin_size for bins in design.places]
    if len(axes) == 1:
        return {"place": ("place", axes[0], attrs)}
    x, y = (grid.ravel() for grid in np.meshgrid(*axes, indexing="ij"))
    return {
        "place": ("place", np.arange(x.size), {"units": "1"}),
        "place_x": ("place", x, attrs),
        "place_y": ("place", y, attrs),
    }
