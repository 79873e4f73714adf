"""A comparison as text: slopes of each source with their tests, published slopes, null models, and
the time scale."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.comparison.comparing import SIGNIFICANT
from drift.comparison.conventions import CONVENTIONS
from drift.door import opened
from drift.errors import RefusedInputError
from drift.schema.labelled_form import check
from drift.schema.variables import label_of

P_VALUES = (
    "p values take the sessions as independent; with few sessions, or few subjects, they are rough"
)


def _number(value: float, form: str) -> str:
    width = int(form.lstrip("+").split(".")[0])
    return f"{'-':>{width}}" if not np.isfinite(value) else f"{value:{form}}"


def _p_value(value: float) -> str:
    return (
        f"{'-':>8}"
        if not np.isfinite(value)
        else f"{'<.001':>8}"
        if value < 0.001
        else f"{value:8.3f}"
    )


def _row(comparison: xr.Dataset, source: str, units: str) -> str:
    subjects = comparison["subjects"].values[comparison["subjects"].values > 0]
    count = "-".join(map(str, np.unique([subjects.min(), subjects.max()]).astype(int)))
    numbers = [_number(float(comparison[name]), "+11.4g") for name in ("slope", "intercept")]
    error = _number(float(comparison["standard_error"]), "10.2g")
    changes = _number(100 * float(comparison["change"]), "+9.1f") + _number(
        float(comparison["slope_per_session"]), "+12.4f"
    )
    effect = _number(float(comparison["effect_size"]), "+8.2f")
    return (
        f"  {source:20}{numbers[0]}{error} "
        f"{'per ' + units:12}{_p_value(float(comparison['p_value']))}"
        f"{numbers[1]}{changes}{effect}{count:>9}"
    )


HEADER = (
    f"  {'source':20}{'slope':>11}{'s.e.':>10} "
    f"{'unit':12}{'p':>8}{'intercept':>11}{'change %':>9}{'/session':>12}{'r':>8}{'subjects':>9}"
)


def _published_rows(comparison: xr.Dataset, measure: str) -> list[str]:
    rows = []
    for panel in comparison["panel"].values:
        published = comparison.sel(panel=panel, measure=measure)
        if np.isfinite(published["published_slope"]):
            # published as smaller than this
            p_value = _p_value(float(np.nextafter(published["published_p_value"].item(), 0)))
            unit, change = (
                f"per {published['published_per'].item()}",
                _number(100 * float(published["published_change"]), "+9.1f"),
            )
            rows.append(
                f"  {panel:20}{float(published['published_slope']):+11.4g}{'-':>10} "
                f"{unit:12}{p_value}{'-':>11}{change}   (published)"
            )
    return rows


def _agreement(comparison: xr.Dataset) -> str:
    signs = comparison["sign_agreement"].dropna("panel")
    return (
        f"its sign agrees with {int(signs.sum())} of {signs.size} published" if signs.size else ""
    )


def _shares(comparison: xr.Dataset, source: str) -> list[str]:
    pairs = zip(
        comparison["null"].values,
        comparison["share_explained"].values,
        comparison["share_explained_standard_error"].values,
    )
    shares = [
        f"{name} {round(100 * share):+d} % (s.e. {100 * error:.0f})"
        for name, share, error in pairs
        if np.isfinite(share) and np.isfinite(error)  # a share without its error says nothing
    ]
    if (
        not shares
        and np.isfinite(comparison["p_value"])
        and not comparison["p_value"] < SIGNIFICANT
    ):
        return [
            f"  the change of {source} is not certain (p = {comparison['p_value'].item():.2g}): no "
            "share of it and no sign is given"
        ]
    told = [f"explained by: {', '.join(shares)}" if shares else "", _agreement(comparison)]
    return [f"  of the change of {source}, {'; '.join(filter(None, told))}"] if any(told) else []


def _undivided(of_measure: xr.Dataset) -> list[str]:
    """Name the subjects of each source that cannot be divided by their first session."""
    if "undivided" not in of_measure.coords:
        return []
    pairs = zip(of_measure["source"].values, of_measure["undivided"].values, strict=True)
    return [
        f"  {source}: the first value of {names} is 0, so that no ratio to it exists; left out"
        for source, names in pairs
        if str(names)
    ]


def _block(comparison: xr.Dataset, measure: str) -> list[str]:
    of_measure = comparison.sel(measure=measure)
    rows = [
        _row(
            of_measure.sel(source=source),
            str(source),
            str(of_measure["elapsed_units"].sel(source=source).item()),
        )
        for source in comparison["source"].values
        if of_measure["curve"].sel(source=source).notnull().sum() > 1
    ]
    published = _published_rows(comparison, measure)
    sources = [name for name in ("observed", "recorded") if name in comparison["source"].values]
    shares = [
        line
        for source in sources
        if "null" in comparison.dims
        for line in _shares(of_measure.sel(source=source), source)
    ]
    undivided = _undivided(of_measure)
    return (
        [label_of(measure), HEADER, *rows, *published, *shares, *undivided, ""]
        if rows or undivided
        else []
    )


def _scale(comparison: xr.Dataset) -> str:
    unit, warning = comparison["time_scale"].attrs["units"], comparison.attrs["time_scale_reason"]
    low, high = comparison["time_scale_low"].item(), comparison["time_scale_high"].item()
    limits = [f"{low:.4g} to {high:.4g}"] if np.isfinite([low, high]).all() else []
    limits = limits or [
        f"{word} {end:.4g}"
        for word, end in (("at least", low), ("at most", high))
        if np.isfinite(end)
    ]
    interval = f" (95 % of bootstraps: {limits[0]} {unit})" if limits else ""
    if not np.isfinite(comparison["time_scale"]):
        return f"time scale in {unit}: not known{interval}, as {warning}"
    fitted = f"time scale: {comparison['time_scale'].item():.4g} {unit}{interval}"
    return f"{fitted}; {warning}" if warning else fitted


def _left_out(comparison: xr.Dataset) -> list[str]:
    said = comparison.attrs.get("left_out", "")
    return [f"rooms differ, and sessions elsewhere are left out: {said}"] if said else []


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
    check(comparison)
    if "published_slope" not in comparison or "curve" not in comparison:
        raise RefusedInputError(
            "a comparison was expected, got a Dataset without curve and published_slope: pass "
            "the result of compare."
        )
    if convention not in CONVENTIONS:
        raise RefusedInputError(
            f"convention must be one of {', '.join(CONVENTIONS)}, got {convention!r}: choose "
            "how curves are normalised."
        )
    normalised = comparison.sel(convention=convention)
    blocks = [
        line
        for measure in comparison["measure"].values
        for line in _block(normalised, str(measure))
    ]
    lens = (
        f"values over those of the first session ({convention.replace('_', ' ')}); observed like: "
        f"{comparison.attrs['lens']}"
    )
    lens += f"; {comparison.attrs['places']}" if comparison.attrs.get("places") else ""
    return (
        "\n".join([lens, *_left_out(comparison), "", *blocks, _scale(comparison), P_VALUES]) + "\n"
    )
