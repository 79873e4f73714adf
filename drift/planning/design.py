"""What a study would be: animals, units, sessions and minutes."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field, Strict

from drift.door import opened
from drift.errors import RefusedInputError
from drift.measurement.event_counting import refuse_uncounted
from drift.metrics.rooms import environments, in_environment
from drift.observation.designs import CALCIUM_RATE, RATE_SPREAD
from drift.recipe import Recipe
from drift.schema.labelled_form import check

Days = Annotated[float, Strict(), Field(gt=0)]


class StudyDesign(Recipe):
    """A study that is planned: every animal is recorded alike.

    Attributes
    ----------
    animals : int
        In each group.
    units : int
        Tracked in each animal.
    sessions : int
        In each environment.
    minutes : float
        Spent running in each session.
    registration_loss : float
        Probability that a unit is not found again in a session, from 0 to below 1.
    intervals : tuple of float
        Days from visit to visit, one for each environment: (1,) one environment, every day; (2, 4)
        environment A every second day and B every fourth.
    event_rate : float
        Median over units, events/s; half of the units have less.
    rate_spread : float
        Standard deviation of the logarithm of the event rate over units.
    places : int
        Bins of the maps.
    """

    animals: int = Field(default=5, ge=1, le=1000)
    units: int = Field(default=60, ge=2, le=100_000)
    sessions: int = Field(default=8, ge=3, le=1000)
    minutes: float = Field(default=10.0, gt=0, le=100_000)
    registration_loss: float = Field(default=0.0, ge=0, lt=1)
    intervals: tuple[Days, ...] = Field(default=(1.0,), min_length=1, max_length=10, strict=False)
    event_rate: float = Field(default=CALCIUM_RATE, gt=0)
    rate_spread: float = Field(default=RATE_SPREAD, ge=0, le=10)
    places: int = Field(default=24, ge=8, le=1000)

    @property
    def schedule(self) -> Schedule:
        """Sessions of all environments in the order of days, those of the first before others."""
        days = [interval * np.arange(self.sessions) for interval in self.intervals]
        rooms = np.repeat(np.arange(len(days)), self.sessions)
        visits = np.tile(np.arange(1.0, self.sessions + 1), len(days))
        elapsed = np.concatenate(days)
        order = np.lexsort((rooms, elapsed))
        return Schedule(elapsed[order], rooms[order], visits[order])


class Schedule(NamedTuple):
    """When which environment is visited.

    Attributes
    ----------
    elapsed : numpy.ndarray
        (session) days.
    room : numpy.ndarray
        (session) number of the environment.
    visits : numpy.ndarray
        (session) to it, that session included.
    """

    elapsed: NDArray[np.float64]
    room: NDArray[np.int64]
    visits: NDArray[np.float64]


@opened
def study_like(recorded: xr.Dataset, environment: str | None = None) -> StudyDesign:
    """Return the design of a study that would repeat a recording: as many animals, units, sessions
    and minutes, and as many events.

    Numbers are medians over subjects of the medians over their sessions in one environment; the
    interval is the median between two sessions, the loss the share of the units of an animal that
    is missing in a session. Time must count days.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset of ``measure``.
    environment : str, optional
        By default that in which most sessions were recorded.

    Raises
    ------
    RefusedInputError
        If no animal has three sessions in the environment, time is not in days, or activity is no
        number of events (see ``drift.counted_events``).
    """
    check(recorded, "rate", "occupancy", "recorded", "elapsed")
    refuse_uncounted(recorded, "a planned study")
    rooms = environments(recorded)
    room = environment or (max(rooms, key=lambda name: rooms[name]) if rooms else None)
    sessions = recorded if room is None else in_environment(recorded, room)
    units = str(sessions["elapsed"].attrs.get("units", "1"))
    if units != "day":
        raise RefusedInputError(
            f"a study is planned in days, got elapsed in {units}: convert it, with elapsed in day."
        )
    own = [_numbers(sessions.isel(subject=row)) for row in range(sessions.sizes["subject"])]
    enough = [numbers for numbers in own if numbers is not None]
    if not enough:
        raise RefusedInputError(
            "a design needs an animal with three sessions in one environment, got none: choose "
            "another environment, or state a StudyDesign yourself."
        )
    typical = {name: float(np.median([row[name] for row in enough])) for name in enough[0]}
    return StudyDesign(
        animals=len(enough),
        units=max(2, round(typical["units"])),
        sessions=max(3, round(typical["sessions"])),
        minutes=typical["minutes"],
        registration_loss=min(typical["loss"], 0.95),
        intervals=(typical["interval"],),
        event_rate=typical["rate"],
        rate_spread=typical["spread"],
        places=min(1000, max(8, recorded.sizes.get("place", 24))),
    )


def _numbers(sessions: xr.Dataset) -> dict[str, float] | None:
    """Of one subject; None with fewer than three sessions."""
    present = sessions["recorded"].transpose("session", "unit").values == 1
    days = sessions["elapsed"].values.astype(float)
    visited = present.any(axis=1) & np.isfinite(days)
    if visited.sum() < 3:
        return None
    some = sessions.isel(session=np.flatnonzero(visited))
    dims = [dim for dim in some["rate"].dims if dim not in ("session", "unit")]
    time = some["occupancy"].fillna(0.0)
    weight = time.where(some["rate"].notnull(), 0.0)
    means = (some["rate"].fillna(0.0) * weight).sum([*dims, "session"]) / weight.sum(
        [*dims, "session"]
    )
    rates = means.values[means.values > 0]
    members = present[visited].any(axis=0)
    return {
        "units": float(members.sum()),
        "sessions": float(visited.sum()),
        "minutes": float(np.median(time.sum(dims).values)) / 60,
        "loss": float(1 - present[visited][:, members].mean()),
        "interval": float(np.median(np.diff(np.sort(days[visited])))),
        "rate": float(np.median(rates)) if rates.size else CALCIUM_RATE,
        "spread": float(np.log(rates).std()) if rates.size > 1 else RATE_SPREAD,
    }
