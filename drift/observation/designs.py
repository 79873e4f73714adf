"""The designs of the four published recordings as lenses, for studies whose data are not at hand:
sessions and behaviour, no cells."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy.stats import norm

from drift.door import opened
from drift.errors import RefusedInputError
from drift.metrics.place_code import place_code
from drift.metrics.places import Grid, place_attrs
from drift.schema.labelled_form import labelled
from drift.schema.longitudinal import longitudinal_dataset

# Assumed, as the papers give none that fits all: half of the time is spent running, mean event
# rates are log-normal over cells.
RUNNING = 0.5
RATE_SPREAD = 1.0  # sd of the log of the mean event rate
PAIR = ("subject", "session")
CALCIUM_RATE, SPIKE_RATE = 0.1, 0.5  # median, events/s


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


def _places(design: Design) -> dict[str, tuple]:
    attrs = place_attrs(Grid(design.bin_size), "cm")
    axes = [(np.arange(bins) + 0.5) * design.bin_size for bins in design.places]
    if len(axes) == 1:
        return {"place": ("place", axes[0], attrs)}
    x, y = (grid.ravel() for grid in np.meshgrid(*axes, indexing="ij"))
    return {
        "place": ("place", np.arange(x.size), {"units": "1"}),
        "place_x": ("place", x, attrs),
        "place_y": ("place", y, attrs),
    }


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
    sessions, places = len(design.elapsed), int(np.prod(design.places))
    ways = ("direction",) if design.geometry == "linear" else ()
    shape = (1, sessions, places, *[2] * len(ways))
    rates = design.event_rate * np.exp(
        RATE_SPREAD * norm.ppf((np.arange(design.cells) + 0.5) / design.cells)
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
    seconds = 60 * RUNNING * design.duration / (places * 2 ** len(ways))
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
            "source": f"the design of {recording}",
        },
    )
