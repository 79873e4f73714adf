"""Frozen twins of a recording: what it would have held if its code stood still and only chance were
different."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Count, Seed
from drift.observation.counted_halves import (
    MAPS,
    CountedHalves,
    counted_halves,
    smoother,
    widths,
    with_counted_halves,
)
from drift.observation.frozen_maps import frozen_maps, overdispersion
from drift.observation.lens import own_number
from drift.schema.map_dims import map_dims
from drift.streams import stream

VARIABLES = ("rate", "rate_half", "event_count", "event_count_half")


class FrozenCode(NamedTuple):
    """Maps of one subject in one environment that stand still, and how its events scatter."""

    halves: CountedHalves
    maps: np.ndarray  # (unit, cell) relative rates
    dispersion: float  # variance of events over that of Poisson events


def frozen_codes(recorded: xr.Dataset, subject: int) -> list[FrozenCode]:
    """The code of one subject in each of its environments, see ``frozen_maps``.

    Parameters
    ----------
    recorded : xarray.Dataset
        See ``drift.observation.counted_halves.with_counted_halves``.
    subject : int
        Position along the dim.
    """
    smooth, tried = smoother(recorded), widths(recorded)
    return [
        FrozenCode(halves, frozen_maps(halves, smooth, tried), overdispersion(halves))
        for halves in counted_halves(recorded, subject)
    ]


def drawn(code: FrozenCode, rng: np.random.Generator) -> np.ndarray:
    """Events where the code would have put them: (session, unit, part, cell).

    Each part of a session has as many events of each unit as were recorded; they fall to places in
    proportion to map and time, and scatter as much as recorded ones: where their variance exceeds
    that of independent events by the factor F, by a Dirichlet multinomial law of concentration (n -
    F) / (F - 1).
    """
    events = code.halves.counts.sum(axis=-1).astype(np.int64)
    expected = code.maps[:, np.newaxis] * code.halves.time[:, np.newaxis]
    expected = np.where(expected.sum(axis=-1, keepdims=True) > 0, expected, 1.0)
    if code.dispersion > 1:
        share = expected / expected.sum(axis=-1, keepdims=True)
        concentration = np.maximum(events - code.dispersion, 0.1) / (code.dispersion - 1)
        expected = rng.standard_gamma(concentration[..., np.newaxis] * share) + 1e-12 * share
    share = expected / expected.sum(axis=-1, keepdims=True)
    return rng.multinomial(events, np.minimum(share, 1.0))


def drawn_codes(
    codes: list[FrozenCode], rng: np.random.Generator
) -> list[tuple[CountedHalves, np.ndarray]]:
    """Sessions of one subject and events in them, each environment from a stream of its own."""
    streams = rng.spawn(len(codes))
    return [(code.halves, drawn(code, own)) for code, own in zip(codes, streams, strict=True)]


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
    kept = [name for name in ("occupancy", "occupancy_half", "recorded") if name in recorded]
    maps = {
        name: recorded[name].transpose("subject", *dims, *map_dims(recorded[name]))
        for name, dims in MAPS.items()
    }
    values = {
        name: np.full((*array.shape[: -len(map_dims(array))], _cells(array)), np.nan)
        for name, array in maps.items()
    }
    events = {name: array.copy() for name, array in values.items()}
    for subject, groups in enumerate(counts):
        for halves, drawn_events in groups:
            _fill(values, events, subject, halves, drawn_events)
    arrays = {}
    for name, array in maps.items():
        for label, filled in (
            (name, values[name]),
            (name.replace("rate", "event_count"), events[name]),
        ):
            arrays[label] = (array.dims, filled.reshape(array.shape))
    attrs = {name: recorded[name.replace("event_count", "rate")].attrs for name in VARIABLES}
    twins = {
        name: xr.DataArray(data, dims=dims, attrs=attrs[name])
        for name, (dims, data) in arrays.items()
    }
    return recorded[kept].assign(
        {
            name: array.transpose(*recorded[name.replace("event_count", "rate")].dims)
            for name, array in twins.items()
        }
    )


def _cells(array: xr.DataArray) -> int:
    return int(np.prod([array.sizes[dim] for dim in map_dims(array)]))


def _fill(
    values: dict[str, np.ndarray],
    events: dict[str, np.ndarray],
    subject: int,
    halves: CountedHalves,
    counts: np.ndarray,
) -> None:
    """Rates and events of one subject in one environment, NaN where it has none."""
    whole, time = counts.sum(axis=2), halves.time.sum(axis=1)
    absent = ~halves.present
    for name, number, seconds in (
        ("rate", whole, time[:, np.newaxis]),
        ("rate_half", counts[:, :, :2], halves.time[:, np.newaxis, :2]),
    ):
        valid = np.broadcast_to(seconds > 0, number.shape) & ~absent.reshape(
            *absent.shape, *[1] * (number.ndim - 2)
        )
        values[name][subject, halves.sessions] = np.divide(
            number, seconds, out=np.full(number.shape, np.nan), where=valid
        )
        events[name][subject, halves.sessions] = np.where(valid, number, np.nan)


def twin_streams(
    recorded: xr.Dataset, subject: int, seed: int, draws: int
) -> list[np.random.Generator]:
    """One stream for each draw, which depend on seed, subject and number of the draw alone."""
    own = stream((seed << 64) + own_number(recorded, subject), "bootstrap")
    return own.spawn(draws)


@opened
def frozen_twins(recorded: xr.Dataset, draws: Count = 1, *, seed: Seed = 0) -> Iterator[xr.Dataset]:
    """Draw recordings of the same sessions whose code stood still.

    Each twin has the occupancy of every session, the units that were recorded in it, and of each
    of these as many events as were recorded, in either half. Only where these fall is drawn anew: by one
    map of each unit for all sessions of an environment, which is estimated from the recording with
    its counting noise taken out, see ``drift.observation.frozen_maps.frozen_maps``.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset of ``measure``; amplitudes enter by their numbers of events.
    draws : int
        Number of twins.
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
        yield twin(counted, [drawn_codes(own, rng) for own, rng in zip(codes, first, strict=True)])
