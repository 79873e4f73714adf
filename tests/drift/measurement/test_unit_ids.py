"""Numbers of units and sessions are names: they may be as large as a data base makes them."""

import tracemalloc

import numpy as np
import pytest

import drift
from data_adapters.session import session_dataset
from drift.streams import stream

ALLEN = [950907093, 950907094, 1_017_445_120]


def session(number=0, subject="m", unit=None, unit_identity="registered", **changes):
    rng = np.random.default_rng(number)
    activity = rng.poisson(0.2, (2000, 3))
    given = {
        "subject": subject, "session": number, "elapsed": float(number), "elapsed_units": "day", "environment": "A", "unit": unit,
        "unit_identity": unit_identity, "activity": activity, "position": 50 + 45 * np.sin(np.arange(2000) / 50), "sampling_rate": 20.0,
        "source": "made",
    }  # fmt: skip
    return session_dataset(**{**given, **changes})


def test_ids_are_ranked_and_labels_keep_them():
    tracemalloc.start()
    found = drift.measure([session(0, unit=ALLEN), session(1, unit=ALLEN[::-1])])
    assert tracemalloc.get_traced_memory()[1] < 1e8
    tracemalloc.stop()
    assert found["unit"].values.tolist() == [0, 1, 2]
    assert found["unit_label"].values[0].tolist() == [[f"unit {unit}" for unit in ALLEN]] * 2
    few = drift.measure([session(0), session(1, unit=[2, 1, 0])])
    np.testing.assert_array_equal(found["rate"], few["rate"])


def test_subjects_with_few_units_keep_their_numbers():
    found = drift.measure([session(0, "a"), session(0, "b", unit=ALLEN)])
    assert found["recorded"].values[0, 0].tolist() == [1, 1, 1, 0, 0, 0]
    assert found["unit_label"].values[1, 0, 3:].tolist() == [f"unit {unit}" for unit in ALLEN]


def test_gaps_in_numbers_stay():
    assert drift.measure([session(0, unit=[0, 7, 900])]).sizes["unit"] == 901


@pytest.mark.parametrize("number", [0, 3, 250])
def test_a_child_stream_is_the_spawned_one(number):
    np.testing.assert_array_equal(
        stream(5, "shuffle", number).random(4), stream(5, "shuffle").spawn(number + 1)[-1].random(4)
    )
    first, second = (
        stream(5, "shuffle", number).spawn(1)[0],
        stream(5, "shuffle").spawn(number + 1)[-1].spawn(1)[0],
    )
    np.testing.assert_array_equal(first.random(4), second.random(4))


def test_a_date_numbers_a_session():
    dated = session(0).assign_coords(session=20_240_131)
    assert drift.measure([dated], shuffles=20)["session"].values.tolist() == [20_240_131]
