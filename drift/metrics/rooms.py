"""Where sessions were recorded: what was measured in different environments is not compared, unless
it is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError, did_you_mean
from drift.metrics.places import of_ring
from drift.schema.map_dims import PLACE, map_dim

Labelled = xr.Dataset | xr.DataArray
TEXTS = ("environment", "unit_identity", "unit_label", "session_label")


def _text(label: object) -> str:
    """A label as text; what is missing is "", as in a session that was not recorded."""
    missing = label is None or (isinstance(label, float) and np.isnan(label))
    return "" if missing else str(label)


def environment_labels(*labelled: Labelled, subjects: int, sessions: int) -> np.ndarray:
    """Environment of every session, by the coordinate ``environment`` over subject and session.

    Parameters
    ----------
    *labelled : xarray.Dataset or xarray.DataArray
        Of which the first that has the coordinate tells.
    subjects, sessions : int
        Size of the result.

    Returns
    -------
    numpy.ndarray
        (subject, session) str; "" where none is known. Maps of several environments along a dim of
        its own are one session.
    """
    for recording in labelled:
        variables = recording.variables if isinstance(recording, xr.Dataset) else recording.coords
        if "environment" in variables and set(recording["environment"].dims) <= {
            "subject",
            "session",
        }:
            environment = recording["environment"]
            order = [dim for dim in ("subject", "session") if dim in environment.dims]
            texts = np.vectorize(_text, otypes=[object])(
                environment.transpose(*order).values
            ).astype(str)
            return np.broadcast_to(
                texts[:, np.newaxis] if order == ["subject"] else texts, (subjects, sessions)
            )
    return np.full((subjects, sessions), "")


def same_environment(*labelled: Labelled, subjects: int, sessions: int) -> np.ndarray:
    """Tell which pairs of sessions of a subject were recorded in one environment.

    Parameters
    ----------
    *labelled : xarray.Dataset or xarray.DataArray
        See ``environment_labels``.
    subjects, sessions : int
        Size of the result.

    Returns
    -------
    numpy.ndarray
        (subject, session, session) bool.
    """
    labels = environment_labels(*labelled, subjects=subjects, sessions=sessions)
    return np.asarray(labels[:, :, np.newaxis] == labels[:, np.newaxis, :])


def _present(dataset: xr.Dataset) -> np.ndarray:
    """(subject, session) bool, sessions that were recorded at all: those with an elapsed time."""
    shape = (dataset.sizes["subject"], dataset.sizes["session"])
    if "elapsed" not in dataset.variables:
        return np.ones(shape, dtype=bool)
    frame = xr.DataArray(np.ones(shape, dtype=bool), dims=("subject", "session"))
    return (
        frame
        & dataset["elapsed"]
        .reset_coords(drop=True)
        .drop_vars(frame.dims, errors="ignore")
        .notnull()
    ).values


@opened
def environments(dataset: xr.Dataset) -> dict[str, int]:
    """How many sessions of all subjects lie in each environment, in the order in which they come
    first.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset.

    Returns
    -------
    dict
        Sessions by label; empty where no environment is labelled.
    """
    if not {"subject", "session"} <= set(dataset.dims):
        return {}
    labels = environment_labels(
        dataset, subjects=dataset.sizes["subject"], sessions=dataset.sizes["session"]
    )
    counted = Counter(labels[_present(dataset)].tolist())
    return {str(label): count for label, count in counted.items() if label}


def session_environments(dataset: xr.Dataset) -> list[list[str]]:
    """In which environments the subjects were in each session, in the order of the subjects.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset.

    Returns
    -------
    list of list of str
        Labels by session; none where no environment is labelled, several where subjects were in
        different ones.
    """
    labels = environment_labels(
        dataset, subjects=dataset.sizes["subject"], sessions=dataset.sizes["session"]
    )
    columns = zip(labels.T.tolist(), _present(dataset).T.tolist())
    return [
        [room for room in dict.fromkeys(room for room, present in zip(*column) if present) if room]
        for column in columns
    ]


def most_visited(labels: Iterable[str]) -> str:
    """The label that occurs most often, of equals the one that comes first.

    Parameters
    ----------
    labels : iterable of str
        At least one.
    """
    return max((counted := Counter(labels)), key=lambda label: counted[label])


def _chosen(dataset: xr.Dataset, environment: str | None) -> np.ndarray:
    """(subject, session) bool, sessions in the environment, or in the one in which a subject was
    most."""
    shape = {"subjects": dataset.sizes["subject"], "sessions": dataset.sizes["session"]}
    labels, present = environment_labels(dataset, **shape), _present(dataset)
    if environment is not None:
        return np.asarray((labels == environment) & present)
    rows = [
        row == most_visited(row[observed].tolist() or [""])
        for row, observed in zip(labels, present)
    ]
    return np.stack(rows) & present


def _where(values: xr.DataArray, mask: xr.DataArray) -> xr.DataArray:
    """Values of the chosen sessions, not observed elsewhere."""
    if values.name in TEXTS or values.dtype.kind in "UO":
        return values.where(mask, "").astype(str)
    selection = values.where(mask, 0 if values.name == "recorded" else np.nan)
    if "session_other" in values.dims:
        mask_other = mask.rename(session="session_other")
        selection = selection.where(mask_other)
    return (
        selection.transpose(*values.dims)
        .astype(values.dtype if values.name == "recorded" else selection.dtype)
        .assign_attrs(values.attrs)
    )


def _places(dataset: xr.Dataset) -> np.ndarray:
    """Positions of the places that were visited, on a track all from the first to the last, or of
    the stimuli that were shown."""
    along = map_dim(dataset)
    visited = (
        (dataset["occupancy"] > 0)
        .any([dim for dim in dataset["occupancy"].dims if dim != along])
        .values
    )
    places, apart = np.flatnonzero(visited), "place_x" in dataset.coords or along != PLACE
    return places if apart else np.arange(places[0], places[-1] + 1)


def _trimmed(dataset: xr.Dataset) -> xr.Dataset:
    """Without the places and units that only other environments had."""
    if (
        "occupancy" in dataset
        and bool((dataset["occupancy"] > 0).any())
        and of_ring(dataset) is None
    ):
        dataset = dataset.isel({map_dim(dataset): _places(dataset)})
        if "place_x" in dataset.coords:
            number = xr.DataArray(
                np.arange(dataset.sizes["place"]), dims="place", attrs=dataset["place"].attrs
            )
            dataset = dataset.assign_coords(place=number)
    if "recorded" not in dataset or not bool((dataset["recorded"] == 1).any()):
        return dataset
    recorded = (dataset["recorded"] == 1).any(["subject", "session"]).values
    return dataset.isel(unit=slice(0, int(np.flatnonzero(recorded)[-1]) + 1))


def _with_length(dataset: xr.Dataset) -> xr.Dataset:
    """With the length of the track, where the sessions that are left share one."""
    if (
        "track_length" not in dataset.coords
        or np.unique(lengths := dataset["track_length"].values[_present(dataset)]).size != 1
    ):
        return dataset
    length = float(lengths[0])
    place = (
        dataset["place"].assign_attrs(length=length)
        if "place_x" not in dataset.coords
        else dataset["place"]
    )
    return (
        dataset.assign_coords(place=place).assign_attrs(track_length=length)
        if np.isfinite(length)
        else dataset
    )


@opened
def in_environment(dataset: xr.Dataset, environment: str | None = None) -> xr.Dataset:
    """Keep the sessions of one environment, as if no other had been recorded.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with the coordinate ``environment`` (subject, session); without it
        nothing is left out.
    environment : str, optional
        Its label; by default, for every subject, the environment in which it has most sessions (of
        equals the first).

    Returns
    -------
    xarray.Dataset
        Sessions that a subject spent elsewhere are not observed: NaN, ``recorded`` 0, labels "".
        Sessions, subjects, places and last units that are left with nothing are left out; session
        numbers stay.

    Raises
    ------
    RefusedInputError
        If no session lies in that environment.
    """
    labels = environments(dataset)
    if environment is None and len(labels) < 2:
        return dataset
    if environment is not None and environment not in labels:
        raise RefusedInputError(
            f"no session was recorded in environment {environment!r}: "
            f"{did_you_mean(environment, labels) or 'the recording labels none'}."
        )
    mask = xr.DataArray(_chosen(dataset, environment), dims=("subject", "session"))
    rows, columns = (np.flatnonzero(mask.any(dim).values) for dim in ("session", "subject"))
    pick = {"subject": rows, "session": columns}
    other_sessions = {"session_other": columns} if "session_other" in dataset.dims else {}
    selection, mask = dataset.isel(pick | other_sessions), mask.isel(pick)
    by_session = [
        name
        for name, values in selection.variables.items()
        if set(values.dims) >= {"subject", "session"}
    ]
    bare = {
        name: selection[name]
        .reset_coords(drop=True)
        .drop_vars(selection[name].dims, errors="ignore")
        for name in by_session
    }
    moved = {name: _where(values, mask).variable for name, values in bare.items()}
    coordinates = {name: values for name, values in moved.items() if name in selection.coords}
    variables = {name: values for name, values in moved.items() if name not in selection.coords}
    return _with_length(_trimmed(selection.assign(variables).assign_coords(coordinates)))


def elsewhere(dataset: xr.Dataset, environment: str | None = None) -> list[str]:
    """What ``in_environment`` leaves out, in words: one entry for each subject and environment.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset.
    environment : str, optional
        As there.

    Returns
    -------
    list of str
        Such as "subject B was in environment B in 1 session"; empty where every subject stayed in
        one environment.
    """
    if len(environments(dataset)) < 2:
        return []
    labels = environment_labels(
        dataset, subjects=dataset.sizes["subject"], sessions=dataset.sizes["session"]
    )
    rooms = labels[(away := ~_chosen(dataset, environment) & _present(dataset))]
    subjects = np.broadcast_to(
        np.asarray(dataset["subject"].values, dtype=str)[:, np.newaxis], labels.shape
    )[away]
    counted = Counter(zip(subjects.tolist(), rooms.tolist()))
    return [
        f"subject {who} was in environment {room} in {count} session{'s' * (count > 1)}"
        for (who, room), count in counted.items()
    ]


def in_one_environment(
    recording: xr.Dataset | Sequence[xr.Dataset] | None, environment: str | None = None
) -> xr.Dataset | Sequence[xr.Dataset] | None:
    """Keep of every subject one environment, by default that in which it has most sessions, of a
    longitudinal Dataset or of session Datasets.

    Parameters
    ----------
    recording : xarray.Dataset, sequence of xarray.Dataset, or None
        See ``in_environment``; session Datasets have scalar coordinates subject and environment.
    environment : str, optional
        Its label.
    """
    if recording is None:
        return None
    if isinstance(recording, xr.Dataset):
        return in_environment(recording, environment)
    labelled = [
        (str(session["subject"].item()), _text(session["environment"].item()))
        for session in recording
        if "environment" in session.coords
    ]
    if len(labelled) < len(recording):
        return recording
    visited = {
        who: environment or most_visited(room for subject, room in labelled if subject == who)
        for who, _ in labelled
    }
    return [session for session, (who, room) in zip(recording, labelled) if visited[who] == room]
