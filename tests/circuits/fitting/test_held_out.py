"""Sessions that a fit has not seen are predicted better than by chance where the circuit is true,
and beside what needs no circuit."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from fitted_recording import WIDTH, recorded

from circuits import LinearInterneuron, held_out
from circuits.fitting.held_out import _level, _without_circuit
from drift.schema import RefusedInputError

OPTIONS = {"input_width": WIDTH, "restarts": 1, "population": 6, "generations": 20,
           "bootstraps": 40, "progress": False}  # fmt: skip
BOUNDS = {"weight_lifetime": (1.0, 100.0)}


@pytest.fixture(scope="module")
def recording() -> xr.Dataset:
    circuit = LinearInterneuron(units=300, gain=78.7277)
    return recorded(circuit, seed=1, cells=120, sessions=8, minutes=5.0)


def test_a_true_circuit_predicts_later_sessions_better_than_no_change(recording):
    circuit = LinearInterneuron(units=120, gain=78.7277)
    found = held_out(circuit, recording, BOUNDS, 5, **OPTIONS)
    assert found.sizes == {"predictor": 5, "measure": 2, "pair": 15}
    error = found["root_mean_square_error"]
    assert (error.sel(predictor="circuit") < error.sel(predictor="persistence")).all()
    assert (error.sel(predictor="circuit") < error.sel(predictor="mean")).all()
    assert (found["session"] < 5).all() and (found["session_other"] >= 5).all()


def test_later_sessions_do_not_move_the_prediction(recording):
    circuit = LinearInterneuron(units=60, gain=78.7277)
    options = {**OPTIONS, "generations": 4}
    rate = recording["rate"].copy(deep=True)
    rate[{"session": slice(5, None)}] = rate[{"session": slice(5, None)}].values[:, :, ::-1]
    other = recording.assign(rate=rate)
    found = [held_out(circuit, one, BOUNDS, 5, **options) for one in (recording, other)]
    assert np.array_equal(*(one["predicted"].values for one in found))
    assert not np.array_equal(*(one["measured"].values for one in found))


def test_predictions_without_a_circuit_are_exact_where_they_are_true():
    days = np.arange(6.0)
    lag = np.abs(days[:, np.newaxis] - days)
    similar, known = 0.8 * np.exp(-lag / 3.0), np.triu(np.ones((4, 4), bool), k=1)
    first, later = np.repeat(np.arange(4), 2), np.tile([4, 5], 4)
    rows = _without_circuit(similar[:4, :4], lag, first, later, known)
    assert rows[1] == pytest.approx(0.8 * np.exp(-lag[first, later] / 3.0), abs=1e-4)
    assert rows[2] == pytest.approx(similar[:4, :4][known].mean())
    assert rows[0][0] == similar[0, 3] and rows[0][-1] == similar[3, 2]


def test_the_level_of_first_sessions_is_a_ratio_of_pairs_that_both_have():
    paired = np.triu(np.ones((3, 3), bool), k=1)
    predicted = np.stack([np.full((3, 3), 0.4), np.full((3, 3), 0.2)])
    measured = np.stack([np.full((3, 3), 0.6), np.full((3, 3), -0.2)])
    measured[0, 0, 1] = np.nan
    assert _level(measured, predicted, paired) == pytest.approx([1.5, 1.0])


@pytest.mark.parametrize("sessions", [2, 8, 9])
def test_too_few_sessions_are_refused(recording, sessions):
    with pytest.raises(RefusedInputError, match="sessions must be from 3 to 7"):
        held_out(LinearInterneuron(units=30), recording, BOUNDS, sessions, **OPTIONS)
