"""The page on one recording as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

import xarray as xr

from drift.files.store import provenance
from drift.plots.publication import INCH
from drift.reporting import recorded_numbers, sections, texts
from drift.reporting.captions import not_drawn
from drift.reporting.figures import WIDTH
from drift.reporting.map_words import map_words
from drift.reporting.page import assembled as assembled_page
from drift.reporting.page import chapter
from drift.reporting.panels import Plate, assembled
from drift.reporting.plates import all_panels, all_subjects, own_sessions, subject_plates
from drift.reporting.questions.experience import days_or_laps
from drift.reporting.questions.geometry import where_it_drifts
from drift.reporting.svg import own_settings
from drift.schema.map_dims import STIMULUS, map_dim

SUBJECTS = 3  # that have figures of their own
WORDS = (
    "representational drift",
    "rate map",
    "place cell",
    "fraction of place cells",
    "number of active cells",
    "spatial information",
    "bias of spatial information",
    "s.e.",
)
TUNING_WORDS = (
    "representational drift",
    "tuning curve",
    "informative cell",
    "fraction of informative cells",
    "number of active cells",
    "stimulus information",
    "bias of stimulus information",
    "s.e.",
)
READING = (
    "A correlation of {maps} is below 1 for two reasons: the code has changed, or the {short}s are "
    "noisy. Noise lowers it at every time between sessions alike; a correlation that goes on "
    "falling with this time is a sign of drift. Mistaken registration of cells lowers it, too, and "
    "more from session to session.",
    "Cells that are sorted by one session look ordered there, whatever their noise. Look at the "
    "other panels: where the order is still seen, {preferences} were kept.",
    "A cell that was not recorded in a session is no silent cell: it does not count in this "
    "session.",
)


def recording_page(recorded: xr.Dataset, sorted_by: str | None, title: str) -> str:
    """Return the page on a recording as HTML text.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset of ``measure`` or ``train``.
    sorted_by : str or None
        Label of the session that cells are sorted by.
    title : str

    Returns
    -------
    str
    """
    stamp = provenance()
    with own_settings():
        groups, missing = _figures(recorded, sorted_by)
        whole = all_subjects(recorded)
        where, clock = where_it_drifts(whole), days_or_laps(whole)
    chapters = [
        chapter("recorded", "What was recorded", recorded_numbers.about(recorded)),
        chapter(
            "numbers",
            "Numbers of each session",
            '<p class="hint">Press a heading to sort.</p>',
            recorded_numbers.by_session(recorded),
        ),
        chapter("figures", "Figures", *groups, _missing(missing)),
        chapter("where", "Where does it drift?", where),
        chapter("clock", "Days or laps?", clock),
        chapter(
            "reading",
            "How to read this",
            *(f"<p>{escape(paragraph)}</p>" for paragraph in _reading(recorded)),
            "<h3>Words</h3>",
            _glossary(recorded),
        ),
        chapter(
            "methods", "Methods", recorded_numbers.methods(recorded), sections.recipes(recorded)
        ),
        chapter(
            "provenance", "Provenance", sections.page_provenance({"recording": recorded}, stamp)
        ),
    ]
    about = "One recording, measured; nothing is compared with a simulation."
    sentences = recorded_numbers.headline(whole, not_drawn(missing))
    return assembled_page(title, about, sentences, chapters, stamp)


def _reading(recorded: xr.Dataset) -> list[str]:
    """How to read the page, in paragraphs."""
    words = map_words(recorded)
    preferences = "preferred stimuli" if map_dim(recorded) == STIMULUS else "places"
    return [
        paragraph.format(maps=words.maps, short=words.short, preferences=preferences)
        for paragraph in READING
    ]


def _glossary(recorded: xr.Dataset) -> str:
    """Words of the page, as HTML."""
    if map_dim(recorded) == STIMULUS:
        return texts.glossary(TUNING_WORDS, {**texts.GLOSSARY, **texts.OVER_STIMULI})
    return texts.glossary(WORDS)


def _figures(recorded: xr.Dataset, sorted_by: str | None) -> tuple[list[str], dict[str, str]]:
    """Figures of the subjects, then those of all together, as HTML; reasons for those that are
    absent by their titles."""
    subjects, width = recorded.sizes["subject"], WIDTH * INCH
    groups: list[str] = []
    missing: dict[str, str] = {}
    for subject in range(min(subjects, SUBJECTS)):
        label = str(recorded["subject"].values[subject])
        told = f" (subject {label})" if subjects > 1 else ""
        plates = subject_plates(own_sessions(recorded, subject), sorted_by, width)
        groups.append(_group(plates, f"subject-{subject}", f"Subject {label}", told, missing))
    if subjects > SUBJECTS:
        groups.append(
            f"<p>{subjects - SUBJECTS} further subjects have no figures of their own here; "
            "drift.figures draws them.</p>"
        )
    if subjects > 1:
        plates = assembled(all_panels(all_subjects(recorded)), width)
        groups.append(_group(plates, "all", "All subjects", " (all subjects)", missing))
    return groups, missing


def _group(
    plates: Iterable[Plate], name: str, heading: str, told: str, missing: dict[str, str]
) -> str:
    boxes = []
    for plate in plates:
        if plate.figure is None:
            missing[f"{plate.title}{told}"] = plate.reason
            continue
        described = f"{plate.title}{told}. {plate.caption.partition('. ')[0]}."
        identity = f"{name}-{plate.name.replace('_', '-')}"
        boxes.append(
            sections.figure_box(plate.figure, identity, f"{plate.title}.", plate.caption, described)
        )
    head = f"<h3>{escape(heading)}</h3>"
    return f'{head}<div class="figures">{"".join(boxes)}</div>' if boxes else ""


def _missing(missing: dict[str, str]) -> str:
    return "".join(f"<p>{escape(_sentence(text))}</p>" for text in not_drawn(missing))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
