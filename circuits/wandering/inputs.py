"""What a circuit sees of a place: input units whose activity is correlated between places in a
known way, or any experience."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import xarray as xr
from pydantic import Field

from circuits.parameters import Positive
from drift.door.quantities import Numbers
from drift.metrics.maps import assign_places, bin_edges
from drift.metrics.places import RING, ring_correlation
from drift.recipe import Recipe
from drift.schema.labelled_form import RefusedInputError
from drift.theory.code_drift.sampled import square_root


class PlaceInput(Recipe):
    """Input units with bell-shaped tuning to places, so that nearby places look alike and distant
    ones do not.

    The correlation of the inputs at two places a distance D apart is c0(D) = exp(-D^2 / (2 w^2)) on
    a track, and c0(D) = exp((cos d - 1) / v^2) on a ring of length L, with the angles d = 2 pi D /
    L and v = 2 pi w / L; both have the curvature -c0''(0) = 1 / w^2. There is one input unit for
    each place: x, the symmetric root of the matrix of c0, gives x x^T = c0 exactly.

    Parameters
    ----------
    places : int
        Equally long bins of the track or ring.
    length, width : float
        L and w in cm.
    geometry : {"track", "ring"}
        Whether the ends are far apart or the same.
    """

    kind: Literal["place"] = "place"
    places: int = Field(default=50, ge=2)
    length: Positive = 200.0
    width: Positive = 20.0
    geometry: Literal["track", "ring"] = "track"

    @property
    def positions(self) -> np.ndarray:
        """Bin centres in cm, (place,)."""
        return (np.arange(self.places) + 0.5) * self.length / self.places

    def correlation(self, distance: Numbers) -> Any:
        """Return c0 of two places.

        Parameters
        ----------
        distance : float or numpy.ndarray
            D in cm.

        Returns
        -------
        float or numpy.ndarray
            Between 0 and 1.
        """
        if self.geometry == "track":
            return np.exp(-np.square(distance) / (2 * self.width**2))
        return ring_correlation(distance, self.width, self.length)

    def draw(self, seed: int = 0) -> xr.Dataset:
        """Return the experience of one visit to every place; nothing of it is left to chance, so
        that all seeds see the same.

        Returns
        -------
        xarray.Dataset
            ``inputs (sample, input)`` with rows of unit length and ``position (sample)`` in cm; on
            a ring with the attribute ``geometry``.
        """
        distance = np.abs(self.positions[:, np.newaxis] - self.positions)
        patterns = symmetric_root(self.correlation(distance))  # (place, input)
        extent: dict[str, str | float] = {
            "units": "cm",
            "low": 0.0,
            "high": float(self.length),
            "places": self.places,
        }
        if self.geometry == RING:
            extent["geometry"] = RING
        inputs = (
            ("sample", "input"),
            patterns,
            {"units": "1", "long_name": "activity of input units"},
        )
        return xr.Dataset({"inputs": inputs, "position": ("sample", self.positions, extent)})


def symmetric_root(matrix: np.ndarray) -> np.ndarray:
    """Return x with x x^T = matrix and rows of unit length."""
    root = square_root(matrix)
    return root / np.linalg.norm(root, axis=1, keepdims=True)


def drawn(inputs: Any, seed: int) -> xr.Dataset:
    """Return the experience of one subject: that which a recipe draws with its seed, or a Dataset
    as it is.

    Parameters
    ----------
    inputs : PlaceInput, drift task or xarray.Dataset
        Experience with ``inputs (sample, input)`` and ``position (sample)`` with the attributes
        ``units``, ``low``, ``high`` and ``places``.
    seed : int
        Of the subject; a task draws its world from it.

    Raises
    ------
    RefusedInputError
        If it is something else, or lacks places.
    """
    experience = inputs.draw(seed) if hasattr(inputs, "draw") else inputs
    if (
        not isinstance(experience, xr.Dataset)
        or "inputs" not in experience
        or set(experience["inputs"].dims) != {"sample", "input"}
    ):
        raise RefusedInputError(
            "inputs must be a PlaceInput, a task or a Dataset with inputs (sample, input), "
            f"got {type(inputs).__name__}: draw one."
        )
    if "position" not in experience or not {"units", "low", "high", "places"} <= set(
        experience["position"].attrs
    ):
        raise RefusedInputError(
            "the inputs have no places: give position (sample) with the attributes units, "
            "low, high and places, as CorridorTask draws it."
        )
    _refuse_impossible_places(experience["position"])
    if int(experience.get("environment", xr.DataArray(0)).max()) > 0:
        raise RefusedInputError(
            "the inputs come from several environments, but circuits drift in one: draw a "
            "task with one environment."
        )
    if experience["inputs"].dtype.kind not in "biuf":
        raise RefusedInputError(
            f"inputs hold {experience['inputs'].dtype} instead of real numbers: convert them first."
        )
    if not bool(np.isfinite(experience["inputs"]).all()):
        raise RefusedInputError(
            "inputs hold NaN or infinity: fill or drop these samples before a circuit sees them."
        )
    return experience.transpose("sample", "input", ...)


def _refuse_impossible_places(position: xr.DataArray) -> None:
    low, high, places = (position.attrs[name] for name in ("low", "high", "places"))
    numbers = all(
        isinstance(number, int | float | np.number) and np.isfinite(number)
        for number in (low, high, places)
    )
    if not numbers or not (low < high and places >= 1 and places == int(places)):
        raise RefusedInputError(
            "position of the inputs must have numbers low below high and a whole number of "
            f"places, got low {low!r}, high {high!r} and "
            f"places {places!r}: set these attributes."
        )
    if position.dtype.kind not in "iuf" or not bool(np.isfinite(position).any()):
        raise RefusedInputError(
            f"position of the inputs is NaN or no number in all {position.size} samples: give "
            "their places."
        )


def place_edges(experience: xr.Dataset) -> np.ndarray:
    """Return the edges of the place bins of an experience, (place + 1,), in units of its
    position."""
    extent = experience["position"].attrs
    return bin_edges(extent["low"], extent["high"], extent["places"])


def input_correlation(experience: xr.Dataset) -> np.ndarray:
    """Return how alike the inputs of any two places are: the correlation c0 of drives over units
    with random weights.

    c0(s, s') = x_s x_s' / (|x_s| |x_s'|), x_s the mean input at place s.

    Parameters
    ----------
    experience : xarray.Dataset
        See ``drawn``.

    Returns
    -------
    numpy.ndarray
        (place, place), NaN for places that were not visited.
    """
    edges = place_edges(experience)
    index = assign_places(experience["position"], edges).values
    presence = (index == np.arange(len(edges) - 1)[:, np.newaxis]).astype(float)  # (place, sample)
    total = presence @ experience["inputs"].values
    length = np.linalg.norm(total, axis=1, keepdims=True)
    # (place, input)
    patterns = np.divide(total, length, out=np.full(total.shape, np.nan), where=length > 0)
    return patterns @ patterns.T
