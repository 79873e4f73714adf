"""Rate maps with a slider: the population over sessions, and one unit over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Smoothing
from drift.errors import RefusedInputError
from drift.metrics.maps import smoothed
from drift.metrics.places import of_ring, require_track
from drift.metrics.rooms import environment_labels, environments
from drift.metrics.stimuli import require_places
from drift.notebook.widgets.canvas import WIDTH, empty_figure, ipywidgets, picture, show
from drift.observation.lens import untrained_sessions
from drift.plots.sessions import NOT_VISITED, side_by_side
from drift.schema.labelled_form import check
from drift.schema.selection import position_of

PLACE, RATE = "place", "rate / peak rate of the session"


@opened
def rate_map_slider(
    run: xr.Dataset, *, smoothing: Smoothing = 3.0, reference: int | str | None = None
) -> Any:
    """Rate maps of a subject, the session chosen by a slider and units in one order throughout.

    Units that are place units in the reference session are sorted by the place of their peak there.
    The diagonal of the reference session dissolves as the code drifts. Each map is divided by its
    peak in the session shown; places that were not visited are blue.

    Parameters
    ----------
    run : xarray.Dataset
        Longitudinal Dataset with ``rate``, ``place_unit`` and ``elapsed``, of a run or a recording
        with tracked units.
    smoothing : float
        Standard deviation of the display copy (bins).
    reference : int or str, optional
        Position of the session that sorts the units, or its label as text; by default the first one
        after learning has begun.

    Returns
    -------
    ipywidgets.VBox
        Show it as the last line of a notebook cell. Its children are the handles and the picture.

    Raises
    ------
    RefusedInputError
        If ipywidgets is not installed, there is no such session, places lie in a plane, or there
        are several environments.
    SchemaError
        If a variable is missing.
    """
    widgets = ipywidgets()
    first = _checked(run, reference)
    maps = _Population(run, smoothing)
    handles = {
        "session": widgets.SelectionSlider(
            options=_sessions(run), value=run.sizes["session"] - 1, description="session"
        ),
        "subject": widgets.Dropdown(options=_labels(run), value=0, description="subject"),
        "reference": widgets.Dropdown(
            options=_sessions(run),
            value=first,
            description="sorted by",
            style={"description_width": "initial"},
        ),
    }
    frame = widgets.Image(format="png", layout=widgets.Layout(max_width="100%", width=WIDTH))

    def draw(_: object = None) -> None:
        maps.draw(handles["subject"].value, handles["session"].value, handles["reference"].value)
        show(frame, maps.figure)

    for handle in handles.values():
        handle.observe(draw, "value")
    handles["session"].layout.width = "60%"
    draw()
    return widgets.VBox(
        [handles["session"], widgets.HBox([handles["subject"], handles["reference"]]), frame]
    )


class _Population:
    """One figure, whose image and labels are replaced."""

    def __init__(self, run: xr.Dataset, smoothing: float) -> None:
        self.figure = empty_figure(6.6, 4.6)
        self._run, self._smoothing, self._maps = run, smoothing, dict[int, np.ndarray]()
        self._ax = self.figure.subplots()
        self._ax.set_facecolor(NOT_VISITED)
        edges = _extent(run)
        self._image = self._ax.imshow(
            np.zeros((1, 1)),
            cmap="Greys",
            vmin=0,
            vmax=1,
            aspect="auto",
            interpolation="nearest",
            extent=(*edges, 1, 0),
        )
        self.figure.colorbar(self._image, ax=self._ax, label=RATE)
        _label_places(run, self._ax, edges)
        self._ax.set(ylabel="unit, sorted by its peak in the reference session")

    def draw(self, subject: int, session: int, reference: int) -> None:
        order = _order(
            self._of(subject)[reference],
            self._run["place_unit"].isel(subject=subject, session=reference).values == 1,
        )
        shown = _relative(self._of(subject)[session][order])
        self._image.set_data(shown if len(order) else np.full((1, 1), np.nan))
        self._image.set_extent((*_extent(self._run), max(len(order), 1), 0))
        self._ax.set_ylim(max(len(order), 1), 0)
        names = {value: label for label, value in _sessions(self._run)}
        told = f"session {names[session]}: {len(order)} units, sorted by session {names[reference]}"
        self._ax.set_title(
            told if len(order) else "no place unit in the reference session", fontsize=10
        )

    def _of(self, subject: int) -> np.ndarray:
        """Return maps (session, unit, place over both directions) of a subject, smoothed when they
        are first shown."""
        if subject not in self._maps:
            self._maps[subject] = _flat(
                smoothed(self._run["rate"].isel(subject=subject), self._smoothing)
            )
        return self._maps[subject]


@opened
def unit_browser(
    run: xr.Dataset,
    *,
    smoothing: Smoothing = 3.0,
    order: Literal["rank", "number"] = "rank",
) -> Any:
    """Rate maps of one unit in all sessions, with a slider over units.

    Parameters
    ----------
    run : xarray.Dataset
        Longitudinal Dataset with ``rate``, ``place_unit`` and ``elapsed``.
    smoothing : float
        Standard deviation of the display copy (bins).
    order : {"rank", "number"}
        Units by how long they count as place units, or by their number in the Dataset, to go to
        a cell that one knows.

    Returns
    -------
    ipywidgets.VBox

    Raises
    ------
    RefusedInputError
        If ipywidgets is not installed, places lie in a plane, or there are several environments.
    SchemaError
        If a variable is missing.
    """
    widgets = ipywidgets()
    _checked(run, None)
    by_rank = order == "rank"
    first, last = (1, run.sizes["unit"]) if by_rank else (0, run.sizes["unit"] - 1)
    handles = {
        "unit": widgets.IntSlider(
            min=first, max=last, value=first, description="unit by rank" if by_rank else "unit"
        ),
        "subject": widgets.Dropdown(options=_labels(run), value=0, description="subject"),
    }
    frame = widgets.Image(format="png", layout=widgets.Layout(max_width="100%", width=WIDTH))

    def draw(_: object = None) -> None:
        of_subject = run.isel(subject=handles["subject"].value)
        chosen_unit = handles["unit"].value
        unit = _ranked(of_subject)[chosen_unit - 1] if by_rank else chosen_unit
        frame.value = _one_unit(of_subject, int(unit), smoothing)

    for handle in handles.values():
        handle.observe(draw, "value")
    draw()
    return widgets.VBox([widgets.HBox(list(handles.values())), frame])


def _place_unit_sessions(of_subject: xr.Dataset) -> np.ndarray:
    """In how many sessions each unit is a place unit."""
    is_place_unit = (of_subject["place_unit"] == 1).transpose("session", "unit").values
    return np.asarray(is_place_unit.sum(axis=0))


def _ranked(of_subject: xr.Dataset) -> np.ndarray:
    """Units from the one that is a place unit most often on."""
    return np.argsort(-_place_unit_sessions(of_subject), kind="stable")


def _one_unit(of_subject: xr.Dataset, unit: int, smoothing: float) -> bytes:
    days = _place_unit_sessions(of_subject)
    rate = of_subject["rate"].isel(unit=[unit])
    maps = _flat(smoothed(rate, smoothing))[:, 0]  # (session, place)
    figure = empty_figure(6.6, 3.4)
    ax = figure.subplots()
    ax.set_facecolor(NOT_VISITED)
    edges = _extent(of_subject)
    image = ax.imshow(
        maps,
        cmap="Greys",
        vmin=0,
        aspect="auto",
        interpolation="nearest",
        extent=(*edges, len(maps), 0),
    )
    figure.colorbar(image, ax=ax, label=f"rate ({of_subject['rate'].attrs.get('units', '1')})")
    _label_places(of_subject, ax, edges)
    place = np.unique(np.linspace(0, len(maps) - 1, 6).astype(int))
    ax.set_yticks(place + 0.5, [f"{of_subject['elapsed'].values[number]:,.6g}" for number in place])
    ax.set(ylabel=f"elapsed ({of_subject['elapsed'].attrs.get('units', '1')})")
    ax.set_title(
        f"unit {of_subject['unit'].values[unit]}: a place unit in {days[unit]} of {len(maps)} "
        "sessions",
        fontsize=10,
    )
    return picture(figure)


def _checked(run: xr.Dataset, reference: int | str | None) -> int:
    """Return the position of the reference session of a Dataset that can be shown."""
    check(run, "rate", "place_unit", "elapsed")
    require_track(run, "a slider over rate maps")
    require_places(run, "a slider over rate maps")
    sessions = run.sizes["session"]
    if "environment" in run["rate"].dims:
        raise RefusedInputError(
            "rate maps of several environments cannot be shown at once: choose one with "
            "run.isel(environment=0)."
        )
    first = min(untrained_sessions(run), sessions - 1) if reference is None else reference
    if isinstance(first, str):
        return position_of(run, "session", first)
    if not 0 <= first < sessions:
        raise RefusedInputError(
            f"reference must be a session from 0 to {sessions - 1}, got {reference}: give its "
            "position."
        )
    return first


def _sessions(run: xr.Dataset) -> list[tuple[str, int]]:
    """Return what a slider shows of each session: its position and its mean elapsed time."""
    units = run["elapsed"].attrs.get("units", "")
    elapsed = run["elapsed"].mean("subject").values
    told = [
        f"{value:,.6g} {units if value == 1 else units + 's'}"
        if np.isfinite(value)
        else "time not known"
        for value in elapsed
    ]
    rooms = _rooms(run)
    return [(f"{number} ({text}{rooms[number]})", number) for number, text in enumerate(told)]


def _rooms(run: xr.Dataset) -> list[str]:
    """Return what is said of the environment of each session, nothing where all subjects stayed in
    one."""
    if len(environments(run)) < 2:
        return [""] * run.sizes["session"]
    labels = environment_labels(run, subjects=run.sizes["subject"], sessions=run.sizes["session"])
    return [f", room {' or '.join(sorted(set(row.tolist()) - {''}))}" for row in labels.T]


def _labels(run: xr.Dataset) -> list[tuple[str, int]]:
    names = run["subject"].values if "subject" in run.coords else range(run.sizes["subject"])
    return [(str(name), number) for number, name in enumerate(names)]


def _flat(maps: xr.DataArray) -> np.ndarray:
    """Return maps (session, unit, place), the way back mirrored behind the way out."""
    return np.stack(
        [side_by_side(maps.isel(session=session)) for session in range(maps.sizes["session"])]
    )


def _order(maps: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the chosen units in the order of the places of their peaks; maps (unit, place)."""
    units = np.flatnonzero(mask)
    return units[
        np.argsort(np.where(np.isnan(maps[units]), -1.0, maps[units]).argmax(axis=1), kind="stable")
    ]


def _relative(maps: np.ndarray) -> np.ndarray:
    peak = np.where(np.isnan(maps), 0.0, maps).max(axis=1, keepdims=True, initial=0.0)
    return np.asarray(maps / np.where(peak > 0, peak, 1.0))


def _extent(run: xr.Dataset) -> tuple[float, float]:
    """Return where the axis of places begins and ends: a track in its own units, both ways one
    behind the other, or numbers of bins."""
    places = (
        run["place"].values.astype(float)
        if "place" in run.coords
        else np.arange(run.sizes["place"], dtype=float)
    )
    stated_size = run["place"].attrs.get("bin_size") if "place" in run.coords else None
    bin_size = stated_size or (float(np.diff(places).mean()) if len(places) > 1 else 1.0)
    low, high = places[0] - bin_size / 2, places[-1] + bin_size / 2
    return low, high + (high - low) * ("direction" in run["rate"].dims)


def _label_places(run: xr.Dataset, ax: Any, edges: Sequence[float]) -> None:
    units = run["place"].attrs.get("units", "") if "place" in run.coords else ""
    unit = f" ({units})" if units not in ("", "1") else ""
    if "direction" not in run["rate"].dims:
        ax.set_xlabel(f"{PLACE}{'' if of_ring(run) is None else ' around the ring'}{unit}")
        return
    low, middle, high = edges[0], (edges[0] + edges[1]) / 2, edges[1]
    end = middle
    ax.axvline(middle, color="#D55E00", linewidth=1)
    ax.set_xticks([low, (low + middle) / 2, middle, (middle + high) / 2, high])
    ax.set_xticklabels([f"{low:g}", "out", f"{end:g}", "back", f"{low:g}"])
    ax.set_xlabel(f"{PLACE}{unit}")
