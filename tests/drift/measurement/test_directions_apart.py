"""Running directions measured apart, the published convention for tracks."""

from __future__ import annotations

import numpy as np

import data_adapters
import drift
from drift import metrics

PLACE_CELLS = (117, 103, 125, 173, 247, 139, 166, 182)
INFORMATION = (2.34, 2.33, 2.03, 2.30, 1.95, 2.36, 2.47, 2.42)
MAPS = (0.528, 0.486, 0.415, 0.411, 0.435, 0.431, 0.405)  # at lags 1 to 7
VECTORS = (0.593, 0.533, 0.494, 0.439, 0.442, 0.416, 0.402)


def by_lag(similarity):
    """Mean over pairs of sessions a number of sessions apart."""
    values = similarity.values[0]
    return np.array([np.diagonal(values, lag).mean() for lag in range(1, len(values))])


def test_a_mouse_by_the_published_convention(data_folder):
    path = data_folder("zivlab_multiday") / "C6_M4" / "Environment A"
    sessions = data_adapters.sessions("sheintuch2023", path, faithful=True)
    recorded = drift.measure(
        drift.counted_events(sessions), direction="apart", shuffles=300, minimum_events=10
    )
    place_cells = recorded["place_units"].values[0]
    np.testing.assert_allclose(place_cells, PLACE_CELLS, rtol=0.03)
    information = metrics.of_subject(recorded, "spatial_information").values[0]
    np.testing.assert_allclose(information, INFORMATION, atol=0.03)
    maps = metrics.mean_rate_map_correlation(recorded, select="either", directions="apart")
    np.testing.assert_allclose(by_lag(maps), MAPS, atol=0.01)
    vectors = metrics.population_vector_correlation(recorded)
    np.testing.assert_allclose(by_lag(vectors), VECTORS, atol=0.01)
