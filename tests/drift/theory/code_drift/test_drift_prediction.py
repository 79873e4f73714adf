"""Prediction of drift from weights, and the sparsity and drift of weights read off a recording:
codes whose truth is known."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import pytest
import xarray as xr

import drift
from drift.plots.predictions import estimated_drift, predicted_drift
from drift.schema import labelled
from drift.theory.code_drift.closed_forms import (
    population_vector_similarity,
    weight_autocorrelation,
)
from drift.theory.code_drift.estimation import estimate
from drift.theory.code_drift.prediction import predict
from drift.theory.code_drift.sampled import square_root
from drift.theory.kernels.finite_layers import top_k

matplotlib.use("Agg")
PAIR = ("subject", "session")
WIDTH = 0.6  # of the input's correlation along a corridor of length 2 pi


def drifting_layer(
    fraction: float = 0.1,
    lifetime: float = 6.0,
    sessions: int = 10,
    units: int = 2000,
    places: int = 24,
    seed: int = 0,
) -> xr.Dataset:
    """An exact Top-K layer in a corridor whose weights follow an Ornstein-Uhlenbeck process, one
    session a day; inputs are whitened."""
    where = 2 * np.pi * (np.arange(places) + 0.5) / places
    c0 = np.exp(-((where[:, np.newaxis] - where) ** 2) / (2 * WIDTH**2))
    rng, kept = np.random.default_rng(seed), weight_autocorrelation(1.0, lifetime)
    weights = [rng.standard_normal((places, units))]
    for _ in range(sessions - 1):
        weights.append(
            kept * weights[-1] + np.sqrt(1 - kept**2) * rng.standard_normal((places, units))
        )
    rate = np.stack([top_k(square_root(c0) @ one, fraction).T for one in weights])[
        np.newaxis
    ]  # (subject, session, unit, place)
    ones = np.ones((1, sessions, units))
    variables = {
        "rate": labelled("rate", (*PAIR, "unit", "place"), rate),
        "occupancy": labelled("occupancy", (*PAIR, "place"), np.ones((1, sessions, places))),
        "recorded": labelled("recorded", (*PAIR, "unit"), ones.astype("int8")),
        "detected_units": labelled("detected_units", PAIR, ones.sum(-1)),
        "input_weights": labelled(
            "input_weights",
            (*PAIR, "unit", "input"),
            np.stack(weights).transpose(0, 2, 1)[np.newaxis],
        ),
        "input_correlation": (("place", "place_other"), c0),
    }
    elapsed = np.arange(sessions, dtype=float)[np.newaxis]
    coords = {
        "subject": ["layer"],
        "session": np.arange(sessions),
        "place": where,
        "elapsed": (PAIR, elapsed, {"units": "day"}),
    }
    return xr.Dataset(variables, coords=coords)


def counted(run: xr.Dataset, events: float, spread: float = 0.5, seed: int = 1) -> xr.Dataset:
    """Poisson events of each unit over 20 s a place, at log-normal gains that give active places
    ``events`` on average."""
    rng = np.random.default_rng(seed)
    gain = np.exp(spread * rng.standard_normal(run.sizes["unit"]) - spread**2 / 2)[:, np.newaxis]
    scale = events / run["rate"].values[run["rate"].values > 0].mean()
    counts = rng.poisson(scale * gain * run["rate"].values)
    return run[["recorded", "detected_units"]].assign(
        rate=(run["rate"].dims, counts / 20), occupancy=20 * run["occupancy"]
    )


@pytest.fixture(scope="module")
def layer() -> xr.Dataset:
    return drifting_layer()


@pytest.fixture(scope="module")
def prediction(layer: xr.Dataset) -> xr.Dataset:
    return predict(layer)


@pytest.fixture(scope="module")
def estimated(layer: xr.Dataset) -> xr.Dataset:
    return estimate(counted(layer, 10.0), repetitions=20)


def test_a_random_layer_has_no_structure_beyond_itself(prediction: xr.Dataset):
    # Over a corridor of five field widths, 2,000 units at f = .1 leave an error of about .015 of a
    # single pair of sessions.
    assert (prediction["rms_structure"] < 0.02).all()
    assert prediction["active_fraction"].item() == pytest.approx(0.1, abs=1e-12)
    assert list(prediction["pairs"].values[0]) == list(range(9, 0, -1))
    expected = weight_autocorrelation(prediction["lag"].values, 6.0)
    assert np.allclose(prediction["weight_autocorrelation"].values[0], expected, atol=0.02)


def test_predictions_are_those_of_the_weights(prediction: xr.Dataset, layer: xr.Dataset):
    last = prediction.isel(subject=0, lag=-1)  # a single pair of sessions
    vectors = population_vector_similarity(1.0, 0.1, last["weight_autocorrelation"].item())
    assert last["prediction"].sel(statistic="population_vector_cosine").item() == pytest.approx(
        vectors.cosine, abs=1e-6
    )
    assert last["prediction"].sel(statistic="population_vector_pearson").item() == pytest.approx(
        vectors.pearson, abs=1e-6
    )
    measured = drift.metrics.population_vector_correlation(layer).values[0, 0, -1]
    assert last["measurement"].sel(statistic="population_vector_pearson").item() == pytest.approx(
        measured, abs=1e-12
    )


def test_what_is_not_recorded_is_taken_from_the_code(layer: xr.Dataset, prediction: xr.Dataset):
    correlation = np.exp(
        -np.abs(layer["elapsed"].values[0][:, np.newaxis] - layer["elapsed"].values[0]) / 6
    )[np.newaxis]
    told = layer.drop_vars(["input_weights", "input_correlation"]).assign(
        weight_autocorrelation=((*PAIR, "session_other"), correlation)
    )
    assert np.allclose(predict(told)["prediction"], prediction["prediction"], atol=0.02)


def test_structure_is_seen_and_has_its_sign(layer: xr.Dataset):
    steady = layer.assign(
        rate=layer["rate"].where(layer["unit"] % 2 == 0, layer["rate"].isel(session=0))
    )  # half of the units stay
    found = predict(steady)
    assert (found["structure"].isel(lag=-1) > 0.2).all()
    assert found["structure"].attrs["long_name"] == "structure beyond a random Top-K layer"


def test_units_and_places_that_were_not_observed_are_left_out(
    layer: xr.Dataset, prediction: xr.Dataset
):
    gone = (
        layer["rate"]
        .where((layer["place"] > 1) | (layer["session"] != 2))
        .where((layer["unit"] > 99) | (layer["session"] != 3))
    )
    found = predict(layer.assign(rate=gone.transpose(*layer["rate"].dims)))
    assert np.isfinite(found["measurement"]).all()
    assert (found["rms_structure"] < 0.025).all()


def test_places_of_other_subjects_and_unvisited_ones_play_no_part(
    layer: xr.Dataset, prediction: xr.Dataset
):
    """Subjects with fewer places are padded with NaN; a place that nobody visited has a
    correlation, but no rate."""
    padded = layer.pad(place=(0, 3)).drop_vars("input_correlation")
    given = layer["input_correlation"].pad(place=(0, 3), place_other=(0, 3))
    found = predict(padded.assign(input_correlation=given))
    xr.testing.assert_allclose(found, prediction, rtol=1e-12)
    near = layer.isel(place=slice(0, 20), place_other=slice(0, 20))
    unvisited = predict(layer.assign(rate=layer["rate"].where(np.arange(24) < 20)))
    xr.testing.assert_allclose(unvisited, predict(near), rtol=1e-12)


def test_both_sources_of_the_weights_leave_out_what_units_have_in_common(layer: xr.Dataset):
    """A drive common to all units lifts the plain cosine of weights; it changes no winner, and so
    no prediction."""
    common = layer["input_weights"] + 3 * layer["input_weights"].isel(unit=0)
    own = (
        (common - common.mean("unit"))
        .transpose("subject", "session", "unit", "input")
        .values[0]
        .reshape(10, -1)
    )
    told = layer.drop_vars("input_weights").assign(
        weight_autocorrelation=((*PAIR, "session_other"), np.corrcoef(own)[np.newaxis])
    )
    drawn = predict(layer.assign(input_weights=common.transpose(*layer["input_weights"].dims)))
    np.testing.assert_allclose(drawn["prediction"], predict(told)["prediction"], atol=1e-6)


def test_results_describe_themselves_and_survive_a_file(
    prediction: xr.Dataset, estimated: xr.Dataset, tmp_path: Path
):
    for name, result in (("prediction", prediction), ("estimate", estimated)):
        assert all(
            {"units", "long_name"} <= set(result[one].attrs) for one in [*result.data_vars, "lag"]
        )
        assert result["lag"].attrs["units"] == "day" and "version_repdrift" in result.attrs
        xr.testing.assert_identical(
            drift.load(drift.save(result, tmp_path / f"{name}.nc")).drop_attrs(),
            result.drop_attrs(),
        )


@pytest.mark.slow
def test_a_trained_network_is_predicted():
    recipe = drift.Experiment(
        task=drift.CorridorTask(samples=60, rays=7), network=drift.Network(units=40), learner=drift.SGD(learning_rate=0.05),
        noise=(drift.UpdateNoise(std=0.01),), steps=400, sessions=5, seed=0,
    )  # fmt: skip
    run = drift.train(
        [recipe, recipe.replace(seed=1)],
        probes=["rate", "occupancy", "input_weights", "bias", "output_weights"],
    )
    found = predict(run)
    assert list(found["statistic"].values)[-1] == "readout_cosine" and found.sizes["subject"] == 2
    assert np.isfinite(found["pooling"]).all() and np.isfinite(found["structure"]).all()
    assert (np.abs(found["prediction"]) <= 1 + 1e-9).all()


def test_estimates_recover_a_recorded_layer(estimated: xr.Dataset):
    """f within 10 %, the time constant within 15 %, at gains whose logarithm has a standard
    deviation of 1 / 2."""
    assert estimated["active_fraction"].item() == pytest.approx(0.1, rel=0.10)
    assert estimated["weight_lifetime"].item() == pytest.approx(6.0, rel=0.15)
    assert estimated["r_squared"].item() > 0.98 and estimated[
        "attenuation"
    ].item() == pytest.approx(1, rel=1e-12)
    assert estimated["weight_lifetime"].attrs["units"] == "day"


def test_intervals_hold_the_truth_where_gains_are_alike(layer: xr.Dataset):
    found = estimate(counted(layer, 10.0, spread=0.0), repetitions=60)
    for name, truth in (("active_fraction", 0.1), ("weight_lifetime", 6.0)):
        low, high = found[f"{name}_interval"].values[0]
        assert low < truth < high and low < found[name].item() < high, name


def test_estimates_need_no_model_of_the_noise_where_there_is_none(layer: xr.Dataset):
    exact = estimate(layer, noise="none", repetitions=2, simulations=0)
    assert exact["active_fraction"].item() == pytest.approx(0.1, rel=0.05)
    assert exact["weight_lifetime"].item() == pytest.approx(6.0, rel=0.15)
    assert exact["place_extent"].item() < 0.25


def test_unknown_noise_is_extrapolated_away(layer: xr.Dataset):
    recording = counted(layer, 10.0)
    doubled = recording.assign(
        rate=1.5 * recording["rate"]
    )  # amplitudes: their noise is not that of counts
    found = estimate(doubled, noise="fitted", repetitions=2, simulations=0)
    assert found["attenuation"].item() == pytest.approx(1 - 1 / (1 + 10 * np.e * 1.755), abs=0.06)
    assert found["weight_lifetime"].item() == pytest.approx(6.0, rel=0.2)


def test_a_frozen_code_has_no_lifetime(layer: xr.Dataset):
    frozen = layer.assign(
        rate=layer["rate"]
        .isel(session=0, drop=True)
        .expand_dims(session=10)
        .transpose(*layer["rate"].dims)
    )
    found = estimate(counted(frozen, 10.0), repetitions=2, simulations=0)
    assert found["weight_lifetime"].item() > 1000


@pytest.mark.slow
@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.2])
def test_estimates_recover_an_observed_layer(fraction: float):
    """The same through ``observe``: 2,000 units with log-normal event rates like those of a
    published recording."""
    run = drifting_layer(fraction, sessions=13, seed=2)
    design = drift.published_design("Sheintuch 2023")
    cells = design.isel(session=[0] * 12, unit=np.resize(np.arange(50), 2000))
    elapsed = (PAIR, np.arange(12.0)[np.newaxis], {"units": "day"})
    like = cells.assign_coords(session=np.arange(12), unit=np.arange(2000), elapsed=elapsed)
    found = estimate(
        drift.measure(drift.observe(run, like, time_scale=1.0, sampling_rate=2.0)), repetitions=50
    )
    assert found["active_fraction"].item() == pytest.approx(fraction, rel=0.10)
    assert found["weight_lifetime"].item() == pytest.approx(6.0, rel=0.15)


@pytest.mark.slow
def test_simulations_shrink_the_bias_of_the_lifetime():
    """Gains set by the activity of the first session shorten T by an eighth; recordings simulated
    in the same way tell of it."""
    found = []
    for seed in (2, 3):
        run = drifting_layer(sessions=11, seed=seed)
        design = drift.published_design("Sheintuch 2023")
        cells = design.isel(session=[0] * 10, unit=np.resize(np.arange(50), 2000))
        elapsed = (PAIR, np.arange(10.0)[np.newaxis], {"units": "day"})
        like = cells.assign_coords(session=np.arange(10), unit=np.arange(2000), elapsed=elapsed)
        recording = drift.measure(drift.observe(run, like, time_scale=1.0, sampling_rate=2.0))
        found.append(
            [
                estimate(recording, repetitions=2, simulations=count)["weight_lifetime"].item()
                for count in (0, 2)
            ]
        )
    plain, corrected = abs(np.mean(found, axis=0) - 6.0)
    assert corrected < 0.7 * plain


def test_bootstrap_repeats_and_subjects_do_not_meet(layer: xr.Dataset):
    recording = counted(layer.isel(unit=slice(0, 300)), 10.0)
    alone = estimate(recording, repetitions=3, simulations=1)
    other = recording.assign(
        rate=recording["rate"].isel(unit=slice(None, None, -1)).values + 0 * recording["rate"]
    )
    both = estimate(
        xr.concat([recording, other.assign_coords(subject=["other"])], dim="subject"),
        repetitions=3,
        simulations=1,
    )
    assert both.sel(subject=["layer"]).drop_vars("lag").equals(alone.drop_vars("lag"))


def test_figures_draw(prediction: xr.Dataset, estimated: xr.Dataset):
    from matplotlib.figure import Figure

    axes = Figure().subplots(1, 2)
    assert (
        predicted_drift(prediction, axes[0]) is axes[0]
        and len(axes[0].get_legend_handles_labels()[1]) == 4
    )
    assert (
        estimated_drift(estimated, axes[1]) is axes[1]
        and axes[1].get_ylabel() == "population vector cosine"
    )


def _refusals(layer: xr.Dataset) -> dict:
    recording = counted(layer.isel(unit=slice(0, 50)), 10.0)
    return {
        "neither weight_autocorrelation nor input_weights": lambda: predict(
            layer.drop_vars("input_weights")
        ),
        "rate is missing": lambda: predict(layer.drop_vars("rate")),
        "but a sparse code is needed": lambda: predict(layer.assign(rate=layer["rate"] + 1)),
        "holds no finite number": lambda: predict(layer.assign(rate=layer["rate"] * np.nan)),
        "whole numbers of events": lambda: estimate(layer),
        "noise 'gaussian' is unknown: use one of": lambda: estimate(recording, noise="gaussian"),  # type: ignore[arg-type]
        "repetitions must be a whole number from 2, got 1": lambda: estimate(
            recording, repetitions=1
        ),
        "repetitions must be a whole number from 2, got 'a'": lambda: estimate(
            recording, repetitions="a"
        ),  # type: ignore[arg-type]
        "confidence must be one finite number between 0 and 1, both excluded, got None": lambda: (
            estimate(recording, confidence=None)
        ),  # type: ignore[arg-type]
        "seed must be a whole number from 0, got 'a'": lambda: estimate(recording, seed="a"),  # type: ignore[arg-type]
        "simulations must be a whole number from 0, got -1": lambda: estimate(
            recording, simulations=-1
        ),
        "places must be at least three": lambda: estimate(recording.isel(place=[0, 1])),
        "no place has both": lambda: predict(
            layer.assign(input_correlation=layer["input_correlation"] * np.nan)
        ),
        "three different lags are needed": lambda: estimate(recording.isel(session=[0, 1])),
        "no unit begins to be active": lambda: estimate(
            recording.assign(rate=0 * recording["rate"])
        ),
        "places must follow one another": lambda: estimate(
            recording.assign_coords(place_x=("place", np.arange(24)))
        ),
        "units are not tracked": lambda: estimate(
            recording.assign_coords(unit_identity=(PAIR, np.arange(10).astype(str)[np.newaxis]))
        ),
    }


@pytest.mark.parametrize("number", range(17))
def test_refusals_are_one_sentence(layer: xr.Dataset, number: int):
    sentence, refused = list(_refusals(layer).items())[number]
    with pytest.raises(drift.RefusedInputError, match=sentence) as refusal:
        refused()
    assert "\n" not in str(refusal.value)
