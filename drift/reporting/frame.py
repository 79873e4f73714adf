"""A comparison as a table: one row for each measure and source."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from drift.comparison.comparing import NULLS
from drift.comparison.conventions import CONVENTIONS
from drift.door import opened
from drift.errors import RefusedInputError
from drift.schema.labelled_form import check

COLUMNS = (
    "change",
    "change_standard_error",
    "slope",
    "standard_error",
    "p_value",
    "intercept",
    "slope_per_session",
    "effect_size",
)
DIMS = {"source", "measure", "convention", "session", "panel", "null"}


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


def _source_row(of_source: xr.Dataset, measure: str, source: str) -> dict[str, object]:
    present = of_source["subjects"].values[of_source["subjects"].values > 0]
    sessions = int(of_source["curve"].notnull().sum())
    numbers = {name: float(of_source[name]) for name in COLUMNS}
    about = {
        "measure": measure,
        "source": source,
        "kind": kind_of(source),
        "per": str(of_source["elapsed_units"].item()),
    }
    return {
        **about,
        **numbers,
        "sessions": sessions,
        "subjects": int(present.min()) if present.size else 0,
    }


def _published_row(of_panel: xr.Dataset, measure: str, panel: str) -> dict[str, object]:
    numbers = dict.fromkeys(COLUMNS, np.nan)
    numbers |= {
        name: float(of_panel[f"published_{name}"]) for name in ("slope", "p_value", "change")
    }
    return {
        "measure": measure,
        "source": panel,
        "kind": "published",
        "per": str(of_panel["published_per"].item()),
        **numbers,
    }


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
    selection = checked(comparison, convention)
    rows = []
    for measure in selection["measure"].values:
        of_measure = selection.sel(measure=measure)
        sources = [
            name
            for name in selection["source"].values
            if of_measure["curve"].sel(source=name).notnull().sum() > 1
        ]
        rows += [
            _source_row(of_measure.sel(source=name), str(measure), str(name)) for name in sources
        ]
        panels = [
            name
            for name in selection["panel"].values
            if np.isfinite(of_measure["published_slope"].sel(panel=name))
        ]
        rows += [
            _published_row(of_measure.sel(panel=name), str(measure), str(name)) for name in panels
        ]
    columns = ["measure", "source", "kind", "per", *COLUMNS, "sessions", "subjects"]
    return pd.DataFrame(rows, columns=columns).astype({"sessions": "Int64", "subjects": "Int64"})
