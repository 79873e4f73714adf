"""Two input streams: one tells the place, the other the context, which is the same everywhere."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import xarray as xr
from pydantic import Field

from circuits.parameters import Fraction, Positive
from circuits.wandering.inputs import PlaceInput
from drift.door.quantities import Numbers
from drift.recipe import Recipe
from drift.schema.labelled_form import RefusedInputError

STREAM = "stream"
PLACE, CONTEXT = "place", "context"


class PlaceContextInput(Recipe):
    """Input units of two kinds: tuned to places, as those of ``PlaceInput``, and active alike at
    every place of a context, such as a room, a task or a day.

    The inputs at two places a distance D apart correlate as g + (1 - g) c0(D), c0 that of
    ``PlaceInput``. What the context adds to the drive of a unit is the same at all places: it makes
    the unit more or less active, and what the places add makes its tuning (Geva et al. 2023;
    Devalle et al. 2025). Give ``WeightDrift(context_lifetime=)`` to let the two drift apart.

    Parameters
    ----------
    places : int
        Equally long bins of the track or ring.
    length, width : float
        L and w in cm, as in ``PlaceInput``.
    geometry : {"track", "ring"}
        Whether the ends are far apart or the same.
    context_share : float
        g, the share of the variance of drives that comes from the context.
    context_inputs : int
        Number of input units that tell it.
    """

    kind: Literal["place_context"] = "place_context"
    places: int = Field(default=50, ge=2)
    length: Positive = 200.0
    width: Positive = 20.0
    geometry: Literal["track", "ring"] = "track"
    context_share: Fraction = 0.5
    context_inputs: int = Field(default=20, ge=1)

    @property
    def place_input(self) -> PlaceInput:
        """The input without the context."""
        return PlaceInput(
            places=self.places, length=self.length, width=self.width, geometry=self.geometry
        )

    @property
    def positions(self) -> np.ndarray:
        """Bin centres in cm, (place,)."""
        return self.place_input.positions

    def correlation(self, distance: Numbers) -> Any:
        """Return the correlation of the inputs at two places, g + (1 - g) c0.

        Parameters
        ----------
        distance : float or numpy.ndarray
            D in cm.

        Returns
        -------
        float or numpy.ndarray
            Between g and 1.
        """
        return self.context_share + (1 - self.context_share) * self.place_input.correlation(
            distance
        )

    def draw(self, seed: int = 0) -> xr.Dataset:
        """Return the experience of one visit to every place; nothing of it is left to chance.

        Returns
        -------
        xarray.Dataset
            As that of ``PlaceInput``, with the variable ``stream (input)``, "place" or "context".
        """
        experience = self.place_input.draw(seed)
        tuned = np.sqrt(1 - self.context_share) * experience["inputs"].values
        flat = np.full(
            (self.places, self.context_inputs), np.sqrt(self.context_share / self.context_inputs)
        )
        inputs = (
            ("sample", "input"),
            np.concatenate([tuned, flat], axis=1),
            experience["inputs"].attrs,
        )
        names = np.array([PLACE] * tuned.shape[1] + [CONTEXT] * self.context_inputs, dtype=object)
        return experience.drop_vars("inputs").assign({"inputs": inputs, STREAM: ("input", names)})


def of_context(experience: xr.Dataset) -> np.ndarray:
    """Return which inputs of an experience tell the context, (input,).

    Parameters
    ----------
    experience : xarray.Dataset
        Where it has ``stream (input)``, this says "place" or "context" of each input.

    Raises
    ------
    RefusedInputError
        If it says something else.
    """
    if STREAM not in experience:
        return np.zeros(experience.sizes["input"], dtype=bool)
    if experience[STREAM].dims != ("input",):
        raise RefusedInputError(
            f"stream must have the dim input, got {experience[STREAM].dims}: name the stream of "
            "each input."
        )
    words = [str(word) for word in experience[STREAM].values]
    if strange := sorted(set(words) - {PLACE, CONTEXT}):
        raise RefusedInputError(
            f"the stream of an input must be '{PLACE}' or '{CONTEXT}', got {strange[0]!r}: name it."
        )
    return np.array(words) == CONTEXT
