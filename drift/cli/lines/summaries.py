"""What commands say of their results, in a few lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.measurement.running_samples import session_name
from drift.metrics.averages import of_subject
from drift.metrics.intervals.words import interval_text
from drift.metrics.rooms import environments, session_environments
from drift.metrics.time_course.half_life import half_life
from drift.reporting.map_words import stimuli_in_words
from drift.schema.map_dims import STIMULUS, map_dim

TOLD = (
    "loss",
    "fraction_active_units",
    "fraction_active_responses",
    "noisy_fraction_active_responses",
    "fraction_place_units",
    "spatial_information",
)

MOST_NOTES = 6  # that are printed
MOST_GROUPS = 12  # recipes whose means are printed


def run_summary(run: xr.Dataset) -> str:
    """Return how many subjects became what, and their measures in the first and the last session,
    as text.

    Means are taken over subjects of one recipe: recipes that differ in more than their seed stand
    apart.

    Parameters
    ----------
    run : xarray.Dataset
        Longitudinal Dataset of ``train`` or ``open_sweep``.
    """
    groups = _recipe_groups(run)
    status, counts = np.unique(run["status"].values.astype(str), return_counts=True)
    became = ", ".join(f"{count} {name}" for name, count in zip(status, counts))
    return "\n".join(
        [
            f"{run.sizes['subject']} subjects ({became}), {run.sizes['session']} sessions",
            *_grouped_rows(run, groups),
        ]
    )


def rooms(dataset: xr.Dataset) -> list[str]:
    """Return a row that says in which environments sessions lie, if there are several.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset.
    """
    counts = environments(dataset)
    said = ", ".join(
        f"{label} ({count} session{'s' * (count != 1)})" for label, count in counts.items()
    )
    if len(counts) < 2:
        return []
    mixed = [
        f"session {number}"
        for number, labels in zip(dataset["session"].values, session_environments(dataset))
        if len(labels) > 1
    ]
    warned = [f"  mean over subjects mixes environments in {', '.join(mixed)}"] if mixed else []
    return [f"environments: {said}; sessions in different ones are not compared", *warned]


def stimulus_rows(dataset: xr.Dataset) -> list[str]:
    """Return a row that says which stimuli took the place of places, if they did.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset.
    """
    over_stimuli = map_dim(dataset) == STIMULUS
    return [f"stimuli: {stimuli_in_words(dataset)}"] if over_stimuli else []


def with_notes(sessions: Iterable[xr.Dataset]) -> tuple[Iterator[xr.Dataset], dict[str, list[str]]]:
    """Return the sessions, and what their readers note of them (units and samples left out), which
    fills as they are read.

    Parameters
    ----------
    sessions : iterable of xarray.Dataset
        Session Datasets.

    Returns
    -------
    sessions : iterator
        The same.
    notes : dict
        Names of sessions by note.
    """
    notes: dict[str, list[str]] = {}

    def told() -> Iterator[xr.Dataset]:
        for session in sessions:
            if note := str(session.attrs.get("notes", "")):
                notes.setdefault(note, []).append(session_name(session))
            yield session

    return told(), notes


def note_rows(notes: Mapping[str, list[str]]) -> list[str]:
    """Return a row for each note of ``with_notes``, a few at most."""
    rows = [
        f"  noted: {note} ({names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''})"
        for note, names in notes.items()
    ]
    return rows[:MOST_NOTES] + (
        [f"  noted: {len(rows) - MOST_NOTES} further notes"] if len(rows) > MOST_NOTES else []
    )


def measure_rows(dataset: xr.Dataset) -> list[str]:
    """Return one row for each measure that the Dataset has: its mean over subjects in the first and
    in the last session."""
    rows = [f"  {'mean over subjects':34}{'first session':>14}{'last session':>14}"]
    for name in TOLD:
        if name in dataset:
            values = of_subject(dataset, name).mean(
                [dim for dim in of_subject(dataset, name).dims if dim != "session"]
            )
            rows.append(f"  {name:34}{float(values[0]):14.4g}{float(values[-1]):14.4g}")
    return rows


def half_life_rows(dataset: xr.Dataset) -> list[str]:
    """Return a row with the half-life of the code and its interval, where halves of sessions were
    kept; why there is none where it cannot be told, and then those of subjects alone."""
    if "rate_half" not in dataset or "place_unit" not in dataset:
        return []
    try:
        interval = half_life(dataset)
    except RefusedInputError:
        return []  # units are not tracked, or no room was recorded twice
    several = interval.sizes["subject"] > 1 and not np.isfinite(float(interval["estimate"]))
    return [
        f"  half-life of the code: {interval_text(interval)}",
        *(_own_half_lives(interval) if several else ()),
    ]


def _own_half_lives(interval: xr.Dataset) -> Iterator[str]:
    """Half-lives of subjects by themselves: of two or three, an interval over all says little."""
    for number in range(min(interval.sizes["subject"], MOST_GROUPS)):
        own = interval.isel(subject=number)
        names = ("estimate", "lower", "upper", "reason")
        alone = own.assign({name: own[f"subject_{name}"] for name in names})
        label = own["subject"].item() if "subject" in own.coords else number
        yield f"    {label} alone: {interval_text(alone.assign(independent_subjects=1))}"


def _recipe_groups(run: xr.Dataset) -> dict[str, list[int]]:
    """Places of the subjects of each recipe, seeds apart, by what tells the recipe from the
    others."""
    if "experiment" not in run.coords:
        return {"": list(range(run.sizes["subject"]))}
    recipes = [dict(_entries(json.loads(str(text)))) for text in run["experiment"].values]
    names = sorted({name for recipe in recipes for name in recipe if name != "seed"})
    absent = object()
    differing = [
        name for name in names if len({repr(recipe.get(name, absent)) for recipe in recipes}) > 1
    ]
    groups: dict[str, list[int]] = {}
    for place, recipe in enumerate(recipes):
        groups.setdefault(
            ", ".join(f"{name} = {recipe.get(name, 'none')}" for name in differing), []
        ).append(place)
    return groups


def _entries(part: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(part, dict | list):
        for name, value in part.items() if isinstance(part, dict) else enumerate(part):
            yield from _entries(value, f"{path}.{name}".lstrip("."))
    else:
        yield path, part


def _grouped_rows(run: xr.Dataset, groups: dict[str, list[int]]) -> list[str]:
    """Means over the subjects of one recipe alone; those of many recipes would fill pages."""
    if len(groups) == 1:
        return measure_rows(run)
    if len(groups) > MOST_GROUPS:
        return [
            f"  {len(groups)} recipes that differ in more than the seed: drift.open_sweep or "
            "--out gives the measures of each"
        ]
    blocks = [
        [f"{name} ({len(places)} subjects)", *measure_rows(run.isel(subject=places))]
        for name, places in groups.items()
    ]
    return [row for block in blocks for row in block]


RUNNING_ALWAYS = 0.9  # share of the tracked time; animals rest, jitter of a camera does not
SHORT = 1 / 3  # of the usual session of a subject: too few events to be compared with it


def running_rows(measured: xr.Dataset) -> list[str]:
    """Return the seconds that each session was measured in, of those tracked or with a stimulus,
    and a warning where an animal seems never to rest."""
    if not {"running_time", "tracked_time"} <= set(measured):
        return []
    stacked = (
        measured[["running_time", "tracked_time"]]
        .stack(recording=("subject", "session"))
        .dropna("recording")
    )
    names = [
        " ".join(f"{subject}, session {session}".split())  # a name of a folder may have lines
        for subject, session in stacked["recording"].values
    ]
    running, tracked = stacked["running_time"].values, stacked["tracked_time"].values
    act, state = ("running", "tracked") if "place" in measured.dims else ("counted", "of stimuli")
    rows = [
        f"  {act} {run:.0f} of {total:.0f} s {state}: {name}"
        for name, run, total in zip(names, running, tracked)
    ]
    restless = [
        name for name, run, total in zip(names, running, tracked) if run > RUNNING_ALWAYS * total
    ]
    if restless and measured.attrs.get("minimum_speed", 0.0) > 0:
        more = f" and {len(restless) - 1} more" if len(restless) > 1 else ""
        rows.append(
            f"  warning: {restless[0]}{more} ran in more than {RUNNING_ALWAYS:.0%} of the "
            "tracked time; where animals rested, raise "
            "--minimum-speed, or give a smoothed velocity with the recording"
        )
    return rows + _short_sessions(measured["running_time"])


def _short_sessions(counted: xr.DataArray) -> list[str]:
    """A warning of sessions much shorter than the others of their subject."""
    usual = counted.median("session")
    short = counted.where(counted < SHORT * usual)
    return [
        f"  warning: {' '.join(f'{subject}, session {session}'.split())} counts {seconds:.0f} s, "
        f"less than a third of what is usual ({float(usual.sel(subject=subject)):.0f} s): fewer "
        "cells pass as active or as place cells there, and turnover, survival and half-life take "
        "that for a change"
        for (subject, session), seconds in short.stack(at=("subject", "session"))
        .dropna("at")
        .to_series()
        .items()
    ][:MOST_NOTES]
