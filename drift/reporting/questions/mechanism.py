"""Which mechanism a recording shows, as one page: prior, distances, posterior, verdict, what to
record next."""

from __future__ import annotations

from html import escape
from pathlib import Path

import numpy as np
import xarray as xr

from drift.files.atomic import check_target, replaced_atomically
from drift.files.store import provenance
from drift.inference.prior import MEANINGS, Prior
from drift.plots.mechanisms import mechanism_posterior
from drift.reporting import sections
from drift.reporting.figures import WIDTH
from drift.reporting.page import assembled, chapter
from drift.reporting.svg import own_settings
from drift.reporting.tables import Cell, table
from drift.reporting.wording import number

TITLE = "Which mechanism?"
READING = (
    "The posterior is that of simulated runs of the prior above, seen as this recording was: it "
    "weighs these mechanisms against each other, and knows no others. That is why the recording is "
    "first held against all simulated windows: where it lies outside of them, probabilities mean "
    "nothing, and no mechanism is named.",
    "Undecided is an answer: the mechanisms that are listed make recordings like this one, and no "
    "analysis of these numbers tells them apart. What would is said below.",
    "How often such verdicts were right on simulated runs that were not learned from, and where "
    "they fall short, is in the documentation (Which mechanism?); a bank of few runs is less sure "
    "of itself than one of many.",
)


def mechanism_report(answer: xr.Dataset, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write the answer of ``drift.infer`` as one HTML page that needs nothing beside itself.

    Parameters
    ----------
    answer : xarray.Dataset
        Of ``drift.infer``.
    path : str or Path
        The file to write; its folder must exist.
    overwrite : bool
        Replace a file that is already there.

    Returns
    -------
    Path

    Raises
    ------
    RefusedInputError
        If the file exists, or the folder is absent or closed to writing.
    """
    target = Path(path)
    check_target(target, overwrite=overwrite)
    stamp = provenance()
    labels = [str(label) for label in answer["subject"].values]
    told = [_lines(answer, subject) for subject in range(len(labels))]
    with own_settings():
        posteriors = [_posterior(answer, subject, label) for subject, label in enumerate(labels)]
    chapters = [
        chapter("prior", "What was held possible", *_paragraphs(_prior(answer))),
        chapter("novelty", "Does it look like any simulation?", *_paragraphs(_novelty(told))),
        chapter("statistics", "Its statistics among simulated ones", *_statistics(answer, labels)),
        chapter("posterior", "How probable each mechanism is", *posteriors),
        chapter("parameters", "Their numbers", *_parameters(answer, labels)),
        chapter("next", "What to record next", *_paragraphs(_next(answer, labels))),
        chapter("reading", "How to read this", *_paragraphs(READING)),
        chapter("provenance", "Provenance", sections.page_provenance({"answer": answer}, stamp)),
    ]
    about = "A recording held against a bank of simulated runs."
    headline = [lines[0] for lines in told]
    text = assembled(TITLE, about, headline, chapters, stamp)
    with replaced_atomically(target, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return target


def _lines(answer: xr.Dataset, subject: int) -> list[str]:
    return str(answer["sentences"].values[subject]).split("\n")


def _paragraphs(lines: object) -> list[str]:
    return [f"<p>{escape(line)}</p>" for line in lines]  # type: ignore[attr-defined]


def _prior(answer: xr.Dataset) -> list[str]:
    runs = int(answer.attrs["bank_runs"]) - int(answer.attrs["bank_left_out"])
    return [
        *Prior.from_json(str(answer.attrs["bank_prior"])).sentences(),
        f"The bank has {runs} runs ({answer.attrs['bank_left_out']} more diverged); its sha256 is "
        f"{answer.attrs['bank_sha256']}.",
    ]


def _novelty(told: list[list[str]]) -> list[str]:
    """The sentences behind the verdict, of each animal."""
    return [line for lines in told for line in lines[1:]]


def _statistics(answer: xr.Dataset, labels: list[str]) -> list[str]:
    tables = []
    for subject, label in enumerate(labels):
        own = answer.isel(subject=subject)
        rows: list[list[Cell | str]] = [
            [str(name), _cell(value), _cell(share), _cell(power)]
            for name, value, share, power in zip(
                own["statistic"].values, own["value"].values, own["percentile"].values,
                own["separates"].values,
            )
        ]  # fmt: skip
        heads = ("statistic", "recorded", "share of simulated windows below", "separates by (s.d.)")
        tables.append(table(f"statistics-{subject}", label, heads, rows))
    return tables


def _cell(value: float) -> Cell:
    return Cell(number(float(value)) if np.isfinite(value) else "", float(value))


def _posterior(answer: xr.Dataset, subject: int, label: str) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 0.5 + 0.25 * answer.sizes["mechanism"]), layout="constrained")
    mechanism_posterior(answer, figure.subplots(), label)
    note = "Filled: mechanisms of the answer. Broken line: from here on a mechanism is named."
    return sections.figure_box(
        figure, f"posterior-{subject}", f"{label}.", note, f"Posterior of mechanisms, {label}."
    )


def _parameters(answer: xr.Dataset, labels: list[str]) -> list[str]:
    """Posteriors of parameters, of mechanisms that are among the answer."""
    if "posterior" not in answer:
        return []
    rows: list[list[Cell | str]] = []
    for subject, label in enumerate(labels):
        own = answer.isel(subject=subject)
        for at in np.flatnonzero(own["remains"].values):
            for place, name in enumerate(own["parameter"].values):
                low, middle, high = own["posterior"].values[at, place]
                if np.isfinite(middle):
                    mechanism = str(own["mechanism"].values[at])
                    numbers = [_cell(value) for value in (middle, low, high)]
                    rows.append([label, mechanism, MEANINGS[str(name)], *numbers])
    heads = ("animal", "mechanism", "parameter", "median", "2.5 %", "97.5 %")
    return [table("parameters", "Given the mechanism", heads, rows)] if rows else []


def _next(answer: xr.Dataset, labels: list[str]) -> list[str]:
    lines = []
    for subject, label in enumerate(labels):
        own = answer.isel(subject=subject)
        if str(own["verdict"].values) != "undecided":
            continue
        order = np.argsort(-own["probability"].values)[:3]
        lines += [f"{label}, to tell {own['enough'].values[at]}." for at in order]
    return lines
