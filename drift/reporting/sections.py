"""Sections of the report, each as HTML; empty text where there is nothing to show."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from drift import fit_words
from drift.comparison.table import divided_text
from drift.errors import RefusedInputError
from drift.metrics.stability.correlations import mean_rate_map_correlation
from drift.observation.lens import untrained_sessions
from drift.reporting import figures, fit_figures, tables
from drift.reporting.svg import inline_svg
from drift.reporting.wording import measure_name, number, p_value, source_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIMILARITY_TITLES = {
    "map_similarity": "Rate-map correlation by lag.",
    "population_similarity": "Population-vector correlation by lag.",
    "rate_similarity": "Correlation of rate ranks by lag.",
}
SUBJECTS = 3  # of whose fit, or recipes, the page shows all
CURVE_NOTES = {
    "fraction_place_units": "Place cells over detected cells.",
    "active_units": "Cells with at least one event while running.",
    "spatial_information": (
        "Mean over place cells, not corrected for bias: quiet cells seem to be more informative "
        "than they are."
    ),
    "rate_map_correlation": (
        "Correlation with the first session, over the second session in which it is known, which "
        "is 1."
    ),
    "corrected_similarity": (
        "Similarity with the first session, the noise of both taken out (by two halves of each), "
        "over the second session in which it is known, which is 1."
    ),
}


def figure_box(figure: Figure | None, name: str, title: str, note: str, description: str) -> str:
    """Return a figure with its caption, or nothing."""
    if figure is None:
        return ""
    caption = f"<figcaption><strong>{escape(title)}</strong> {escape(note)}</figcaption>"
    return f'<figure id="{name}">{inline_svg(figure, name, description)}{caption}</figure>'


def _grid(boxes: list[str]) -> str:
    return f'<div class="figures">{"".join(boxes)}</div>' if any(boxes) else ""


def curves(chosen: xr.Dataset) -> str:
    """Return the normalised curves of all measures."""
    boxes = []
    for place, measure in enumerate(chosen["measure"].values):
        title = f"{measure_name(measure)}.".capitalize()
        divided = divided_text(chosen, str(measure))
        note = f"{CURVE_NOTES.get(str(measure), '')} {divided}{'.' * bool(divided)}".strip()
        described = figures.described_curves(chosen, measure)
        boxes.append(
            figure_box(figures.curves(chosen, measure), f"curve-{place}", title, note, described)
        )
        if not boxes[-1]:
            boxes[-1] = (
                f"<p><strong>{escape(title)}</strong> Not defined: cells are not followed, or "
                "there are too few sessions.</p>"
            )
    return _grid(boxes)


def effects(chosen: xr.Dataset, frame: pd.DataFrame) -> str:
    """Return effect sizes and shares of null models."""
    words = "; ".join(
        f"{measure_name(row['measure'])}, {source_name(row['source'])}: {row['effect_size']:.2f}"
        for row in frame.to_dict("records")
        if np.isfinite(row["effect_size"])
    )
    sizes = figure_box(
        figures.effect_sizes(frame),
        "effects",
        "Effect sizes.",
        "Correlation of each curve with time.",
        f"Effect sizes: {words}.",
    )
    boxes = []
    for source in (
        name
        for name in ("observed", "recorded")
        if chosen.sizes.get("null", 0) and name in chosen["source"].values
    ):
        note = (
            "0 %: the null model does not change. 100 % (dashed): it changes as much, without "
            "any drift. Bars: one standard error. "
            "Arrows lie outside."
        )
        title = f"What null models explain, {source_name(source)}."
        described = (
            f"Dot plot of the share of each change in the {source_name(source)} that null models "
            "show; the numbers are in the table."
        )
        boxes.append(
            figure_box(figures.shares(chosen, source), f"shares-{source}", title, note, described)
        )
    boxes.append(sizes)
    if not any(boxes):
        return "<p>Effect sizes take three sessions or more, and are not known here.</p>"
    return _grid(boxes)


def maps(run: xr.Dataset | None, recorded: xr.Dataset | None) -> str:
    """Return rate maps of the first subject, and correlations between all sessions, of the run and
    of the recording."""
    boxes = []
    for name, dataset in (("simulation", run), ("recording", recorded)):
        if dataset is not None and "rate" in dataset:
            dataset = dataset.isel(environment=0) if "environment" in dataset.dims else dataset
            first = untrained_sessions(dataset) if name == "simulation" else 0
            boxes += [
                _rate_maps(name, dataset, first),
                _correlations(name, dataset.isel(session=slice(first, None))),
            ]
    return _grid(boxes)


def _rate_maps(name: str, dataset: xr.Dataset, first: int) -> str:
    label = str(dataset["subject"].values[0])
    note = f"Subject {label}. First, middle and last session"
    note += (
        "; units in the order of their place in the first. Each map is divided by its maximum, "
        "shown bright; grey was not visited."
    )
    if "place_x" in dataset.coords:
        note = (
            f"Subject {label}. One row a cell, those with the highest rates; first, middle and "
            "last session. Bright is the highest rate"
        )
        note += ", which stands in the corner."
    described = f"Rate maps of subject {label} in its first, middle and last session."
    return figure_box(
        figures.rate_maps(dataset, 0, first), f"maps-{name}", f"Rate maps, {name}.", note, described
    )


def _correlations(name: str, dataset: xr.Dataset) -> str:
    title = f"Rate-map correlation between sessions, {name}."
    try:
        correlation = mean_rate_map_correlation(dataset)
    except RefusedInputError as refusal:
        return f"<p><strong>{escape(title)}</strong> Not defined: {escape(str(refusal))}</p>"
    if dataset.sizes["session"] < 2 or not np.isfinite(correlation.isel(session=0)).any():
        return (
            f"<p><strong>{escape(title)}</strong> Not defined: cells are not followed from "
            "session to session.</p>"
        )
    times = dataset["elapsed"].transpose("subject", "session").values
    since = pd.DataFrame(times - times[:, :1]).mean().to_numpy()
    figure = figures.correlations(
        correlation, str(dataset["elapsed"].attrs.get("units", "")), since
    )
    ends = correlation.isel(session=0).mean("subject").values
    described = (
        f"Matrix of rate-map correlations of the {name}; first with last session {ends[-1]:.2f}."
    )
    return figure_box(
        figure, f"correlation-{name}", title, "Mean over subjects; 1 means equal maps.", described
    )


def fit(dataset: xr.Dataset | None) -> str:
    """Return what a fit of a circuit found, subject by subject."""
    if dataset is None:
        return ""
    if not {"estimate", "interval", "profile_distance", "measured"} <= set(dataset.variables):
        raise RefusedInputError(
            "fit was expected to be the Dataset of a circuits.Fit, got one without estimate: "
            "pass fit.dataset."
        )
    fragments = [f"<p>{escape(_circuit(dataset))}</p>"]
    for place in range(min(dataset.sizes["subject"], SUBJECTS)):
        of_subject = dataset.isel(subject=place)
        label = str(of_subject["subject"].item())
        fragments.append(f"<h3>Subject {escape(label)}</h3>")
        fragments.append(
            tables.estimates(
                of_subject, f"estimates-{place}", f"Parameters of the circuit, subject {label}"
            )
        )
        fragments += [f"<p>{escape(sentence)}</p>" for sentence in _goodness(of_subject)]
        groups = [group for group in SIMILARITY_TITLES if group in of_subject["group"].values]
        boxes = [_similarity(of_subject, group, f"fit-{place}-{group}") for group in groups]
        note = "Circles in the band are within two standard errors of the recording."
        described = (
            "Dot plot of predicted minus measured statistics in standard errors of the recording."
        )
        boxes.append(
            figure_box(
                fit_figures.statistics(of_subject),
                f"fit-{place}-statistics",
                "All statistics of the fit.",
                note,
                described,
            )
        )
        fragments.append(_grid(boxes))
    if dataset.sizes["subject"] > SUBJECTS:
        fragments.append(
            f"<p>{dataset.sizes['subject'] - SUBJECTS} further subjects are in the file of "
            "the fit.</p>"
        )
    return "".join(fragments)


def _similarity(of_subject: xr.Dataset, group: str, name: str) -> str:
    title = SIMILARITY_TITLES[group]
    note = "With frozen weights the same circuit does not drift."
    described = (
        f"Line chart of {title.lower().rstrip('.')}: recording, fitted circuit, and the same "
        "circuit with frozen weights."
    )
    return figure_box(fit_figures.fitted(of_subject, group), name, title, note, described)


def _circuit(dataset: xr.Dataset) -> str:
    try:
        kind = str(
            json.loads(str(dataset.attrs.get("circuit", "{}"))).get("kind", "circuit")
        ).replace("_", " ")
    except ValueError:
        kind = "circuit"
    return (
        f"An interneuron circuit ({kind}) was fitted to the recording; intervals are 95 %. Not "
        "identified: the recording does not tell."
    )


def _goodness(of_subject: xr.Dataset) -> Iterator[str]:
    numbers = {
        name: float(of_subject[name])
        for name in ("distance", "degrees_of_freedom", "p_value")
        if name in of_subject
    }
    if len(numbers) == 3:
        freedom = int(numbers["degrees_of_freedom"])
        told = p_value(numbers["p_value"])
        yield (
            f"{fit_words.verdict(of_subject)} (distance {number(numbers['distance'])} for "
            f"{freedom} degrees of freedom, p {_equals(told)})."
        )
        if "inflation" not in of_subject and not fit_words.described(of_subject):
            yield "Intervals hold only for a circuit that describes the recording."
        yield from (*fit_words.widened(of_subject), *fit_words.predictive_check(of_subject))
    if "frozen_p_value" in of_subject and np.isfinite(float(of_subject["frozen_p_value"])):
        told = p_value(float(of_subject["frozen_p_value"]))
        yield (
            f"Similarity over time: the same circuit with frozen weights has p {_equals(told)}; "
            f"{fit_words.need_of_drift(of_subject)}."
        )
    yield from (*fit_words.streams(of_subject), *fit_words.posterior(of_subject))
    yield from fit_words.surroundings(of_subject)
    yield from (*fit_words.rooms(of_subject), *fit_words.left_out(of_subject))
    if "converged" in of_subject and not (of_subject["converged"] == 1).all():
        left = int((of_subject["converged"] == 0).sum())
        searches = of_subject.sizes["restart"]
        yield (
            f"{left} of {searches} {'search' if searches == 1 else 'searches'} had not converged: "
            "take the numbers as a first look."
        )


def _equals(told: str) -> str:
    return told if told.startswith("<") else f"= {told}"


def recipes(run: xr.Dataset | None) -> str:
    """Return the recipes of a run, those that differ in their seed alone once."""
    if run is None or "experiment" not in run.coords:
        return ""
    seeds: dict[str, list[str]] = {}
    for text in map(str, run["experiment"].values.reshape(-1)):
        body, seed = _recipe(text)
        seeds.setdefault(body, []).append(seed)
    fragments = []
    for place, (body, of_body) in enumerate(seeds.items()):
        if place == SUBJECTS:
            fragments.append(
                f"<p>{len(seeds) - SUBJECTS} further recipes are in the file of the run.</p>"
            )
            break
        name = (
            f"Recipe of the simulation, {'seed' if len(of_body) == 1 else 'seeds'} "
            f"{', '.join(of_body)}"
        )
        fragments.append(
            f"<details><summary>{escape(name)}</summary><pre>{escape(body)}</pre></details>"
        )
    return "".join(fragments)


def _recipe(text: str) -> tuple[str, str]:
    """A recipe as TOML without its seed, as JSON where it is of another kind; and the seed."""
    from drift.experiment import Experiment

    try:
        table = json.loads(text)
        seed = str(table.get("seed", "unknown"))
        lines = Experiment.from_json(text).to_toml().splitlines()
        return "\n".join(line for line in lines if not line.startswith("seed = ")), seed
    except (ValueError, AttributeError, RefusedInputError):
        try:
            return json.dumps(
                {key: value for key, value in json.loads(text).items() if key != "seed"}, indent=2
            ), seed
        except (ValueError, AttributeError):
            return text, "unknown"


PROVENANCE = ("created", "commit", "engine", "device", "precision", "source", "place_unit_rule")


def provenance(
    comparison: xr.Dataset, others: dict[str, xr.Dataset | None], page: dict[str, str | int]
) -> str:
    """Return when, with which versions and from which files a comparison was made."""
    return page_provenance({"comparison": comparison, **others}, page)


def page_provenance(
    datasets: Mapping[str, xr.Dataset | None], page: Mapping[str, str | int]
) -> str:
    """Return when, with which versions and from which files everything was made; versions of a file
    where they are others."""
    rows = [("this page", _about(page)), ("versions", _versions(page))]
    for name, dataset in datasets.items():
        if dataset is not None:
            versions = _versions(dataset.attrs)
            rows.append((name, _about(dataset.attrs) or "made in this session, not from a file"))
            rows += (
                [(f"{name}, versions", versions)] if versions not in ("", _versions(page)) else []
            )
    return tables.plain_table("Where the numbers come from", rows)


def _about(attrs: Mapping[Any, Any]) -> str:
    return "; ".join(
        f"{key.replace('_', ' ')}: {attrs[key]}" for key in PROVENANCE if str(attrs.get(key, ""))
    )


def _versions(attrs: Mapping[Any, Any]) -> str:
    return ", ".join(
        f"{str(key).removeprefix('version_')} {value}"
        for key, value in attrs.items()
        if str(key).startswith("version_")
    )
