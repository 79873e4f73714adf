"""What an experimenter would have seen of a code: some cells, some days, counts of events, and what
goes wrong."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drift.inference.observed import Observed
from drift.inference.prior import PARAMETERS, Prior
from drift.inference.simulation.codes import Code
from drift.inference.simulation.learning import between_places
from drift.observation.lens import gains
from drift.streams import stream

TRIES = 10_000
PLACES, SPREAD = (16, 33), (0.5, 1.3)  # bins of a track; sd of log rates over cells
UNEVEN = (2.0, 30.0)  # shape of the gamma distribution of time over places
ONE_WAY = 0.3  # share of windows in which ways are not told apart


class Window(NamedTuple):
    """What was seen, and the truth (parameter,) behind it, NaN where a mechanism has none."""

    observed: Observed
    truth: np.ndarray


class Times(NamedTuple):
    """Sessions of a window: days (session,), positions among those of the run, steps a day, and
    steps before the first session."""

    days: np.ndarray
    sessions: np.ndarray
    steps_per_day: float
    age: float


def drawn_window(code: Code, prior: Prior, seed: int, number: int) -> Window:
    """Return one of the windows through which a run is seen.

    Parameters
    ----------
    code : Code
    prior : Prior
    seed : int
        Of the run.
    number : int
        Of the window: a child of the stream "observation".
    """
    rng = stream(seed, "observation", number)
    times = _times(code, prior, rng)
    wrong = float(rng.beta(*prior.wrong_matches))
    trend = float(prior.rate_trend * rng.standard_normal())
    cells = _cells(code.rates.shape[1], times.days.size, wrong, prior, rng)
    maps = _seen(code.rates, times.sessions, cells, rng)
    observed = _observed(maps, times.days, trend, prior, rng)
    active = float((code.rates[times.sessions[0]] > 0).mean())
    truth = dict.fromkeys(PARAMETERS, np.nan)
    truth |= {"active_fraction": active, "wrong_matches": wrong, "rate_trend": trend}
    truth |= _of_mechanism(code, times)
    return Window(observed, np.array([truth[name] for name in PARAMETERS]))


def _of_mechanism(code: Code, times: Times) -> dict[str, float]:
    if np.isfinite(code.lifetime):
        days = float(np.log10(code.lifetime / times.steps_per_day))
        return {"log_lifetime": days, "excitability": code.excitability}
    if np.isfinite(code.log_noise):
        return {
            "log_noise": code.log_noise,
            "log_steps_per_day": float(np.log10(times.steps_per_day)),
            "log_age": float(np.log10(times.age)),
        }
    return {}


def _log_uniform(ends: tuple[float, float], rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(ends))))


def _times(code: Code, prior: Prior, rng: np.random.Generator) -> Times:
    """Sessions that lie within the run: every other day or so, or at random."""
    for _try in range(TRIES):
        rate, age = _log_uniform(prior.steps_per_day, rng), _log_uniform(prior.age, rng)
        span = _log_uniform(prior.span, rng)
        if code.steps[0] <= age and age + span * rate <= code.steps[-1]:
            break
    else:
        raise RuntimeError("no window lies within a run: widen the prior")
    count = int(rng.integers(prior.session_counts[0], prior.session_counts[1] + 1))
    even, uneven = np.linspace(0, 1, count), np.sort(rng.random(count))
    uneven = (uneven - uneven[0]) / (uneven[-1] - uneven[0])
    days = span * (even if rng.random() < 0.5 else 0.5 * even + 0.5 * uneven)
    sessions = np.abs(code.steps[:, np.newaxis] - (age + rate * days)).argmin(axis=0)
    return Times(days, sessions, rate, age)


def _cells(
    units: int, sessions: int, wrong: float, prior: Prior, rng: np.random.Generator
) -> np.ndarray:
    """Which unit of the run is taken for a cell in each session, (session, cell): from each session
    to the next the share ``wrong`` of the cells is taken for another unit."""
    count = round(_log_uniform((prior.cells[0], min(prior.cells[1], units)), rng))
    cells = np.empty((sessions, count), dtype=int)
    cells[0] = rng.permutation(units)[:count]
    for session in range(1, sessions):
        confused = rng.random(count) < wrong
        anyone = rng.integers(units, size=count)
        cells[session] = np.where(confused, anyone, cells[session - 1])
    return cells


def _seen(
    rates: np.ndarray, sessions: np.ndarray, cells: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Maps (session, cell, place, way) in the bins of a recording; of both ways together in some
    windows."""
    own = rates[sessions[:, np.newaxis], cells].astype(float)
    places = int(rng.integers(*PLACES))
    where = np.linspace(0, own.shape[-1] - 1, places)
    fine = np.array([np.interp(where, np.arange(own.shape[-1]), row)
                     for row in between_places(np.arange(own.shape[-1]), own.shape[-1])]
    )  # fmt: skip
    maps = np.moveaxis(own @ fine, 2, -1)
    return maps.mean(axis=-1, keepdims=True) if rng.random() < ONE_WAY else maps


def _observed(
    maps: np.ndarray, days: np.ndarray, trend: float, prior: Prior, rng: np.random.Generator
) -> Observed:
    """Poisson counts in two halves of each session."""
    sessions, cells, places, ways = maps.shape
    shape = _log_uniform(UNEVEN, rng)
    time = rng.gamma(shape, 1 / shape, (sessions, 2, 1, places, ways)) * np.exp(
        0.2 * rng.standard_normal((sessions, 1, 1, 1, 1))
    )
    time *= 300.0 / (places * ways)  # s; rates are such that events are those of the prior
    spread, median = rng.uniform(*SPREAD), _log_uniform(prior.events, rng)
    expected = median * np.exp(spread * rng.standard_normal(cells)) / 600.0
    means = maps[0].mean(axis=(1, 2))
    gain = gains(means, expected)
    growth = np.exp(trend * np.arange(sessions))
    rate = maps * gain[:, np.newaxis, np.newaxis] * growth[:, np.newaxis, np.newaxis, np.newaxis]
    counts = rng.poisson(np.minimum(rate[:, np.newaxis] * time, 1e4)).astype(float)
    present = rng.random((sessions, cells)) >= prior.missing * rng.random()
    counts[~np.repeat(present[:, np.newaxis], 2, axis=1)] = 0.0
    flat = (sessions, 2, -1, places * ways)
    return Observed(counts.reshape(flat), time.reshape(sessions, 2, -1), present, days, ways)
