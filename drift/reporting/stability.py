"""What decides whether a code drifts, for pages: panels with captions that say what fools them,
sentences, and columns of tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.metrics.fields.life_times import survival
from drift.metrics.stability.halves import reliability
from drift.metrics.time_course.lag_classes import curve_by_lag
from drift.plots.lag_curves import similarity_by_lag
from drift.plots.stability.decoding_curves import decoding_by_lag
from drift.plots.stability.life_tables import recurrence_by_lag, survival_curve
from drift.plots.stability.similarity_curves import jumps_by_lag, similarity_and_ceiling
from drift.plots.stimulus_axis import are_ordered
from drift.reporting.captions import SUBJECTS
from drift.reporting.map_words import map_words
from drift.reporting.panels import Panel
from drift.reporting.wording import number, plural, singular
from drift.schema.map_dims import STIMULUS, map_dim
from drift.stability import life_tables, similarity
from drift.stability.material import Material, material_of, material_of_maps
from drift.stability.rules import StabilityRules

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HALVES = {
    "trials": "odd and even laps",
    "time": "blocks of 30 s in turn",
    "coin": "events dealt to either by the toss of a coin",
    "exact": "equal, as rates hold no noise",
}
ACTIVE: Literal["active"] = "active"


def stability_panels(dataset: xr.Dataset) -> list[Panel]:
    """Panels of one subject, or of several together.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset without sessions before learning.
    """
    if not {"rate", "occupancy"} <= set(dataset.data_vars):
        return []
    material = material_of(dataset, StabilityRules())
    index = [_index(material)] if "rate_half" in dataset else []
    readouts = [_readouts(material)] if "decoder triple" not in material.absent else []
    jumps = [_jumps(material)] if _is_metric(dataset) else []
    return [*index, *readouts, _recurrence(material), _survival(material), *jumps]


def compared_panels(dataset: xr.Dataset) -> list[Panel]:
    """Panels of ``stability_panels`` with the similarity, its ceiling, and what is left without
    noise before them.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset without sessions before learning.
    """
    if not {"rate", "occupancy"} <= set(dataset.data_vars):
        return []
    return [_similarity(material_of(dataset, StabilityRules())), *stability_panels(dataset)]


def _is_metric(dataset: xr.Dataset) -> bool:
    """Tell whether there are distances between places, or stimuli."""
    return map_dim(dataset) != STIMULUS or are_ordered(dataset["rate"])


def _times(material: Material) -> xr.DataArray:
    return material.maps["elapsed"].transpose("subject", "session")


def _bars(material: Material, alone: str = "No error bars: one subject.") -> str:
    subjects = material.maps.sizes["subject"]
    return f"{SUBJECTS} (n = {subjects})." if subjects > 1 else alone


def _who(material: Material) -> str:
    """Which cells are active, in words."""
    least = material.least_events
    events = f"at least {least:g} events" if least else "any activity"
    return f"Active: {events} in the session"


def _by_halves(material: Material) -> str:
    return f"Halves are {HALVES[material.halves]}." if material.halves in HALVES else ""


def _with_halves(
    material: Material, measure: Callable[[Material], similarity.Arrays]
) -> similarity.Arrays:
    """What halves give, or nothing where there are none."""
    return {} if material.halves == "none" else measure(material)


def _similarity(material: Material) -> Panel:
    def draw(ax: Axes) -> object:
        plain = similarity.plain_similarity(material)["rate_map_correlation"]
        corrected = similarity.maps_without_noise(material)
        ceiling = similarity.noise_of_maps(material)["correlation_ceiling"]
        name = f"{words.short} similarity"
        return similarity_and_ceiling(plain, corrected, _times(material), ax, ceiling, label=name)

    words = map_words(material.maps)
    caption = (
        f"Correlation of smoothed {words.maps} between sessions as seen, at best (what a code at "
        "rest would have, by Spearman and Brown), and with the noise of both sessions taken out: 1 "
        f"for a code at rest. Cells active in both sessions. {_who(material)}. "
        f"{_by_halves(material)} {_bars(material)} What fools it: wrongly registered cells, and "
        "events in bursts where halves were dealt by coin."
    )
    return Panel("similarity_by_lag", "Similarity and its ceiling", lambda: caption, draw)


def _index(material: Material) -> Panel:
    def draw(ax: Axes) -> object:
        index = similarity.index_of_drift(material)["mean_drift_index"]
        return similarity_by_lag(index, _times(material), ax, "index of drift")

    caption = (
        "Representational drift index, (within \N{MINUS SIGN} between) / (within + between), of "
        "the correlations of smoothed maps within sessions and between them, mean over cells that "
        f"are active in both: 0 where a code stands still. {_who(material)}. {_bars(material)} "
        "What fools it: cells of few events, whose correlations are cut off at 0."
    )
    return Panel("drift_index_by_lag", "Index of drift", lambda: caption, draw)


def _readouts(material: Material) -> Panel:
    def draw(ax: Axes) -> object:
        errors = xr.Dataset(similarity.decoder_errors(material))
        return decoding_by_lag(errors.assign_coords(elapsed=_times(material)), ax)

    caption = (
        "Mean distance between the true and the decoded position. Fixed: a readout of the earlier "
        "session; refitted: one of the later session itself, on the same cells, without the trial "
        "that is read; shuffled: the fixed one with cells in disorder, which is chance. What the "
        f"fixed one loses against the refitted one is the cost of drift. {_bars(material)} What "
        "fools it: fewer cells or events at longer times raise all three; another way of running "
        "and wrongly registered cells raise the fixed one alone."
    )
    return Panel("decoding_by_lag", "Readouts of other sessions", lambda: caption, draw)


def _recurrence(material: Material) -> Panel:
    def draw(ax: Axes) -> object:
        arrays = life_tables.returning(material, ACTIVE)
        arrays |= _with_halves(material, partial(life_tables.returning_in_halves, group=ACTIVE))
        table = xr.Dataset(arrays).sel(group=ACTIVE).assign_attrs(of=ACTIVE)
        return recurrence_by_lag(table, _times(material), ax)

    caption = (
        "Cells active in the earlier session that are active again, over those recorded in both. "
        f"{_who(material)}. Base rate: what membership drawn anew would give. Test noise alone: "
        "the same between the two halves of one session; between halves of two sessions a code "
        f"at rest has as much. {_by_halves(material)} {_bars(material)} What fools it: the limit "
        "of events itself, near which cells come and go though nothing changes, and sessions of "
        "different length."
    )
    return Panel("recurrence_by_lag", "Recurrence of active cells", lambda: caption, draw)


def _survival(material: Material) -> Panel:
    def draw(ax: Axes) -> object:
        arrays = life_tables.lasting(material, ACTIVE)
        names = {"survival": "survival", "survival_standard_error": "standard_error"}
        table = xr.Dataset({new: arrays[name] for name, new in names.items()}).sel(group=ACTIVE)
        return survival_curve(table.assign_attrs(of=ACTIVE), ax)

    caption = (
        "Share of active cells that were active in every session since, by Kaplan and Meier; cells "
        f"that were not recorded are censored, not lost. {_who(material)}. Bars: one standard "
        "error by Greenwood, one line a subject. What fools it: noise of the test ends stays, "
        "too; see recurrence."
    )
    return Panel("survival", "Survival of active cells", lambda: caption, draw)


def _jumps(material: Material) -> Panel:
    def draw(ax: Axes) -> object:
        arrays = life_tables.shifting(material)
        arrays |= _with_halves(material, life_tables.shifting_in_halves)
        names = [name for name in arrays if name.startswith("jumps")]
        return jumps_by_lag(
            xr.Dataset({name: arrays[name] for name in names}), _times(material), ax
        )

    words = map_words(material.maps)
    caption = (
        f"Share of active cells whose largest field, of the smoothed {words.short}, lies farther "
        "away than fields are wide. Shuffled: between different cells. Noise alone: between the "
        f"two halves of one session. {_by_halves(material)} {_bars(material)} What fools it: few "
        "events, and cells with two fields of equal height."
    )
    return Panel("jumps_by_lag", "Fields that jump", lambda: caption, draw)


def stability_sentences(dataset: xr.Dataset) -> Iterator[str]:
    """What readouts, the index of drift and recurrence say at the shortest and the longest time
    between sessions.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset without sessions before learning.
    """
    if not {"rate", "occupancy"} <= set(dataset.data_vars):
        return
    material = material_of(dataset, StabilityRules())
    for sentence in (_of_readouts, _of_index, _of_recurrence):
        try:
            yield sentence(material)
        except RefusedInputError:  # the figures say why
            continue


def _ends(values: xr.DataArray, material: Material) -> list[tuple[str, str]]:
    """Mean over subjects and time apart, at the shortest and the longest lag."""
    curve = curve_by_lag(values, _times(material)).mean("subject")
    units = str(material.maps["elapsed"].attrs.get("units", ""))
    if curve.sizes["lag"] == 0:
        raise RefusedInputError("no two sessions are compared.")
    ends = [curve.isel(lag=at) for at in (0, -1)[: curve.sizes["lag"]]]
    lags = [number(float(end["mean_lag"])) for end in ends]
    apart = [f"{lag} {singular(units) if lag == '1' else plural(units)}" for lag in lags]
    return [(number(float(end)), time) for end, time in zip(ends, apart, strict=True)]


def _told(ends: list[tuple[str, str]], unit: str = "") -> str:
    return " and ".join(f"{value}{unit} between sessions {time} apart" for value, time in ends)


def _values(ends: list[tuple[str, str]], unit: str = "") -> str:
    return " and ".join(f"{value}{unit}" for value, _ in ends)


def _of_readouts(material: Material) -> str:
    errors = similarity.decoder_errors(material)
    unit = f" {errors['decoding_error'].attrs.get('units', '')}".rstrip()
    names = ("decoding_error", "refitted_decoding_error", "shuffled_decoding_error")
    fixed, refitted, chance = (
        _ends(errors[name], material) if name in errors else [] for name in names
    )
    by_chance = f", with cells in disorder by {_values(chance, unit)}" if chance else ""
    return (
        f"A readout of another session is off by {_told(fixed, unit)}; one of the same session by "
        f"{_values(refitted, unit)}{by_chance}."
    )


def _of_index(material: Material) -> str:
    if "rate_half" not in material.maps or material.halves not in ("trials", "time"):
        raise RefusedInputError("halves of sessions are not known.")
    ends = _ends(similarity.index_of_drift(material)["mean_drift_index"], material)
    return f"The index of drift, 0 for a code that stands still, is {_told(ends)}."


def _of_recurrence(material: Material) -> str:
    arrays = life_tables.returning(material, ACTIVE)
    again, base = (
        _ends(arrays[name].isel(group=0), material) for name in ("recurrence", "base_rate")
    )
    return (
        f"The share of active cells that are active again is {_told(again)}; it would be "
        f"{_values(base)} if cells were drawn anew."
    )


def stability_columns(dataset: xr.Dataset) -> dict[str, np.ndarray]:
    """Numbers of each session that say how reliable maps are, and who joined and left.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset.

    Returns
    -------
    dict of str to numpy.ndarray
        (subject, session) by heading; those that are known of any session.
    """
    if not {"rate", "occupancy"} <= set(dataset.data_vars):
        return {}
    material, columns = material_of_maps(dataset, StabilityRules()), {}
    if "rate_half" in dataset and "place_unit" in dataset:
        columns["correlation of two halves"] = reliability(dataset)
    try:
        table = survival(material.maps, ACTIVE, minimum_events=material.least_events)
        columns |= {"active cells gained": table["gains"], "active cells lost": table["losses"]}
    except RefusedInputError:  # a single session, or cells that are not registered
        pass
    arrays = {name: array.transpose("subject", "session").values for name, array in columns.items()}
    return {name: values for name, values in arrays.items() if np.isfinite(values).any()}
