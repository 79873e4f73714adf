"""One recording session of the Ziv laboratory: trials put together on the track, from the files of
one number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_adapters.laboratories.ziv.files import TRACK_BINS, Behaviour, Row, behaviour, events
from data_adapters.laboratories.ziv.pairing import Pair, boxcar, paired

TRACK_LENGTH = 96.0  # cm, nominal, of both tracks
BIN = TRACK_LENGTH / TRACK_BINS
USED = (2 * BIN, 22 * BIN)  # cm: bins 3 to 22; the rewards lie at the ends
SMOOTHED = 0.4  # s
RUNNING = 1.0  # cm/s


class Rules(NamedTuple):
    """What the caller asked for."""

    sampling_rate: float
    maximum_speed: float | None
    map_number: int | None
    faithful: bool


class Files(NamedTuple):
    """The files of recording session ``number`` (from 1) in a folder, its frame log, and the map of
    each trial where known."""

    folder: Path
    number: int
    log: list[Row]
    maps: list[int | None] | None

    @property
    def recorded(self) -> datetime:
        """When its first recording began."""
        return self.log[0].recorded


class Trials(NamedTuple):
    """Trials of one session one after the other; reasons say what was left out."""

    activity: NDArray[np.float64]
    position: NDArray[np.float64]
    velocity: NDArray[np.float64]
    direction: NDArray[np.int64]
    trial: NDArray[np.int64]
    geometry: str
    reasons: list[str]


class _Track(NamedTuple):
    """One trial before its place on the track is known."""

    trial: int
    activity: NDArray[np.float64]
    position: NDArray[np.float64]
    velocity: NDArray[np.float64]
    limits: tuple[float, float]


def trials(files: Files, rules: Rules) -> Trials | str:
    """Trials of one recording session, or the reason why there is none.

    Parameters
    ----------
    files : Files
        Where they are.
    rules : Rules
        Options of the reader.

    Returns
    -------
    Trials or str

    Raises
    ------
    RefusedInputError
        If a file cannot be used.
    """
    videos = behaviour(files.folder / f"behavior_{files.number}.mat")
    activity = events(files.folder / f"finalEventsMat_{files.number}.mat", files.log[-1].end)
    lengths = [None if video is None else len(video.position) for video in videos]
    pairs, reasons = paired([row.frames for row in files.log], lengths, rules.faithful)
    selected_pairs = [
        pair for pair in pairs if _wanted(pair, files.maps, rules.map_number, reasons)
    ]
    tracks = [
        track
        for pair in selected_pairs
        if (track := _track(pair, videos, files.log, activity, rules)) is not None
    ]
    reasons += [
        f"trial {pair.trial}: a single frame"
        for pair in selected_pairs
        if pair.trial not in [track.trial for track in tracks]
    ]
    kinds = {video.geometry for video in videos if video is not None}
    if not tracks or len(kinds) > 1:
        return "; ".join(reasons) or ("trials on both tracks" if kinds else "no trial on a track")
    positions = _on_track(tracks, rules.faithful)
    if np.isnan(positions).all():
        return "no position between the ends of the track"
    velocity = np.concatenate([track.velocity for track in tracks])
    return Trials(
        activity=np.concatenate([track.activity for track in tracks]),
        position=positions,
        velocity=velocity,
        direction=(velocity >= RUNNING).astype(np.int64) - (velocity <= -RUNNING),
        trial=np.concatenate([np.full(len(track.position), track.trial) for track in tracks]),
        geometry=kinds.pop(),
        reasons=reasons,
    )


def _wanted(
    pair: Pair, maps: list[int | None] | None, map_number: int | None, reasons: list[str]
) -> bool:
    """Whether the trial is to be read; the reason against it goes to ``reasons``."""
    if maps is None:
        return True
    number = maps[pair.trial - 1] if pair.trial <= len(maps) else None
    if number is None:
        reasons.append(f"trial {pair.trial}: its map is blank")
    elif map_number not in (None, number):
        reasons.append(f"trial {pair.trial}: map {number}")
    return number is not None and map_number in (None, number)


def _track(
    pair: Pair,
    videos: Sequence[Behaviour | None],
    log: Sequence[Row],
    activity: NDArray[np.float64],
    rules: Rules,
) -> _Track | None:
    """One trial, cut to what imaging and video share; the first video frame has no imaging
    frame."""
    shown = [_cleaned(video, rules) for video in videos[slice(*pair.videos)] if video is not None]
    position, velocity = (np.concatenate(pieces)[1:] for pieces in zip(*shown))
    imaged = activity[log[pair.rows[0]].begin : log[pair.rows[1] - 1].end]
    frames = min(len(imaged), len(position))
    limits = (
        float(np.fmin.reduce(position, initial=0.0)),
        float(np.fmax.reduce(position, initial=1.0)),
    )
    return (
        _Track(pair.trial, imaged[:frames], position[:frames], velocity[:frames], limits)
        if frames
        else None
    )


def _cleaned(video: Behaviour, rules: Rules) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Position and smoothed velocity; frames where tracking jumped have no position and enter no
    mean."""
    plausible = ~np.isnan(video.velocity)
    if rules.maximum_speed is not None:
        plausible &= np.abs(np.where(plausible, video.velocity, 0.0)) <= rules.maximum_speed
    velocity = boxcar(video.velocity, plausible, max(1, round(SMOOTHED * rules.sampling_rate)))
    return np.where(plausible, video.position, np.nan), velocity


def _on_track(tracks: Sequence[_Track], faithful: bool) -> NDArray[np.float64]:
    """Positions in cm; NaN at the ends of the track. Faithful: centres of the authors' bins, whose
    range is that of each trial."""
    common = min(track.limits[0] for track in tracks), max(track.limits[1] for track in tracks)
    placed = []
    for track in tracks:
        low, high = track.limits if faithful else common
        along = (track.position - low) / (high - low) * TRACK_LENGTH
        placed.append((np.maximum(np.ceil(along / BIN), 1) - 0.5) * BIN if faithful else along)
    position = np.concatenate(placed)
    return np.where((position > USED[0]) & (position <= USED[1]), position, np.nan)


def track_maps(files: Files, usable: Trials) -> dict[str, str]:
    """Attribute ``track_map``: numbers of the maps of the trials that are taken, where the authors
    assigned any.

    Parameters
    ----------
    files : Files
        Of the session.
    usable : Trials
        What was taken of them.
    """
    maps = files.maps or []
    numbered = [trial for trial in np.unique(usable.trial) if 0 < trial <= len(maps)]
    numbers = sorted({number for trial in numbered if (number := maps[trial - 1])})
    return {"track_map": ", ".join(map(str, numbers))} if numbers else {}
