"""Recordings of all kinds that laboratories have, small ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

import drift
from data_adapters.session import session_dataset


def track(subject: str, days: list[float], rooms: str, tracked: bool = True) -> list[xr.Dataset]:
    """Sessions of ten cells on a track of 60 cm, whose fields wander."""
    rng = np.random.default_rng(len(subject) + len(days))
    centre = rng.uniform(0, 60, 10)
    position = 30 + 29.9 * np.sin(np.arange(3_000) / 60)
    sessions = []
    for number, (day, room) in enumerate(zip(days, rooms, strict=True)):
        mean = 0.01 + 0.5 * np.exp(-((position[:, None] - centre) ** 2) / 128)
        label = "registered" if tracked else f"day {number}"
        sessions.append(
            session_dataset(
                subject=subject,
                session=number,
                elapsed=float(day),
                elapsed_units="day",
                environment=room,
                unit_identity=label,
                sampling_rate=20.0,
                activity=rng.poisson(mean).astype(float),
                position=position,
                source="<b>a laboratory</b>",
                geometry="linear",
                track_length=60.0,
                minimum_speed=1.0,
            )
        )
        centre = np.clip(centre + rng.normal(0, 6, 10), 0, 60)
    return sessions


def arena(days: int = 2) -> list[xr.Dataset]:
    """Sessions of six cells in a square of 48 cm."""
    rng = np.random.default_rng(0)
    centre = rng.uniform(0, 48, (6, 2))
    sessions = []
    for number in range(days):
        time = np.arange(4_000) / 20
        axes = [24 + 23.9 * np.sin(time * speed + number) for speed in (0.71, 0.43)]
        position = np.stack(axes, axis=1)
        apart = ((position[:, None] - centre) ** 2).sum(axis=-1)
        sessions.append(
            session_dataset(
                subject="m",
                session=number,
                elapsed=float(number),
                elapsed_units="day",
                environment="A",
                unit_identity="registered",
                sampling_rate=20.0,
                activity=rng.poisson(0.02 + 0.6 * np.exp(-apart / 98)).astype(float),
                position=position,
                source="a laboratory",
                geometry="square",
                track_length=48.0,
                minimum_speed=0.0,
            )
        )
    return sessions


def silent() -> xr.Dataset:
    """Three sessions in which no cell fires, but for one event in the last."""
    quiet = [session.copy(deep=True) for session in track("q", [0, 1, 2], "AAA")]
    for session in quiet:
        session["activity"].values[:] = 0.0
    quiet[2]["activity"].values[100, 0] = 1.0
    return drift.measure(quiet)


def uneven() -> xr.Dataset:
    """Subjects with other numbers of sessions, on other days, with names that no file may have."""
    sessions = [*track("a/1", [0, 1, 2, 5], "AAAA"), *track("all", [0, 1, 3], "AAA")]
    return drift.measure([*sessions, *track("ALL", [0], "A")], shuffles=20)


RECORDINGS: dict[str, Callable[[], xr.Dataset]] = {
    "one subject": lambda: drift.measure(track("m", [0, 1, 2.5, 4, 9], "AAAAA"), shuffles=20),
    "one session": lambda: drift.measure(track("m", [3], "A"), shuffles=20),
    "two rooms": lambda: drift.measure(track("m", [0, 1, 2, 4], "ABAB"), shuffles=20),
    "two rooms once": lambda: drift.measure(track("m", [0, 1], "AB"), shuffles=20),
    "not registered": lambda: drift.measure(track("m", [0, 1, 2], "AAA", False), shuffles=20),
    "several subjects": uneven,
    "a plane": lambda: drift.measure(arena(), shuffles=20),
    "a plane once": lambda: drift.measure(arena(1), shuffles=20),
    "no place cells": lambda: drift.measure(track("m", [0, 1, 2], "AAA"), shuffles=20).pipe(
        lambda found: found.assign(place_unit=found["place_unit"] * 0)
    ),
    "silent": silent,
    "a run": lambda: drift.wandering_fields(seeds=(0, 1), sessions=5, units=8),
    "a run of one session": lambda: drift.wandering_fields(sessions=3, units=8).isel(session=[0]),
    "many sessions": lambda: drift.wandering_fields(seeds=(0,), sessions=30, units=8),
}
