"""Frozen twins of a recording: what it would have held if its code stood still and only chance were
different."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Count, Probability, Seed
from drift.observation.counted_halves import (
    MAPS,
    CountedHalves,
    Smoother,
    counted_halves,
    smoother,
    widths,
    with_counted_halves,
)
from drift.observation.frozen_maps import best_width, frozen_maps, overdispersion
from drift.observation.lens import own_number
from drift.observation.null_models import confused_units
from drift.schema.labelled_form import described
from drift.schema.map_dims import map_dims
from drift.streams import stream


class FrozenCode(NamedTuple):
    """Maps of one subject in one environment that stand still, and how its events scatter."""

    halves: CountedHalves
    maps: np.ndarray  # (unit, cell) relative rates
    width: float  # by which they were smoothed, bins
    dispersion: float  # variance of events over that of Poisson events

    def estimated_anew(self, counts: np.ndarray, smooth: Smoother) -> FrozenCode:
        """The code that other events (session, unit, part, cell) of these sessions tell, smoothed
        alike."""
        halves = self.halves._replace(counts=counts.astype(float))
        maps = frozen_maps(halves, smooth, self.width)
        return FrozenCode(halves, maps, self.width, overdispersion(halves))


def frozen_codes(recorded: xr.Dataset, subject: int) -> list[FrozenCode]:
    """The code of one subject in each of its environments, see ``frozen_maps``.

    Parameters
    ----------
    recorded : xarray.Dataset
        See ``drift.observation.counted_halves.with_counted_halves``.
    subject : int
        Position along the dim.
    """
    smooth, tried, codes = smoother(recorded, subject), widths(recorded), []
    for halves in counted_halves(recorded, subject):
        width = best_width(halves, smooth, tried)
        maps = frozen_maps(halves, smooth, width)
        codes.append(FrozenCode(halves, maps, width, overdispersion(halves)))
    return codes


def drawn(code: FrozenCode, rng: np.random.Generator, confused: float = 0.0) -> np.ndarray:
    """Events where the code would have put them: (session, unit, part, cell).

    Each part of a session has as many events of each unit as were recorded; they fall to places in
    proportion to map and time, and scatter as much as recorded ones: where their variance exceeds
    that of independent events by the factor F, by a Dirichlet multinomial law of concentration (n -
    F) / (F - 1).

    Parameters
    ----------
    code : FrozenCode
    rng : numpy.random.Generator
        Source of events, with a child for the confusion of units.
    confused : float
        Share of the units whose map is taken for that of another from a session to the next.
    """
    halves, maps = code.halves, code.maps[np.newaxis]
    if confused > 0:
        maps = code.maps[confused_units(halves.present, confused, rng.spawn(1)[0])]
    events = halves.counts.sum(axis=-1).astype(np.int64)
    expected = maps[:, :, np.newaxis] * halves.time[:, np.newaxis]
    expected = np.where(expected.sum(axis=-1, keepdims=True) > 0, expected, 1.0)
    if code.dispersion > 1:
        share = expected / expected.sum(axis=-1, keepdims=True)
        concentration = np.maximum(events - code.dispersion, 0.1) / (code.dispersion - 1)
        expected = rng.standard_gamma(concentration[..., np.newaxis] * share) + 1e-12 * share
    share = expected / expected.sum(axis=-1, keepdims=True)
    return rng.multinomial(events, np.minimum(share, 1.0))


def drawn_codes(
    codes: list[FrozenCode], rng: np.random.Generator, confused: float = 0.0
) -> list[tuple[CountedHalves, np.ndarray]]:
    """Sessions of one subject and events in them, each environment from a stream of its own."""
    streams = rng.spawn(len(codes))
    return [
        (code.halves, drawn(code, own, confused)) for code, own in zip(codes, streams, strict=True)
    ]


def twin(recorded: xr.Dataset, counts: list[list[tuple[CountedHalves, np.ndarray]]]) -> xr.Dataset:
    """The recording with other events in its sessions: maps, halves and numbers of events; what
    else was measured of the sessions is left out.

    Parameters
    ----------
    recorded : xarray.Dataset
        See ``drift.observation.counted_halves.with_counted_halves``.
    counts : list
        For each subject, sessions and (session, unit, part, cell) events.
    """
    template = {name: _ordered(recorded, name) for name in MAPS}
    rates = {name: np.full(_flat(array), np.nan) for name, array in template.items()}
    events = {name: values.copy() for name, values in rates.items()}
    for subject, groups in enumerate(counts):
        for halves, drawn_events in groups:
            _fill(rates, events, subject, halves, drawn_events)
    maps = {name: _like(template[name], values, recorded) for name, values in rates.items()}
    maps |= {
        name.replace("rate", "event_count"): described(
            _like(template[name], values, recorded), name.replace("rate", "event_count")
        )
        for name, values in events.items()
    }
    return recorded[["occupancy", "occupancy_half", "recorded"]].assign(maps)


def _ordered(recorded: xr.Dataset, name: str) -> xr.DataArray:
    return recorded[name].transpose("subject", *MAPS[name], *map_dims(recorded[name]))


def _flat(array: xr.DataArray) -> tuple[int, ...]:
    """Sizes with places and directions as one axis."""
    cells = len(map_dims(array))
    return (*array.shape[:-cells], int(np.prod(array.shape[-cells:])))


def _like(array: xr.DataArray, values: np.ndarray, recorded: xr.Dataset) -> xr.DataArray:
    """Values with the dims and labels of an array of the recording."""
    return array.copy(data=values.reshape(array.shape)).transpose(*recorded[array.name].dims)


def _fill(
    rates: dict[str, np.ndarray],
    events: dict[str, np.ndarray],
    subject: int,
    halves: CountedHalves,
    counts: np.ndarray,
) -> None:
    """Rates and events of one subject in one environment, NaN where it has none."""
    at = np.ix_(halves.sessions, halves.units)
    time = halves.time[:, np.newaxis]
    by_half = np.broadcast_to(halves.present[:, :, np.newaxis], (*counts.shape[:2], 2))
    for name, number, seconds, present in (
        ("rate", counts.sum(axis=2), time.sum(axis=2), halves.present),
        ("rate_half", counts[:, :, :2], time[:, :, :2], by_half),
    ):
        valid = (seconds > 0) & present[..., np.newaxis]
        nothing = np.full(number.shape, np.nan)
        rates[name][subject][at] = np.divide(number, seconds, out=nothing, where=valid)
        events[name][subject][at] = np.where(valid, number, np.nan)


def twin_streams(
    recorded: xr.Dataset, subject: int, seed: int, draws: int
) -> list[np.random.Generator]:
    """One stream for each draw, which depend on seed, subject and number of the draw alone."""
    own = stream((seed << 64) + own_number(recorded, subject), "bootstrap")
    return own.spawn(draws)


@opened
def frozen_twins(
    recorded: xr.Dataset, draws: Count = 1, *, confused: Probability = 0.0, seed: Seed = 0
) -> Iterator[xr.Dataset]:
    """Draw recordings of the same sessions whose code stood still.

    Each twin has the occupancy of every session, the units that were recorded in it, and of each
    of these as many events as were recorded, in either half. Only where these fall is drawn anew:
    by one map of each unit for all sessions of an environment, which is estimated from the
    recording with its counting noise taken out, see ``drift.observation.frozen_maps.frozen_maps``.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset of ``measure``; amplitudes enter by their numbers of events.
    draws : int
        Number of twins.
    confused : float
        Share of the units that are confused with others from each session to the next, as in
        ``drift.wrong_registration``.
    seed : int
        Of the stream "bootstrap"; with it the subject's own label decides all draws, not its
        company.

    Yields
    ------
    xarray.Dataset
        ``rate``, ``rate_half``, ``event_count``, ``event_count_half`` (subject, session, unit,
        place[, direction]) beside ``occupancy``, ``occupancy_half``, ``recorded`` and the labels of
        the recording. Without halves in the recording, events of both are dealt by a coin.

    Raises
    ------
    RefusedInputError
        If rates are those of a trace, or the numbers of events are not known.
    SchemaError
        If a variable is missing.

    See Also
    --------
    drift.sampling_noise
    """
    counted = with_counted_halves(recorded, "a frozen twin")
    subjects = range(counted.sizes["subject"])
    codes = [frozen_codes(counted, subject) for subject in subjects]
    streams = [twin_streams(counted, subject, seed, draws) for subject in subjects]
    for draw in range(draws):
        first = [streams[subject][draw].spawn(1)[0] for subject in subjects]
        yield twin(
            counted,
            [drawn_codes(own, rng, confused) for own, rng in zip(codes, first, strict=True)],
        )
