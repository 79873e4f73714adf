"""Changes beside null models: what verdicts and sentences say, over animals and for one."""

from __future__ import annotations

import counted_mice
import numpy as np
import pytest
import xarray as xr

import drift
from drift.comparison.explained_verdicts import (
    EXPLAINED,
    REMAINS,
    UNCHANGED,
    UNTOLD,
    by_draws,
    over_subjects,
    sentence,
    shares,
    unexplained,
    verdict,
)
from drift.observation.causes import CAUSES, null_model
from drift.observation.counted_halves import counted_halves
from drift.observation.twins import frozen_codes, frozen_twins

SMALL = {"units": 20, "sessions": 4}


@pytest.fixture(scope="module")
def mouse() -> xr.Dataset:
    return counted_mice.mouse(3, changed=True, gains=0.5, **SMALL)


@pytest.fixture(scope="module")
def changes(mouse: xr.Dataset) -> xr.Dataset:
    crowd = counted_mice.crowd(mouse, counted_mice.mouse(4, **SMALL))
    return drift.explained_changes(crowd, causes=())


def test_null_models_change_what_they_say(mouse: xr.Dataset):
    """Units, time and numbers of events as they were, where they are the cause, and the same in all
    sessions, where they are not."""
    (code,) = frozen_codes(mouse, 0)
    (halves,) = counted_halves(mouse, 0)
    models = {cause: null_model(code.halves, code.maps, cause) for cause in CAUSES}
    rate = {
        cause: model.expected.sum(axis=(1, 2, 3)) / model.halves.time.sum(axis=(1, 2))
        for cause, model in models.items()
    }
    for cause, model in models.items():
        lost = cause in ("lost cells", "all recorded")
        moved = cause in ("recorded behaviour", "all recorded")
        assert np.array_equal(model.halves.present, halves.present) == lost, cause
        assert model.halves.present.all() == (not lost)
        assert np.allclose(model.halves.time, halves.time) == moved, cause
        level = not moved and cause not in ("recorded rates", "drifting threshold")
        assert (np.ptp(rate[cause]) < 1e-9 * rate[cause].mean()) == level, cause
    recorded = halves.counts.sum(axis=(2, 3))
    numbers = models["recorded rates"].expected.sum(axis=(2, 3))
    time = halves.time.sum(axis=(1, 2))
    would = null_model(code.halves, code.maps, "recorded behaviour").expected.sum(axis=(2, 3))
    level = null_model(code.halves, code.maps, "counting noise").expected.sum(axis=(2, 3))
    there = halves.present & (recorded > 0)
    np.testing.assert_allclose(numbers[there], (recorded * level / would)[there])
    detected = models["drifting threshold"].expected
    cells = halves.time.sum(axis=1) / models["drifting threshold"].halves.time.sum(axis=1)
    seen = (detected.sum(axis=2) * cells[:, np.newaxis]).sum(axis=-1)
    np.testing.assert_allclose(
        np.where(halves.present, seen, 0).sum(axis=1),
        np.where(halves.present, recorded, 0).sum(axis=1),
        rtol=1e-6,
    )
    assert time.size == 4


def test_twins_by_cause_have_its_sessions(mouse: xr.Dataset):
    (twin,) = frozen_twins(mouse, cause="counting noise")
    assert (twin["recorded"] == 1).all() and twin["rate"].notnull().all()
    time = twin["occupancy"].values[0]
    np.testing.assert_allclose(time, np.broadcast_to(time.mean(axis=0), time.shape))
    np.testing.assert_allclose(twin["occupancy_half"].sum("half"), twin["occupancy"])
    np.testing.assert_allclose(
        twin["rate"] * twin["occupancy"], twin["event_count"], rtol=1e-9, atol=1e-9
    )
    (lost,) = frozen_twins(mouse, cause="lost cells")
    np.testing.assert_array_equal(lost["recorded"], mouse["recorded"])
    np.testing.assert_array_equal(lost["rate"].notnull().any("place"), mouse["recorded"] == 1)


def test_several_animals_are_one_number_each(changes: xr.Dataset):
    assert changes.attrs["speaks_of"] == "subjects like these 2"
    assert changes["cause"].values.tolist() == ["counting noise", "all recorded"]
    left = (changes["recorded"] - changes["null"]).mean("subject")
    np.testing.assert_allclose(left.transpose(*changes["unexplained"].dims), changes["unexplained"])
    np.testing.assert_allclose(
        changes["unexplained"].sel(cause="counting noise"), changes["change"]
    )
    certain = changes["change_p_value"] < 0.01
    assert (changes["share_explained"].notnull().all("cause") <= certain).all()
    assert "of 2 subjects" in str(changes["sentence"].values[0])
    active = changes["subject_unexplained_low"].sel(measure="active_units", cause="all recorded")
    assert (abs(active) < 1e-9).all()  # numbers of events are as recorded


def test_verdicts_say_what_numbers_say():
    causes = ("counting noise", "lost cells", "all recorded")
    p, share = np.array([1e-6, 0.5, 1e-4]), np.array([0.0, 0.9, 0.2])
    assert verdict(p, share, causes) == (EXPLAINED, ["lost cells"])
    assert verdict(np.array([0.2, 0.5, 0.5]), share, causes) == (UNCHANGED, [])
    assert verdict(np.array([1e-6, 1e-6, 1e-6]), share, causes) == (REMAINS, [])
    assert verdict(p, np.array([0.0, 0.3, 0.2]), causes) == (UNTOLD, [])
    assert verdict(np.full(3, np.nan), share, causes) == (UNTOLD, [])
    limits, numbers = (-0.2, -0.25, -0.15), np.array([[0, 0.9, 0.2], [0, 0.8, 0.1], [0, 1, 0.3]])
    told = sentence("drift_rate", (REMAINS, []), limits, numbers, causes, "day")
    assert "80 % (70 to 90) remain unexplained by all that was recorded" in told
    assert "lost cells 90 % (80 to 100)" in told
    told = sentence("drift_rate", (EXPLAINED, ["lost cells"]), limits, numbers, causes, "day")
    assert "which lost cells would make without drift" in told
    nothing = sentence("drift_rate", (UNCHANGED, []), limits, numbers * np.nan, causes, "day")
    assert "no certain change" in nothing and "%:" in nothing and "nan" not in nothing


def test_intervals_hold_the_difference_by_chance():
    """Over 400 mice whose null model is right: 95 % of the intervals hold 0, within 3 standard
    errors; over five mice each, too."""
    rng, held, many = np.random.default_rng(0), [], []
    for _ in range(400):
        group = [
            unexplained(rng.normal(size=1), rng.normal(size=(1, 20, 1)), rng.normal(size=(20, 1)))
            for _ in range(5)
        ]
        for interval, hits in ((by_draws(group[0]), held), (over_subjects(group), many)):
            hits.append(bool(interval.low[0, 0] <= 0 <= interval.high[0, 0]))
    assert abs(np.mean(many) - 0.95) < 3 * np.sqrt(0.95 * 0.05 / 400)
    assert np.mean(held) > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 400)
    share = shares(by_draws(unexplained(np.ones(1), np.zeros((2, 20, 1)), np.zeros((20, 1)))))
    assert np.isnan(share).all()  # without any scatter nothing is certain


def test_refusals(mouse: xr.Dataset):
    with pytest.raises(drift.RefusedInputError, match="use one of counting noise"):
        drift.explained_changes(mouse, causes=("magic",))
    with pytest.raises(drift.RefusedInputError, match="draws"):
        drift.explained_changes(mouse, draws=5)
    with pytest.raises(drift.RefusedInputError, match="whole numbers of events"):
        drift.explained_changes(drift.wandering_fields(sessions=3, units=10))
