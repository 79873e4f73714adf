"""Recordings of known truth in several rooms: every room has a code of its own, which stands still
or loses a share each day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from data_adapters.session import session_dataset

PLACES, LAPS, BIN = 16, 4, 4.0


def room_code(room: str, units: int, seed: int = 0) -> np.ndarray:
    """(unit, place) whole counts a visit; another room has nothing to do with it."""
    rng = np.random.default_rng([seed, *room.encode()])
    centres = rng.uniform(0, PLACES, units)
    return np.rint(4 * np.exp(-((np.arange(PLACES) - centres[:, np.newaxis]) ** 2) / 4))


def session(
    subject: str, number: int, day: float, room: str, code: np.ndarray, identity: str = "tracked"
) -> xr.Dataset:
    """A session of equal laps, each sample at the centre of a place: maps are exactly those of the
    code, in counts a sample."""
    place = np.concatenate([np.arange(PLACES), np.arange(PLACES)[::-1]] * LAPS)
    return session_dataset(
        subject=subject, session=number, elapsed=day, elapsed_units="day", environment=room, unit_identity=identity,
        activity=code.T[place], position=(place + 0.5) * BIN, sampling_rate=10.0, source="rooms of known truth", events_are="counts",
        geometry="linear", bin_size=BIN, minimum_speed=0.0,
    )  # fmt: skip


def drifted(code: np.ndarray, days: int, moved: int) -> np.ndarray:
    """The code after some days, on each of which the next few units of a ring have moved by half of
    the track."""
    gone = np.arange(days * moved) % len(code)
    shifts = (
        np.bincount(gone, minlength=len(code)) % 2 if days * moved else np.zeros(len(code), int)
    )
    return np.stack([np.roll(row, shift * PLACES // 2) for row, shift in zip(code, shifts)])


def sessions(
    plan: Mapping[str, Sequence[str]],
    units: int = 24,
    moved: int = 0,
    days: Sequence[float] | None = None,
) -> list[xr.Dataset]:
    """Sessions of every subject, one a day, in the rooms of the plan; ``moved`` units of each room
    move each day."""
    made = []
    for subject, rooms in plan.items():
        for number, room in enumerate(rooms):
            day = float(number if days is None else days[number])
            code = drifted(room_code(room, units), round(day), moved)
            made.append(session(subject, number, day, room, code))
    return made
