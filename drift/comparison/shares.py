"""What published slopes and null models say of the change of each source: signs that agree, ratios
of changes, shares that codes without drift explain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from drift.comparison.published import PUBLISHED_SLOPES

NULLS = ("frozen code", "other event rate", "wrong registration", "changed behaviour")
PUBLISHED_NAMES = {
    "fraction of place cells": "fraction_place_units",
    "number of active cells": "active_units",
    "mean spatial information": "spatial_information",
}
# p of a slope, above which its change is not certain: it has no share and no sign
SIGNIFICANT = 0.05
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


def explained(sources: xr.Dataset, nulls: Sequence[str]) -> xr.Dataset:
    """Change of each null model over that of each source, with its standard error; NaN for changes
    that are not certain."""
    null = (
        sources[["change", "change_standard_error"]].sel(source=list(nulls)).rename(source="null")
    )
    own = sources["change"].where(
        _certain(sources) & (sources["change"] != 0) & ~sources["source"].isin(list(nulls))
    )
    share = null["change"] / own
    error = np.sqrt(
        null["change_standard_error"] ** 2 + (share * sources["change_standard_error"]) ** 2
    ) / abs(own)
    return xr.Dataset({"share_explained": share, "share_explained_standard_error": error})
