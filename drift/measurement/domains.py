"""What the maps of a session run over, places or stimuli: which samples count, which cell each of
them lies in, and the coordinate that sessions share."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.measurement.running_samples import session_grid, session_name, visited_cells
from drift.metrics.places import LARGEST_TRACK, Grid, place_attrs
from drift.metrics.stimuli import CIRCULAR, LINEAR, METRICS, UNORDERED, stimulus_attrs
from drift.schema.map_dims import PLACE, STIMULUS


class Places(NamedTuple):
    """Bins of the positions of a session.

    Attributes
    ----------
    grid : Grid
        On which they lie.
    units : str
        Of position.
    """

    grid: Grid
    units: str

    @property
    def dim(self) -> str:
        """Dim of the maps."""
        return PLACE

    @property
    def around(self) -> float | None:
        """Length around a ring."""
        return self.grid.around

    @property
    def origin(self) -> float:
        """Where positions are counted from."""
        return self.grid.origin

    @property
    def bin_size(self) -> float | None:
        """Width of the bins."""
        return self.grid.bin_size

    @property
    def has_distances(self) -> bool:
        """Places lie at distances of each other."""
        return True

    @property
    def shared(self) -> tuple:
        """What sessions must share; open tracks may differ in length, which is said."""
        grid = self.grid
        closed = grid.end if grid.closed or grid.ring else None
        return PLACE, grid.origin, grid.ring, grid.closed, closed

    def __str__(self) -> str:
        grid = self.grid
        end = "on" if grid.end is None or not (grid.closed or grid.ring) else f"to {grid.end:g}"
        return f"{'a ring' if grid.ring else 'bins'} from {grid.origin:g} {end}"

    def visited(self, samples: xr.Dataset) -> tuple[xr.Dataset, np.ndarray, xr.DataArray]:
        """Samples within the edges, the cells that were visited, and the row of these that each
        sample lies in."""
        return visited_cells(samples, self.grid)

    def joined(self, cells: list[np.ndarray]) -> np.ndarray:
        """(place, axis) bins of all sessions: without gaps on a track, all of a ring or of given
        edges, visited ones in a plane."""
        joint, grid = np.unique(np.concatenate(cells), axis=0), self.grid
        if joint.shape[1] > 1:
            return joint
        whole = grid.bins if grid.closed or grid.ring else None
        return np.arange(
            joint.min() if whole is None else 0, joint.max() + 1 if whole is None else whole
        )[:, np.newaxis]

    def centres(self, cells: np.ndarray) -> np.ndarray:
        """(place, axis) centres of these bins."""
        return self.grid.centres(cells)

    def spacing(self, cells: np.ndarray) -> float | None:
        """From a place to the next."""
        return self.grid.bin_size

    def coordinates(self, cells: np.ndarray, length: float | None) -> dict[str, tuple]:
        """Coordinates of these bins on a track of this length."""
        centres = self.centres(cells)
        attrs = place_attrs(self.grid._replace(end=None), self.units, length)
        if cells.shape[1] == 1:
            return {"place": ("place", centres[:, 0], attrs)}
        axes = {
            f"place_{axis}": ("place", centres[:, column], attrs)
            for column, axis in enumerate("xyz"[: cells.shape[1]])
        }
        return {"place": ("place", np.arange(len(cells)), {"units": "1"}), **axes}

    def extent(self, length: float | None) -> dict[str, float]:
        """What sessions that are observed like this one need to lie on the same grid."""
        grid = self.grid
        extent = {} if length is None else {"track_length": length}
        has_edges = grid.end is not None and (grid.closed or grid.origin != 0)
        return (
            {**extent, "first_edge": grid.origin, "last_edge": float(grid.end or 0.0)}
            if has_edges
            else extent
        )


class Stimuli(NamedTuple):
    """Labels of the stimuli of a session.

    Attributes
    ----------
    metric : {"circular", "linear", "none"}
        Whether they have neighbours.
    period : float or None
        Of circular ones.
    units : str
        Of labels that are numbers.
    texts : bool
        Whether labels are texts.
    """

    metric: str
    period: float | None
    units: str
    texts: bool

    @property
    def dim(self) -> str:
        """Dim of the maps."""
        return STIMULUS

    @property
    def around(self) -> float | None:
        """Period of circular stimuli."""
        return self.period

    @property
    def origin(self) -> float:
        """Where labels are counted from."""
        return 0.0

    @property
    def bin_size(self) -> float | None:
        """Stimuli are not binned."""
        return None

    @property
    def has_distances(self) -> bool:
        """Whether labels lie at distances of each other."""
        return self.metric != UNORDERED

    @property
    def shared(self) -> tuple:
        """What sessions must share."""
        return (STIMULUS, *self)

    def __str__(self) -> str:
        kind = "texts" if self.texts else f"numbers ({self.units})" if self.units else "numbers"
        period = "" if self.period is None else f" of period {self.period:g}"
        return f"stimuli that are {kind} with the metric {self.metric}{period}"

    def visited(self, samples: xr.Dataset) -> tuple[xr.Dataset, np.ndarray, xr.DataArray]:
        """The samples, the stimuli that were shown, and the row of these that each sample has."""
        shown, index = np.unique(samples[STIMULUS].values, return_inverse=True)
        if shown.size > LARGEST_TRACK:
            raise RefusedInputError(
                f"{session_name(samples)}: at most {LARGEST_TRACK} different stimuli were "
                f"expected, got {shown.size}: bin the labels before session_dataset."
            )
        bare = samples.drop_vars(STIMULUS)
        return bare, shown[:, np.newaxis], xr.DataArray(index.reshape(-1), dims="sample")

    def joined(self, cells: list[np.ndarray]) -> np.ndarray:
        """(stimulus, 1) labels that were shown in any session."""
        return np.unique(np.concatenate(cells))[:, np.newaxis]

    def centres(self, cells: np.ndarray) -> np.ndarray:
        """(stimulus, 1) these labels where they are numbers with a metric, NaN for any others."""
        return cells.astype(float) if self.has_distances else np.full(cells.shape, np.nan)

    def spacing(self, cells: np.ndarray) -> float | None:
        """From a stimulus to the next, None where that is not the same for all."""
        attrs = stimulus_attrs(cells[:, 0], self.metric, self.period, self.units)
        return float(attrs["bin_size"]) if "bin_size" in attrs else None

    def coordinates(self, cells: np.ndarray, length: float | None) -> dict[str, tuple]:
        """The stimulus coordinate of these labels."""
        labels = cells[:, 0]
        attrs = stimulus_attrs(labels, self.metric, self.period, self.units)
        return {STIMULUS: (STIMULUS, labels, attrs)}

    def extent(self, length: float | None) -> dict[str, float]:
        """Nothing: the coordinate says it all."""
        return {}


Domain = Places | Stimuli


def session_domain(session: xr.Dataset, bin_size: float | None) -> Domain:
    """What the maps of a session run over.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset.
    bin_size : float or None
        Width of the bins of positions; None for stimuli.

    Returns
    -------
    Places or Stimuli

    Raises
    ------
    RefusedInputError
        If stimuli say no metric that there is, or one that does not fit their labels.
    """
    if bin_size is not None:
        units = str(session["position"].attrs.get("units", "cm"))
        return Places(session_grid(session, bin_size), units)
    labels = session[STIMULUS]
    attrs, texts = labels.attrs, labels.dtype.kind not in "biuf"
    metric, period = str(attrs.get("metric", UNORDERED)), attrs.get("period")
    if (
        metric not in METRICS
        or (texts and metric != UNORDERED)
        or (metric == CIRCULAR) != (period is not None)
    ):
        raise RefusedInputError(
            f"{session_name(session)}: the stimulus was expected with an attribute metric of "
            f"{CIRCULAR} (numbers with a period), {LINEAR} (numbers) or {UNORDERED}, got "
            f"{metric!r}, period {period} and {labels.dtype}: build it with session_dataset."
        )
    units = str(attrs.get("units", ""))
    return Stimuli(metric, None if period is None else float(period), units, texts)
