"""What may change in a recording although its code stands still: one cause at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import numpy as np

from drift.observation.counted_halves import CountedHalves

Cause = Literal[
    "counting noise",
    "lost cells",
    "recorded behaviour",
    "recorded rates",
    "drifting threshold",
    "wrong matches",
    "all recorded",
]
CAUSES: tuple[Cause, ...] = get_args(Cause)
STEEPEST = 6.0  # exponents of a threshold from -6 to 6
CONFUSED = 0.1  # share of units, from a session to the next
STEPS = 40  # of the bisection


class NullModel(NamedTuple):
    """Sessions whose code stands still.

    Attributes
    ----------
    halves : CountedHalves
        Time at each place and units of each session, as the null model has them.
    expected : numpy.ndarray
        (session, unit, part, cell) events.
    numbers : numpy.ndarray or None
        (session, unit, part) events that are given; None where they are drawn.
    """

    halves: CountedHalves
    expected: np.ndarray
    numbers: np.ndarray | None = None


def null_model(halves: CountedHalves, maps: np.ndarray, cause: Cause) -> NullModel:
    """Sessions in which nothing changes but one cause.

    "counting noise": every unit is there in all sessions, the time at each place is the mean over
    sessions, and so are mean event rates. Beside it "lost cells" has the units of each session as
    they were registered; "recorded behaviour" its time at each place; "recorded rates" as many
    events of each unit per time of running as in each session, where a unit is lost those of the
    population; "drifting threshold" a threshold of detection that changes from session to session
    such that the population has as many events per time as were recorded: of the rate r of a unit
    at a place r (r / r0)^q is detected, with r0 the highest rate of all and one q a session, so
    that what is faint is lost first. "wrong matches" is "counting noise" here; ``drawn_events``
    confuses units. "all recorded" has time, units and numbers of events as they were recorded.

    Parameters
    ----------
    halves : CountedHalves
        Of one subject in one environment.
    maps : numpy.ndarray
        (unit, cell) relative rates that stand still, see ``drift.observation.frozen_maps``.
    cause : str
        One of ``CAUSES``.
    """
    return MODELS[cause](halves, maps)


def confused_share(cause: Cause, confused: float) -> float:
    """Share of the units that a null model confuses; a tenth, if nothing else is said, where that
    is the cause."""
    return confused if confused > 0 or cause != "wrong matches" else CONFUSED


def _all_recorded(halves: CountedHalves, maps: np.ndarray) -> NullModel:
    expected = maps[np.newaxis, :, np.newaxis] * halves.time[:, np.newaxis]
    return NullModel(halves, expected, halves.counts.sum(axis=-1))


def _level(halves: CountedHalves) -> CountedHalves:
    """Sessions of one behaviour, in which all units were recorded."""
    time = np.broadcast_to(halves.time.mean(axis=0), halves.time.shape)
    return halves._replace(time=time, present=np.ones_like(halves.present))


def _rates(halves: CountedHalves, maps: np.ndarray) -> np.ndarray:
    """(unit, cell) events/s of maps that give as many events in all sessions as there were."""
    time = halves.present.T @ halves.time.sum(axis=1)
    expected, events = (maps * time).sum(axis=-1), halves.counts.sum(axis=(0, 2, 3))
    gain = np.divide(events, expected, out=np.zeros_like(expected), where=expected > 0)
    return np.asarray(maps * gain[:, np.newaxis])


def _expected(halves: CountedHalves, rates: np.ndarray) -> np.ndarray:
    """(session, unit, part, cell) events of ([session,] unit, cell) rates."""
    by_session = rates if rates.ndim == 3 else rates[np.newaxis]
    return np.asarray(by_session[:, :, np.newaxis] * halves.time[:, np.newaxis])


def _counting_noise(halves: CountedHalves, maps: np.ndarray) -> NullModel:
    level = _level(halves)
    return NullModel(level, _expected(level, _rates(halves, maps)))


def _lost_cells(halves: CountedHalves, maps: np.ndarray) -> NullModel:
    level = _level(halves)._replace(present=halves.present)
    return NullModel(level, _expected(level, _rates(halves, maps)))


def _recorded_behaviour(halves: CountedHalves, maps: np.ndarray) -> NullModel:
    recorded = halves._replace(present=np.ones_like(halves.present))
    return NullModel(recorded, _expected(recorded, _rates(halves, maps)))


def _recorded_rates(halves: CountedHalves, maps: np.ndarray) -> NullModel:
    level, rates = _level(halves), _rates(halves, maps)
    would_be = _expected(halves, rates).sum(axis=(2, 3))  # (session, unit), had nothing changed
    events = np.where(halves.present, halves.counts.sum(axis=(2, 3)), 0.0)
    there = np.where(halves.present, would_be, 0.0).sum(axis=1)
    population = np.divide(events.sum(axis=1), there, out=np.ones_like(there), where=there > 0)
    factor = np.broadcast_to(population[:, np.newaxis], events.shape)
    own = np.divide(events, would_be, out=np.array(factor), where=halves.present & (would_be > 0))
    return NullModel(level, _expected(level, rates) * own[:, :, np.newaxis, np.newaxis])


def _drifting_threshold(halves: CountedHalves, maps: np.ndarray) -> NullModel:
    level, rates = _level(halves), _rates(halves, maps)
    events = (halves.counts.sum(axis=(2, 3)) * halves.present).sum(axis=1)
    detected = np.stack(
        [
            _detected(rates, present, time, number)
            for present, time, number in zip(
                halves.present, halves.time.sum(axis=1), events, strict=True
            )
        ]
    )
    return NullModel(level, _expected(level, detected))


def _detected(
    rates: np.ndarray, present: np.ndarray, time: np.ndarray, events: float
) -> np.ndarray:
    """(unit, cell) rates behind a threshold at which the units of a session have so many events, by
    bisection."""
    largest = rates.max(initial=0.0)
    if not (largest > 0 and events > 0):
        return rates
    faintness = np.log(np.maximum(rates, 1e-12 * largest) / largest)  # (unit, cell), at most 0
    low, high = -STEEPEST, STEEPEST
    for _ in range(STEPS):
        middle = (low + high) / 2
        number = (rates[present] * np.exp(middle * faintness[present]) @ time).sum()
        low, high = (middle, high) if number > events else (low, middle)
    return np.asarray(rates * np.exp((low + high) / 2 * faintness))


MODELS: dict[Cause, Callable[[CountedHalves, np.ndarray], NullModel]] = {
    "counting noise": _counting_noise,
    "lost cells": _lost_cells,
    "recorded behaviour": _recorded_behaviour,
    "recorded rates": _recorded_rates,
    "drifting threshold": _drifting_threshold,
    "wrong matches": _counting_noise,
    "all recorded": _all_recorded,
}
