"""Dissimilarity of conditions without the bias of noise, and whether it stays."""

from __future__ import annotations

import numpy as np
import pytest
from planted_drift import fields, noisy, of_halves

from drift import metrics
from drift.errors import RefusedInputError


def drawn(rng, conditions=7, units=12):
    maps = rng.normal(size=(2, conditions, units))
    return of_halves(noisy(rng, maps, 0.5))


def test_crossnobis_is_its_formula(rng):
    dataset = drawn(rng)
    distances = metrics.crossnobis(dataset)
    first, second = dataset["rate_half"].transpose("session", "half", ...).values[1, :, 0]
    expected = [
        [(a - c) @ (b - d) / 12 for c, d in zip(first, second)] for a, b in zip(first, second)
    ]
    np.testing.assert_allclose(distances.values[0, 1], expected, atol=1e-12)
    assert distances.attrs["units"] == "(events/s)^2"


@pytest.mark.parametrize("whitened", [False, True])
def test_crossnobis_equals_that_of_rsatoolbox(rng, whitened: bool):
    data = pytest.importorskip("rsatoolbox.data")
    rdm = pytest.importorskip("rsatoolbox.rdm")
    dataset, units = drawn(rng), 12
    noise = np.cov(rng.normal(size=(units, 40)))
    precision = np.linalg.inv(noise) if whitened else None
    halves = dataset["rate_half"].transpose("session", "half", "stimulus", "unit", ...).values
    rows = data.Dataset(
        halves[0, ..., 0].reshape(-1, units),
        obs_descriptors={"stimulus": np.tile(np.arange(7.0), 2), "half": np.repeat([0.0, 1.0], 7)},
    )
    expected = rdm.calc_rdm(
        rows, method="crossnobis", descriptor="stimulus", cv_descriptor="half", noise=precision
    ).get_matrices()[0]
    ours = metrics.crossnobis(dataset, precision=precision)
    np.testing.assert_allclose(ours.values[0, 0], expected, atol=1e-8)


def test_distances_of_equal_conditions_are_nothing():
    """n = 400 pairs of conditions in noise, z = 4; plain distances are far off."""
    rng = np.random.default_rng(0)
    maps = np.repeat(rng.normal(size=(2, 1, 20)), 29, axis=1)
    dataset = of_halves(noisy(rng, maps, 1.0))
    values = metrics.crossnobis(dataset).values[0, 0][np.triu_indices(29, k=1)]
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(29)
    with pytest.raises(RefusedInputError, match="precision was expected over the 20 units"):
        metrics.crossnobis(dataset, precision=np.eye(3))


def test_geometry_may_stay_while_units_drift():
    """A code that stands still and one that is turned have stability 1 through noise (n = 12, z = 4,
    and .003 for a ratio of means), where the naive value is lower; one that is drawn anew does not."""
    rng = np.random.default_rng(1)
    first = fields(rng, 40)
    rotation = np.linalg.qr(rng.normal(size=(40, 40)))[0]
    for second, stays in (
        (first, True),
        (first @ rotation, True),
        (rng.permuted(first, axis=0), False),
    ):
        maps = np.stack([first, second])
        results = [
            metrics.representational_stability(of_halves(noisy(rng, maps, 0.4))) for _ in range(12)
        ]
        numbers = np.array([result["stability"].values[0, 0, 1] for result in results])
        mean, error = numbers.mean(axis=0), numbers.std(axis=0, ddof=1) / np.sqrt(12)
        assert (abs(mean[2] - 1) < 4 * error[2] + 0.003) == stays
        assert not stays or mean[0] < mean[2] - 4 * error[2]
        distant = np.mean([one["distance_correlation"].values[0, 0, 1] for one in results], axis=0)
        assert (distant < 0.99).all()
    silent = of_halves(np.ones((2, 2, 4, 5)))
    assert metrics.representational_stability(silent)["stability"].isnull().all()
