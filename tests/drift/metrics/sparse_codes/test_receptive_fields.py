"""Classes of receptive fields on planted fields, and their fits against an independent
least-squares routine."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import approx_fprime, least_squares

from drift.errors import RefusedInputError
from drift.metrics import receptive_field_fractions, receptive_fields, sampled_units
from drift.metrics.sparse_codes import field_fits
from drift.metrics.sparse_codes.receptive_fields import (
    CENTRE_SURROUND,
    GABOR,
    field_images,
    lag_autocorrelation,
)

own = sys.modules[
    "drift.metrics.sparse_codes.receptive_fields"
]  # the package exports the function of this name

ROWS, COLUMNS = np.indices((16, 16)).astype(float)


def gabor(x0, y0, sx, sy, angle, f, phase, a=1.0, o=0.0, x=COLUMNS, y=ROWS) -> np.ndarray:
    along = (x - x0) * np.cos(angle) + (y - y0) * np.sin(angle)
    across = -(x - x0) * np.sin(angle) + (y - y0) * np.cos(angle)
    return (
        a
        * np.exp(-(along**2) / (2 * sx**2) - across**2 / (2 * sy**2))
        * np.cos(2 * np.pi * f * along + phase)
        + o
    )


def centre_surround(x0, y0, s, k, a=1.0, b=0.3, o=0.0, x=COLUMNS, y=ROWS) -> np.ndarray:
    squared = (x - x0) ** 2 + (y - y0) ** 2
    return a * np.exp(-squared / (2 * s**2)) - b * np.exp(-squared / (2 * (k * s) ** 2)) + o


def random_gabor(rng) -> np.ndarray:
    centre, angle, phase = rng.uniform(4, 11, 2), rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi)
    return gabor(
        *centre, rng.uniform(1.5, 3), rng.uniform(1.5, 4), angle, rng.uniform(0.08, 0.2), phase
    )


def random_centre_surround(rng) -> np.ndarray:
    sign, depth = rng.choice([-1, 1]), rng.uniform(0.1, 0.5)
    return centre_surround(
        *rng.uniform(4, 11, 2), rng.uniform(0.8, 2), rng.uniform(1.5, 3), sign, sign * depth
    )


def weights_of(fields) -> xr.DataArray:
    fields = np.asarray(fields, dtype=float)
    return xr.DataArray(
        fields.reshape(*fields.shape[:-2], -1),
        dims=("subject", "unit", "input")[-fields.ndim + 1 :],
    )


def share(fields: xr.Dataset, name: str) -> float:
    return receptive_field_fractions(fields).sel({"class": name}).item()


def test_s31_planted_fields_are_told_apart(rng):
    """S31: 50 of 50 Gabors, 50 of 50 differences of Gaussians (2 may be missed), none of 50
    white-noise fields structured."""
    planted = (
        [random_gabor(rng) for _ in range(50)],
        [random_centre_surround(rng) for _ in range(50)],
        rng.standard_normal((50, 16, 16)),
    )
    gabors, rounds, noise = (receptive_fields(weights_of(fields)) for fields in planted)
    assert 50 * share(gabors, "gabor") >= 48 and 50 * share(rounds, "centre-surround") >= 48
    assert share(noise, "structured") == 0 and share(noise, "unstructured") == 1
    assert (
        np.median(gabors["gabor_r_squared"]) > 0.999
        and np.median(rounds["centre_surround_r_squared"]) > 0.999
    )


def test_planted_parameters_are_found():
    fields = receptive_fields(
        weights_of(
            [gabor(6.3, 9.1, 2, 3, 0.7, 0.15, 0.4), centre_surround(7.2, 5.5, 1.3, 2.2, 1, 0.35)]
        )
    )
    found = fields["gabor"].isel(unit=0)
    named = {name: found.sel(gabor_parameter=name).item() for name in GABOR}
    assert [named[name] for name in ("centre_x", "centre_y", "width", "length")] == pytest.approx(
        [6.3, 9.1, 2, 3], abs=1e-3
    )
    assert abs(np.cos(named["angle"] - 0.7)) == pytest.approx(1, abs=1e-4) and named[
        "frequency"
    ] == pytest.approx(0.15, abs=1e-3)
    size = np.abs(centre_surround(7.2, 5.5, 1.3, 2.2, 1, 0.35)).max()
    np.testing.assert_allclose(
        fields["centre_surround"][1], [7.2, 5.5, 1.3, 2.2, 1 / size, 0.35 / size, 0], atol=2e-3
    )
    assert fields["field_class"].values.tolist() == ["gabor", "centre-surround"]


MODELS = {
    "gabor": (gabor, field_fits.gabor, GABOR),
    "centre_surround": (centre_surround, field_fits.centre_surround, CENTRE_SURROUND),
}
POINTS = {
    "gabor": [6.3, 8.8, 2.1, 3.0, 0.8, 0.13, 0.5, -1.2, 0.1],
    "centre_surround": [6.3, 8.8, 1.4, 2.5, 1.1, 0.4, -0.1],
}


@pytest.mark.parametrize("name", MODELS)
def test_slopes_are_those_of_the_model(name):
    plain, model, _ = MODELS[name]
    point, x, y = np.array(POINTS[name]), np.array([5.0, 9.0]), np.array([7.0, 10.0])
    values, slopes = model(np.stack([point, point]), x, y)
    np.testing.assert_allclose(values[1], plain(*point, x=x, y=y), rtol=1e-12)
    for pixel in range(2):
        here = {"x": x[pixel], "y": y[pixel]}
        np.testing.assert_allclose(
            slopes[0, :, pixel],
            approx_fprime(point, lambda p, here=here: plain(*p, **here)),
            atol=1e-6,
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_noisy_fields_are_fitted_as_well_as_by_an_independent_routine(rng, name):
    """The fit explains what SciPy's trust-region fit explains, from the same starts within the same
    bounds."""
    plain, model, parameters = MODELS[name]
    planted = random_gabor if name == "gabor" else random_centre_surround
    fields = np.array([planted(rng) + 0.15 * rng.standard_normal((16, 16)) for _ in range(20)])
    fields /= np.abs(fields).max(axis=(1, 2), keepdims=True)
    energy, bounds = own._energy(fields), own._bounds(parameters, (16, 16))
    centres = own._centres(energy)
    starts = (
        own._gabor_starts(fields, centres)
        if name == "gabor"
        else own._centre_surround_starts(fields, energy, centres)
    )
    ours = field_fits.best_fits(model, starts, fields, bounds)[1]
    expected = np.array([_independent(plain, *one, bounds) for one in zip(starts, fields)])
    assert np.median(np.abs(ours - expected)) < 1e-4 and np.mean(ours) > np.mean(expected) - 0.01


def _independent(model, starts, field, bounds) -> float:
    costs = [
        least_squares(
            lambda p: (model(*p) - field).ravel(),
            np.clip(start, *bounds),
            bounds=bounds,
            max_nfev=60,
        ).cost
        for start in starts
    ]
    return 1 - 2 * min(costs) / ((field - field.mean()) ** 2).sum()


def test_autocorrelation_of_a_wave_and_of_noise(rng):
    wave = np.cos(
        2 * np.pi * COLUMNS / 16 * 2
    )  # 15 of 16 neighbours stand beside each other, and below
    beside = (wave[:, 1:] * wave[:, :-1]).sum() / (wave**2).sum()
    assert lag_autocorrelation(wave) == pytest.approx((beside + 15 / 16) / 2)
    noise = lag_autocorrelation(rng.standard_normal((2000, 16, 16)))
    assert (
        abs(noise.mean() + 1 / 256) < 4 * noise.std() / np.sqrt(2000) + 1e-3
    )  # the mean that is subtracted costs 1 / pixels


def test_localisation_counts_pixels():
    spots = np.zeros((2, 16, 16))
    spots[0, 4:6, 5:7], spots[1, 2:10, 2:10] = 1.0, -3.0
    np.testing.assert_allclose(
        receptive_fields(weights_of(spots))["localisation"], [4 / 256, 64 / 256]
    )


def test_units_without_contrast_are_unstructured_and_absent_units_do_not_count(rng):
    fields = receptive_fields(
        weights_of(
            [
                random_gabor(rng),
                np.zeros((16, 16)),
                np.full((16, 16), 0.1),
                np.full((16, 16), np.nan),
            ]
        ).assign_coords(unit=[3, 5, 8, 9])
    )
    assert fields["field_class"].values.tolist() == [
        "gabor",
        "unstructured",
        "unstructured",
        "not observed",
    ]
    assert fields["unit"].values.tolist() == [3, 5, 8, 9]
    assert share(fields, "gabor") == pytest.approx(1 / 3) and share(
        fields, "structured"
    ) == pytest.approx(1 / 3)
    assert np.isnan(
        share(receptive_fields(weights_of(np.full((2, 16, 16), np.nan))), "unstructured")
    )


def test_scale_and_company_change_nothing(rng):
    """A subject in a crowd is that subject alone, and the length of a key does not matter."""
    crowd = np.array(
        [
            [random_gabor(rng), rng.standard_normal((16, 16))],
            [random_centre_surround(rng), random_gabor(rng)],
        ]
    )
    together, alone = receptive_fields(weights_of(crowd)), receptive_fields(weights_of(crowd[1]))
    xr.testing.assert_identical(together.isel(subject=1), alone)
    assert receptive_field_fractions(together).dims == ("subject", "class")
    scaled = receptive_fields(weights_of(-4 * crowd))
    assert scaled["field_class"].equals(together["field_class"])
    np.testing.assert_allclose(scaled["localisation"], together["localisation"])


def test_fields_need_not_be_square(rng):
    wide = weights_of([random_gabor(rng)[:12]])
    assert field_images(wide, (12, 16)).shape == (1, 12, 16)
    assert receptive_fields(wide, (12, 16))["gabor_r_squared"].item() > 0.99
    with pytest.raises(RefusedInputError, match="do not fill"):
        receptive_fields(wide)
    with pytest.raises(RefusedInputError, match="do not fill"):
        receptive_fields(wide, (10, 16))


@pytest.mark.parametrize("rubbish", [np.inf, np.nan])
def test_rubbish_is_refused(rubbish):
    weights = weights_of(np.ones((2, 16, 16)))
    weights[1, 7] = rubbish
    with pytest.raises(RefusedInputError, match="must be finite"):
        receptive_fields(weights)
    with pytest.raises(RefusedInputError, match="field_class is missing"):
        receptive_field_fractions(xr.Dataset())


def test_sampled_units_are_random_and_keep_their_numbers():
    weights = xr.DataArray(np.arange(600.0).reshape(300, 2), dims=("unit", "input"))
    drawn = sampled_units(weights, np.random.default_rng(1))
    assert drawn.sizes["unit"] == 120 and len(np.unique(drawn["unit"])) == 120
    np.testing.assert_array_equal(drawn[:, 0], 2 * drawn["unit"])
    assert not drawn["unit"].equals(sampled_units(weights, np.random.default_rng(2))["unit"])
    assert sampled_units(weights[:7], np.random.default_rng(1)).sizes["unit"] == 7
    with pytest.raises(RefusedInputError, match="units must be a whole number from 1, got 0"):
        sampled_units(weights, np.random.default_rng(1), 0)
