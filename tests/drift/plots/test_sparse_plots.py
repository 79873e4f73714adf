"""What the pictures of sparse codes draw, and what their axes say."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from drift.errors import RefusedInputError
from drift.plots.sparse_codes import (
    density_over_sessions,
    receptive_field_mosaic,
    sparsity_against_noise,
)


@pytest.fixture
def ax():
    figure = Figure()
    panel = figure.add_subplot()
    yield panel
    FigureCanvasAgg(figure).draw()  # whatever was drawn can be rendered


def test_mosaic_sorts_the_active_units_and_scales_each(ax):
    weights = xr.DataArray(np.outer([1.0, -2, 5, 3], [0, 0.5, 1, -0.5]), dims=("unit", "input"))
    activity = xr.DataArray([0.1, 2.0, 0.0, 1.0], dims="unit")
    drawn = receptive_field_mosaic(weights, ax, activity).images[0].get_array()
    assert drawn.shape == (2, 3 * 3 - 1)  # three active units of 2 x 2 pixels and two gaps
    np.testing.assert_allclose(
        drawn[:, :2], [[0, -0.5], [-1, 0.5]]
    )  # unit 1, the most active, upside down
    np.testing.assert_allclose(drawn[:, 3:5], [[0, 0.5], [1, -0.5]])
    assert (drawn[:, [2, 5]] == 1).all() and ax.get_title() == "3 active units"


def test_mosaic_has_25_fields_in_a_row_and_625_at_most(ax, rng):
    weights = xr.DataArray(rng.standard_normal((700, 4)), dims=("unit", "input"))
    drawn = receptive_field_mosaic(weights, ax).images[0].get_array()
    assert drawn.shape == (25 * 3 - 1, 25 * 3 - 1) and ax.get_title() == "700 units, first 625"


def test_mosaic_refuses_several_subjects_and_silence(ax):
    weights = xr.DataArray(np.ones((2, 3, 4)), dims=("subject", "unit", "input"))
    with pytest.raises(RefusedInputError, match="dims unit, input alone"):
        receptive_field_mosaic(weights, ax)
    with pytest.raises(RefusedInputError, match="no unit is active"):
        receptive_field_mosaic(weights[0], ax, xr.DataArray(np.zeros(3), dims="unit"))


def test_density_shows_where_values_lie_and_their_median(ax):
    elapsed = xr.DataArray([0.0, 100, 300], dims="session", attrs={"units": "step"})
    bias = xr.DataArray(
        [[0, 0, 0, 1], [1, 1, 0, 0], [1, 1, 1, np.nan]],
        dims=("session", "unit"),
        attrs={"units": "1", "long_name": "bias"},
    )
    density_over_sessions(bias, elapsed, ax, bins=2)
    np.testing.assert_allclose(
        ax.collections[0].get_array(), [[1, 1, 0], [1 / 3, 1, 1]]
    )  # (bin, session)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [0, 0.5, 1])
    np.testing.assert_allclose(ax.get_xlim(), [-50, 400])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("learning (step)", "bias")


def test_density_names_the_units_of_the_values_and_refuses_disorder(ax):
    elapsed = xr.DataArray([0.0, 1], dims="session")
    values = xr.DataArray(
        [[0.1, 0.2], [0.3, np.nan]],
        dims=("session", "sample"),
        name="noise_level",
        attrs={"units": "mV"},
    )
    assert density_over_sessions(values, elapsed, ax).get_ylabel() == "noise level (mV)"
    with pytest.raises(RefusedInputError, match="rise"):
        density_over_sessions(values, elapsed[::-1], ax)
    with pytest.raises(RefusedInputError, match="finite values"):
        density_over_sessions(values * np.nan, elapsed, ax)


def test_sparsity_has_means_and_standard_errors_over_subjects(ax):
    std = xr.DataArray([0.8, 0, 0, 0.8, 3, 0], dims="subject")
    fraction = xr.DataArray([0.1, 0.7, 0.8, 0.2, 0.3, np.nan], dims="subject")
    line, _, (bars,) = sparsity_against_noise(fraction, std, ax, "latent").containers[0]
    np.testing.assert_allclose(line.get_xdata(), [0, 0.8, 3])
    np.testing.assert_allclose(line.get_ydata(), [0.75, 0.15, 0.3])
    half = [np.ptp(path.vertices[:, 1]) / 2 for path in bars.get_paths()[:2]]
    np.testing.assert_allclose(
        half, [0.05, 0.05]
    )  # sd .0707 over the root of two subjects; the third has no bar
    assert ax.get_legend_handles_labels()[1] == ["latent (mean, 1 s.e. of 1-2 subjects)"]
    assert ax.get_xlabel().endswith("(input units)") and ax.get_xscale() == "symlog"


def test_sparsity_without_noise_or_repeats(ax):
    zero = xr.DataArray([0.0], dims="subject")
    assert sparsity_against_noise(zero + 0.5, zero, ax).get_xscale() == "linear"
    assert ax.get_legend_handles_labels()[1] == ["(one subject each)"]
    with pytest.raises(RefusedInputError, match="no subject has both"):
        sparsity_against_noise(zero * np.nan, zero, ax)
