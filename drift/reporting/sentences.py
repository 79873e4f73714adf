"""What a comparison says, in sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr

from drift.comparison.explained_verdicts import CHANGE_NAMES, EXPLAINED, REMAINS, UNCHANGED
from drift.comparison.rows import OBSERVED, Explanation, blocks
from drift.comparison.shares import OWN, SIGNIFICANT
from drift.comparison.table import scale_witnesses
from drift.reporting.wording import (
    NULLS,
    counted,
    listed,
    measure_name,
    number,
    p_value,
    percent,
    plural,
    singular,
    source_name,
)

NBSP = "\N{NO-BREAK SPACE}"


def headline(chosen: xr.Dataset, frame: pd.DataFrame) -> list[str]:
    """Return what was compared, and what came out of it.

    Parameters
    ----------
    chosen : xarray.Dataset
        A comparison in one convention.
    frame : pandas.DataFrame
        Its ``comparison_frame``.

    Returns
    -------
    list of str
        Plain text.
    """
    return [
        *_compared(chosen),
        *_directions(frame),
        *_published(chosen),
        *_nulls(chosen),
        *_own_nulls(chosen),
        *_scale(chosen),
        *_cautions(chosen, frame),
    ]


def _subjects(chosen: xr.Dataset, source: str) -> int:
    return int(chosen["subjects"].sel(source=source).max())


def _sessions(chosen: xr.Dataset, source: str) -> int:
    return int(chosen["since_first"].sel(source=source).notnull().sum())


def _compared(chosen: xr.Dataset) -> Iterator[str]:
    simulated = counted(_subjects(chosen, "simulated"), "simulated subject")
    lens = str(chosen.attrs.get("lens", "none"))
    if "observed" not in chosen["source"].values:
        yield (
            f"{simulated} over {counted(_sessions(chosen, 'simulated'), 'session')}, on their "
            "own: no recording and no lens was given."
        )
        return
    sessions = counted(_sessions(chosen, "observed"), "session")
    phrase = (
        f"seen as an experimenter would have recorded them, through the lens of {lens} "
        f"({sessions}, with its running time, its event "
    )
    phrase += "rates and its number of cells)"
    if "recorded" in chosen["source"].values:
        yield (
            f"{simulated}, {phrase}, beside "
            f"{counted(_subjects(chosen, 'recorded'), 'recorded subject')}."
        )
    else:
        yield f"{simulated}, {phrase}; no recording was given."


def _moved(row: pd.Series) -> str:
    """Return the change of one source in words; a change within its error is no rise and no
    fall."""
    error = (
        ""
        if not np.isfinite(row["change_standard_error"])
        else f" ± {percent(row['change_standard_error'], signed=False)}"
    )
    probability = row["p_value"]
    if row["change"] == 0 and not row["standard_error"] > 0:
        return "does not change"
    if not np.isfinite(probability):
        return f"changes by {percent(row['change'])} (no test is possible)"
    shown = p_value(probability) if probability < 0.001 else f"= {p_value(probability)}"
    told = f"p\N{NO-BREAK SPACE}{shown}".replace(" ", "\N{NO-BREAK SPACE}")
    if probability >= SIGNIFICANT or row["change"] == 0:
        return f"shows no certain change ({percent(row['change'])}{error}, {told})"
    word = "rises" if row["change"] > 0 else "falls"
    return f"{word} by {percent(abs(row['change']), signed=False)}{error} ({told})"


def _directions(frame: pd.DataFrame) -> Iterator[str]:
    """One sentence a measure: what simulation and recording do over the study."""
    for measure in frame["measure"].unique():
        rows = frame[frame["measure"] == measure].set_index("source")
        names = [name for name in ("observed", "recorded") if name in rows.index] or [
            name for name in ("simulated",) if name in rows.index
        ]
        if not names:
            continue
        phrases = [f"{_moved(rows.loc[name])} in the {source_name(name)}" for name in names]
        same = _same_sign(rows, names)
        name = measure_name(measure)
        yield f"The {name} {', and '.join(phrases)}{same}."


def _same_sign(rows: pd.DataFrame, names: list[str]) -> str:
    if len(names) < 2 or not (rows.loc[names, "p_value"] < SIGNIFICANT).all():
        return ""
    agree = np.sign(rows.loc[names[0], "change"]) == np.sign(rows.loc[names[1], "change"])
    return ": the same direction" if agree else ": opposite directions"


def _published(chosen: xr.Dataset) -> Iterator[str]:
    source = next(
        (name for name in ("observed", "simulated") if name in chosen["source"].values), None
    )
    signs = [
        (measure_name(block.measure), explanation.agreeing, explanation.published)
        for block in blocks(chosen)
        for explanation in block.explanations
        if explanation.source == source and explanation.published
    ]
    phrases = [f"{name} {agreeing} of {published}" for name, agreeing, published in signs]
    if phrases:
        yield (
            f"Of {sum(published for *_, published in signs)} published slopes from CA1, of "
            "measures that change with certainty here, "
            f"{sum(agreeing for _, agreeing, _ in signs)} have the sign of the "
            f"{source_name(source)}: {listed(phrases)}."
        )


def _nulls(chosen: xr.Dataset) -> Iterator[str]:
    """For each source the measures whose change null models make alone, as far as shares are
    known."""
    if not chosen.sizes.get("null", 0):
        return
    findings, laid_out = [], blocks(chosen)
    for source in (name for name in OBSERVED if name in chosen["source"].values):
        phrases = [
            phrase
            for block in laid_out
            for explanation in block.explained
            if explanation.source == source and (phrase := _largest(block.measure, explanation))
        ]
        if phrases:
            findings.append(f"{listed(phrases)} in the {source_name(source)}")
    if findings:
        yield (
            f"Codes that do not drift (null models) would show {'; '.join(findings)}. A change "
            "that they show in full is no sign of drift."
        )
    else:
        yield (
            "Null models: what they show of these changes is not known, because no change is "
            "certain or there are too few sessions."
        )


def _own_nulls(chosen: xr.Dataset) -> Iterator[str]:
    """What null models of the recording leave of its changes."""
    if f"{OWN}verdict" not in chosen:
        return
    verdicts = chosen[f"{OWN}verdict"].values.tolist()
    names = [CHANGE_NAMES[str(name)] for name in chosen[f"{OWN}measure"].values]
    groups = (
        (REMAINS, "explain nothing that would do for {}: this is drift, or a cause not among them"),
        (EXPLAINED, "explain {}"),
        (UNCHANGED, "find no certain change in {}"),
    )
    clauses = [
        words.format(listed([name for name, word in zip(names, verdicts) if word == verdict]))
        for verdict, words in groups
        if verdict in verdicts
    ]
    if clauses:
        yield f"Null models of the recording itself {'; they '.join(clauses)}."


def _largest(measure: str, explanation: Explanation) -> str:
    """Say how much of a certain change the null model of most effect shows; empty where none is
    known."""
    if not explanation.p_value < SIGNIFICANT:
        return ""
    certain_shares = [
        share
        for share in explanation.shares
        if np.isfinite(share.share) and np.isfinite(share.standard_error)
    ]
    if not certain_shares:
        return ""
    null, share, error = max(certain_shares, key=lambda share: share.share)
    change = f"the change in {measure_name(measure)}"
    if share <= 0:
        return f"nothing of {change}"
    amount = f"{100 * share:.0f} ± {100 * error:.0f}\N{NO-BREAK SPACE}%"
    return f"{amount} of {change} ({NULLS.get(null, null)})"


def _scale(chosen: xr.Dataset) -> Iterator[str]:
    reason = str(chosen.attrs.get("time_scale_reason", ""))
    scale = float(chosen["time_scale"])
    if not np.isfinite(scale):
        yield (
            "How many learning steps make a day or a minute of the recording is not known, "
            f"because {reason.rstrip('.')}."
        )
        return
    per, _separator, recorded = str(chosen["time_scale"].attrs.get("units", "step/1")).partition(
        "/"
    )
    limits = {end: float(chosen[f"time_scale_{end}"]) for end in ("low", "high")}
    bounds = [
        f"{'at least' if end == 'low' else 'at most'} {number(value)}"
        for end, value in limits.items()
        if np.isfinite(value)
    ]
    told = (
        f"{number(limits['low'])} to {number(limits['high'])}"
        if len(bounds) == 2
        else "".join(bounds)
    )
    witnesses = scale_witnesses(chosen)
    yield (
        "Rate maps of the simulation decorrelate as those of the recording do if one "
        f"{singular(recorded)} stands for {number(scale)} "
        f"{plural(per)}{f' (95{NBSP}% interval {told}{witnesses})' if told else ''}."
        + (f" Mind that {reason}" if reason else "")
    )


def _cautions(chosen: xr.Dataset, frame: pd.DataFrame) -> Iterator[str]:
    if str(chosen.attrs.get("left_out", "")):
        yield (
            "Caution: rooms differ, and another room is not drift. Each animal is compared in "
            "the environment in which it has most "
            f"sessions, and the others are left out: {chosen.attrs['left_out']}."
        )
    names = [name for name in ("observed", "recorded") if name in chosen["source"].values]
    # How many shuffles were drawn makes no other rule.
    rules = {
        re.sub(r" of \d+", "", str(chosen["place_unit_rule"].sel(source=name).item()))
        for name in names
    }
    if len(rules) > 1:
        phrases = [
            f"{chosen['place_unit_rule'].sel(source=name).item()} ({source_name(name)})"
            for name in names
        ]
        yield (
            "Caution: place cells were told by different rules, so that their fractions are not "
            f"comparable: {listed(phrases)}."
        )
    if chosen.attrs.get("places"):
        yield f"Caution: {chosen.attrs['places']}."
    yield from _undivided(chosen)
    few = [name for name in names if frame.loc[frame["source"] == name, "sessions"].max() < 3]
    if few:
        which = listed([f"the {source_name(name)}" for name in few]) + (
            " has" if len(few) == 1 else " have"
        )
        yield (
            f"Caution: {which} only two sessions; a line through two points has no error, and "
            "nothing can be tested."
        )


def _undivided(chosen: xr.Dataset) -> Iterator[str]:
    """Name what could not be divided by its first session."""
    if "undivided" not in chosen.coords:
        return
    for source in (
        name for name in chosen["source"].values if name in ("simulated", "observed", "recorded")
    ):
        for measure in chosen["measure"].values:
            names = str(chosen["undivided"].sel(source=source, measure=measure).item())
            if names:
                yield (
                    f"Caution: the {measure_name(measure)} of {names} in the "
                    f"{source_name(source)} is 0 in the first session, so that "
                    "nothing can be divided by it; it is left out."
                )
