"""Which units keep their fields: none more than others in a code that stands still, and those that
were made to."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from planned_studies import GEVA, study

from drift import metrics
from drift.errors import RefusedInputError
from drift.metrics import stability_predictors

DESIGN = GEVA.replace(intervals=(1.0,), units=150, sessions=6, minutes=15.0)


def mice(rng: np.random.Generator, rate: float, count: int = 4) -> xr.Dataset:
    dataset = study(rng, [rate] * count, [0.0] * count, DESIGN)
    information = metrics.spatial_information(dataset["rate"], dataset["occupancy"])
    return dataset.assign(spatial_information=information)


def t_of(result: xr.Dataset, term: str, truth: float) -> float:
    own = result["subject_estimate"].sel(term=term)
    return float((own.mean() - truth) / (own.std(ddof=1) / np.sqrt(own.size)))


def test_a_frozen_code_is_as_stable_in_all_units():
    """Within 4 standard errors of Student with 9 degrees of freedom (chance of a false alarm .003);
    the plain correlation says that active units are stable."""
    rng = np.random.default_rng(3)
    dataset = mice(rng, 0.0, 10)
    result = stability_predictors(dataset, ("rate", "information"))
    assert abs(t_of(result, "similarity", 1.0)) < 4
    assert abs(t_of(result, "rate", 0.0)) < 4 and abs(t_of(result, "information", 0.0)) < 4
    assert float(result["upper"].sel(term="rate") - result["lower"].sel(term="rate")) < 0.1
    between = metrics.rate_map_correlation(dataset).values[:, 0, 1]
    rates = np.log(dataset["rate"].mean("place").values[:, 0])
    good = np.isfinite(between) & np.isfinite(rates)
    assert np.corrcoef(between[good], rates[good])[0, 1] > 0.4


def test_units_that_were_made_to_stay_are_found():
    """Units with the label 1 stand still, the others lose .3 a day: the similarity is .87 on average
    and gains (1 - .74) / 2 = .13 for one standard deviation of the label."""
    rng = np.random.default_rng(4)
    still, moving = mice(rng, 0.0, 8), mice(rng, 0.3, 8)
    label = np.zeros((8, 6, 150))
    label[..., ::2] = 1.0
    dataset = still.where(xr.DataArray(label[0, 0] == 1, dims="unit"), moving)
    dataset = dataset.assign(label=(("subject", "session", "unit"), label))
    dataset["occupancy"] = still["occupancy"]
    dataset = dataset.assign(place_unit=still["place_unit"])
    result = stability_predictors(dataset, ("label", "rate"))
    kept = np.exp(-0.3)
    assert abs(t_of(result, "similarity", (1 + kept) / 2)) < 5
    assert abs(t_of(result, "label", (1 - kept) / 2)) < 5
    assert abs(t_of(result, "rate", 0.0)) < 5
    assert (result["estimate"].sel(term="label") > 0.08).item()


def test_age_counts_the_days_since_a_unit_became_a_place_unit(rng: np.random.Generator):
    dataset = mice(rng, 0.1, 2)
    flags = np.array([1, 1, 0, 1, 1, 1.0])
    place = np.broadcast_to(flags[:, np.newaxis], (2, 6, 150))
    from drift.metrics.experience.unit_predictors import _age

    age = _age(dataset.assign(place_unit=(("subject", "session", "unit"), place)))
    assert age[0, :, 0].tolist() == [0, 1, 0, 0, 1, 2]


def test_a_single_mouse_has_an_interval_of_its_units(rng: np.random.Generator):
    result = stability_predictors(mice(rng, 0.1, 1), ("rate",), repetitions=200)
    assert (result["lower"] < result["upper"]).all()
    assert "alone" in result.attrs["speaks_of"]


def test_predictors_that_are_not_there_are_refused(rng: np.random.Generator):
    dataset = mice(rng, 0.1, 2)
    with pytest.raises(RefusedInputError, match="predictor depth was expected over subject"):
        stability_predictors(dataset, ("depth",))
    with pytest.raises(RefusedInputError, match="three sessions of a subject in one environment"):
        stability_predictors(dataset.isel(session=slice(2)), ("rate",))
