"""What maps, and cells that they tell of, are called: rate maps over places, tuning curves over
stimuli."""

from __future__ import annotations

from typing import NamedTuple

import xarray as xr

from drift.metrics.places import kind_of_places, ring_length
from drift.metrics.stimuli import UNORDERED, metric_of
from drift.plots.stimulus_axis import stimulus_names
from drift.schema.map_dims import STIMULUS, map_dim

MOST_NAMED = 8  # stimuli that are named


class MapWords(NamedTuple):
    """Words of captions, tables and methods.

    Attributes
    ----------
    map, short : str
        One map, in full and where it was named before.
    place : str
        What it runs over.
    correlation : str
        Of two maps.
    kind : str
        Cells with such a map, before "cell".
    information : str
        What an event tells.
    unseen : str
        Parts of a map without a rate.
    peak : str
        Where a map is highest.
    """

    map: str
    short: str
    place: str
    correlation: str
    kind: str
    information: str
    unseen: str
    peak: str

    @property
    def cell(self) -> str:
        """One such cell."""
        return f"{self.kind} cell"

    @property
    def cells(self) -> str:
        """Such cells."""
        return f"{self.kind} cells"

    @property
    def maps(self) -> str:
        """Several maps."""
        return f"{self.map}s"


OVER_PLACES = MapWords(
    map="rate map",
    short="map",
    place="place",
    correlation="rate-map correlation",
    kind="place",
    information="spatial information",
    unseen="places that were not visited",
    peak="the position of their peak",
)
OVER_STIMULI = MapWords(
    map="tuning curve",
    short="curve",
    place="stimulus",
    correlation="tuning-curve correlation",
    kind="informative",
    information="stimulus information",
    unseen="stimuli that were not shown",
    peak="the stimulus of their peak",
)


def map_words(dataset: xr.Dataset) -> MapWords:
    """Words for the maps of a recording.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset over places or stimuli.
    """
    return OVER_STIMULI if map_dim(dataset) == STIMULUS else OVER_PLACES


def map_row(recorded: xr.Dataset) -> tuple[str, str]:
    """Over what maps run, as a row of a table: its name, and the places or stimuli in words.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset.
    """
    if map_dim(recorded) == STIMULUS:
        return "stimuli", stimuli_in_words(recorded)
    return "places", _places(recorded)


def _places(recorded: xr.Dataset) -> str:
    name = "place_x" if "place_x" in recorded.coords else "place"
    attrs = recorded[name].attrs if name in recorded.coords else {}
    units = str(attrs.get("units", ""))
    units = "" if units == "1" else f" {units}"
    size = f" of {float(attrs['bin_size']):.4g}{units}" if "bin_size" in attrs else ""
    length = f", {float(attrs['length']):.4g}{units} long" if "length" in attrs else ""
    ways = ", both ways apart" if "direction" in recorded["rate"].dims else ""
    return f"{kind_of_places(recorded)}{length}, {recorded.sizes['place']} bins{size}{ways}"


def stimuli_in_words(recorded: xr.Dataset) -> str:
    """Stimuli of a recording, such as "8, from 0 to 315 deg, circular with a period of 360 deg".

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset over stimuli.
    """
    count = recorded.sizes[STIMULUS]
    if STIMULUS not in recorded.coords:
        return f"{count}, without labels"
    names, metric, attrs = stimulus_names(recorded), metric_of(recorded), recorded[STIMULUS].attrs
    unit = str(attrs.get("units", ""))
    units = "" if unit in ("", "1") else f" {unit}"
    if metric == UNORDERED:
        further = f" and {count - MOST_NAMED} more" if count > MOST_NAMED else ""
        return f"{count}, without a metric: {', '.join(names[:MOST_NAMED])}{further}{units}"
    period = ring_length(recorded[STIMULUS])
    around = f" with a period of {period:.4g}{units}" if period is not None else ""
    ends = f"from {names[0]} to {names[-1]}" if count > 1 else names[0]
    return f"{count}, {ends}{units}, {metric}{around}"
