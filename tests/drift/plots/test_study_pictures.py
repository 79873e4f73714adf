"""Pictures of studies: what is drawn is what was computed."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from planned_studies import GEVA, study

import drift
from drift import metrics, plots
from drift.errors import RefusedInputError


def test_similarity_by_days_and_by_visits(rng: np.random.Generator):
    dataset = study(rng, [0.04] * 4, [0.0] * 4, GEVA.replace(units=40))
    similarity = metrics.corrected_similarity(dataset)
    by_time, by_visits = Figure().subplots(1, 2)
    plots.similarity_by_clock(dataset, similarity, by_time)
    plots.similarity_by_clock(dataset, similarity, by_visits, clock="visits")
    assert by_time.get_xlabel() == "time between sessions (day)"
    assert by_visits.get_xlabel() == "visits between them"
    assert by_time.get_ylabel() == "corrected similarity"
    lags, means = by_time.lines[0].get_data()
    values = similarity.values[:, dataset["environment"].values[0] == "A"]
    first = values[:, :, dataset["environment"].values[0] == "A"]
    assert lags[0] == 2 and means[0] == pytest.approx(np.diagonal(first, 1, 1, 2).mean())
    assert [text.get_text() for text in by_time.get_legend().get_texts()] == [
        "environment A",
        "environment B",
    ]
    with pytest.raises(RefusedInputError, match="experience needs the coordinate laps"):
        plots.similarity_by_clock(dataset, similarity, by_time, clock="laps")


def test_power_by_the_number_of_animals():
    design = drift.StudyDesign(units=10, sessions=3, minutes=3)
    effect = drift.DriftRateEffect(rate=0.1)
    power = drift.power(effect, design, animals=[2, 4], units=[5, 10], repetitions=20)
    ax = plots.power_by_animals(power, Figure().subplots())
    np.testing.assert_allclose(
        np.asarray(ax.lines[0].get_ydata(), dtype=float), power["power"].values[:, 0].ravel()
    )
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["5 units", "10 units"]
    assert ax.get_xlabel() == "animals in each group"
    with pytest.raises(RefusedInputError, match=r"pass the result of drift\.power"):
        plots.power_by_animals(drift.wandering_fields(), ax)
