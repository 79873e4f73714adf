"""From a trained denoising network to a circuit: the inhibition is the learned bias, and the same
units are active (row C42)."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import circuits
import drift
from circuits.bridge import bridged, code_overlap, feedforward_drive
from drift.schema import RefusedInputError
from drift.streams import stream

UNITS, BIAS = 200, -1.5
KINDS = {
    "linear": circuits.LinearInterneuron(units=UNITS),
    "threshold": circuits.ThresholdInterneuron(units=UNITS, gain=500.0),
    "saturating": circuits.SaturatingUnits(units=UNITS, gain=200.0),
}


@pytest.fixture(scope="module")
def drive() -> xr.DataArray:
    """What 60 inputs of one norm drive 200 units of one key norm with: standard normal numbers."""
    generator = stream(0, "world")
    inputs = generator.standard_normal((60, 300))
    return feedforward_drive(generator.standard_normal((UNITS, 300)) / np.sqrt(300), inputs)


@pytest.mark.parametrize("kind", KINDS)
def test_inhibition_is_the_bias_at_the_mean_activity(drive: xr.DataArray, kind: str):
    circuit = bridged(KINDS[kind], drive, BIAS)
    excess = np.maximum(drive.values + BIAS, 0.0)
    rate = np.tanh(excess / circuit.width) if kind == "saturating" else excess
    threshold = getattr(circuit, "threshold", 0.0)
    assert circuit.gain * (rate.mean() - threshold) == pytest.approx(-BIAS, rel=1e-12)


def test_on_one_input_network_and_circuit_are_the_same(drive: xr.DataArray):
    """With the mean taken over one input the fixed point has R = -b exactly, so that the sets agree
    whatever the circuit."""
    one = drive.isel(sample=[3])
    for circuit in KINDS.values():
        found = code_overlap(
            bridged(circuit, one, BIAS), one, BIAS, stream(0, "observation"), engine="fixed_point"
        )
        assert found["inhibition"].values == pytest.approx([-BIAS], abs=1e-9)
        assert (found["overlap"].sel(code="network", code_other=["circuit", "top_k"]) == 1).all()


def test_brian2_rests_where_the_closed_form_does(drive: xr.DataArray):
    few = drive.isel(sample=slice(0, 4))
    for circuit in [*KINDS.values(), circuits.CountControl(units=UNITS, steepness=20.0)]:
        chosen = bridged(circuit, drive, BIAS)
        simulated, known = (
            code_overlap(chosen, few, BIAS, stream(1, "observation"), engine=engine)  # type: ignore[arg-type]
            for engine in ("brian2", "fixed_point")
        )
        assert bool(simulated["converged"].all())
        xr.testing.assert_allclose(simulated["inhibition"], known["inhibition"], atol=1e-4)
        xr.testing.assert_equal(simulated["active_units"], known["active_units"])


def test_overlap_is_the_jaccard_index(drive: xr.DataArray):
    """The linear interneuron holds the Top-k of its own count, so that counts give the index;
    random sets follow their law."""
    found = code_overlap(
        bridged(KINDS["linear"], drive, BIAS),
        drive,
        BIAS,
        stream(2, "observation"),
        winners=13,
        engine="fixed_point",
    )
    counts = found["active_units"]
    network, circuit = counts.sel(code="network").values, counts.sel(code="circuit").values
    shared = found["overlap"].sel(code="network", code_other="circuit").values
    assert np.allclose(shared, np.minimum(network, circuit) / np.maximum(network, circuit))
    assert (counts.sel(code="top_k") == 13).all() and (
        counts.sel(code="random").values == circuit
    ).all()
    common = network * circuit / UNITS  # hypergeometric mean
    chance = found["overlap"].sel(code="network", code_other="random").values
    implied = chance * (network + circuit) / (1 + chance)
    deviation = np.sqrt(
        common * (1 - network / UNITS) * (1 - circuit / UNITS) * UNITS / (UNITS - 1)
    )
    assert abs((implied - common).sum()) < 4 * np.sqrt((deviation**2).sum())


def test_gain_and_offset_tell_a_threshold_from_circuits(drive: xr.DataArray):
    """k of the network follows gain and offset; the linear interneuron loses the gain, count
    control both (circuits, 4.8)."""
    varied = drive * xr.DataArray([0.5, 1.0, 2.0], dims="gain") + xr.DataArray(
        [0.0, 0.5], dims="offset"
    )
    counts = {}
    for name, circuit in {
        "linear": KINDS["linear"],
        "count": circuits.CountControl(units=UNITS, steepness=500.0),
    }.items():
        found = code_overlap(
            bridged(circuit, drive, BIAS),
            varied,
            BIAS,
            stream(0, "observation"),
            winners=13,
            engine="fixed_point",
        )
        counts[name] = found["active_units"].mean("sample")
    network = counts["linear"].sel(code="network")
    assert float(network.max() / network.min()) > 10
    alone = counts["linear"].sel(code="circuit").isel(offset=0)
    assert (alone == alone[0]).all()
    assert (
        float(abs(counts["count"].sel(code="circuit") / network.isel(gain=1, offset=0) - 1).max())
        < 0.05
    )


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda drive: bridged(KINDS["linear"], drive, 0.1), "mean bias is 0.1"),
        (lambda drive: bridged(KINDS["linear"], drive, -50.0), "no input drives"),
        (lambda drive: bridged(KINDS["threshold"].replace(gain=1.0), drive, BIAS), "too weak"),
        (lambda drive: bridged(circuits.Majani(units=UNITS), drive, BIAS), "majani"),
        (lambda drive: bridged(KINDS["linear"].replace(units=10), drive, BIAS), "200 units"),
        (lambda drive: bridged(KINDS["linear"], drive, np.zeros(7)), "bias must be"),
        (lambda drive: bridged(KINDS["linear"], drive, "-1"), "bias must be"),
        (lambda drive: code_overlap(KINDS["linear"], drive, BIAS, stream(0, "world"), engine="exact"), "engine"),
        (lambda drive: code_overlap(KINDS["linear"], drive, BIAS, stream(0, "world"), winners=0, engine="fixed_point"), "winners"),
        (lambda drive: feedforward_drive(np.zeros((3, 4)), np.zeros((2, 5))), "5 entries"),
        (lambda drive: feedforward_drive(np.zeros((1, 3, 4)), np.zeros((2, 4))), "input_weights"),
        (lambda drive: feedforward_drive(xr.DataArray(np.zeros((3, 4)), dims=("output", "unit")), np.zeros((2, 4))), "input_weights"),
    ],
)  # fmt: skip
def test_it_refuses_what_makes_no_circuit(drive: xr.DataArray, call, sentence: str):
    with pytest.raises(RefusedInputError, match=sentence):
        call(drive)


@pytest.mark.slow
def test_c42_circuits_of_a_trained_network():
    """C42: on whitened patches at noise .8 the circuits let the network's units answer; with random
    gain count control keeps Top-K."""
    task = drift.ImageTask(size=8, samples=10_000, test_samples=512)
    recipe = drift.Experiment(
        task=task, network=drift.DenoisingNetwork(units=128, bias="shared"), learner=drift.Adam(learning_rate=1e-3),
        noise=[drift.InputNoise(std=0.8)], minibatch=128, steps=6000, sessions=(6000,),
    )  # fmt: skip
    run = drift.train([recipe], probes=["input_weights", "bias"], threads=1, progress=False).isel(
        subject=0, session=0
    )
    generator, images = stream(0, "observation"), task.draw(0)["test_inputs"].values
    drive = feedforward_drive(
        run["input_weights"], images + 0.8 * generator.standard_normal(images.shape)
    )
    bias = run["bias"].values
    asked = round(float((drive.values + bias > 0).sum(axis=1).mean()))
    scaled = drive * xr.DataArray(
        np.exp(0.3 * generator.standard_normal(len(drive))), dims="sample"
    )
    linear, count = (
        bridged(kind, drive, bias)
        for kind in (
            circuits.LinearInterneuron(units=128),
            circuits.CountControl(units=128, steepness=50.0),
        )
    )
    same = (
        code_overlap(linear, drive, bias, generator)["overlap"].mean("sample").sel(code="network")
    )
    assert same.sel(code_other="circuit") > 3 * same.sel(code_other="random")
    varied = (
        code_overlap(count, scaled, bias, generator, winners=asked, engine="fixed_point")["overlap"]
        .mean("sample")
        .sel(code_other="top_k")
    )
    assert varied.sel(code="circuit") > varied.sel(code="network")
