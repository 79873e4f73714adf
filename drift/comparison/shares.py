"""What published slopes and null models say of the change of each source: signs that agree, ratios
of changes, shares that codes without drift explain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from drift.comparison.explained import explained_changes
from drift.comparison.published import PUBLISHED_SLOPES
from drift.errors import RefusedInputError, SchemaError
from drift.observation.counted_halves import is_measured

NULLS = ("frozen code", "other event rate", "wrong registration", "changed behaviour")
PUBLISHED_NAMES = {
    "fraction of place cells": "fraction_place_units",
    "number of active cells": "active_units",
    "mean spatial information": "spatial_information",
}
# p of a slope, above which its change is not certain: it has no share and no sign
SIGNIFICANT = 0.05
OWN = "recorded_"  # before the names of ``drift.explained_changes``
LEFT_OUT = "null models of the recording were not drawn"
LARGEST_ERROR = 0.5  # of a share: beyond it the interval is wider than twice the change
PANELS = tuple(dict.fromkeys(slope.recording for slope in PUBLISHED_SLOPES))


def published_changes(measures: Sequence[str]) -> xr.Dataset:
    """Published slopes and the changes that they imply, by (panel, measure); NaN where none is
    published."""
    names = ("slope", "p_value", "change")
    table = {f"published_{name}": np.full((len(PANELS), len(measures)), np.nan) for name in names}
    for slope in PUBLISHED_SLOPES:
        for name in names:
            table[f"published_{name}"][
                PANELS.index(slope.recording), list(measures).index(PUBLISHED_NAMES[slope.measure])
            ] = getattr(slope, name)
    per = [
        next(slope.per for slope in PUBLISHED_SLOPES if slope.recording == panel)
        for panel in PANELS
    ]
    return xr.Dataset(
        {name: (("panel", "measure"), values) for name, values in table.items()},
        coords={
            "published_per": ("panel", per),
            "panel": list(PANELS),
            "measure": list(measures),
        },
    )


def _certain(sources: xr.Dataset) -> xr.DataArray:
    """Tell which changes are certain: their slope differs from 0 at the level ``SIGNIFICANT``."""
    return sources["p_value"] < SIGNIFICANT


def against_published(sources: xr.Dataset, published: xr.Dataset) -> xr.Dataset:
    """Signs of certain slopes beside those of published ones, and the ratio of their changes; NaN
    where a change is not certain."""
    certain = published["published_change"].notnull() & _certain(sources)
    agree = (
        (np.sign(sources["change"]) == np.sign(published["published_change"]))
        .astype(float)
        .where(certain)
    )
    return xr.Dataset(
        {
            "sign_agreement": agree,
            "change_ratio": (sources["change"] / published["published_change"]).where(certain),
        }
    )


def explained(
    sources: xr.Dataset, nulls: Sequence[str], elsewhere: Sequence[str] = ()
) -> xr.Dataset:
    """Change of each null model over that of each source, with its standard error; NaN for changes
    that are not certain, and for shares whose standard error exceeds ``LARGEST_ERROR``.

    Parameters
    ----------
    sources : xarray.Dataset
        See ``drift.comparison.sources.described_source``, along source.
    nulls : sequence of str
        Sources whose code stands still.
    elsewhere : sequence of str
        Sources that null models of their own explain.
    """
    null = (
        sources[["change", "change_standard_error"]].sel(source=list(nulls)).rename(source="null")
    )
    own = sources["change"].where(
        _certain(sources) & (sources["change"] != 0) & ~sources["source"].isin([*nulls, *elsewhere])
    )
    share = null["change"] / own
    own_part = (share * sources["change_standard_error"]) ** 2
    error = (null["change_standard_error"] ** 2 + own_part) ** 0.5 / abs(own)
    told = ~(error > LARGEST_ERROR)
    return xr.Dataset(
        {
            "share_explained": share.where(told),
            "share_explained_standard_error": error.where(told),
        }
    )


def recorded_changes(
    recorded: xr.Dataset | None, *, draws: int, seed: int, confused: float
) -> tuple[xr.Dataset, str]:
    """What null models of a recording explain of its changes, or why nothing is told.

    Parameters
    ----------
    recorded : xarray.Dataset or None
        Longitudinal Dataset of ``measure``.
    draws, seed, confused
        See ``drift.explained_changes``; without draws nothing is told.

    Returns
    -------
    xarray.Dataset
        The variables of ``explained_changes`` by measure and cause, their names and the dim measure
        with "recorded_" before them; empty where nothing is told.
    str
        Why; empty where something is.
    """
    if recorded is None or draws == 0:
        return xr.Dataset(), "no recording was given" if recorded is None else LEFT_OUT
    if not is_measured(recorded):
        return xr.Dataset(), "the recording is a design without events"
    try:
        changes = explained_changes(recorded, draws=draws, seed=seed, confused=confused)
    except (RefusedInputError, SchemaError) as refusal:
        return xr.Dataset(), str(refusal).rstrip(".")
    names = [name for name, values in changes.data_vars.items() if "subject" not in values.dims]
    renamed = {name: f"{OWN}{name}" for name in (*names, "measure", "units")}
    held = changes[names].drop_vars("subject", errors="ignore").rename(renamed)
    held = held.drop_attrs(deep=False)
    return held.assign_attrs(recorded_changes_speak_of=changes.attrs["speaks_of"]), ""


def own_sentences(comparison: xr.Dataset) -> list[str]:
    """One sentence for each measure of the recording: whether its change is certain, and what
    remains of it.

    Parameters
    ----------
    comparison : xarray.Dataset
        What ``drift.compare`` returns.
    """
    name = f"{OWN}sentence"
    return [str(text) for text in comparison[name].values] if name in comparison else []
