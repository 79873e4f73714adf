"""Layers of random units of which few are active at a place, whose weights wander, jump, or whose
excitability does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from drift.streams import stream

PLACES = 50
LIFETIMES = (3.0, 5.0)  # log10 of steps
ACTIVE = (-1.3, -0.3)  # log10 of the share of units that are active at a place
EXCITABILITY = (0.3, 1.5)  # standard deviation beside drives of 1


class Layer(NamedTuple):
    """Rates (session, unit, way, place), lifetime in steps, and standard deviation of
    excitability."""

    rates: np.ndarray
    lifetime: float
    excitability: float


def layer_rates(
    mechanism: str,
    units: int,
    steps: np.ndarray,
    width: float,
    seed: int,
    rng: np.random.Generator,
) -> Layer:
    """Return the rates of the k most driven units at each place, above the drive of the next one.

    Drives of a unit are normal with covariance exp(-d^2 / (2 w^2)) over places, to and fro alike to
    the degree of a number that is drawn once: what weights onto many inputs with place fields make
    (``drift.theory.code_drift``). They follow an Ornstein-Uhlenbeck process of their lifetime; a
    unit that jumps draws its drives anew, at random times of that mean interval; excitability adds
    a number of each unit that follows a process of a tenth of the lifetime to twice it.

    Parameters
    ----------
    mechanism : {"wandering weights", "excitability", "jumps"}
    units : int
    steps : numpy.ndarray
        (session,) rising.
    width : float
        w, as a part of the track.
    seed : int
        Streams "weights", "update_noise" and "excitability".
    rng : numpy.random.Generator
        Of the numbers of the run.
    """
    lifetime = 10 ** rng.uniform(*LIFETIMES)
    active = max(1, round(units * 10 ** rng.uniform(*ACTIVE)))
    root = _root(width * rng.uniform(0.6, 1.6), rng.uniform(0, 1))
    excitability, memory = rng.uniform(*EXCITABILITY), lifetime * 10 ** rng.uniform(-1, 0.3)
    drives = _drives(mechanism, units, steps, lifetime, root, seed)
    excited = _excited(units, steps, memory, seed) if mechanism == "excitability" else None
    rates = np.empty((len(steps), units, 2, PLACES), dtype=np.float32)
    for session, drive in enumerate(drives):
        total = drive if excited is None else drive + excitability * next(excited)[:, np.newaxis]
        threshold = -np.partition(-total, active, axis=0)[active]
        rates[session] = np.maximum(total - threshold, 0.0).reshape(units, 2, PLACES)
    return Layer(rates, lifetime, excitability if excited is not None else np.nan)


def _root(width: float, alike: float) -> np.ndarray:
    """Square root of the covariance of drives over both ways, (way x place, the same)."""
    where = (np.arange(PLACES) + 0.5) / PLACES
    along = np.exp(-0.5 * (np.subtract.outer(where, where) / width) ** 2)
    covariance = np.kron(np.array([[1.0, alike], [alike, 1.0]]), along)
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.sqrt(np.clip(values, 0.0, None))) @ vectors.T)


def _drives(
    mechanism: str, units: int, steps: np.ndarray, lifetime: float, root: np.ndarray, seed: int
) -> Iterator[np.ndarray]:
    """Yield drives (unit, way x place) of each session."""
    noise = stream(seed, "update_noise")
    drive = stream(seed, "weights").standard_normal((units, len(root))) @ root
    yield drive
    for memory in np.exp(-np.diff(steps) / lifetime):
        fresh = noise.standard_normal((units, len(root))) @ root
        if mechanism == "jumps":
            stays = noise.random(units) < memory
            drive = np.where(stays[:, np.newaxis], drive, fresh)
        else:
            drive = memory * drive + np.sqrt(1 - memory**2) * fresh
        yield drive


def _excited(units: int, steps: np.ndarray, lifetime: float, seed: int) -> Iterator[np.ndarray]:
    noise = stream(seed, "excitability")
    state = noise.standard_normal(units)
    yield state
    for memory in np.exp(-np.diff(steps) / lifetime):
        state = memory * state + np.sqrt(1 - memory**2) * noise.standard_normal(units)
        yield state
