"""Sessions as objects of pynapple, and back. Needs the package pynapple.

``nap.compute_tuning_curves`` on these objects is ``drift.measure``: on a track, with ``recorded =
drift.measure(session)``,

    width = session.attrs["bin_size"]
    edges = np.append(recorded.place - width / 2, recorded.place[-1] + width / 2)
    curves = nap.compute_tuning_curves(
        objects["activity"], objects["position"], bins=[edges], epochs=objects["running"]
    )

``curves * sampling_rate`` are the rate maps at every place visited for longer than
``minimum_occupancy``, and ``curves.attrs["occupancy"] / sampling_rate`` is the occupancy; of the
spikes, ``compute_tuning_curves(objects["spikes"], ..., fs=sampling_rate)`` are the rate maps
themselves. Where maps are split by running direction the epochs are ``objects["outbound"]`` and
``objects["inbound"]``. In a plane there is one list of edges for each axis, and a place is the bin
at ``place_x``, ``place_y``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from data_adapters.acceptance import accepted_units
from data_adapters.alignment import held_at
from data_adapters.exchange.epochs import PRECISION, epoch_frame_ends, within_epochs
from data_adapters.exchange.frames import (
    frame_counts,
    interval_bounds,
    outside_note,
    runs,
    spike_times,
    stretches,
)
from data_adapters.exchange.labels import checked, session_labels, session_name
from data_adapters.exchange.lazy_series import in_length, loaded
from data_adapters.exchange.pynapple_series import (
    series_epochs,
    unit_names,
    unit_words,
)
from data_adapters.session import session_dataset
from drift.door import opened
from drift.measurement.running_samples import is_directed, some_running_samples
from drift.metrics.clocks import refuse_times, sample_times
from drift.schema.labelled_form import RefusedInputError

GAP = 1e-6  # s; intervals of pynapple do not touch
AXES = ("x", "y")
BESIDE = ("velocity", "direction", "duration")


def package() -> Any:
    """Return pynapple, or refuse in one sentence where it is not installed."""
    try:
        import pynapple
    except ImportError as error:
        raise RefusedInputError(
            "objects of pynapple need the package pynapple, got none: pip install repdrift[nwb]."
        ) from error
    return pynapple


@opened
def to_pynapple(
    session: xr.Dataset, *, minimum_speed: float | None = None, spikes: bool = False
) -> dict[str, Any]:
    """Objects of pynapple that hold one session, named by what they are.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset of a reader, or of ``drift.observe``.
    minimum_speed : float, optional
        Speed above which samples are running, in units of position per second; by default what the
        session recommends, as in ``drift.measure``.
    spikes : bool
        Add ``spikes``; activity must then be counts.

    Returns
    -------
    dict
        ``activity``: TsdFrame (sample, unit) in events, its columns the numbers of units, with the
        metadata ``unit_label``. ``position``: Tsd, or TsdFrame with the columns x and y, in cm or
        pixel, NaN where tracking was lost. ``velocity``, ``direction``: Tsd, where known;
        ``duration``: Tsd, s, where samples have times. ``running``: IntervalSet of the samples that
        ``drift.measure`` counts; where running directions are known on a track, also ``outbound``
        (towards larger positions) and ``inbound``. ``trials``: IntervalSet with the metadata
        ``trial``, where known. ``spikes``: TsGroup, spread evenly over the first half of their
        frames. ``session``: dict, what these objects cannot hold. An interval ends a microsecond
        before the sample that follows it; times are rounded to 1e-9 s.

    Raises
    ------
    RefusedInputError
        If pynapple is not installed, a label is missing, the session is labelled by stimuli, no
        sample is running, or spikes are asked for where activity is no counts.

    Examples
    --------
    >>> session = next(data_adapters.sessions("interchange", "recordings"))
    >>> objects = data_adapters.to_pynapple(session)
    >>> objects["activity"].restrict(objects["running"])
    """
    nap = package()
    session = checked(session)
    time, labels = sample_times(session), session_labels(session)
    metadata, timing = (
        {"unit_label": labels["unit_label"]},
        {"t": time, "time_support": _pieces(time)},
    )
    objects: dict[str, Any] = {
        "activity": nap.TsdFrame(
            d=session["activity"].values, columns=labels["unit"], metadata=metadata, **timing
        ),
        "position": _position(session, timing),
        **{name: nap.Tsd(d=session[name].values, **timing) for name in BESIDE if name in session},
        **_running(
            session, time, labels["minimum_speed"] if minimum_speed is None else minimum_speed
        ),
    }
    if "trial" in session:
        first, last = runs(session["trial"].values, time)
        objects["trials"] = _intervals(time, first, last, session["trial"].values)
    if spikes:
        objects["spikes"] = _spikes(session, time, metadata)
    session_time = session["time"].values if "time" in session.coords else None
    return {
        **objects,
        "session": {
            **{
                label: value
                for label, value in labels.items()
                if label not in ("unit", "unit_label")
            },
            "time": session_time,
        },
    }


@opened
def from_pynapple(objects: Mapping[str, Any], **labels: Any) -> xr.Dataset:
    """Session Dataset of objects of pynapple; ``drift.measure`` takes it.

    Parameters
    ----------
    objects : mapping
        ``position`` and either ``activity`` (TsdFrame; its own clock, the position is interpolated
        at it) or ``spikes`` (TsGroup, counted in the frames of the position); optional
        ``velocity``, ``direction``, ``trials`` and ``session``; see ``to_pynapple``. Where both are
        there, ``activity`` counts. What pynapple left in an NWB file is read, with its
        ``conversion`` and ``offset``, and positions in a unit of length become cm.
    **labels
        Arguments of ``data_adapters.session.session_dataset``, such as ``subject="m1", session=0,
        elapsed=0.0, elapsed_units="day", environment="A"``; they add to and replace those in
        ``objects["session"]``.

    Returns
    -------
    xarray.Dataset
        For objects of ``to_pynapple`` equal to the session that they were made of.

    Raises
    ------
    RefusedInputError
        If pynapple is not installed, or an object or a label is missing or of another kind.

    Examples
    --------
    >>> data = nap.load_file("mouse.nwb")
    >>> objects = {"spikes": data["units"], "position": data["position"]}
    >>> session = data_adapters.from_pynapple(objects, subject="m1", session=0, ...)
    """
    nap = package()
    for name, kinds in {
        "position": (nap.Tsd, nap.TsdFrame),
        **dict.fromkeys(BESIDE, (nap.Tsd,)),
    }.items():
        _of_kind(objects, name, kinds, needed=name == "position")
    _of_kind(objects, "activity", (nap.TsdFrame,), needed="spikes" not in objects)
    _of_kind(objects, "spikes", (nap.TsGroup,), needed=False)
    _of_kind(objects, "trials", (nap.IntervalSet,), needed=False)
    said = {**objects.get("session", {}), **labels}
    time, units = _events(objects)
    position, units_of_length = in_length(objects["position"], said)
    samples: dict[str, Any] = {"position": _at(objects["position"], position, time)}
    if units_of_length is not None:
        samples["position_units"] = units_of_length
    if "velocity" in objects:
        velocity = in_length(objects["velocity"], said)[0]
        samples["velocity"] = _at(objects["velocity"], velocity, time, np.inf)
    if "direction" in objects:
        samples["direction"] = held_at(
            loaded(objects["direction"]), objects["direction"].times(), time
        )
    if "duration" in objects and np.array_equal(objects["duration"].times(), time):
        samples["duration"] = loaded(objects["duration"])
    if "trials" in objects:
        trials = objects["trials"]
        numbers = (
            trials["trial"] if "trial" in trials.metadata_columns else np.arange(1, len(trials) + 1)
        )
        samples["trial"] = stretches(time, trials.start, trials.end, np.asarray(numbers))
    arguments = {
        "sampling_rate": float(np.round(1 / np.median(np.diff(time)), 6)),
        "source": "pynapple",
        **said,
    }
    missing = [
        name
        for name in ("subject", "session", "elapsed", "elapsed_units", "environment")
        if name not in arguments
    ]
    if missing:
        raise RefusedInputError(
            f"labels of the session were expected, got no {', '.join(missing)}: pass "
            f"{missing[0]}=..."
        )
    arguments.setdefault("unit_identity", f"session {arguments['session']}")
    arguments["time"] = _clock(time, said)
    return session_dataset(**{**units, **samples, **arguments})


def _position(session: xr.Dataset, timing: Mapping[str, Any]) -> Any:
    nap, values = package(), session["position"].values
    return (
        nap.Tsd(d=values, **timing)
        if values.ndim == 1
        else nap.TsdFrame(d=values, columns=list(AXES), **timing)
    )


def _pieces(time: NDArray[np.float64]) -> Any:
    """Stretches of samples without a gap."""
    return package().IntervalSet(
        *interval_bounds(time, *runs(np.ones(time.size, dtype=np.int64), time))
    )


def _intervals(
    time: NDArray[np.float64],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    trial: NDArray[np.int64] | None = None,
) -> Any:
    start, end = interval_bounds(time, first, last, GAP)
    return package().IntervalSet(
        start=start, end=end, metadata=None if trial is None else {"trial": trial[first]}
    )


def _running(
    session: xr.Dataset, time: NDArray[np.float64], minimum_speed: float
) -> dict[str, Any]:
    """Stretches of the samples that ``drift.measure`` counts, and of those of each running
    direction."""
    directed = is_directed(session, "auto")
    numbered = session.assign_coords(number=("sample", np.arange(time.size)))
    counted_samples = some_running_samples(numbered, minimum_speed, directed)["number"].values
    running = np.zeros(time.size, dtype=np.int64)
    running[counted_samples] = session["direction"].values[counted_samples] if directed else 1
    ways = {"running": np.abs(running)}
    ways |= (
        {"outbound": running * (running == 1), "inbound": running * (running == -1)}
        if directed
        else {}
    )
    return {name: _intervals(time, *runs(samples, time)) for name, samples in ways.items()}


def _spikes(session: xr.Dataset, time: NDArray[np.float64], metadata: Mapping[str, Any]) -> Any:
    nap, counts = package(), session["activity"].values
    if (counts != np.floor(counts)).any():
        got = f"{counts[counts != np.floor(counts)][0]:g}"
        raise RefusedInputError(
            f"activity of {session_name(session)} was expected to hold counts, got {got}: "
            "leave spikes out."
        )
    support = _pieces(time)
    trains = {
        int(unit): nap.Ts(t=train, time_support=support)
        for unit, train in zip(session["unit"].values, spike_times(counts, time), strict=True)
    }
    return nap.TsGroup(trains, time_support=support, metadata=dict(metadata))


def _of_kind(objects: Mapping[str, Any], name: str, kinds: tuple[type, ...], needed: bool) -> None:
    if name not in objects and not needed:
        return
    expected = " or ".join(kind.__name__ for kind in kinds)
    got = (
        type(objects[name]).__name__
        if name in objects
        else f"only {', '.join(map(str, objects)) or 'nothing'}"
    )
    if name not in objects or not isinstance(objects[name], kinds):
        raise RefusedInputError(
            f"objects were expected to hold {name} as {expected}, got {got}: name it so."
        )


def _events(objects: Mapping[str, Any]) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """Times of samples, and the arguments of ``session_dataset`` on units."""
    source = objects["activity"] if "activity" in objects else objects["spikes"]
    keys, number, labels = unit_names(source)
    accepted, left = accepted_units(unit_words(source), keys.size, "the metadata of objects")
    keys, number, labels = (
        keys[accepted],
        number[accepted],
        [label for label, good in zip(labels, accepted) if good],
    )
    if "activity" in objects:
        notes = {"attrs": {"notes": left}} if left else {}
        return source.times(), {
            "activity": loaded(source)[:, accepted],
            "unit": number,
            "unit_label": labels,
            **notes,
        }
    position = objects["position"]
    time = refuse_times(position.times(), "times of position")
    ends = epoch_frame_ends(time, series_epochs(position))
    counts, outside = frame_counts([source[key].times() for key in keys], time, ends)
    told = "; ".join(filter(None, (left, outside_note(outside) if outside else "")))
    notes = {"attrs": {"notes": told}} if told else {}
    return time, {
        "activity": counts,
        "duration": ends - time,
        "unit": number,
        "unit_label": labels,
        "events_are": "counts",
        **notes,
    }


def _at(
    series: Any,
    values: NDArray[np.float64],
    time: NDArray[np.float64],
    track_length: float | None = None,
) -> NDArray[np.float64]:
    """Values of a series at these times, within its epochs."""
    values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    epochs = series_epochs(series)
    return within_epochs(values, series.times(), epochs, time, track_length=track_length)


def _clock(time: NDArray[np.float64], said: Mapping[str, Any]) -> NDArray[np.float64] | None:
    """Times as they were before pynapple rounded them (None: counted), or its own where samples
    were left out since."""
    if "time" not in said:
        return time
    counted = np.arange(time.size) / said["sampling_rate"]
    before = counted if said["time"] is None else np.asarray(said["time"])
    unchanged = before.shape == time.shape and np.abs(before - time).max() < PRECISION
    return said["time"] if unchanged else time
