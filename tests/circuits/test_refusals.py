"""What circuits do not accept is refused in one sentence that says what, where, got, and remedy."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import circuits
from circuits import (
    CIRCUITS,
    CountControl,
    ExplainingAway,
    LinearInterneuron,
    Majani,
    RandomInterneurons,
    SaturatingUnits,
    ThresholdInterneuron,
)
from circuits.drives import normal_quantiles
from circuits.kinds.explaining_away import _lasso
from circuits.simulation.brian import brian2
from drift.recipe import chosen
from drift.schema import RefusedInputError

DRIVE = normal_quantiles(20)
CIRCUIT = LinearInterneuron(units=20, gain=27.0)


def refused(call, *words: str) -> None:
    with pytest.raises(RefusedInputError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("drive", "words"),
    [
        (np.append(DRIVE[:-1], np.nan), ["1 values that are NaN"]),
        (np.append(DRIVE[:-1], np.inf), ["NaN or infinite"]),
        (DRIVE[:-1], ["19 units", "the circuit 20", "replace(units=19)"]),
        (DRIVE.reshape(1, 1, 20), ["(1, 1, 20)", "DataArray"]),
        (xr.DataArray(DRIVE, dims="place"), ["no dim 'unit'"]),
        (xr.DataArray(DRIVE, dims="unit", attrs={"units": "mV"}), ["'mV'"]),
        (np.zeros((0, 20)), ["empty"]),
        ("strong", ["not an array of numbers"]),
    ],
)
def test_drives(drive, words):
    for verb in (CIRCUIT.settle, CIRCUIT.fixed_point, CIRCUIT.stable_dt):
        refused(lambda verb=verb: verb(drive), *words)


def test_drive_with_brian2_units():
    refused(lambda: CIRCUIT.settle(DRIVE * brian2().mV), "units", "divide")


@pytest.mark.parametrize(
    "call",
    [
        lambda: LinearInterneuron(gain=0.0),
        lambda: LinearInterneuron(gain=-1.0),
        lambda: LinearInterneuron(gain=np.inf),
        lambda: ThresholdInterneuron(gain=np.inf),
        lambda: ThresholdInterneuron(threshold=-0.1),
        lambda: SaturatingUnits(width=0.0),
        lambda: CountControl(steepness=0.0),
        lambda: CountControl(active_fraction=1.2),
        lambda: CountControl(active_fraction=0.0),
        lambda: RandomInterneurons(connection_probability=0.0),
        lambda: RandomInterneurons(interneurons=0),
        lambda: Majani(inhibitory_time_constant=0.002),
        lambda: LinearInterneuron(excitatory_time_constant=20 * brian2().mV),
        lambda: LinearInterneuron(gain=3 * brian2().ms),
        lambda: ExplainingAway(dictionary=[[1.0, 0.0], [1.0]]),
        lambda: ExplainingAway(dictionary=np.eye(3), units=4),
        lambda: chosen(CIRCUITS, {"kind": "linaer"}),
    ],
)
def test_parameters(call):
    refused(call)


@pytest.mark.parametrize(
    "kind",
    [LinearInterneuron, ThresholdInterneuron, SaturatingUnits, RandomInterneurons, CountControl],
)
def test_fractions_and_drives_without_a_positive_input(kind):
    circuit = kind(units=20)
    refused(lambda: circuit.for_active_fraction(1.5, DRIVE), "between 0 and 1")
    refused(lambda: circuit.for_active_fraction(0.001), "less than one unit")
    refused(
        lambda: circuit.for_active_fraction(0.1, np.stack([DRIVE, -np.abs(DRIVE)])),
        "no positive input in 1 of 2 stimuli",
    )
    if kind is not CountControl:
        refused(lambda: circuit.for_active_fraction(0.8, DRIVE))


def test_fractions_that_no_gain_or_threshold_gives():
    tied = np.array([2.0, 1.0, 1.0, -1.0])
    refused(lambda: LinearInterneuron(units=4).for_active_fraction(0.5, tied), "no gain", "2")
    refused(
        lambda: ThresholdInterneuron(units=4).for_active_fraction(0.5, tied),
        "no threshold",
        "together",
    )
    refused(
        lambda: ThresholdInterneuron(gain=1.0).for_active_fraction(0.05),
        "too weak",
        "raise the gain to at least 78.7",
    )
    refused(
        lambda: ThresholdInterneuron(units=20, gain=0.1).for_active_fraction(0.05, DRIVE),
        "too weak",
        "10 units stay active",
    )
    refused(
        lambda: CountControl(units=4, active_fraction=0.5).for_active_fraction(0.5, np.ones(4)),
        "all equal",
    )
    refused(lambda: ExplainingAway(dictionary=np.eye(3)).for_active_fraction(0.5), "feedforward")


def test_closed_forms_that_do_not_exist():
    refused(lambda: Majani(units=20, self_excitation=1.5).fixed_point(DRIVE), "between -1 and 1")
    refused(
        lambda: Majani(units=4, active_fraction=0.5).fixed_point(np.array([1.0, 0.5, 0.5, 0.0])),
        "drives 2 and 3 are equal",
    )
    refused(
        lambda: ExplainingAway(dictionary=np.eye(3)).feedforward(np.ones(4)), "(4,)", "3 inputs"
    )


@pytest.mark.parametrize("kind", [kind for kind in CIRCUITS.values() if kind is not ExplainingAway])
def test_steps_beyond_the_limit_name_it(kind):
    circuit = kind(units=20)
    limit = circuit.stable_dt(DRIVE)
    refused(lambda: circuit.settle(DRIVE, dt=1.01 * limit), f"{limit * 1e3:.4g} ms", "smaller dt")
    with pytest.warns(UserWarning, match="more than half"):
        circuit.settle(DRIVE, dt=0.9 * limit, duration=2 * limit)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dt": -1e-4}, ["dt", "positive"]),
        ({"duration": 0.0}, ["duration", "positive"]),
        ({"update": "random"}, ["'random'", "staggered"]),
        ({"target": "julia"}, ["'julia'", "numpy"]),
        ({"unstable": "ignore"}, ["'ignore'"]),
    ],
)
def test_options(options, words):
    refused(lambda: CIRCUIT.settle(DRIVE, **options), *words)


def test_batches_of_different_circuits():
    refused(lambda: circuits.settle([], DRIVE), "no circuit")
    refused(lambda: circuits.settle([CIRCUIT, CountControl(units=20)], DRIVE), "share kind")
    few = [RandomInterneurons(units=20), RandomInterneurons(units=20, interneurons=3)]
    refused(lambda: circuits.settle(few, DRIVE), "share kind, sizes")
    refused(
        lambda: circuits.settle(
            [CIRCUIT], xr.DataArray(np.ones((3, 20)), dims=("circuit", "unit"))
        ),
        "3 circuits",
    )


@pytest.mark.parametrize("value", ["x", [1, 2], None, np.nan], ids=repr)
@pytest.mark.parametrize("name", ["duration", "dt"])
def test_times_that_are_none(name, value):
    if value is not None:  # which stands for the usual time
        refused(lambda: CIRCUIT.settle(DRIVE, **{name: value}), name, "positive number of seconds")
    refused(lambda: CIRCUIT.settle(DRIVE, **{name: 300 * brian2().mV}), name, "Brian2 time")


def test_brian2_times_are_seconds():
    ms = brian2().ms
    given = CIRCUIT.settle(DRIVE, duration=30 * ms, dt=0.2 * ms)
    assert given.identical(CIRCUIT.settle(DRIVE, duration=0.03, dt=2e-4))
    assert given.attrs["dt"] == pytest.approx(2e-4)


def test_one_circuit_is_a_list_of_one():
    assert circuits.settle(CIRCUIT, DRIVE, duration=0.01).identical(
        circuits.settle([CIRCUIT], DRIVE, duration=0.01)
    )
    refused(lambda: circuits.settle([CIRCUIT, 3], DRIVE), "must be a Circuit")
    refused(lambda: circuits.cartesian(CIRCUIT, gain=3), "gain must be a list of numbers, got 3")


@pytest.mark.parametrize(
    ("drive", "words"),
    [
        (xr.DataArray(np.ones((2, 20)), dims=("time", "unit")), ["time", "rename"]),
        (xr.DataArray(DRIVE, dims="unit", coords={"rate": ("unit", DRIVE)}), ["rate", "rename"]),
        (xr.DataArray(DRIVE.astype(str), dims="unit"), ["real numbers"]),
        (xr.DataArray(DRIVE + 1j, dims="unit"), ["complex128"]),
        (DRIVE + 1j, ["not an array of numbers"]),
        ([[1.0, 2.0], [3.0]], ["not an array of numbers"]),
    ],
)
def test_drives_that_hide_results_or_hold_no_real_numbers(drive, words):
    for verb in (CIRCUIT.settle, CIRCUIT.fixed_point):
        refused(lambda verb=verb: verb(drive), *words)


@pytest.mark.parametrize("kind", [kind for kind in CIRCUITS.values() if kind is not ExplainingAway])
def test_orders_of_updates_and_fractions_that_do_not_exist(kind):
    circuit = kind(units=20)
    refused(lambda: circuit.stable_dt(DRIVE, "foo"), "'foo'", "staggered")
    for fraction in ("a", None, np.array([0.1, 0.2])):
        refused(
            lambda fraction=fraction: circuit.for_active_fraction(fraction),
            "number between 0 and 1",
        )
    refused(lambda: circuit.for_active_fraction(0.99), "all of them")


@pytest.mark.parametrize("kind", [CountControl, Majani])
def test_counts_of_none_or_all(kind):
    refused(lambda: kind(units=4), "less than one unit")
    refused(lambda: kind(units=4, active_fraction=0.9), "all of them")


@pytest.mark.parametrize(
    "dictionary",
    [3, [1, 2, 3], np.ones((2, 2, 2)), None, "D", np.zeros((2, 3)), [[1.0, np.nan]]],
    ids=repr,
)
def test_dictionaries(dictionary):
    refused(lambda: ExplainingAway(dictionary=dictionary), "dictionary")


@pytest.mark.parametrize("inputs", ["a", [1.0, np.nan], [1j, 0]], ids=repr)
def test_inputs_to_explain(inputs):
    refused(lambda: ExplainingAway(dictionary=np.eye(2)).feedforward(inputs), "finite numbers")


def test_explanations_that_were_not_found():
    with pytest.raises(RefusedInputError, match="still change"):
        _lasso(np.array([[1.0, 1.0], [0.0, 1e-3]]), np.array([1.0, 1.0005]), sweeps=2)
