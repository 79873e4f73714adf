"""What an experimenter would have recorded of a simulated subject: noise-free rates seen through
the lens of a recording."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr
from scipy.signal import lfilter

from drift.door import opened
from drift.door.quantities import Positive, SamplingRate, Seed
from drift.errors import RefusedInputError
from drift.metrics.places import of_ring
from drift.observation.laps import (
    DIRECTIONS,
    directed_occupancy,
    nearest_places,
    place_centres,
    track,
)
from drift.observation.lens import (
    Tracks,
    as_recorded,
    gains,
    matched_sessions,
    mean_rates,
    own_number,
    own_stream,
    recorded_rates,
    recorded_sessions,
    simulated_rate,
    untrained_sessions,
)
from drift.observation.rules import Observation
from drift.schema.labelled_form import check


class SeenSubject(NamedTuple):
    """One simulated subject, and the recorded one whose lens it is seen through."""

    label: str
    recorded: xr.Dataset  # its sessions of one recorded subject
    matched: np.ndarray  # (session) session of the run that stands for each of them
    elapsed: np.ndarray  # (session) of these, in units of the run
    rate: (
        np.ndarray
    )  # (session, unit, place, way) of these, in events/s; out, back, and the mean of the two
    names: (
        np.ndarray
    )  # (unit) their numbers in the run; those without rates in a session shown are not among them
    experiment: str  # its recipe, if it has one


def calcium_events(
    spikes: np.ndarray, sampling_rate: float, decay_time: float, detection_threshold: float
) -> np.ndarray:
    """Amplitudes of the calcium transients that a detector would report.

    Fluorescence f_t = f_{t-1} exp(-1 / (decay_time sampling_rate)) + n_t; a transient is a local
    maximum of at least ``detection_threshold``, its amplitude is its height. Lone spikes below the
    threshold are missed, bursts merge.

    Parameters
    ----------
    spikes : numpy.ndarray
        (unit, sample) counts n_t.
    sampling_rate : float
        In Hz.
    decay_time : float
        In s.
    detection_threshold : float
        In heights of the transient of one spike.

    Returns
    -------
    numpy.ndarray
        (unit, sample), 0 where no transient peaks.
    """
    trace = lfilter([1.0], [1.0, -np.exp(-1 / (decay_time * sampling_rate))], spikes, axis=-1)
    before = np.pad(trace[:, :-1], ((0, 0), (1, 0)))
    after = np.pad(trace[:, 1:], ((0, 0), (0, 1)))
    return np.where(
        (trace > before) & (trace >= after) & (trace >= detection_threshold), trace, 0.0
    )


def seen_subject(
    run: xr.Dataset, number: int, recorded: xr.Dataset, rules: Observation
) -> SeenSubject:
    """One subject of a run, by its position along the dim, at the sessions and places of the
    recorded one that it is seen like.

    Parameters
    ----------
    run : xarray.Dataset
        Longitudinal Dataset with rates.
    number : int
        Position along the dim subject.
    recorded : xarray.Dataset
        Longitudinal Dataset of ``as_recorded``.
    rules : Observation
    """
    which = own_number(run, number) % recorded.sizes["subject"]
    # what is seen of a lens, and no more: all else would be selected again for each session
    needed = recorded[["rate", "occupancy", "recorded"]]
    like = needed.isel(subject=which, session=recorded_sessions(recorded, which))
    elapsed, label = run["elapsed"].isel(subject=number).values, str(run["subject"].values[number])
    matched = matched_sessions(
        elapsed, like["elapsed"].values, rules.time_scale, untrained=untrained_sessions(run)
    )
    rate = simulated_rate(
        run["rate"].isel(subject=number, session=matched), recorded.sizes["place"], recorded
    )
    names = np.flatnonzero(
        np.isfinite(rate).any(axis=(2, 3)).all(axis=0)
    )  # a frozen recording lacks units of its session
    if names.size == 0:
        raise RefusedInputError(
            f"subject {label} of the run was expected to have units with rates in all "
            "sessions shown, got NaN: leave it out."
        )
    recipe = str(run["experiment"].values[number]) if "experiment" in run.coords else ""
    return SeenSubject(
        label,
        like,
        matched,
        elapsed[matched],
        _in_events(rate[:, names], like.isel(session=0)),
        names,
        recipe,
    )


def _in_events(rate: np.ndarray, first: xr.Dataset) -> np.ndarray:
    """Rates in events/s, by factors of the first session, so that later changes are those of the
    code."""
    events = recorded_rates(first)
    if events.size == 0:
        raise RefusedInputError(
            f"subject {first['subject'].item()} was expected to have events in session "
            f"{first['session'].item()}, got none: leave it out."
        )
    factors = gains(mean_rates(rate[0, ..., :2], directed_occupancy(first["occupancy"])), events)
    return rate * factors[:, np.newaxis, np.newaxis]


def chosen_units(subject: SeenSubject, rng: np.random.Generator) -> list[np.ndarray]:
    """Simulated unit behind each recorded one (-1: missing) in each session; units that are not
    tracked are drawn anew.

    Parameters
    ----------
    subject : SeenSubject
    rng : numpy.random.Generator
    """
    present = subject.recorded["recorded"].transpose("session", "unit").values == 1
    cells = np.flatnonzero(present.any(axis=0))
    drawn: dict[str, np.ndarray] = {}
    units_by_session = []
    for identity, observed in zip(subject.recorded["unit_identity"].values, present, strict=True):
        if str(identity) not in drawn:
            drawn[str(identity)] = np.full(present.shape[1], -1)
            of_cells = rng.permutation(subject.rate.shape[1])[: cells.size]
            drawn[str(identity)][rng.permutation(cells)[: of_cells.size]] = of_cells
        units_by_session.append(np.where(observed, drawn[str(identity)], -1))
    return units_by_session


def _activity(
    rate: np.ndarray,
    behaviour: xr.Dataset,
    recorded: xr.Dataset,
    rng: np.random.Generator,
    rules: Observation,
    label: str,
) -> np.ndarray:
    """(sample, unit) events; none where the position is unknown, which no measure counts."""
    sampling_rate = float(recorded["sampling_rate"])
    place = nearest_places(behaviour["position"], place_centres(recorded), of_ring(recorded))
    way = np.full(place.size, 2)
    if "direction" in behaviour and "axis" not in behaviour["position"].dims:
        way = np.select(
            [behaviour["direction"].values == 1, behaviour["direction"].values == -1], [0, 1], 2
        )
    expected = np.where(place >= 0, rate[:, place, way], 0.0)  # (unit, sample) in events/s
    if not np.isfinite(expected).all():
        raise unrated(label, int(way[~np.isfinite(expected).all(axis=0)][0]))
    expected = (
        expected * behaviour["duration"].values
        if "duration" in behaviour
        else expected / sampling_rate
    )
    spikes = rng.poisson(expected)
    if rules.events == "calcium":
        return np.ascontiguousarray(
            calcium_events(spikes, sampling_rate, rules.decay_time, rules.detection_threshold).T
        )
    return np.ascontiguousarray(spikes.T, dtype=float)


def unrated(label: str, way: int) -> RefusedInputError:
    """The refusal of a session whose subject runs where its run has no rates.

    Parameters
    ----------
    label : str
        Of subject and session.
    way : int
        0 for the way out, 1 for the way back.
    """
    return RefusedInputError(
        f"{label} of the recording runs in direction {DIRECTIONS[way % 2]}, in which the run has "
        "no rates: average the directions of the run, or "
        "observe like a recording measured with direction='pooled'."
    )


def _session(
    subject: SeenSubject,
    number: int,
    units: np.ndarray,
    tracks: Tracks,
    rng: np.random.Generator,
    rules: Observation,
) -> xr.Dataset:
    recorded = subject.recorded[["occupancy"]].isel(session=number)
    label = f"subject {subject.label}, session {recorded['session'].item()}"
    recorded_track = tracks.get((str(recorded["subject"].item()), int(recorded["session"].item())))
    sampling_rate = (
        rules.sampling_rate if recorded_track is None else recorded_track["sampling_rate"].item()
    )
    behaviour = (
        track(recorded, sampling_rate, rng, label) if recorded_track is None else recorded_track
    )
    cells = np.flatnonzero(units >= 0)
    if cells.size == 0:
        raise RefusedInputError(
            f"{label} was expected to show at least one unit, got none of "
            f"{subject.rate.shape[1]}: train more units."
        )
    sampled = recorded.assign_coords(sampling_rate=sampling_rate)
    activity = _activity(subject.rate[number][units[cells]], behaviour, sampled, rng, rules, label)
    kind = "counts" if rules.events == "poisson" else "amplitudes"
    variables = {
        "activity": (("sample", "unit"), activity, {"units": "events", "kind": kind}),
        "detected_units": ((), cells.size, {"units": "1"}),
    }
    names = [f"unit {unit}" for unit in subject.names[units[cells]]]
    clock = {"time": behaviour.variables["time"]} if "time" in behaviour.coords else {}
    return xr.Dataset(
        {**variables, **{name: behaviour.variables[name] for name in behaviour.data_vars}},
        coords={
            "unit": cells, "unit_label": ("unit", names), **_labels(subject, sampled), **clock,
        },
        attrs=_attributes(subject, number, rules),
    )  # fmt: skip


def _labels(subject: SeenSubject, recorded: xr.Dataset) -> dict[str, object]:
    session_labels = {
        name: recorded[name].item()
        for name in ("session", "environment", "unit_identity", "sampling_rate")
    }
    if "visits" in recorded.coords:
        session_labels["visits"] = recorded["visits"].item()
    attrs = {"units": str(recorded["elapsed"].attrs.get("units", "1"))}
    recipe = {"experiment": subject.experiment} if subject.experiment else {}
    return {
        **recipe,
        "subject": subject.label,
        **session_labels,
        "elapsed": ((), recorded["elapsed"].item(), attrs),
    }


def _attributes(subject: SeenSubject, number: int, rules: Observation) -> dict[str, str | float]:
    recorded = subject.recorded
    return {
        **{name: float(recorded.attrs[name]) for name in ("bin_size", "minimum_speed")},
        "geometry": str(recorded.attrs.get("geometry", "unknown")),
        **_extent(recorded),
        "source": f"simulated, observed like {recorded.attrs.get('source', 'unknown')}",
        "like": str(recorded["subject"].item()),
        "run_session": int(subject.matched[number]),
        "run_elapsed": float(subject.elapsed[number]),
        "events": rules.events,
        "seed": rules.seed,
        "observation": rules.to_json(),
    }


def _extent(recorded: xr.Dataset) -> dict[str, float]:
    """Length of the track and edges, where the recording knows them, so that sessions are measured
    on the same grid."""
    return {
        name: float(recorded.attrs[name])
        for name in ("track_length", "first_edge", "last_edge")
        if name in recorded.attrs
    }


def _observed(
    run: xr.Dataset, recorded: xr.Dataset, tracks: Tracks, rules: Observation
) -> Iterator[xr.Dataset]:
    for number in range(run.sizes["subject"]):
        subject = seen_subject(run, number, recorded, rules)
        cells, *sources = own_stream(run, number, rules.seed).spawn(1 + subject.matched.size)
        units = chosen_units(subject, cells)
        for session, rng in enumerate(sources):
            yield _session(subject, session, units[session], tracks, rng, rules)


@opened
def observe(
    run: xr.Dataset,
    like: xr.Dataset | Iterable[xr.Dataset],
    *,
    seed: Seed = 0,
    events: Literal["poisson", "calcium"] = "poisson",
    sampling_rate: SamplingRate = 20.0,
    decay_time: Positive = 0.5,
    detection_threshold: float = 2.0,
    time_scale: float | None = None,
) -> Iterator[xr.Dataset]:
    """Turn noise-free simulated rates into sessions that look like those of a recording;
    ``measure`` takes them.

    Every simulated subject is seen through the lens of one recorded subject, chosen by its own
    seed: its sessions and their elapsed time, its positions (or a to-and-fro run with the recorded
    time at each place), its number of units and their gaps. Counts are Poisson with mean gain_i
    r_i(x) / sampling_rate, or times the duration of the sample where samples have times; gain_i
    gives the units the recorded mean event rate in the first session, and its distribution,
    quantile by quantile, as far as no gain exceeds three times the median (see
    ``drift.observation.lens.gains``); it stays, so that later changes are those of the code.
    Simulated places lie along the recorded ones in order (in a plane: in the order of their
    numbers); places that the run never visited take the rate between their neighbours.

    Parameters
    ----------
    run : xarray.Dataset
        Longitudinal Dataset of ``train`` with ``rate`` (subject, session, unit, place[,
        direction]); its session 0, before learning, is left out where elapsed counts learning
        steps.
    like : xarray.Dataset or iterable of xarray.Dataset
        Longitudinal Dataset of ``measure``, or session Datasets, whose positions are then used as
        they are.
    seed : int
        Of the stream "observation"; with it the subject's own seed (or label) decides all draws,
        not its company.
    events : {"poisson", "calcium"}
        Counts, or amplitudes of the transients that they cause; see ``calcium_events``. Gains match
        the rate before detection.
    sampling_rate : float
        In Hz, where ``like`` is longitudinal and does not know it.
    decay_time : float
        Of a calcium transient, in s.
    detection_threshold : float
        In heights of the transient of one spike.
    time_scale : float, optional
        Learning steps per recorded unit of elapsed time; by default the sessions of the run span
        those of the recording.

    Yields
    ------
    xarray.Dataset
        Session Dataset; attributes ``run_session`` and ``run_elapsed`` tell which session of the
        run is shown, ``like`` which recorded subject, and ``observation`` holds these options.
        Where the run has fewer units than were
        recorded all of them are shown; units without rates in a session that is shown (of a
        recording whose code was frozen) are none of them. Units that the recording does not track
        are drawn anew for each ``unit_identity``.

    Raises
    ------
    RefusedInputError
        If the run has no rates, several environments or a single learned session, the recording has
        no or a single session of a subject or unknown elapsed time, there is no overlap, or an
        option is unknown.
    SchemaError
        If a Dataset lacks a variable.
    """
    rules = Observation(
        seed=seed,
        events=events,
        sampling_rate=sampling_rate,
        decay_time=decay_time,
        detection_threshold=detection_threshold,
        time_scale=time_scale,
    )
    check(run, "rate", "elapsed")
    own_stream(run, 0, seed)
    recorded, tracks = as_recorded(like)
    return _observed(run, recorded, tracks, rules)
