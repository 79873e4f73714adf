"""The lens of a recording: which sessions, places, event rates and cells of a simulated subject an
experimenter would have seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.measurement.event_counting import counted_events, counted_maps
from drift.measurement.measuring import measure
from drift.metrics.clocks import durations
from drift.metrics.places import closes
from drift.metrics.stimuli import require_places
from drift.observation.laps import DIRECTIONS
from drift.schema.labelled_form import check
from drift.streams import child_of, stream

LARGEST_GAIN = 3.0  # times the median
SILENT = 0.01  # times the median rate of the active units, below which a unit is all but silent
Tracks = dict[tuple[str, int], xr.Dataset]


def own_number(dataset: xr.Dataset, subject: int) -> int:
    """Return a number that belongs to a subject whatever its company: its seed, or a checksum of
    its label.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset.
    subject : int
        Position along the dim.

    Returns
    -------
    int
    """
    if "seed" in dataset.coords and bool(np.isfinite(dataset["seed"][subject])):
        return int(dataset["seed"][subject])
    return child_of(str(dataset["subject"].values[subject]))


def own_stream(dataset: xr.Dataset, subject: int, seed: int) -> np.random.Generator:
    """Return the stream of observation of one subject, which depends on ``seed`` and ``own_number``
    only.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset.
    subject : int
        Position along the dim.
    seed : int
        Not negative.

    Returns
    -------
    numpy.random.Generator
    """
    if seed < 0:
        raise RefusedInputError(f"seed must not be negative, got {seed}: use 0, 1, 2, ...")
    return stream((seed << 64) + own_number(dataset, subject), "observation")


def recorded_sessions(recorded: xr.Dataset, subject: int) -> np.ndarray:
    """Return the positions of the sessions in which a subject was recorded at all.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset with ``recorded`` and ``elapsed``.
    subject : int
        Position along the dim.

    Returns
    -------
    numpy.ndarray
        (session) int.

    Raises
    ------
    RefusedInputError
        If the elapsed time of one is unknown, or there are fewer than two.
    """
    present = recorded["recorded"].isel(subject=subject).any("unit").values
    label = str(recorded["subject"].values[subject])
    unknown = present & ~np.isfinite(recorded["elapsed"].isel(subject=subject).values)
    if unknown.any():
        sessions = ", ".join(map(str, recorded["session"].values[unknown]))
        raise RefusedInputError(
            f"elapsed of subject {label} must be finite, got NaN in session {sessions}: give "
            "real elapsed time."
        )
    if present.sum() < 2:
        raise RefusedInputError(
            f"at least two sessions of subject {label} are needed, got {present.sum()}: "
            "change takes two to be seen."
        )
    return np.flatnonzero(present)


def untrained_sessions(run: xr.Dataset) -> int:
    """Return how many sessions at the start of a run know nothing: one where elapsed counts
    learning steps, none for a circuit.

    Parameters
    ----------
    run : xarray.Dataset
        Longitudinal Dataset of ``train`` or of drifting circuits.
    """
    return int(run["elapsed"].attrs.get("units", "step") == "step")


def matched_sessions(
    run: np.ndarray, recorded: np.ndarray, time_scale: float | None = None, *, untrained: int = 1
) -> np.ndarray:
    """Session of a run that stands for each recorded session; the first one of a learning run,
    before learning, stands for none.

    Without a time scale sessions match by relative elapsed time, (t - t_first) / (t_last -
    t_first); with one, a recorded session t is matched by t_run = t_run,first + time_scale (t -
    t_first). The nearest session is taken.

    Parameters
    ----------
    run : numpy.ndarray
        (session) elapsed of the run; NaN where there is none.
    recorded : numpy.ndarray
        (session) elapsed of the recording.
    time_scale : float, optional
        Units of elapsed of the run per unit of elapsed of the recording.
    untrained : int
        Sessions at the start of the run that are left out; 0 for a circuit, which knows its places
        from the first session on.

    Returns
    -------
    numpy.ndarray
        (session of the recording) positions along the session of the run.

    Raises
    ------
    RefusedInputError
        If fewer than two sessions follow learning, or the recording is longer than the run.
    """
    learned = np.flatnonzero(np.isfinite(run[untrained:])) + untrained
    if learned.size < 2:
        raise RefusedInputError(
            "a run needs at least two sessions "
            f"{'after its first one' if untrained else 'to show change'}, got {learned.size}: "
            f"{'session 0 knows nothing; train longer' if untrained else 'simulate more'}."
        )
    times, span = run[learned], np.ptp(recorded)
    since = recorded - recorded[0]
    if time_scale is None:
        matched_times = times[0] + np.ptp(times) * (
            since / span if span > 0 else np.zeros_like(since)
        )
    else:
        matched_times = times[0] + time_scale * since
        if not time_scale > 0 or matched_times[-1] > times[-1] * (1 + 1e-9):
            raise RefusedInputError(
                f"a recording of {span:g} needs a run until {matched_times[-1]:g} at a "
                f"time_scale of {time_scale:g}, got one until {times[-1]:g}: "
                "there is no overlap; train longer or change time_scale."
            )
    return learned[np.abs(times[:, np.newaxis] - matched_times).argmin(axis=0)]


def _kept_tracks(sessions: Iterable[xr.Dataset], tracks: Tracks) -> Iterator[xr.Dataset]:
    for session in sessions:
        yield session
        names = [
            name
            for name in ("position", "velocity", "direction", "trial", "duration")
            if name in session
        ]
        track = session[names].assign_attrs(session.attrs)
        duration = durations(session)
        if isinstance(duration, xr.DataArray):
            track = track.assign(duration=duration.variable.to_base_variable())
        tracks[str(session["subject"].item()), int(session["session"].item())] = track


def as_recorded(like: xr.Dataset | Iterable[xr.Dataset]) -> tuple[xr.Dataset, Tracks]:
    """Return a recording as longitudinal Dataset, and the tracks of its sessions where they were
    given.

    Parameters
    ----------
    like : xarray.Dataset or iterable of xarray.Dataset
        Longitudinal Dataset of ``measure``, or session Datasets, whose amplitudes are counted.

    Returns
    -------
    recorded : xarray.Dataset
        In events, see ``drift.measurement.event_counting.counted_maps``.
    tracks : dict
        (subject, session) to a Dataset with position and what else is known of behaviour; empty for
        a longitudinal Dataset.

    Raises
    ------
    RefusedInputError
        If there is no session, or a longitudinal Dataset lacks what is needed or holds amplitudes
        without their numbers of events.
    """
    tracks: Tracks = {}
    recorded = (
        like
        if isinstance(like, xr.Dataset)
        else measure(_kept_tracks(counted_events(like), tracks))
    )
    check(recorded, "rate", "occupancy", "recorded", "elapsed")
    require_places(recorded, "a lens, through which a simulation is seen,")
    missing = [name for name in ("bin_size", "minimum_speed") if name not in recorded.attrs]
    unlabelled = [
        name for name in ("subject", "session", "unit_identity") if name not in recorded.coords
    ]
    if unlabelled:
        raise RefusedInputError(
            f"a recording labels {', '.join(unlabelled)} by coordinates, got none: pass the "
            "result of measure."
        )
    if missing:
        raise RefusedInputError(
            f"a recording states {' and '.join(missing)} in its attributes, got none: pass "
            "the result of measure."
        )
    recorded = counted_maps(recorded, "a lens, through which events are drawn,")
    if not (recorded["recorded"] == 1).any():
        raise RefusedInputError(
            "the recording holds no session in which a unit was recorded: check the filters "
            "of the reader."
        )
    return recorded, tracks


def _filled(maps: np.ndarray, ring: bool) -> np.ndarray:
    """Maps (map, place) in which places that were not visited have the rate between their
    neighbours."""
    places, period = np.arange(maps.shape[-1]), maps.shape[-1] if ring else None
    return np.stack(
        [
            np.interp(places, places[visited], row[visited], period=period)
            if (visited := np.isfinite(row)).any()
            else row
            for row in maps
        ]
    )


def _overlap(places: int, simulated: int) -> np.ndarray:
    """(simulated, place) share of each simulated place in each recorded one when both divide the
    same length."""
    low, own = np.arange(places) / places, np.arange(simulated)[:, np.newaxis] / simulated
    shared = np.minimum(low + 1 / places, own + 1 / simulated) - np.maximum(low, own)
    return np.clip(shared, 0.0, None) * places


def _in_plane(maps: np.ndarray, rate: xr.DataArray, recorded: xr.Dataset) -> np.ndarray:
    """Maps (map, place) at recorded places of a plane: each has the rate of the nearest simulated
    place that was visited; planes in other units are laid over each other by their extents."""
    own, theirs = (
        np.column_stack([labelled["place_x"].values, labelled["place_y"].values])
        for labelled in (rate, recorded)
    )
    if rate["place_x"].attrs.get("units") != recorded["place_x"].attrs.get("units"):
        own, theirs = ((place - place.min(0)) / np.ptp(place, axis=0) for place in (own, theirs))
    visited = np.flatnonzero(np.isfinite(maps).any(0))
    if visited.size == 0:
        return np.full((len(maps), len(theirs)), np.nan)
    apart = np.square(theirs[:, np.newaxis] - own[visited]).sum(-1)  # (recorded, simulated)
    return maps[:, visited[apart.argmin(1)]]


def simulated_rate(
    rate: xr.DataArray, places: int, recorded: xr.Dataset | None = None
) -> np.ndarray:
    """Lay simulated places along recorded ones, in order, and fill the gaps between visited places;
    in a plane take the nearest.

    Parameters
    ----------
    rate : xarray.DataArray
        (session, unit, place[, direction]) of one subject.
    places : int
        Number of recorded places; in a plane they are taken in the order of their numbers, unless
        both sides say where they lie.
    recorded : xarray.Dataset, optional
        Longitudinal Dataset of the recording.

    Returns
    -------
    numpy.ndarray
        (session, unit, place, 3): on the way out, back, and the mean of the two, as far as they are
        known. Each place has the mean rate over its share of the simulated track; a direction in
        which the run never went is NaN.

    Raises
    ------
    RefusedInputError
        If the run has several environments.
    """
    if "environment" in rate.dims:
        if rate.sizes["environment"] > 1:
            raise RefusedInputError(
                f"a run in one environment is needed, got {rate.sizes['environment']}: select "
                "one with run.isel(environment=0)."
            )
        rate = rate.isel(environment=0)
    if "direction" in rate.dims and set(rate["direction"].values.tolist()) != set(DIRECTIONS):
        raise RefusedInputError(
            "a run with the ways 1 and -1 is needed, got "
            f"{rate['direction'].values.tolist()}: keep both, or take one by isel(direction=0)."
        )
    ways = (
        [rate.sel(direction=sign) for sign in DIRECTIONS]
        if "direction" in rate.dims
        else [rate, rate]
    )
    values = np.stack(
        [way.transpose("session", "unit", "place").values.astype(float) for way in ways]
    )  # (way, session, unit, place)
    maps = values.reshape(-1, values.shape[-1])
    if recorded is not None and "place_x" in rate.coords and "place_x" in recorded.coords:
        laid = _in_plane(maps, rate, recorded)
    else:
        laid = _filled(maps, closes(rate)) @ _overlap(places, values.shape[-1])
    laid = laid.reshape(*values.shape[:3], places)
    finite = np.isfinite(laid)
    total, ways_known = np.where(finite, laid, 0.0).sum(axis=0), finite.sum(axis=0)
    mean = np.divide(total, ways_known, out=np.full(total.shape, np.nan), where=ways_known > 0)
    return np.moveaxis(np.concatenate([laid, mean[np.newaxis]]), 0, -1)


def mean_rates(rate: np.ndarray, occupancy: np.ndarray) -> np.ndarray:
    """Mean rate over the time at visited places.

    Parameters
    ----------
    rate : numpy.ndarray
        (unit, place, way), NaN where not known.
    occupancy : numpy.ndarray
        (place, way) in s.

    Returns
    -------
    numpy.ndarray
        (unit), NaN where no place was visited.
    """
    time = np.where(np.isfinite(rate), occupancy, 0.0)
    total = time.sum(axis=(-2, -1))
    events = np.where(np.isfinite(rate), rate * occupancy, 0.0).sum(axis=(-2, -1))
    return np.divide(events, total, out=np.full(total.shape, np.nan), where=total > 0)


def recorded_rates(recorded: xr.Dataset) -> np.ndarray:
    """Mean event rates of the units with any event.

    Parameters
    ----------
    recorded : xarray.Dataset
        One session of one subject, with ``rate`` (unit, place[, direction]) and ``occupancy``.

    Returns
    -------
    numpy.ndarray
        (active unit) in events/s, above 0.
    """
    occupancy = recorded["occupancy"].fillna(0.0)
    rate = recorded["rate"]
    if "direction" not in rate.dims:
        occupancy, rate = occupancy.expand_dims("direction", -1), rate.expand_dims("direction", -1)
    means = mean_rates(
        rate.transpose("unit", "place", "direction").values,
        occupancy.transpose("place", "direction").values,
    )
    return means[means > 0]


def gains(simulated: np.ndarray, recorded: np.ndarray) -> np.ndarray:
    """Factors that give simulated units the recorded mean event rate, and its distribution as far
    as no unit becomes too loud.

    gain_i = c min(Q((rank_i + 1/2) / n) / m_i, ``LARGEST_GAIN`` times the median of these), with Q
    the quantile function of the recorded rates, m_i the mean simulated rates and rank_i their order
    among the n units that are active: a unit that is all but silent at first would otherwise deafen
    the population when it wakes. What quiet units lack by that, c gives to all in proportion, so
    that the active units have the recorded mean rate; c = 1 and quantiles agree where no unit is so
    quiet. Silent units have no rank and take the median factor; units below ``SILENT`` of the
    median rate do not count in c.

    Parameters
    ----------
    simulated : numpy.ndarray
        (unit) mean rates, not negative.
    recorded : numpy.ndarray
        (recorded unit) mean event rates above 0, in events/s.

    Returns
    -------
    numpy.ndarray
        (unit) events/s per unit of simulated rate; 0 if all units are silent.
    """
    active = np.flatnonzero(simulated > 0)
    if active.size == 0:
        return np.zeros(simulated.shape)
    order = active[np.argsort(simulated[active], kind="stable")]
    target_rates = np.full(simulated.shape, np.nan)
    target_rates[order] = np.quantile(recorded, (np.arange(order.size) + 0.5) / order.size)
    factors = np.divide(
        target_rates, simulated, out=np.full(simulated.shape, np.nan), where=simulated > 0
    )
    usual = np.nanmedian(factors)
    limited = np.minimum(np.where(np.isnan(factors), usual, factors), LARGEST_GAIN * usual)
    heard = simulated > SILENT * np.median(simulated[active])
    return limited * (target_rates[heard].sum() / (limited * simulated)[heard].sum())
