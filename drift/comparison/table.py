"""A comparison as text: slopes of each source with their tests, published slopes, null models, and
the time scale."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from drift.comparison.rows import OBSERVED, Block, Explanation, Row, blocks, checked
from drift.comparison.shares import own_sentences
from drift.door import opened
from drift.metrics.intervals.words import independent_text
from drift.schema.variables import label_of

P_VALUES = (
    "p values take the sessions as independent; with few sessions, or few subjects, they are rough"
)
SIMILARITIES = ("rate_map_correlation", "corrected_similarity")
UNKNOWN_CEILING = "noise ceiling not known without halves of sessions"
NO_CHANGE = "no change"  # as wide as its column
HEADER = (
    f"  {'source':20}{'slope':>11}{'s.e.':>10} "
    f"{'unit':12}{'p':>8}{'intercept':>11}{'change %':>9}{'/session':>12}{'r':>8}{'subjects':>9}"
)


def _number(value: float, form: str) -> str:
    width = int(form.lstrip("+").split(".")[0])
    return f"{'-':>{width}}" if not np.isfinite(value) else f"{value:{form}}"


def _p_value(value: float) -> str:
    if not np.isfinite(value):
        return f"{'-':>8}"
    return f"{'<.001':>8}" if value < 0.001 else f"{value:8.3f}"


def _line(row: Row) -> str:
    head = f"  {row.source:20}{_number(row.slope, '+11.4g')}"
    change = NO_CHANGE if row.constant else _number(100 * row.change, "+9.1f")
    if row.kind == "published":
        # a published p of .001 stands for a smaller one
        p_value = _p_value(float(np.nextafter(row.p_value, 0)))
        return f"{head}{'-':>10} {'per ' + row.per:12}{p_value}{'-':>11}{change}   (published)"
    return (
        f"{head}{_number(row.standard_error, '10.2g')} {'per ' + row.per:12}"
        f"{_p_value(row.p_value)}{_number(row.intercept, '+11.4g')}{change}"
        f"{_number(row.slope_per_session, '+12.4f')}{_number(row.effect_size, '+8.2f')}"
        f"{row.subject_range():>9}"
    )


def explanation_text(explanation: Explanation) -> str:
    """Say what null models explain of the change of a source.

    Parameters
    ----------
    explanation : Explanation

    Returns
    -------
    str
        A sentence without a full stop; empty where nothing is known.
    """
    source = explanation.source
    shares = [
        f"{null} {round(100 * share):+d} % (s.e. {100 * error:.0f})"
        for null, share, error in explanation.shares
        if np.isfinite(share) and np.isfinite(error)  # a share without its error says nothing
    ]
    if not shares and explanation.uncertain:
        return (
            f"the change of {source} is not certain (p = {explanation.p_value:.2g}): no share of "
            "it and no sign is given"
        )
    clauses = [f"explained by: {', '.join(shares)}"] if shares else []
    if explanation.published:
        clauses.append(
            f"its sign agrees with {explanation.agreeing} of {explanation.published} published"
        )
    return f"of the change of {source}, {'; '.join(clauses)}" if clauses else ""


def is_shown(block: Block) -> bool:
    """Tell whether any source has the measure of a block, or would if it could be divided."""
    return any(row.kind != "published" for row in block.rows) or bool(block.undivided)


def _lines(block: Block, comparison: xr.Dataset) -> Iterator[str]:
    yield label_of(block.measure)
    if text := divided_text(comparison, block.measure):
        yield f"  {text}"
    yield HEADER
    yield from map(_line, block.rows)
    yield from (f"  {text}" for text in map(explanation_text, block.explained) if text)
    for source, names in block.undivided:
        reason = f"the first value of {names} is 0, so that no ratio to it exists"
        yield f"  {source}: {reason}; left out"
    yield ""


def divided_text(comparison: xr.Dataset, measure: str) -> str:
    """Say what similarity curves were divided by, and what noise alone would leave of it.

    Parameters
    ----------
    comparison : xarray.Dataset
        What ``compare`` returns, in one convention or in all.
    measure : str
    """
    if measure not in SIMILARITIES or "first_value" not in comparison:
        return ""
    clauses = []
    for source in map(str, comparison["source"].values):
        of_source = comparison.sel(source=source)
        first = float(of_source["first_value"].sel(measure=measure))
        if source not in OBSERVED or not np.isfinite(first):
            continue
        ceiling = float(of_source["noise_ceiling"])
        known = f"noise ceiling {ceiling:.2f}" if np.isfinite(ceiling) else UNKNOWN_CEILING
        limit = "" if measure == "corrected_similarity" else f", {known}"
        clauses.append(f"{source} {first:.2f}{limit}")
    return f"1 stands for the first pair of sessions: {'; '.join(clauses)}" if clauses else ""


def own_lines(comparison: xr.Dataset) -> list[str]:
    """What null models of the recording explain of its changes, line by line; why they do not."""
    if sentences := own_sentences(comparison):
        whom = comparison.attrs["recorded_changes_speak_of"]
        head = f"changes of the recording beside codes of its own that stand still ({whom})"
        return [head, *(f"  {text}" for text in sentences), ""]
    reason = str(comparison.attrs.get("recorded_changes_reason", ""))
    if not reason or "recorded" not in comparison["source"].values:
        return []
    return [
        f"changes of the recording beside codes of its own that stand still: none, as {reason}",
        "",
    ]


def scale_text(comparison: xr.Dataset) -> str:
    """Say how many learning steps make a unit of recorded time, or why that is not known."""
    unit, warning = comparison["time_scale"].attrs["units"], comparison.attrs["time_scale_reason"]
    low, high = comparison["time_scale_low"].item(), comparison["time_scale_high"].item()
    limits = [f"{low:.4g} to {high:.4g}"] if np.isfinite([low, high]).all() else []
    limits = limits or [
        f"{word} {end:.4g}"
        for word, end in (("at least", low), ("at most", high))
        if np.isfinite(end)
    ]
    interval = f" (95 %: {limits[0]} {unit}{scale_witnesses(comparison)})" if limits else ""
    if not np.isfinite(comparison["time_scale"]):
        return f"time scale in {unit}: not known{interval}, as {warning}"
    fitted = f"time scale: {comparison['time_scale'].item():.4g} {unit}{interval}"
    return f"{fitted}; {warning}" if warning else fitted


def scale_witnesses(comparison: xr.Dataset) -> str:
    """How many subjects the interval of the time scale rests on; empty for a file that does not
    know.

    Parameters
    ----------
    comparison : xarray.Dataset
        Of ``drift.compare``.
    """
    if "time_scale_subjects" not in comparison:
        return ""
    counts = [comparison[f"time_scale_{kind}subjects"].item() for kind in ("", "simulated_")]
    alone = " by its units" if counts[0] == 1 else ""
    return f"; {independent_text(counts[0])} recorded{alone}, {counts[1]:.0f} simulated"


def lens_text(comparison: xr.Dataset, convention: str) -> list[str]:
    """Say how curves are normalised, through which lens the run is seen, and what was left out."""
    lens = (
        f"values over those of the first session ({convention.replace('_', ' ')}); observed like: "
        f"{comparison.attrs['lens']}"
    )
    lens += f"; {comparison.attrs['places']}" if comparison.attrs.get("places") else ""
    elsewhere = comparison.attrs.get("left_out", "")
    rooms = f"rooms differ, and sessions elsewhere are left out: {elsewhere}"
    return [lens, rooms] if elsewhere else [lens]


@opened
def comparison_table(comparison: xr.Dataset, convention: str = "mean_of_ratios") -> str:
    """Write a comparison as text.

    Parameters
    ----------
    comparison : xarray.Dataset
        What ``compare`` returns.
    convention : str
        How curves were normalised, a name in ``drift.comparison.conventions.CONVENTIONS``.

    Returns
    -------
    str
        A block of rows for each measure, the shares that null models explain, and the time scale.

    Raises
    ------
    RefusedInputError
        If the Dataset is no comparison or the convention is unknown.
    """
    laid_out = filter(is_shown, blocks(checked(comparison, convention)))
    lines = [line for block in laid_out for line in _lines(block, comparison)]
    parts_of_text = [*lens_text(comparison, convention), "", *lines, *own_lines(comparison)]
    return "\n".join([*parts_of_text, scale_text(comparison), P_VALUES]) + "\n"
