"""Pictures of the geometry of drift: what is drawn is what was measured."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from planted_drift import fields, noisy, of_halves

from drift import metrics, plots
from drift.errors import RefusedInputError


@pytest.fixture(scope="module")
def dataset():
    rng = np.random.default_rng(0)
    maps = np.stack([fields(rng, 30) for _ in range(4)])
    return of_halves(noisy(rng, maps, 0.1), "place")


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def test_alignment_stands_on_its_null(dataset, ax):
    result = metrics.drift_alignment(dataset, shuffles=5)
    plots.alignment_with_null(result, ax)
    drawn = [container[0].get_ydata()[0] for container in ax.containers]
    np.testing.assert_allclose(
        drawn, result["alignment"].mean(["subject", "session", "session_other"])
    )
    assert "alignment" in ax.get_ylabel() and len(ax.collections) >= 3
    with pytest.raises(RefusedInputError, match="drift_alignment"):
        plots.alignment_with_null(result.where(False), ax)


def test_dimension_runs_over_lags(dataset, ax):
    result = metrics.drift_dimension(dataset, shuffles=0)
    plots.dimension_by_lag(result, dataset["elapsed"], ax)
    assert [line.get_label() for line in ax.lines] == ["naive", "frozen code", "cross-validated"]
    assert all(list(line.get_xdata()) == [1, 2, 3] for line in ax.lines)
    assert "days" in ax.get_xlabel()


def test_shares_stand_on_their_surrogates(dataset, ax):
    result = metrics.drift_transformations(dataset, surrogates=3)
    plots.transformation_shares(result, ax)
    shares = (
        result["share"].sel(kind="cross_validated").mean(["subject", "session", "session_other"])
    )
    np.testing.assert_allclose([bar[0].get_ydata()[0] for bar in ax.containers], shares)
    assert [text.get_text() for text in ax.get_xticklabels()][-1] == "linear map"


def test_distances_are_drawn_of_one_session(dataset, ax):
    distances = metrics.crossnobis(dataset)
    plots.dissimilarity_matrix(distances, ax, session=2)
    np.testing.assert_array_equal(ax.images[0].get_array(), distances.values[0, 2])
    for changes in ({"session": 9}, {"subject": 1}):
        with pytest.raises(RefusedInputError, match="a position in it"):
            plots.dissimilarity_matrix(distances, ax, **changes)
    with pytest.raises(RefusedInputError, match="no distance is known"):
        plots.dissimilarity_matrix(distances.where(False), ax)
