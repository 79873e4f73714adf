"""What the report explains: how it was made, how to read it, and what its words mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

import xarray as xr

from drift.reporting.wording import CONVENTIONS, number, source_name

READING = (
    "Every curve is divided by its first session, so 1 means as on the first day. A straight line "
    "is fitted to the mean curve; its slope, times the span of the study, is the change in the "
    "tables. Error bars are one standard error over subjects. The p value belongs to the slope "
    "and takes the sessions as independent; with few sessions it is rough.",
    "First look at the two curves simulation as observed and recording: they were treated alike, "
    "so they may be compared. The simulation as it is was not sampled, has no noise of counting, "
    "and may differ for that alone.",
    "Then look at the null models. In each of them a code stands still, and only something else "
    "changes: that of the simulation for what is observed, and maps that are estimated from the "
    "recording itself for what was recorded. A change that a null model shows as well is no "
    "evidence of drift.",
    "Last, published slopes are drawn from 1, since their intercepts were not published, and only "
    "where their unit of time is that of the study or the session.",
)
GLOSSARY = {
    "representational drift": (
        "The code for the same place or stimulus changes over days while behaviour stays as it is."
    ),
    "rate map": (
        "Mean event rate (spikes or calcium events per second) of one cell at each place, while "
        "the animal runs."
    ),
    "place cell": (
        "A cell whose events tell the place better than chance. The rule is stated under Methods; "
        "fractions under different rules cannot be compared."
    ),
    "fraction of place cells": (
        "Place cells over all cells detected in the session, silent ones included where the "
        "recording counts them."
    ),
    "number of active cells": "Cells with at least one event while running.",
    "spatial information": (
        "How much one event tells about the place, in bits per event (Skaggs and others, 1993); "
        "mean over place cells."
    ),
    "bias of spatial information": (
        "With few events the estimate of information is too high, more so for quiet cells. When "
        "rates fall, information seems to rise. Estimates that are reduced by shuffling or "
        "extrapolated to long recordings correct this."
    ),
    "rate-map correlation": (
        "Correlation of the rate map of a cell in one session with that of the same cell in the "
        "first session; mean over cells. It needs cells that are followed from session to session. "
        "Noise of counting lowers it, even where nothing drifts."
    ),
    "the lens": (
        "The way in which the animals were recorded: sessions, running, event rates, number of "
        "cells and lost cells. The simulation is seen through it before it is measured."
    ),
    "null model": (
        "A simulation in which the code does not drift, seen through the same lens. It shows what "
        "would seem to be drift."
    ),
    "frozen code": "Null model: the rates of the first session, in every session.",
    "other event rate": (
        "Null model: the frozen code, with all rates changed by one factor, as the mean event rate "
        "of the study changes."
    ),
    "wrong registration": (
        "Null model: the frozen code, with some cells mistaken for others from session to session."
    ),
    "changed behaviour": (
        "Null model: the frozen code, with running time along the trend of the recording, or with "
        "as much less as was given."
    ),
    "null models of the recording": (
        "Maps of the animal itself that stand still, with the noise of counting. One thing changes "
        "as it did: which cells were found (lost cells), the time at each place (recorded "
        "behaviour), event rates of each cell (recorded rates), how faint an event may be "
        "(drifting threshold), or cells are mistaken for others (wrong matches)."
    ),
    "time scale": (
        "How many learning steps stand for one day or minute: the factor at which rate maps of the "
        "simulation and of the recording decorrelate alike."
    ),
    "s.e.": (
        "Standard error: how far an estimate would typically lie from its mean if the study were "
        "repeated."
    ),
}
OVER_STIMULI = {
    "tuning curve": (
        "Mean event rate (spikes or calcium events per second) of one cell while each stimulus is "
        "shown."
    ),
    "informative cell": (
        "A cell whose events tell the stimulus better than chance. The rule is stated under "
        "Methods; fractions under different rules cannot be compared."
    ),
    "fraction of informative cells": (
        "Informative cells over all cells detected in the session, silent ones included where the "
        "recording counts them."
    ),
    "number of active cells": "Cells with at least one event in the samples that count.",
    "stimulus information": (
        "How much one event tells about the stimulus, in bits per event, by the formula of Skaggs "
        "and others (1993); mean over informative cells."
    ),
    "bias of stimulus information": GLOSSARY["bias of spatial information"],
}
LENS_EVENTS = {
    "poisson": "spikes drawn by a Poisson law",
    "calcium": "calcium transients, detected above a threshold",
}


def methods(chosen: xr.Dataset, convention: str, run: xr.Dataset | None) -> str:
    """Return the paragraph on how everything was made, as HTML."""
    attrs = chosen.attrs
    sentences = []
    if run is not None:
        sentences.append(
            f"{run.sizes['subject']} simulated subjects with up to {run.sizes['unit']} units "
            f"were observed in {run.sizes['session']} "
            "sessions."
        )
    if attrs.get("lens", "none") != "none":
        events = LENS_EVENTS.get(str(attrs.get("events")), str(attrs.get("events")))
        sentences.append(
            f"Their rates were turned into {events}, with the sessions, places, running time, "
            "distribution of event rates and number of "
            f"cells of: {attrs['lens']}. They were then measured as the recording is."
        )
        sentences.append(
            "Null models: all rates times "
            f"{number(float(attrs.get('event_rate_ratio', float('nan'))))} in the last "
            "session (other event "
            f"rate), {100 * float(attrs.get('confused', 0)):.0f} % of the cells confused from "
            "session to session (wrong registration), and "
            f"{100 * float(attrs.get('final_time', 1)):.0f} % of the running time in the last "
            "session (changed behaviour)."
        )
    sentences.append(f"Curves are {CONVENTIONS[convention]}.")
    rules: dict[str, list[str]] = {}
    for source in (
        name for name in ("simulated", "observed", "recorded") if name in chosen["source"].values
    ):
        rules.setdefault(str(chosen["place_unit_rule"].sel(source=source).item()), []).append(
            source_name(source)
        )
    sentences += [
        f"Place cells of the {' and of the '.join(names)}: {rule}." for rule, names in rules.items()
    ]
    sentences.append(
        "Published slopes are those of four CA1 recordings in Ratzon, Derdikman and Barak "
        "(eLife 2024, Fig. 3). The seed of all draws is "
        f"{attrs.get('seed', 'unknown')}."
    )
    return f"<p>{escape(' '.join(sentences))}</p>"


def reading() -> str:
    """Return how to read the page, as HTML."""
    return "".join(f"<p>{escape(paragraph)}</p>" for paragraph in READING)


def glossary(words: Iterable[str] = tuple(GLOSSARY), meanings: Mapping[str, str] = GLOSSARY) -> str:
    """Return words of a page with their meanings, as HTML.

    Parameters
    ----------
    words : iterable of str
        Keys of the meanings; all of ``GLOSSARY`` by default.
    meanings : mapping of str to str
        What words mean.
    """
    rows = "".join(
        f"<div><dt>{escape(word)}</dt><dd>{escape(meaning)}</dd></div>"
        for word, meaning in ((word, meanings[word]) for word in words)
    )
    return f"<dl>{rows}</dl>"
