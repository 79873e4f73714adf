"""A comparison laid out once: one row for each measure and source, and what null models explain.

Text, notebook table, page and CSV are written from these rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from drift.comparison.conventions import CONVENTIONS
from drift.comparison.shares import NULLS, SIGNIFICANT
from drift.door import opened
from drift.errors import RefusedInputError
from drift.schema.labelled_form import check

DIMS = {"source", "measure", "convention", "session", "panel", "null", "recorded_measure", "cause"}
OBSERVED = ("observed", "recorded")  # sources whose change null models may explain


class Row(NamedTuple):
    """One measure of one source, or a published slope; NaN or None where a number is not known."""

    measure: str
    source: str
    kind: str  # simulation, recording, null model, published
    per: str  # unit of elapsed time of the slope
    change: float  # over the study, as a fraction of the first session
    change_standard_error: float = np.nan
    slope: float = np.nan
    standard_error: float = np.nan
    p_value: float = np.nan
    intercept: float = np.nan
    slope_per_session: float = np.nan
    effect_size: float = np.nan  # correlation with time
    sessions: int | None = None
    subjects: int | None = None  # the fewest in any session
    most_subjects: int | None = None

    @property
    def constant(self) -> bool:
        """Whether the measure stays at its first value throughout, so that there is no change."""
        return self.kind != "published" and self.change == 0 and not self.standard_error > 0

    def subject_range(self) -> str:
        """Say how many subjects the sessions have."""
        few, many = self.subjects, self.most_subjects
        return "-" if few is None else f"{few}" if few == many else f"{few}-{many}"


COLUMNS = tuple(name for name in Row._fields if name != "most_subjects")
NUMBERS = COLUMNS[COLUMNS.index("change") : COLUMNS.index("sessions")]


class Share(NamedTuple):
    """Change of a null model over that of a source."""

    null: str
    share: float
    standard_error: float


class Explanation(NamedTuple):
    """What null models explain of the change of one source, and how its sign compares."""

    source: str
    p_value: float
    shares: tuple[Share, ...]  # in the order of the null models, NaN where not known
    agreeing: int  # published slopes of the same sign
    published: int  # published slopes that it is compared with

    @property
    def uncertain(self) -> bool:
        """Whether the change was tested and cannot be told from none, so that nothing is said of
        it."""
        return bool(np.isfinite(self.p_value) and not self.p_value < SIGNIFICANT)


class Block(NamedTuple):
    """All about one measure."""

    measure: str
    rows: tuple[Row, ...]  # sources, then published slopes
    explanations: tuple[Explanation, ...]
    undivided: tuple[tuple[str, str], ...]  # source, and its subjects whose first value is 0

    @property
    def explained(self) -> tuple[Explanation, ...]:
        """Explanations of what was seen through the lens, as far as there are null models."""
        return tuple(
            explanation
            for explanation in self.explanations
            if explanation.source in OBSERVED and explanation.shares
        )


def checked(comparison: xr.Dataset, convention: str) -> xr.Dataset:
    """Return the comparison in one convention, or refuse what is no comparison.

    Parameters
    ----------
    comparison : xarray.Dataset
        What ``drift.compare`` returns.
    convention : str
        A name in ``drift.comparison.conventions.CONVENTIONS``.

    Returns
    -------
    xarray.Dataset
        Without the dim ``convention``.

    Raises
    ------
    RefusedInputError
        If it is no comparison, holds several, or the convention is unknown.
    """
    check(comparison)
    absent = [
        name for name in ("curve", "slope", "change", "published_slope") if name not in comparison
    ]
    if absent:
        raise RefusedInputError(
            f"a comparison was expected, got a Dataset without {', '.join(absent)}: pass the "
            "result of compare."
        )
    missing = [dim for dim in ("source", "measure", "convention") if dim not in comparison.dims]
    if missing:
        raise RefusedInputError(
            f"a whole comparison was expected, got one without the dim {missing[0]}: select by a "
            f"list, .isel({missing[0]}=[0])."
        )
    surplus = [str(dim) for dim in comparison.dims if dim not in DIMS]
    if surplus:
        first = str(comparison[surplus[0]].values[0]) if surplus[0] in comparison.coords else "..."
        raise RefusedInputError(
            f"one comparison was expected, got several along {surplus[0]}: select one by "
            f".sel({surplus[0]}={first!r})."
        )
    if convention not in CONVENTIONS:
        raise RefusedInputError(
            f"convention must be one of {', '.join(CONVENTIONS)}, got {convention!r}: choose "
            "how curves are normalised."
        )
    return comparison.sel(convention=convention)


def kind_of(source: str) -> str:
    """Tell whether a source is a simulation, a recording or a null model."""
    return (
        "null model" if source in NULLS else "recording" if source == "recorded" else "simulation"
    )


def blocks(normalised: xr.Dataset) -> list[Block]:
    """Lay a comparison out.

    Parameters
    ----------
    normalised : xarray.Dataset
        A comparison in one convention, see ``checked``.

    Returns
    -------
    list of Block
        One for each measure, in the order of the comparison; a measure that no source has shows no
        source among its rows.
    """
    return [
        Block(
            str(measure),
            (*_source_rows(of_measure, str(measure)), *_published_rows(of_measure, str(measure))),
            tuple(_explanations(of_measure)),
            tuple(_undivided(of_measure)),
        )
        for measure in normalised["measure"].values
        for of_measure in [normalised.sel(measure=measure)]
    ]


def _source_rows(of_measure: xr.Dataset, measure: str) -> Iterator[Row]:
    """Rows of the sources that have the measure: a curve of two sessions or more."""
    for source in map(str, of_measure["source"].values):
        of_source = of_measure.sel(source=source)
        sessions = int(of_source["curve"].notnull().sum())
        if sessions < 2:
            continue
        subjects = of_source["subjects"].values
        present = subjects[subjects > 0]
        numbers: list[Any] = [float(of_source[name]) for name in NUMBERS]
        fewest, most = (present.min(), present.max()) if present.size else (0, 0)
        per = str(of_source["elapsed_units"].item())
        counts = (sessions, int(fewest), int(most))
        yield Row(*[measure, source, kind_of(source), per, *numbers, *counts])


def _published_rows(of_measure: xr.Dataset, measure: str) -> Iterator[Row]:
    for panel in map(str, of_measure["panel"].values):
        of_panel = of_measure.sel(panel=panel)
        if np.isfinite(of_panel["published_slope"]):
            slope, p_value, change = (
                float(of_panel[f"published_{name}"]) for name in ("slope", "p_value", "change")
            )
            per = str(of_panel["published_per"].item())
            yield Row(measure, panel, "published", per, change, slope=slope, p_value=p_value)


def _explanations(of_measure: xr.Dataset) -> Iterator[Explanation]:
    nulls = [str(name) for name in of_measure["null"].values] if "null" in of_measure.dims else []
    for source in map(str, of_measure["source"].values):
        if kind_of(source) == "null model":
            continue
        of_source = of_measure.sel(source=source)
        shares = [
            Share(
                null,
                float(of_source["share_explained"].sel(null=null)),
                float(of_source["share_explained_standard_error"].sel(null=null)),
            )
            for null in nulls
        ]
        signs = of_source["sign_agreement"].dropna("panel")
        yield Explanation(
            source, float(of_source["p_value"]), tuple(shares), int(signs.sum()), signs.size
        )


def _undivided(of_measure: xr.Dataset) -> Iterator[tuple[str, str]]:
    """Subjects of each source that cannot be divided by their first session."""
    if "undivided" not in of_measure.coords:
        return
    for source, names in zip(
        of_measure["source"].values, of_measure["undivided"].values, strict=True
    ):
        if str(names):
            yield str(source), str(names)


@opened
def comparison_frame(comparison: xr.Dataset, convention: str = "mean_of_ratios") -> pd.DataFrame:
    """Return a comparison as a table, one row for each measure and source, published slopes among
    them.

    Parameters
    ----------
    comparison : xarray.Dataset
        What ``drift.compare`` returns.
    convention : str
        How curves are normalised to the first session, a name in
        ``drift.comparison.conventions.CONVENTIONS``.

    Returns
    -------
    pandas.DataFrame
        ``measure``, ``source``, ``kind`` (simulation, recording, null model, published), ``per``
        (unit of elapsed time of the slope), ``change`` over the study as a fraction of the first
        session and its standard error, ``slope`` with standard error, ``p_value`` and
        ``intercept``, ``slope_per_session``, ``effect_size`` (correlation with time), ``sessions``,
        and ``subjects`` (the fewest in any session). NaN where a number is not known; rows of
        sources that do not have the measure are left out.

    Raises
    ------
    RefusedInputError
        If the Dataset is no comparison, or the convention is unknown.
    """
    rows = [row for block in blocks(checked(comparison, convention)) for row in block.rows]
    frame = pd.DataFrame(rows, columns=list(Row._fields))[list(COLUMNS)]
    numbers = dict.fromkeys(NUMBERS, float) | dict.fromkeys(("sessions", "subjects"), "Int64")
    return frame.astype(numbers)
