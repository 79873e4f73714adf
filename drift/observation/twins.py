"""Frozen twins of a recording: what it would have held if its code stood still and only chance were
different."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Count, Probability, Seed
from drift.observation.causes import Cause, NullModel, confused_share, null_model
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

Events = tuple[CountedHalves, np.ndarray]  # sessions, and (session, unit, part, cell) events


class FrozenCode(NamedTuple):
    """Maps of one subject in one environment that stand still, and how its events scatter."""

    halves: CountedHalves
    maps: np.ndarray  # (unit, cell) relative rates
    width: float  # by which they were smoothed, bins
    dispersion: float  # variance of events over that of Poisson events

    def model(self, cause: Cause = "all recorded") -> tuple[NullModel, float]:
        """Sessions in which one cause changes, and how their events scatter."""
        return null_model(self.halves, self.maps, cause), self.dispersion

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


def drawn(
    model: NullModel, dispersion: float, rng: np.random.Generator, confused: float = 0.0
) -> np.ndarray:
    """Events where a null model would have put them: (session, unit, part, cell).

    Where the model gives numbers of events (as many in each part of a session as were recorded),
    these fall to places in proportion to map and time; where it does not, numbers are drawn, too.
    They scatter as much as recorded ones: where the variance of these exceeds that of independent
    events by the factor F, numbers are Poisson of a gamma distributed mean, with F times its
    variance, and fall to places by a Dirichlet multinomial law of concentration (n - F) / (F - 1).

    Parameters
    ----------
    model : NullModel
        See ``drift.observation.causes.null_model``.
    dispersion : float
        F, at least 1.
    rng : numpy.random.Generator
        Source of events, with a child for the confusion of units.
    confused : float
        Share of the units whose map is taken for that of another from a session to the next.
    """
    halves, expected, numbers = model
    if confused > 0:
        order = confused_units(halves.present, confused, rng.spawn(1)[0])
        expected = np.take_along_axis(expected, order[:, :, np.newaxis, np.newaxis], axis=1)
    if numbers is None:
        numbers = _numbers(expected.sum(axis=-1), dispersion, rng)
    return _placed(numbers.astype(np.int64), expected, dispersion, rng)


def _numbers(mean: np.ndarray, dispersion: float, rng: np.random.Generator) -> np.ndarray:
    """Poisson numbers, or of a variance that exceeds theirs by a factor."""
    if dispersion > 1:
        mean = rng.standard_gamma(mean / (dispersion - 1)) * (dispersion - 1)
    return rng.poisson(mean)


def _placed(
    events: np.ndarray, expected: np.ndarray, dispersion: float, rng: np.random.Generator
) -> np.ndarray:
    """Events (session, unit, part) at places in proportion to what is expected there."""
    expected = np.where(expected.sum(axis=-1, keepdims=True) > 0, expected, 1.0)
    if dispersion > 1:
        share = expected / expected.sum(axis=-1, keepdims=True)
        concentration = np.maximum(events - dispersion, 0.1) / (dispersion - 1)
        expected = rng.standard_gamma(concentration[..., np.newaxis] * share) + 1e-12 * share
    share = expected / expected.sum(axis=-1, keepdims=True)
    return rng.multinomial(events, np.minimum(share, 1.0))


def drawn_models(
    models: Sequence[tuple[NullModel, float]], rng: np.random.Generator, confused: float = 0.0
) -> list[Events]:
    """Sessions of one subject and events in them, each environment from a stream of its own.

    Parameters
    ----------
    models : sequence of tuple
        Null model and dispersion of each environment, see ``FrozenCode.model``.
    rng : numpy.random.Generator
    confused : float
        See ``drawn``.
    """
    return [
        (model.halves, drawn(model, dispersion, own, confused))
        for (model, dispersion), own in zip(models, rng.spawn(len(models)), strict=True)
    ]


def drawn_codes(
    codes: Sequence[FrozenCode], rng: np.random.Generator, confused: float = 0.0
) -> list[Events]:
    """Sessions of one subject as they were recorded, and events of codes that stand still."""
    return drawn_models([code.model() for code in codes], rng, confused)


def twin(recorded: xr.Dataset, counts: list[list[Events]], as_recorded: bool = True) -> xr.Dataset:
    """The recording with other events in its sessions: maps, halves and numbers of events; what
    else was measured of the sessions is left out.

    Parameters
    ----------
    recorded : xarray.Dataset
        See ``drift.observation.counted_halves.with_counted_halves``.
    counts : list
        For each subject, sessions and (session, unit, part, cell) events.
    as_recorded : bool
        False where time at each place and units are others than those of the recording.
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
    same = recorded[["occupancy", "occupancy_half", "recorded"]]
    return (same if as_recorded else same.assign(_sessions(recorded, counts))).assign(maps)


def _sessions(recorded: xr.Dataset, counts: list[list[Events]]) -> dict[str, xr.DataArray]:
    """Time at each place, and units, of the sessions of a null model."""
    maps = {name: _ordered(recorded, name).isel(unit=0, drop=True) for name in MAPS}
    times = {name: np.zeros(_flat(array)) for name, array in maps.items()}
    present = recorded["recorded"].transpose("subject", "session", "unit").copy(deep=True)
    for subject, groups in enumerate(counts):
        for halves, _ in groups:
            times["rate"][subject, halves.sessions] = halves.time.sum(axis=1)
            times["rate_half"][subject, halves.sessions] = halves.time[:, :2]
            at = np.ix_(halves.sessions, halves.units)
            present.values[subject][at] = halves.present
    result = {"recorded": present.transpose(*recorded["recorded"].dims)}
    for name, seconds in times.items():
        time = maps[name].copy(data=seconds.reshape(maps[name].shape))
        own = recorded[name.replace("rate", "occupancy")]
        # directions that are not told apart share their time
        alike = [dim for dim in time.dims if dim not in own.dims]
        time = time.isel(dict.fromkeys(alike, 0), drop=True).transpose(*own.dims)
        result[str(own.name)] = time.assign_attrs(own.attrs)
    return result


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
    recorded: xr.Dataset,
    draws: Count = 1,
    *,
    cause: Cause = "all recorded",
    confused: Probability = 0.0,
    seed: Seed = 0,
) -> Iterator[xr.Dataset]:
    """Draw recordings of the same sessions whose code stood still.

    Each twin has the occupancy of every session, the units that were recorded in it, and of each
    of these as many events as were recorded, in either half. Only where these fall is drawn anew:
    by one map of each unit for all sessions of an environment, which is estimated from the
    recording with its counting noise taken out, see ``drift.observation.frozen_maps.frozen_maps``.
    With another ``cause`` only that changes from session to session: see
    ``drift.explained_changes``, which sets a recording beside all of them.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset of ``measure``; amplitudes enter by their numbers of events.
    draws : int
        Number of twins.
    cause : {"all recorded", "counting noise", "lost cells", "recorded behaviour", \
"recorded rates", "drifting threshold", "wrong matches"}
        What changes although the code stands still; "wrong matches" takes ``confused``, or a tenth.
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
    drift.sampling_noise, drift.explained_changes
    """
    counted = with_counted_halves(recorded, "a frozen twin")
    subjects = range(counted.sizes["subject"])
    models = [
        [code.model(cause) for code in frozen_codes(counted, subject)] for subject in subjects
    ]
    streams = [twin_streams(counted, subject, seed, draws) for subject in subjects]
    share = confused_share(cause, confused)
    for draw in range(draws):
        first = [streams[subject][draw].spawn(1)[0] for subject in subjects]
        events = [drawn_models(own, rng, share) for own, rng in zip(models, first, strict=True)]
        yield twin(counted, events, as_recorded=cause == "all recorded")
