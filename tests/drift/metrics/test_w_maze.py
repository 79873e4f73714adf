"""A track with branches, recorded in the plane: all that decides whether a code drifts works on it,
and nothing reaches from one branch to another through the wall."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import data_adapters
import drift
from drift import metrics


@pytest.fixture(scope="module")
def runs(data_folder) -> list[xr.Dataset]:
    path = data_folder("hc6_layout_wmaze") / "Nel"
    return list(
        data_adapters.sessions("karlsson2015", str(path), area="any", position_units="pixel")
    )


def branched(subjects: int = 1) -> xr.Dataset:
    """Two sessions of a W of three arms that stand two bins apart; fields fill one arm each."""
    arms = [(column, row) for column in (0, 2, 4) for row in range(1, 8)]
    cells = np.array([*arms, *((column, 0) for column in range(5))])
    rate = np.stack([(cells[:, 0] == column) & (cells[:, 1] > 2) for column in (0, 2, 4)]) * 5.0
    attrs = {"units": "cm", "bin_size": 5.0, "origin": 0.0}
    x, y = (("place", (cells[:, axis] + 0.5) * 5.0, attrs) for axis in (0, 1))
    return xr.Dataset(
        {"rate": (("subject", "session", "unit", "place"), np.tile(rate, (subjects, 2, 1, 1)))},
        coords={"place": np.arange(len(cells)), "place_x": x, "place_y": y},
    )


def test_fields_end_at_the_walls_between_branches():
    """Without smoothing a field is one arm; with it nothing enters an arm two bins away but what
    the kernel carries, and no field joins two arms except through the bar."""
    fields = metrics.place_fields(branched()["rate"], smoothing=0.0)
    assert (fields["fields"] == 1).all() and (fields["field_width"].isel(field=0) == 5 * 25).all()
    place = fields["field_place"].isel(subject=0, session=0, field=0)
    np.testing.assert_allclose(place[:, 0], [2.5, 12.5, 22.5])
    smoothed = metrics.place_fields(branched()["rate"], smoothing=1.0)
    assert (smoothed["fields"] == 1).all() and (smoothed["field_width"] <= 7 * 25).all()


def test_branches_of_a_real_recording(runs):
    """Two runs of an afternoon on one W: each measure has numbers, errors are smaller than chance,
    and laps, which branches do not have in the plane, are not made up."""
    seen = drift.measure(runs, bin_size=20.0, halves="time")
    assert seen.sizes["session"] == 2 and "place_x" in seen.coords
    for of in ("rate_map", "population_vector", "ensemble_rate"):
        similarity = metrics.corrected_similarity(seen, of, smoothing=0.0, select="all")
        assert 0.4 < similarity.values[0, 0, 1] < 1.1
    shift = metrics.field_shift(metrics.place_fields(seen["rate"]))
    assert 0 <= float(shift["jumps"][0, 0, 1]) < float(shift["jumps_by_chance"][0, 0, 1])
    assert 0.5 < float(metrics.recurrence(seen, "field")["recurrence"][0, 0, 1]) <= 1
    scores = metrics.decoding(runs, bin_size=20.0, window=0.5)
    error, chance = scores["decoding_error"].values[0], scores["shuffled_decoding_error"].values[0]
    assert (error[~np.eye(2, dtype=bool)] < 0.7 * chance[~np.eye(2, dtype=bool)]).all()
    with pytest.raises(drift.RefusedInputError, match="a plane does not have"):
        drift.measure(runs[0], bin_size=20.0, halves="trials")
    with pytest.raises(drift.RefusedInputError, match="remapping is between environments"):
        metrics.remapping(seen)
