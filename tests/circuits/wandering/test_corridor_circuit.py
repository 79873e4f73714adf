"""The corridor through a circuit: drives, place codes and what the shared measures make of them."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import drift
from circuits.kinds.linear import LinearInterneuron
from circuits.wandering.corridor import (
    corridor_code,
    corridor_drive,
    corridor_session,
    random_input_weights,
)
from drift.metrics import assign_places, rate_maps, spatial_information
from drift.schema import RefusedInputError, check

SAMPLES, RAYS, UNITS = 600, 17, 200
MEASURES = (
    "rate",
    "occupancy",
    "recorded",
    "detected_units",
    "spatial_information",
    "place_unit",
    "fraction_active_units",
    "elapsed",
)


@pytest.fixture(scope="module")
def experience() -> xr.Dataset:
    return drift.CorridorTask(samples=SAMPLES, rays=RAYS).draw(0)


@pytest.fixture(scope="module")
def drive(experience: xr.Dataset) -> xr.DataArray:
    return corridor_drive(experience, random_input_weights(UNITS, RAYS + 1, 0))


@pytest.fixture(scope="module")
def circuit(drive: xr.DataArray) -> LinearInterneuron:
    return LinearInterneuron(units=UNITS).for_active_fraction(0.1, drive)


@pytest.fixture(scope="module")
def code(circuit: LinearInterneuron, drive: xr.DataArray) -> xr.Dataset:
    return corridor_code(circuit, drive, engine="fixed_point")


def test_random_weights_come_from_their_stream():
    weights = random_input_weights(400, 50, 3)
    assert weights.dims == ("unit", "input")
    assert float(weights.var()) * 50 == pytest.approx(
        1, abs=4 * np.sqrt(2 / 20_000)
    )  # four standard errors of a variance
    xr.testing.assert_identical(weights, random_input_weights(400, 50, 3))
    assert not np.allclose(weights, random_input_weights(400, 50, 4))


def test_standardised_drives_have_mean_0_and_variance_1(
    experience: xr.Dataset, drive: xr.DataArray
):
    np.testing.assert_allclose(drive.mean("sample"), 0, atol=1e-12)
    np.testing.assert_allclose(drive.var("sample"), 1, atol=1e-12)
    weights = random_input_weights(UNITS, RAYS + 1, 0)
    as_they_are = corridor_drive(experience, weights, bias=np.arange(UNITS), standardised=False)
    np.testing.assert_allclose(
        as_they_are, experience["inputs"].values @ weights.values.T + np.arange(UNITS), rtol=1e-12
    )
    constant = corridor_drive(experience, weights.where(weights["unit"] > 0, 0.0), bias=0.3)
    assert (constant[:, 0] == 0).all() and np.isfinite(constant).all()


def test_code_has_what_a_trained_network_has(code: xr.Dataset):
    check(code, *MEASURES, "sample_activity")
    run = drift.train(
        [
            drift.Experiment(
                task=drift.CorridorTask(samples=SAMPLES, rays=RAYS), steps=1, sessions=1
            )
        ],
        progress=False,
    )
    shared = {"loss", "relative_loss", "squared_norm", "hessian_trace"}  # of networks only
    assert set(run.data_vars) - shared <= set(code.data_vars)
    for name in set(run.data_vars) - shared:
        assert (
            code[name].dims == run[name].dims
            and code[name].attrs["units"] in run[name].attrs["units"]
        ), name
    np.testing.assert_array_equal(code["place"], run["place"])
    np.testing.assert_array_equal(code["occupancy"], run["occupancy"])


def test_maps_and_information_are_those_of_the_shared_metrics(
    code: xr.Dataset, experience: xr.Dataset
):
    extent = experience["position"].attrs
    edges = np.linspace(extent["low"], extent["high"], extent["places"] + 1)
    activity = code["sample_activity"].isel(subject=0, session=0)
    maps = rate_maps(
        activity,
        assign_places(experience["position"], edges),
        extent["places"],
        experience["direction"],
    )
    np.testing.assert_allclose(code["rate"][0, 0], maps["rate"], rtol=1e-6)
    expected = spatial_information(maps["rate"], maps["occupancy"])
    np.testing.assert_allclose(code["spatial_information"][0, 0], expected, rtol=1e-5)
    assert code["fraction_active_responses"].item() == pytest.approx(
        0.1, abs=1e-3
    )  # the fraction asked for


def test_brian2_settles_all_samples_at_the_fixed_points(
    circuit: LinearInterneuron, drive: xr.DataArray, code: xr.Dataset
):
    settled = corridor_code(circuit, drive[:150])
    assert settled["status"].item() == "complete" and float(settled["residual"].max()) <= 1e-6
    expected = code["sample_activity"].isel(sample=slice(150))
    scale = float(expected.max())
    np.testing.assert_allclose(settled["sample_activity"], expected, rtol=0, atol=1e-5 * scale)
    assert (
        (settled["sample_activity"] > 0) == (expected > 0)
    ).mean() > 0.9999  # a unit at the threshold may go either way


def test_inhibition_sharpens_place_fields():
    """A tenth of the responses says more about place than the half that rectified drives leave,
    beyond what shuffled places say."""
    longer = drift.CorridorTask(samples=5 * SAMPLES, rays=RAYS).draw(0)
    drive = corridor_drive(longer, random_input_weights(UNITS, RAYS + 1, 0))
    code = corridor_code(
        LinearInterneuron(units=UNITS).for_active_fraction(0.1, drive), drive, engine="fixed_point"
    )
    extent = longer["position"].attrs
    place = assign_places(
        longer["position"], np.linspace(extent["low"], extent["high"], extent["places"] + 1)
    )
    shuffled = place.copy(data=np.random.default_rng(0).permutation(place.values))

    def information(activity: xr.DataArray, where: xr.DataArray) -> float:
        maps = rate_maps(
            activity.reset_coords(drop=True), where, extent["places"], longer["direction"]
        )
        return float(spatial_information(maps["rate"], maps["occupancy"]).mean())

    selected, rectified = (
        code["sample_activity"].isel(subject=0, session=0).drop_vars("sample"),
        drive.clip(0),
    )
    beyond = [
        information(activity, place) - information(activity, shuffled)
        for activity in (selected, rectified)
    ]
    assert beyond[1] > 0.2 and beyond[0] > 1.5 * beyond[1]


def test_standardised_drives_give_more_units_a_place(experience: xr.Dataset, code: xr.Dataset):
    raw = corridor_drive(experience, random_input_weights(UNITS, RAYS + 1, 0), standardised=False)
    same_few = corridor_code(
        LinearInterneuron(units=UNITS).for_active_fraction(0.1, raw), raw, engine="fixed_point"
    )
    assert (
        code["fraction_active_units"].item() > 0.9
        and same_few["fraction_active_units"].item() < 0.7
    )


def test_learned_weights_carry_over_from_a_trained_network():
    task = drift.CorridorTask(samples=100, rays=5)
    recipe = drift.Experiment(
        task=task, network=drift.Network(units=40), steps=200, sessions=2, seed=1
    )
    run = drift.train(
        [recipe], probes=["loss", "input_weights", "bias", "sample_activity"], progress=False
    )
    last = run.isel(subject=0, session=-1)
    drive = corridor_drive(task.draw(1), last["input_weights"], last["bias"], standardised=False)
    np.testing.assert_allclose(
        drive.clip(0), last["sample_activity"], atol=1e-5
    )  # a rectifier in the circuit's place
    circuit = LinearInterneuron(units=40).for_active_fraction(0.2, drive)
    activity = corridor_code(circuit, drive, engine="fixed_point")["sample_activity"]
    assert bool(
        (activity[0, 0] <= last["sample_activity"].values + 1e-5).all()
    )  # inhibition only takes away
    assert float((activity > 0).mean()) == pytest.approx(0.2, abs=0.01)


def test_session_is_measured_like_a_recording(circuit: LinearInterneuron, drive: xr.DataArray):
    limit = drive["position"].attrs["high"]
    inside = drive[
        np.abs(drive["position"].values) < limit
    ]  # bins of recordings are open at their end
    code = corridor_code(circuit, inside, engine="fixed_point")
    measured = drift.measure([corridor_session(circuit, inside, engine="fixed_point")])
    np.testing.assert_allclose(
        measured["spatial_information"], code["spatial_information"], rtol=1e-5
    )
    rate = measured["rate"].values
    np.testing.assert_allclose(
        rate,
        code["rate"].sel(place=measured["place"], method="nearest", tolerance=1e-6),
        rtol=1e-5,
        atol=1e-7,
    )


def test_code_is_written_and_read_back_equal(code: xr.Dataset, tmp_path):
    xr.testing.assert_equal(drift.load(drift.save(code, tmp_path / "code.nc")), code)


def test_refusals(experience: xr.Dataset, circuit: LinearInterneuron, drive: xr.DataArray):
    weights = random_input_weights(UNITS, RAYS + 1, 0)
    with pytest.raises(
        RefusedInputError,
        match="weights must be an array with one entry per input of experience, got 17 entries for "
        "18",
    ):
        corridor_drive(experience, weights[:, 1:])
    with pytest.raises(RefusedInputError, match=r"bias must be \(200 units\), got shape \(3,\)"):
        corridor_drive(experience, weights, bias=[1, 2, 3])
    with pytest.raises(RefusedInputError, match="weights holds 18 values that are NaN"):
        corridor_drive(experience, weights.where(weights["unit"] > 0))
    with pytest.raises(RefusedInputError, match="several environments"):
        corridor_drive(drift.CorridorTask(samples=20, rays=RAYS, environments=2).draw(0), weights)
    with pytest.raises(RefusedInputError, match="no places"):
        corridor_drive(experience.drop_vars("position"), weights)
    with pytest.raises(
        RefusedInputError, match="drive must be an xarray DataArray, got an array of shape"
    ):
        corridor_code(circuit, drive.values)  # type: ignore[arg-type]
    with pytest.raises(RefusedInputError, match="has 200 units, the circuit 300"):
        corridor_code(circuit.replace(units=300), drive)
    with pytest.raises(RefusedInputError, match="engine 'magic' is unknown"):
        corridor_code(circuit, drive, engine="magic")  # type: ignore[arg-type]
    with pytest.raises(RefusedInputError, match="sampling_rate must be one finite number above 0"):
        corridor_session(circuit, drive, sampling_rate=0.0)
    with pytest.raises(RefusedInputError, match="units must be a whole number from 1, got 0"):
        random_input_weights(0, 18, 0)
