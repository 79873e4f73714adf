"""Curves of several codes: one a code, from 1 where noise is taken out, and nothing else is drawn."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from drift import plots
from drift.errors import RefusedInputError


def curve(of: str, values: tuple[float, ...]) -> xr.Dataset:
    middle = np.array(values)
    limits = {"estimate": middle, "lower": middle - 0.1, "upper": middle + 0.1}
    days = ("lag", np.arange(1.0, 1.0 + middle.size), {"units": "day"})
    return xr.Dataset(
        {name: ("lag", numbers) for name, numbers in limits.items()},
        coords={"lag": days},
        attrs={"of": of},
    )


def test_each_code_has_a_curve_with_its_name():
    _, ax = plt.subplots()
    codes = {
        "recorded": curve("corrected_similarity", (0.8, 0.7)),
        "frozen": curve("corrected_similarity", (1.0, 1.0)),
    }
    plots.similarity_of_codes(codes, ax)
    assert ax.get_legend_handles_labels()[1] == ["recorded", "frozen"]
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[0, 1], [1, 0.8], [2, 0.7]])
    assert ax.get_xlabel() == "time between sessions (days)"
    assert ax.get_ylabel() == "similarity without noise"
    plt.close("all")


def test_noise_is_no_reason_to_begin_at_1():
    _, ax = plt.subplots()
    plots.similarity_of_codes({"recorded": curve("rate_map_correlation", (0.6, 0.5))}, ax)
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[1, 0.6], [2, 0.5]])
    plt.close("all")


def test_refusals():
    _, ax = plt.subplots()
    mixed = {of: curve(of, (0.5,)) for of in ("rate_map_correlation", "corrected_similarity")}
    with pytest.raises(RefusedInputError, match="of one measure"):
        plots.similarity_of_codes(mixed, ax)
    with pytest.raises(RefusedInputError, match="at least one curve"):
        plots.similarity_of_codes({}, ax)
    with pytest.raises(RefusedInputError, match="by_lag_interval"):
        plots.similarity_of_codes({"a": xr.Dataset()}, ax)
    plt.close("all")
