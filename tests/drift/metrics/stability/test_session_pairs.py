"""The long table holds each pair once, with the time between its sessions."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import drift
from drift import metrics
from drift.errors import RefusedInputError
from drift.metrics.stability.session_pairs import COLUMNS, session_pairs


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    return drift.wandering_fields(seeds=(3, 4), sessions=4, units=20, interval=2.5)


def test_each_pair_stands_once_with_its_numbers(run: xr.Dataset):
    table = session_pairs(run)
    correlation = {
        "rate_map_correlation": metrics.mean_rate_map_correlation(run),
        "population_vector_correlation": metrics.population_vector_correlation(run),
    }
    assert tuple(table.columns) == COLUMNS
    compared = dict(zip(table["measure"], table["compared"]))
    assert "place units" in compared["rate_map_correlation"]
    assert "observed" in compared["population_vector_correlation"]
    for row in table.to_dict("records"):
        pair = {name: row[name] for name in ("subject", "session", "session_other")}
        assert float(correlation[row["measure"]].sel(pair)) == row["value"]
        assert row["lag"] == 2.5 * (row["session_other"] - row["session"]) > 0
        assert row["lag_units"] == "step" and row["environment"] == ""
    expected = sum(
        int(np.isfinite(values.values[:, *np.triu_indices(4, 1)]).sum())
        for values in correlation.values()
    )
    assert len(table) == expected and not table.duplicated(list(COLUMNS[:5])).any()


def test_rooms_are_not_compared_and_named(run: xr.Dataset):
    rooms = np.array([["A", "B", "A", "B"]] * 2)
    table = session_pairs(run.assign_coords(environment=(("subject", "session"), rooms)))
    assert {(row.session, row.session_other, row.environment) for row in table.itertuples()} <= {
        (0, 2, "A"),
        (1, 3, "B"),
    }


def test_one_session_has_no_pair(run: xr.Dataset):
    with pytest.raises(RefusedInputError, match="single one"):
        session_pairs(run.isel(session=[1]))


def test_halves_give_similarity_without_noise(run: xr.Dataset):
    halved = run.assign(rate_half=run["rate"].expand_dims(half=2))
    table = session_pairs(halved).query("measure == 'corrected_similarity'")
    plain = session_pairs(run).query("measure == 'rate_map_correlation'")
    np.testing.assert_allclose(table["value"], plain["value"])
