"""Captions of the figures of a recording: what is to be seen, what error bars are, what was left
out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from drift.metrics.rooms import environments
from drift.metrics.stability.pairs import same_units
from drift.metrics.time_course.lag_classes import lag_classes
from drift.plots.labels import shared_times
from drift.plots.stimulus_axis import are_ordered
from drift.reporting.map_words import map_words
from drift.reporting.wording import counted, number, plural
from drift.schema.map_dims import STIMULUS, map_dim
from drift.schema.selection import session_title

SUBJECTS = (
    "Thin: one subject each; thick: their mean \N{PLUS-MINUS SIGN} one standard error over subjects"
)


def not_drawn(titles: Mapping[str, str]) -> list[str]:
    """Say what cannot be drawn, one sentence for each reason.

    Parameters
    ----------
    titles : mapping of str to str
        Reasons by the titles of the figures.
    """
    by_reason: dict[str, list[str]] = {}
    for title, reason in titles.items():
        by_reason.setdefault(reason.rstrip("."), []).append(title)
    return [f"not drawn: {', '.join(of)}, because {reason}." for reason, of in by_reason.items()]


def _units_of_time(dataset: xr.Dataset) -> str:
    return str(dataset["elapsed"].attrs.get("units", ""))


def _smoothing(dataset: xr.Dataset, smoothing: float) -> str:
    """How maps that are shown were smoothed, in units of position where these are known."""
    name = "place_x" if "place_x" in dataset.coords else "place"
    attrs = dataset[name].attrs if name in dataset.coords else {}
    units = str(attrs.get("units", ""))
    if "bin_size" in attrs and units not in ("", "1"):
        return f"smoothed for display (s.d. {smoothing * float(attrs['bin_size']):.3g} {units})"
    return f"smoothed for display (s.d. {counted(round(smoothing), 'bin')})"


def _of_all(own: xr.Dataset, sessions: list[int]) -> str:
    total = own.sizes["session"]
    return f" {len(sessions)} of {total} sessions are shown." if len(sessions) < total else ""


def _rule(dataset: xr.Dataset) -> str:
    rule = str(dataset.attrs.get("place_unit_rule", ""))
    return f" {map_words(dataset).cells.capitalize()}: {rule}." if rule else ""


def _is_place(own: xr.Dataset, day: int) -> bool:
    return "place_unit" in own and bool((own["place_unit"].isel(session=day) == 1).any())


def _when(own: xr.Dataset, day: int) -> str:
    return session_title(own.isel(subject=0, session=day))


def maps(own: xr.Dataset, day: int, sessions: list[int], cells: int, smoothing: float) -> str:
    """Caption of the rate maps over sessions.

    Parameters
    ----------
    own : xarray.Dataset
        One subject.
    day : int
        Position of the session that cells are sorted by.
    sessions : list of int
        Positions of those that are shown.
    cells : int
        How many are shown.
    smoothing : float
        In bins; 0 where maps are shown as they are.
    """
    words = map_words(own)
    kind = words.cell if _is_place(own, day) else "active cell"
    again = same_units(own.isel(subject=0), day).sum() > 1
    tracked = " recorded in another session, too," if again else ","
    order = (
        f"{counted(cells, kind)} of {_when(own, day)}{tracked} sorted by {words.peak} in "
        "that session"
    )
    same = "; the order of cells is the same in all panels" if len(sessions) > 1 else ""
    smoothed = f" and {_smoothing(own, smoothing)}" if smoothing else ""
    return (
        f"{order}{same}. Each {words.short} is divided by its maximum in its session{smoothed}. "
        "White rows: cells that were not recorded in the session; "
        f"white columns: {words.unseen}. The session that gives the order looks "
        f"ordered by choice, whatever its noise.{_other_cells(own, day, sessions)}"
        f"{_of_all(own, sessions)}{_rule(own)}"
    )


def _other_cells(own: xr.Dataset, day: int, sessions: list[int]) -> str:
    same = same_units(own.isel(subject=0), day)
    if all(same[place] for place in sessions):
        return ""
    return (
        ' Panels marked "other cells" show sessions whose cells are not registered with those of '
        f"{_when(own, day)}: their own cells, in their own order."
    )


def examples(own: xr.Dataset, day: int, sessions: list[int], cells: int, smoothing: float) -> str:
    """Caption of the example cells; see ``maps`` for the arguments."""
    words = map_words(own)
    kind = words.cells if _is_place(own, day) else "active cells"
    maps_are = f"Maps are {_smoothing(own, smoothing)}" if smoothing else "No smoothing"
    return (
        f"{_picture(own)}. Columns: {cells} of the {kind} of {_when(own, day)} that were recorded "
        "in most sessions, at equal ranks from the most stable (left) to the least stable (right), "
        f"by the mean correlation of their {words.short} in that session with those in the others. "
        f"{maps_are}; no error bars, as each is one cell.{_of_all(own, sessions)}"
    )


def _picture(own: xr.Dataset) -> str:
    """How the maps of single cells are drawn."""
    if map_dim(own) == STIMULUS:
        against = "against" if are_ordered(own["rate"]) else "(bars) by"
        return f"Rate {against} stimulus; one scale for each cell, given above it"
    if "place_x" in own.coords:
        return "Rate maps, each over its maximum, which stands above it; bright: high"
    if "direction" in own["rate"].dims:
        return (
            "Rate against position on the way out (solid) and back (broken); one scale for each "
            "cell, given above it"
        )
    return "Rate against position; one scale for each cell, given above it"


def matrix(own: xr.Dataset) -> str:
    """Caption of the matrix of correlations of one subject."""
    words, several = map_words(own), len(environments(own)) > 1
    rooms = " Sessions in different rooms are not compared." if several else ""
    return (
        f"Pearson correlation of unsmoothed {words.maps}, mean over the cells that are "
        f"{words.cells} in both sessions. Labels: when sessions were, in "
        f"{plural(_units_of_time(own))}; sessions are drawn equally wide, whatever "
        "lies between them. White diagonal: 1 by definition; "
        f"hatched: not compared.{rooms}{_rule(own)}"
    )


def remapping(own: xr.Dataset) -> str:
    """Caption of the matrix of correlations of one subject within and between rooms."""
    words = map_words(own)
    return (
        f"Pearson correlation of unsmoothed {words.maps}, mean over the cells that are "
        f"{words.cells} in both sessions. Labels: rooms, and when sessions were, in "
        f"{plural(_units_of_time(own))}; sessions are sorted by room, then by time, with lines "
        "between rooms. Blocks on the diagonal say what time changes, drift; the others what "
        f"another room does, remapping, which no other figure counts.{_rule(own)}"
    )


def _error_bars(dataset: xr.Dataset, pairs: bool) -> str:
    """What markers and bars are: of one subject, or of several."""
    subjects = dataset.sizes["subject"]
    if subjects > 1:
        return f"{SUBJECTS} (n = {subjects}), where all of them have values."
    if pairs:
        return (
            "Circles: pairs of sessions; line: their mean. No error bars: one subject, whose pairs "
            "share sessions and are not independent."
        )
    return "No error bars: one subject."


def _classes(dataset: xr.Dataset) -> str:
    edges = lag_classes(dataset["elapsed"])
    if edges is None:
        return ""
    width = number(float(edges[2] - edges[1]) if edges.size > 2 else float(edges[1]))
    return f" Means are over classes of {width} {plural(_units_of_time(dataset))}."


def _one_room(dataset: xr.Dataset) -> str:
    return " Pairs of sessions in one room alone." if len(environments(dataset)) > 1 else ""


def by_lag(dataset: xr.Dataset, ceiling: xr.DataArray | None, reason: str) -> str:
    """Caption of the correlation by lag.

    Parameters
    ----------
    dataset : xarray.Dataset
        One subject, or several.
    ceiling : xarray.DataArray or None
        What is drawn beside it.
    reason : str
        Why no ceiling is.
    """
    words = map_words(dataset)
    told = (
        reason
        if ceiling is None
        else "Broken: noise ceiling, the correlation that a code without drift would have, from "
        "the two halves of each session by Spearman and Brown."
    )
    return (
        f"Correlation of unsmoothed {words.maps}, mean over the cells that are {words.cells} in "
        f"both sessions. {_error_bars(dataset, True)}{_classes(dataset)}{_one_room(dataset)} {told}"
    )


def without_noise(dataset: xr.Dataset) -> str:
    """Caption of the similarity of two sessions whose noise is taken out, by lag."""
    words = map_words(dataset)
    return (
        f"Mean correlation of unsmoothed {words.maps} between halves of two sessions, over the "
        "geometric mean of that between the two halves of each: 1 where the code stands still. "
        f"Over the cells that are {words.cells} in both sessions. "
        f"{_error_bars(dataset, True)}{_classes(dataset)}{_one_room(dataset)}"
    )


def fraction(dataset: xr.Dataset) -> str:
    """Caption of the fraction of place cells, or of informative ones."""
    cells = ""
    if "detected_units" in dataset:
        counts = dataset["detected_units"].values[dataset["detected_units"].values > 0]
        cells = f" ({spread(counts)} a session)" if counts.size else ""
    times = dataset["elapsed"].transpose("subject", "session").values
    bars = _error_bars(dataset, False)
    if dataset.sizes["subject"] > 1 and not shared_times(times):
        bars = "No error bars: one line a subject; no mean, as they were recorded at other times."
    rooms = " Markers: rooms." if len(environments(dataset)) > 1 else ""
    counted_cells = map_words(dataset).cells.capitalize()
    return f"{counted_cells} over all recorded cells{cells}. {bars}{rooms}{_rule(dataset)}"


def turnover_by_lag(dataset: xr.Dataset) -> str:
    """Caption of the turnover of place cells, or of informative ones."""
    cells = map_words(dataset).cells
    return (
        f"{cells.capitalize()} of the earlier session that are {cells} in the later one, over "
        "those recorded in both; what is missing to 1 was lost. "
        f"{_error_bars(dataset, True)}{_classes(dataset)}{_one_room(dataset)} Broken: expected if "
        f"membership were drawn anew in every session.{_rule(dataset)}"
    )


def spread(values: np.ndarray) -> str:
    """Least and largest of some numbers, such as "12 to 40"."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return "unknown"
    low, high = (number(float(end)) for end in (finite.min(), finite.max()))
    return low if low == high else f"{low} to {high}"
