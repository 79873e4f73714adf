"""Events of one animal or of one simulated window, in the form that statistics are taken of."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.metrics.places import of_ring
from drift.metrics.stimuli import require_places
from drift.observation.counted_halves import counted_halves, with_counted_halves

DAYS = {"day": 1.0, "days": 1.0, "d": 1.0, "h": 1 / 24, "hour": 1 / 24, "min": 1 / 1440}
LEAST_SESSIONS = 3


class Observed(NamedTuple):
    """Events in two halves of each session, on a track.

    Attributes
    ----------
    counts : numpy.ndarray
        (session, half, unit, cell) events; a cell is a place in one running direction, directions
        varying fastest.
    time : numpy.ndarray
        (session, half, cell) s, 0 where not visited.
    present : numpy.ndarray
        (session, unit) bool, whether a unit was recorded.
    elapsed : numpy.ndarray
        (session,) days since the first session.
    ways : int
        Running directions that are told apart, 1 or 2.
    """

    counts: np.ndarray
    time: np.ndarray
    present: np.ndarray
    elapsed: np.ndarray
    ways: int

    def of_units(self, units: np.ndarray) -> Observed:
        """Return what was seen of some of the units."""
        return self._replace(counts=self.counts[:, :, units], present=self.present[:, units])


def observed_subject(recorded: xr.Dataset, subject: int) -> Observed:
    """Return what was recorded of one animal, in the environment with most sessions.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset of ``measure``.
    subject : int
        Position along the dim.

    Returns
    -------
    Observed

    Raises
    ------
    RefusedInputError
        If it holds no whole numbers of events, no track, no days, or fewer than three sessions of
        the same cells in one environment.
    """
    label = str(recorded["subject"].values[subject])
    _refuse_planes(recorded)
    groups = counted_halves(with_counted_halves(recorded, "the choice of a mechanism"), subject)
    sessions = max(groups, key=lambda group: group.sessions.size, default=None)
    if sessions is None or sessions.sessions.size < LEAST_SESSIONS:
        most = 0 if sessions is None else sessions.sessions.size
        raise RefusedInputError(
            f"subject {label} was expected to have the same cells in at least {LEAST_SESSIONS} "
            f"sessions of one environment, got {most}: a mechanism takes several lags to be told."
        )
    elapsed = recorded["elapsed"].isel(subject=subject).values[sessions.sessions].astype(float)
    days = (elapsed - elapsed[0]) * _days(recorded)
    counts = np.moveaxis(sessions.counts[:, :, :2], 1, 2)
    ways = recorded["rate"].sizes.get("direction", 1)
    return Observed(counts, sessions.time[:, :2], sessions.present, days, ways)


def _refuse_planes(recorded: xr.Dataset) -> None:
    require_places(recorded, "the choice of a mechanism")
    if "place_x" in recorded["rate"].coords:
        raise RefusedInputError(
            "a mechanism is told from codes of a track, as those of the bank are, got an arena: "
            "linearise it, or leave the recording out."
        )
    if of_ring(recorded["rate"]) is not None:
        raise RefusedInputError(
            "a mechanism is told from codes of a track with two ends, as those of the bank are, "
            "got a ring: cut it open where the animal rests."
        )


def _days(recorded: xr.Dataset) -> float:
    """Days in a unit of elapsed."""
    units = str(recorded["elapsed"].attrs.get("units", ""))
    if units not in DAYS:
        raise RefusedInputError(
            f"elapsed was expected in one of {', '.join(DAYS)}, got {units or 'no units'!r}: a "
            "recording says when its sessions were."
        )
    return DAYS[units]
