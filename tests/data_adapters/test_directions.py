"""Directions of any coding are mapped by the way the animal goes, or refused; no lap is lost."""

import numpy as np
import pytest

import data_adapters
import drift
from data_adapters.directions import coded_directions
from data_adapters.files.containers import write_fields
from drift.errors import RefusedInputError

FRAMES = 12_000
TRACK = 50 + 49 * np.sin(np.arange(FRAMES) / 100)
TRUTH = np.where(np.diff(TRACK, prepend=TRACK[0] - 1) > 0, 1, -1)


def fields(direction, position=TRACK):
    return {
        "events": np.ones((FRAMES, 1)), "position": position, "direction": direction, "fs": 20.0, "track_length_cm": 100.0,
        "geometry": "linear", "animal": "m", "environment": "A", "session": 1, "time": 0.0, "time_unit": "day", "n_detected": 1,
    }  # fmt: skip


CODINGS = {
    "0 and 1": TRUTH > 0,
    "whole 0 and 1": (TRUTH > 0).astype(int),
    "1 back, 0 out": (TRUTH < 0).astype(int),
    "1 and 2": np.where(TRUTH > 0, 1, 2),
    "2 and 1": np.where(TRUTH > 0, 2, 1),
    "texts": np.where(TRUTH > 0, "out", "in"),
    "texts of numbers": np.where(TRUTH > 0, "+1", "-1"),
    "as it should be": TRUTH,
}


@pytest.mark.parametrize("coding", CODINGS)
def test_two_codes_are_the_two_ways(coding):
    found, note = coded_directions(CODINGS[coding], TRACK, "here")
    np.testing.assert_array_equal(found, TRUTH)
    assert bool(note) == (coding not in ("texts of numbers", "as it should be"))


@pytest.mark.parametrize("kind", ["npz", "mat", "nc"])
@pytest.mark.parametrize("coding", ["0 and 1", "1 and 2", "texts"])
def test_no_lap_is_lost(coding, kind, tmp_path):
    if coding == "texts" and kind == "nc":
        pytest.skip("netCDF of this package has no variables of text")
    given = CODINGS[coding].astype(float) if coding != "texts" else CODINGS[coding]
    write_fields(fields(given), tmp_path / f"m_01.{kind}")
    measured = drift.measure(data_adapters.sessions("interchange", tmp_path))
    occupancy = measured["occupancy"].sum(["subject", "session", "place"])
    assert occupancy.values == pytest.approx([FRAMES / 40] * 2, rel=0.1)
    session = next(data_adapters.sessions("interchange", tmp_path))
    assert "was taken for 1 (towards larger positions)" in session.attrs["notes"]


def test_rests_and_jitter_do_not_hide_the_way(rng):
    ends = np.repeat([0.0, 100.0] * 30, 100)
    runs = np.concatenate(
        [
            np.r_[np.full(100, a), np.linspace(a, b, 100)]
            for a, b in zip(ends[::100], ends[100::100])
        ]
    )
    position = runs + rng.normal(0, 0.3, runs.size)
    way = np.sign(np.diff(runs, prepend=0))
    found, _ = coded_directions((way > 0).astype(int), position, "here")  # back and rests both 0
    assert (found[way < 0] == -1).all() and (found[way > 0] == 1).all()


def test_rests_between_runs_of_one_way_stay_neither(rng):
    lap = np.r_[np.linspace(0, 200, 150), np.full(50, 200.0)]
    position = np.tile(lap, 20) + rng.normal(0, 0.2, 4000)  # back to the start in one step: a belt
    code = np.tile(np.r_[np.ones(150, int), np.zeros(50, int)], 20)
    found, note = coded_directions(code, position, "here")
    np.testing.assert_array_equal(found, code)
    assert not note


@pytest.mark.parametrize(
    ("values", "position", "message"),
    [
        (
            np.where(np.arange(FRAMES) % 2, 1, 0),
            TRACK + np.arange(FRAMES) / 10,
            r"got 0, 1, and the animal goes",
        ),
        (TRUTH + 5, np.stack([TRACK, TRACK], 1), r"got 6, 4"),
        (np.arange(FRAMES) % 4, TRACK, r"got 0, 1, 2, 3"),
        (TRUTH * 0.5, TRACK, "whole numbers, got 0.5 at sample 0"),
        (np.where(np.arange(FRAMES) == 7, np.nan, TRUTH), TRACK, "got nan at sample 7"),
        (np.full(FRAMES, 2), TRACK, "got 2"),
        (np.where(np.arange(FRAMES) % 3, "a", "b"), TRACK * 0, "does not tell"),
        (TRUTH[1:], TRACK, "one row per sample"),
        (TRUTH.astype(complex), TRACK, "numbers or texts"),
    ],
)
def test_what_cannot_be_told_is_refused(values, position, message):
    with pytest.raises(RefusedInputError, match=message):
        coded_directions(values, position, "here")
