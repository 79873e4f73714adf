"""What a recording is, and its numbers session by session, in words and tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape

import numpy as np
import xarray as xr

from drift.comparison.sources import of_subjects
from drift.errors import RefusedInputError
from drift.metrics.rooms import environment_labels, environments, in_environment
from drift.metrics.stability.corrected import corrected_similarity
from drift.metrics.stability.correlations import mean_rate_map_correlation
from drift.metrics.time_course.lag_classes import curve_by_lag
from drift.observation.lens import untrained_sessions
from drift.reporting.captions import spread
from drift.reporting.map_words import map_row, map_words
from drift.reporting.panels import ceiling_or_reason
from drift.reporting.stability import stability_columns, stability_sentences
from drift.reporting.tables import Cell, plain_table, table
from drift.reporting.wording import counted, listed, number, plural, singular
from drift.schema.map_dims import STIMULUS, map_dim

# Heading by variable; of units the mean, over place cells where these alone count.
COLUMNS = {
    "running_time": "running (s)",
    "tracked_time": "tracked (s)",
    "detected_units": "cells recorded",
    "active_units": "active cells",
    "place_units": "place cells",
    "fraction_place_units": "place cells / recorded",
    "spatial_information": "spatial information",
}
OVER_STIMULI = {
    "running_time": "counted (s)",
    "tracked_time": "with a stimulus (s)",
    "place_units": "informative cells",
    "fraction_place_units": "informative cells / recorded",
    "spatial_information": "stimulus information",
}
MOST_NAMED = 6  # subjects that are named


def _units_of_time(recorded: xr.Dataset) -> str:
    return str(recorded["elapsed"].attrs.get("units", ""))


def _times(recorded: xr.Dataset) -> np.ndarray:
    """(subject, session)"""
    return recorded["elapsed"].transpose("subject", "session").values.astype(float)


def _observed(recorded: xr.Dataset) -> np.ndarray:
    """(subject, session) bool, sessions that were recorded."""
    present = (recorded["recorded"] == 1).any("unit").transpose("subject", "session").values
    return np.asarray(present & np.isfinite(_times(recorded)))


def about(recorded: xr.Dataset) -> str:
    """Return who and what was recorded, as a table in HTML.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset.
    """
    return plain_table("Who and what was recorded", [*_who(recorded), *_where(recorded)])


def _who(recorded: xr.Dataset) -> Iterator[tuple[str, str]]:
    names, sessions = recorded["subject"].values.astype(str), _observed(recorded).sum(axis=1)
    further = f" and {names.size - MOST_NAMED} more" if names.size > MOST_NAMED else ""
    yield "source", str(recorded.attrs.get("source", recorded.attrs.get("title", "not known")))
    yield "subjects", f"{names.size}: {', '.join(names[:MOST_NAMED])}{further}"
    yield "sessions", f"{spread(sessions.astype(float))} a subject"
    times = np.where(_observed(recorded), _times(recorded), np.nan)
    present = np.isfinite(times).any(axis=1)
    spans = np.nanmax(times[present], axis=1) - np.nanmin(times[present], axis=1)
    yield "time from first to last", f"{spread(spans)} {plural(_units_of_time(recorded))}"
    if "detected_units" in recorded:
        cells = recorded["detected_units"].transpose("subject", "session").values
        yield "cells a session", spread(cells[_observed(recorded)].astype(float))
    yield "same cells in several sessions", _tracked(recorded)


def _tracked(recorded: xr.Dataset) -> str:
    if recorded.sizes["session"] < 2:
        return "one session only"
    if "unit_identity" not in recorded.coords:
        return "yes, in all sessions"
    labels = recorded["unit_identity"].transpose("subject", "session").values.astype(str)
    groups = [{label for label in row if label and (row == label).sum() > 1} for row in labels]
    if not any(groups):
        return "no: cells are not registered from session to session"
    alone = sum(int((row == label).sum() == 1) for row in labels for label in set(row) - {""})
    left = f"; {counted(alone, 'session')} not registered with any other" if alone else ""
    return f"yes{left}"


def _where(recorded: xr.Dataset) -> Iterator[tuple[str, str]]:
    if rooms := environments(recorded):
        yield (
            "rooms",
            ", ".join(
                f"{name} ({counted(sessions, 'session')})" for name, sessions in rooms.items()
            ),
        )
    yield map_row(recorded)
    yield "rates", str(recorded["rate"].attrs.get("units", "not known"))


def by_session(recorded: xr.Dataset) -> str:
    """Return the numbers of each session of each subject, as a table in HTML.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset.
    """
    recorded = recorded.isel(environment=0) if "environment" in recorded.dims else recorded
    texts, numbers = _texts(recorded), _number_columns(recorded)
    rows: list[list[Cell | str]] = [
        [
            *(str(column[place]) for column in texts.values()),
            *(_cell(column[place]) for column in numbers.values()),
        ]
        for place in zip(*np.nonzero(_observed(recorded)), strict=True)
    ]
    words = map_words(recorded)
    caption = (
        f"One row a session. {words.information.capitalize()} is the mean over {words.cells}, not "
        "corrected for the bias of few events"
    )
    return table("sessions", caption, [*texts, *numbers], rows, labels=len(texts))


def _texts(recorded: xr.Dataset) -> dict[str, np.ndarray]:
    """(subject, session) what rows are called, by the headings."""
    subjects, sessions = _times(recorded).shape
    names = np.repeat(recorded["subject"].values.astype(str)[:, np.newaxis], sessions, axis=1)
    rooms = environment_labels(recorded, subjects=subjects, sessions=sessions)
    columns = {"subject": names, "session": _session_labels(recorded)}
    if len(environments(recorded)) > 1:
        columns["room"] = rooms
    if "track_map" in recorded.coords:
        maps = recorded["track_map"].values.astype(str)
        several = len(set(", ".join(maps.ravel()).split(", ")) - {""}) > 1
        columns |= {"map of the track": maps} if several else {}
    return columns


def _number_columns(recorded: xr.Dataset) -> dict[str, np.ndarray]:
    """(subject, session) numbers, by the headings; those that are known of any session."""
    columns = {f"time ({plural(_units_of_time(recorded))})": _times(recorded)}
    headings = COLUMNS | (OVER_STIMULI if map_dim(recorded) == STIMULUS else {})
    for name, heading in headings.items():
        values = _numbers(recorded, name)
        units = "bits/event" if name == "spatial_information" else ""
        if np.isfinite(values).any():
            columns[f"{heading} ({units})" if units else heading] = values
    return columns | stability_columns(recorded)


def _numbers(recorded: xr.Dataset, name: str) -> np.ndarray:
    """(subject, session) of a variable, NaN where it is not known."""
    if name == "spatial_information" and "place_unit" not in recorded:
        return np.full(_times(recorded).shape, np.nan)
    return of_subjects(recorded, name)


def _session_labels(recorded: xr.Dataset) -> np.ndarray:
    """(subject, session) what sessions are called."""
    name = "session_label" if "session_label" in recorded.coords else "session"
    labels = (
        recorded[name].values if name in recorded.coords else np.arange(recorded.sizes["session"])
    )
    return np.broadcast_to(labels, _times(recorded).shape)


def _cell(value: float) -> Cell:
    return Cell(number(float(value)), float(value))


def headline(recorded: xr.Dataset, missing: Sequence[str]) -> list[str]:
    """Return what the recording says in short, in sentences.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset without sessions before learning.
    missing : sequence of str
        What cannot be drawn, and why.
    """
    return [
        _compass(recorded),
        *_fraction(recorded),
        *_similarity(recorded),
        *stability_sentences(recorded),
        *(f"{text[:1].upper()}{text[1:]}" for text in missing),
    ]


def _compass(recorded: xr.Dataset) -> str:
    """Who was recorded, in one sentence."""
    observed = _observed(recorded)
    simulated = "simulated " if "experiment" in recorded.coords else ""
    who = counted(recorded.sizes["subject"], f"{simulated}subject")
    rooms = list(environments(recorded))
    where = f" in {counted(len(rooms), 'room')} ({listed(rooms)})" if rooms else ""
    learned = " after learning" if untrained_sessions(recorded) else ""
    return f"{who}, {counted(int(observed.sum()), 'session')}{learned}{where}."


def _fraction(recorded: xr.Dataset) -> Iterator[str]:
    values = of_subjects(recorded, "fraction_place_units")
    present = [row[np.isfinite(row)] for row in values if np.isfinite(row).any()]
    if not present:
        return
    first, last = (np.mean([row[at] for row in present]) for at in (0, -1))
    name = f"fraction of {map_words(recorded).cells}"
    mean = f", mean over {len(present)} subjects" if len(present) > 1 else ""
    longest = max(row.size for row in present)
    if longest < 2:
        yield f"The {name} is {number(first)}{mean}."
        return
    start, end = number(first), number(last)
    later = "in the last" if start == end else f"{end} in the last"
    yield f"The {name} is {start} in the first session and {later}{mean}."


def _similarity(recorded: xr.Dataset) -> Iterator[str]:
    """The correlation at the shortest and the longest lag, and a caution about its noise."""
    rooms = list(environments(recorded))
    several = len(rooms) > 1
    told = list(_by_room(recorded, "")) if not several else []
    for room in rooms[:MOST_NAMED] if several else []:
        told += _by_room(in_environment(recorded, room), f" in room {room}")
    yield from told
    if told and ceiling_or_reason(recorded)[0] is None:
        yield (
            f"Caution: the noise of the {map_words(recorded).short}s was not measured, so that a "
            "correlation below 1 is no sign of drift by itself; whether it falls with time is."
        )


def _by_room(recorded: xr.Dataset, where: str) -> Iterator[str]:
    words = map_words(recorded)
    yield from _by_lag(recorded, mean_rate_map_correlation, f"{words.correlation}{where}")
    if "rate_half" in recorded:
        name = f"{words.short} similarity{where}, with the noise of both sessions taken out,"
        yield from _by_lag(recorded, corrected_similarity, name)


def _by_lag(
    recorded: xr.Dataset, measure: Callable[[xr.Dataset], xr.DataArray], name: str
) -> Iterator[str]:
    try:
        curve = curve_by_lag(measure(recorded), recorded["elapsed"])
    except RefusedInputError:
        return
    mean, units = curve.mean("subject"), _units_of_time(recorded)
    ends = [mean.isel(lag=at) for at in (0, -1)[: mean.sizes["lag"]]]
    told = [f"{number(float(end))} between sessions {_apart(end, units)} apart" for end in ends]
    if told:
        yield f"The {name} is {' and '.join(told)}."


def _apart(end: xr.DataArray, units: str) -> str:
    lag = number(float(end["mean_lag"]))
    return f"{lag} {singular(units) if lag == '1' else plural(units)}"


def methods(recorded: xr.Dataset) -> str:
    """Return how the recording was measured, as HTML.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset.
    """
    attrs, words = recorded.attrs, map_words(recorded)
    told = list(_samples(recorded))
    if math.isfinite(float(attrs.get("minimum_occupancy", math.nan))):
        sampled = "shown" if map_dim(recorded) == STIMULUS else "visited"
        told.append(
            f"A {words.place} has a rate where it was {sampled} for more than "
            f"{float(attrs['minimum_occupancy']):.3g} s."
        )
    if rule := str(attrs.get("place_unit_rule", "")):
        told.append(f"{words.cells.capitalize()}: {rule}.")
    told.append(
        "Fractions are over the cells recorded in the session. Correlations are those of "
        f"unsmoothed {words.maps}, means over the cells that are {words.cells} in both sessions; "
        "sessions in different rooms, or of cells that are not registered, are not compared."
    )
    if words.place == "place" and "decoding_error" not in recorded and "measurement" in attrs:
        told.append("No readouts were tested: repdrift measure --decoding tests them.")
    return f"<p>{escape(' '.join(told))}</p>"


def _samples(recorded: xr.Dataset) -> Iterator[str]:
    """Which samples count, where this is known."""
    speed = float(recorded.attrs.get("minimum_speed", math.nan))
    if map_dim(recorded) == STIMULUS:
        faster = f" and the subject is faster than {speed:.3g} per second" if speed > 0 else ""
        yield f"Samples count where a stimulus was shown{faster}."
    elif math.isfinite(speed):
        yield f"Samples count where the subject is faster than {speed:.3g} {_units(recorded)}/s."


def _units(recorded: xr.Dataset) -> str:
    """Units of position."""
    named = (recorded[name] for name in ("place_x", "place") if name in recorded.coords)
    return next(filter(None, (str(place.attrs.get("units", "")) for place in named)), "")
