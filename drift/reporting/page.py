"""The page as a whole: one file that needs nothing beside itself."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from html import escape
from importlib.resources import files

import xarray as xr

from drift.comparison.rows import checked, comparison_frame
from drift.files.store import provenance
from drift.plots.publication import INCH
from drift.reporting import sections, tables, texts
from drift.reporting.captions import not_drawn
from drift.reporting.figures import WIDTH
from drift.reporting.panels import assembled as panels_alone
from drift.reporting.plates import all_subjects
from drift.reporting.questions.experience import days_or_laps
from drift.reporting.questions.geometry import where_it_drifts
from drift.reporting.sentences import headline
from drift.reporting.stability import compared_panels
from drift.reporting.svg import own_settings

Chapter = tuple[str, str, str]  # id, heading, HTML


def _asset(name: str) -> str:
    return files("drift.reporting").joinpath(name).read_text(encoding="utf-8")


def chapter(name: str, title: str, *fragments: str) -> Chapter | None:
    """Return a chapter of a page, or nothing where it would be empty.

    Parameters
    ----------
    name : str
        Its id.
    title : str
        Plain text.
    *fragments : str
        HTML.
    """
    content = "".join(fragments)
    return (name, title, content) if content else None


def page(
    comparison: xr.Dataset,
    run: xr.Dataset | None,
    recorded: xr.Dataset | None,
    fit: xr.Dataset | None,
    title: str,
    convention: str,
) -> str:
    """Return the report as HTML text.

    Parameters
    ----------
    comparison : xarray.Dataset
        What ``drift.compare`` returns.
    run, recorded, fit : xarray.Dataset or None
        See ``drift.report``.
    title : str
    convention : str

    Returns
    -------
    str
    """
    with own_settings():
        return _page(comparison, run, recorded, fit, title, convention)


def _page(
    comparison: xr.Dataset,
    run: xr.Dataset | None,
    recorded: xr.Dataset | None,
    fit: xr.Dataset | None,
    title: str,
    convention: str,
) -> str:
    selection, frame = checked(comparison, convention), comparison_frame(comparison, convention)
    stamp = provenance()
    chapters = [
        chapter("changes", "What changes", sections.curves(selection)),
        chapter(
            "numbers",
            "In numbers",
            '<p class="hint">Press a heading to sort.</p>',
            tables.summary(frame),
            sections.effects(selection, frame),
            tables.explained(selection),
            tables.own_nulls(selection),
        ),
        chapter("maps", "Rate maps", sections.maps(run, recorded)),
        chapter("stability", "Does the code drift?", _stability(run, recorded)),
        chapter("where", "Where does it drift?", *_of_recording(recorded, where_it_drifts)),
        chapter("clock", "Days or laps?", *_of_recording(recorded, days_or_laps)),
        chapter("fit", "A circuit fitted to the recording", sections.fit(fit)),
        chapter("reading", "How to read this", texts.reading(), "<h3>Words</h3>", texts.glossary()),
        chapter(
            "methods", "Methods", texts.methods(selection, convention, run), sections.recipes(run)
        ),
        chapter(
            "provenance",
            "Provenance",
            sections.provenance(
                comparison, {"simulation": run, "recording": recorded, "fit": fit}, stamp
            ),
        ),
    ]
    about = "Simulated subjects beside recordings, observed alike."
    return assembled(title, about, headline(selection, frame), chapters, stamp)


def _of_recording(
    recorded: xr.Dataset | None, section: Callable[[xr.Dataset], str]
) -> tuple[str, ...]:
    """A section on the recording alone; a run that was not observed holds no noise."""
    return () if recorded is None else (section(all_subjects(recorded)),)


def _stability(run: xr.Dataset | None, recorded: xr.Dataset | None) -> str:
    """Panels that decide whether the codes of the run and of the recording drift."""
    boxes, missing = [], {}
    for name, dataset in (("simulation", run), ("recording", recorded)):
        panels = [] if dataset is None else compared_panels(all_subjects(dataset))
        for plate in panels_alone(panels, WIDTH * INCH):
            title = f"{plate.title}, {name}"
            if plate.figure is None:
                missing[title] = plate.reason
                continue
            identity = f"stability-{name}-{plate.name.replace('_', '-')}"
            told = f"{title}. {plate.caption.partition('. ')[0]}."
            box = sections.figure_box(plate.figure, identity, f"{title}.", plate.caption, told)
            boxes.append(box)
    said = (f"<p>{escape(text[:1].upper() + text[1:])}</p>" for text in not_drawn(missing))
    grid = f'<div class="figures">{"".join(boxes)}</div>' if boxes else ""
    return "".join([grid, *said])


def assembled(
    title: str,
    about: str,
    sentences: Iterable[str],
    chapters: Iterable[Chapter | None],
    stamp: Mapping[str, str | int],
) -> str:
    """Return a page as HTML text: its head, what it says in short, and its chapters.

    Parameters
    ----------
    title, about : str
        Plain text.
    sentences : iterable of str
        Plain text; those that begin with "Caution" stand out.
    chapters : iterable of tuple or None
        Of ``chapter``; empty ones are left out.
    stamp : mapping
        Of ``provenance``.

    Returns
    -------
    str
    """
    shown = [chapter for chapter in chapters if chapter is not None]
    points = "".join(
        f"<li{' class=caution' if sentence.startswith('Caution') else ''}>{escape(sentence)}</li>"
        for sentence in sentences
    )
    links = "".join(f'<li><a href="#{name}">{escape(head)}</a></li>' for name, head, _ in shown)
    body = (
        f"<header><h1>{escape(title)}</h1>"
        f'<p class="about">Made with repdrift {escape(str(stamp["version_repdrift"]))} on '
        f"{escape(str(stamp['created'])[:10])}. "
        f"{escape(about)}</p>"
        f'<nav aria-label="Sections"><ul>{links}</ul></nav></header>'
        '<main><section class="headline" aria-labelledby="short"><h2 id="short">In '
        f"short</h2><ul>{points}</ul></section>"
        + "".join(
            f'<section id="{name}"><h2>{escape(head)}</h2>{content}</section>'
            for name, head, content in shown
        )
        + "</main>"
    )
    return _document(title, body)


def _document(title: str, body: str) -> str:
    """Return the page around its body; its policy lets the browser run this script alone and fetch
    nothing."""
    style, script = _asset("page.css"), _asset("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src "
        "data:; base-uri 'none'; form-action 'none'"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta '
        'name="color-scheme" content="light dark">'
        f'<meta name="generator" content="repdrift"><title>{escape(title)}</title>'
        f'<link rel="icon" href="data:,"><style>{style}</style></head>\n'
        f"<body>{body}<script>{script}</script></body></html>\n"
    )
