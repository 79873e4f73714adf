"""The steps that an animal took, from session Datasets: which samples are learned from, where it was
and looked, and the text in which a recipe keeps them."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.measurement.domains import Places, session_domain
from drift.measurement.recommended import bin_width, speed_limit
from drift.measurement.rules import Measurement
from drift.measurement.running_samples import (
    is_directed,
    positions_by_axis,
    running_samples,
    session_name,
)
from drift.metrics.clocks import sample_times
from drift.metrics.places import RING

# columns of what is kept, and how finely: 0.001 of the length unit, 0.0001 rad
COLUMNS = ("x", "y", "heading", "next_x", "next_y", "next_heading", "environment")
FINENESS = np.array([1e3, 1e3, 1e4, 1e3, 1e3, 1e4, 1.0])
LOOK = 0.25  # s before and after a sample, from which the heading in a plane is told
LARGEST = 2**31 - 1


class Walked(NamedTuple):
    """Steps of an animal, and where its places lie."""

    steps: np.ndarray  # (sample, column), see ``COLUMNS``
    linear: bool
    units: str
    bin_size: float
    low: np.ndarray  # (axis,) lower edges of the first bins
    bins: np.ndarray  # (axis,) numbers of bins


def packed(steps: np.ndarray) -> str:
    """Return steps as text: whole numbers of 0.001 length units and 0.0001 rad, each minus that of
    the row before, zlib, base64.

    Parameters
    ----------
    steps : array, shape (sample, column)
    """
    whole = np.rint(steps * FINENESS)
    if not (np.abs(whole) < LARGEST / 2).all():
        raise RefusedInputError(
            f"positions of a recorded path must stay below {LARGEST / 2e3:.3g}, got "
            f"{np.abs(steps).max():g}: give them in larger units."
        )
    differences = np.diff(whole, axis=0, prepend=0.0).astype("<i4")
    return base64.b64encode(zlib.compress(differences.T.tobytes(), 9)).decode()


def unpacked(text: str) -> np.ndarray:
    """Return the steps of a text that ``packed`` wrote, shape (sample, column).

    Raises
    ------
    ValueError
        If it is another text.
    """
    try:
        content = zlib.decompress(base64.b64decode(text, validate=True))
        differences = np.frombuffer(content, "<i4").reshape(len(COLUMNS), -1).T
    except (binascii.Error, zlib.error, ValueError):
        raise ValueError(
            "track is no text of a recorded path: build the task from sessions, "
            "drift.RecordedPath(sessions)"
        ) from None
    return np.cumsum(differences, axis=0) / FINENESS


def walked(sessions: Iterable[xr.Dataset], samples: int, interval: float) -> Walked:
    """Return steps of one animal, spread evenly over all samples in motion of all sessions.

    Parameters
    ----------
    sessions : iterable of xarray.Dataset
        Session Datasets of one animal.
    samples : int
        Steps that are kept.
    interval : float
        From each to what is to be foreseen (s).

    Raises
    ------
    RefusedInputError
        If there are no sessions with positions, several animals, different kinds of position, or
        too few steps.
    """
    behaviour = [_behaviour(session) for session in sessions]
    _refuse_mixture(behaviour)
    visits = [_of_session(session, interval) for session in behaviour]
    rooms = list(dict.fromkeys(str(session["environment"].item()) for session in behaviour))
    steps = np.concatenate(
        [
            np.column_stack(
                [own, np.full(len(own), rooms.index(str(session["environment"].item())))]
            )
            for session, (own, _cells) in zip(behaviour, visits, strict=True)
        ]
    )
    if len(steps) < samples:
        raise RefusedInputError(
            f"{samples} steps of {interval:g} s were asked of a recorded path that has "
            f"{len(steps)}: ask for fewer samples or a shorter interval."
        )
    chosen_rows = np.linspace(0, len(steps) - 1, samples).round().astype(int)
    rows = steps[chosen_rows]
    return _laid(behaviour[0], rows[np.argsort(rows[:, -1], kind="stable")], visits)


def _behaviour(session: xr.Dataset) -> xr.Dataset:
    """Return a session without its activity, or refuse one without positions."""
    if not isinstance(session, xr.Dataset) or "position" not in session:
        got = "one without position" if isinstance(session, xr.Dataset) else type(session).__name__
        raise RefusedInputError(
            f"a recorded path needs session Datasets with position, got {got}: pass those of "
            "data_adapters.sessions."
        )
    if session.attrs.get("geometry") == RING:
        raise RefusedInputError(
            f"{session_name(session)}: a path around a ring needs positions in the plane, got "
            "those along it: give x and y."
        )
    return session.drop_vars("activity", errors="ignore")


def _refuse_mixture(sessions: Sequence[xr.Dataset]) -> None:
    if not sessions:
        raise RefusedInputError("a recorded path needs at least one session, got none.")
    subjects = sorted({str(session["subject"].item()) for session in sessions})
    if len(subjects) > 1:
        raise RefusedInputError(
            f"a recorded path is that of one animal, got {', '.join(subjects)}: take one, such as "
            f"animal={subjects[0]!r} of the reader, and a recipe for each."
        )
    for name in ("units", "dims"):
        kinds = {
            str(session["position"].attrs.get("units", "cm") if name == "units" else
                session["position"].dims)
            for session in sessions
        }  # fmt: skip
        if len(kinds) > 1:
            raise RefusedInputError(
                f"positions of all sessions must share their {name}, got {', '.join(sorted(kinds))}:"
                " choose the sessions of one kind."
            )


def _of_session(session: xr.Dataset, interval: float) -> tuple[np.ndarray, np.ndarray]:
    """Steps of a session (sample, all columns but the last), and the bins that were visited."""
    rules = Measurement()
    counted = session.assign(frame=("sample", np.arange(session.sizes["sample"])))
    directed = is_directed(session, "auto")
    running = running_samples(counted, speed_limit(session, rules), directed)
    if not running.sizes["sample"]:
        return np.empty((0, len(COLUMNS) - 1)), np.empty((0, _axes(session)), dtype=int)
    domain = session_domain(session, bin_width(session, rules))
    _samples, cells, _place = domain.visited(running.drop_vars("sample", errors="ignore"))
    frames, time = running["frame"].values, sample_times(session)
    later = frames + max(1, round(interval * float(session["sampling_rate"].item())))
    kept = later < len(time)
    frames, later = frames[kept], later[kept]
    pose = _pose(session, time, directed)
    whole = _unbroken(session, pose, time, frames, later, interval)
    return np.column_stack([pose[frames[whole]], pose[later[whole]]]), cells


def _axes(session: xr.Dataset) -> int:
    return session["position"].sizes.get("axis", 1)


def _pose(session: xr.Dataset, time: np.ndarray, directed: bool) -> np.ndarray:
    """Where the animal is and looks in each frame, (sample, 3): a track lies along y."""
    position = positions_by_axis(session)
    if position.shape[1] > 1:
        return np.column_stack([position[:, :2], _heading(position[:, :2], time)])
    if directed:
        forward = session["direction"].values.astype(float)
    else:
        ahead = np.nan_to_num(_moved(position, time)[:, 0])
        forward = np.sign(ahead)
    heading = np.where(forward > 0, 0.0, np.where(forward < 0, np.pi, np.nan))
    return np.column_stack([np.zeros(len(position)), position[:, 0], heading])


def _moved(position: np.ndarray, time: np.ndarray) -> np.ndarray:
    """How the position changes from ``LOOK`` before a frame to ``LOOK`` after it."""
    before = np.searchsorted(time, time - LOOK)
    after = np.minimum(np.searchsorted(time, time + LOOK, side="right"), len(time)) - 1
    return position[after] - position[before]


def _heading(position: np.ndarray, time: np.ndarray) -> np.ndarray:
    moved = _moved(position, time)
    still = ~(np.abs(moved).sum(1) > 0)
    return np.where(still, np.nan, np.arctan2(moved[:, 0], moved[:, 1]))


def _unbroken(
    session: xr.Dataset,
    pose: np.ndarray,
    time: np.ndarray,
    frames: np.ndarray,
    later: np.ndarray,
    interval: float,
) -> np.ndarray:
    """Tell which steps are known from end to end: no lost frame, no gap, one trial."""
    lost = np.concatenate([[0], np.cumsum(~np.isfinite(pose[:, :2]).all(1))])
    known = (lost[later + 1] == lost[frames]) & np.isfinite(pose[frames]).all(1)
    known &= np.isfinite(pose[later]).all(1)
    known &= np.abs(time[later] - time[frames] - interval) < 0.25 * interval + 1 / float(
        session["sampling_rate"].item()
    )
    if "trial" in session:
        trial = session["trial"].values
        known &= trial[frames] == trial[later]
    return known


def _laid(
    first: xr.Dataset, steps: np.ndarray, visits: Sequence[tuple[np.ndarray, np.ndarray]]
) -> Walked:
    """Steps with the grid on which ``drift.measure`` lays the places of these sessions."""
    domain = session_domain(first, bin_width(first, Measurement()))
    cells = np.concatenate([own for _steps, own in visits])
    if not isinstance(domain, Places) or not len(cells):
        raise RefusedInputError("a recorded path needs samples in motion, got none.")
    joint = domain.joined([cells])
    low = domain.grid.origin + domain.grid.bin_size * joint.min(0)
    return Walked(
        steps,
        joint.shape[1] == 1,
        domain.units,
        domain.grid.bin_size,
        low,
        joint.max(0) - joint.min(0) + 1,
    )
