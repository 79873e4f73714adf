"""Drifting circuits: weights wander as their law says, inhibition does what it should, and the
result is a run like any other."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
import xarray as xr

import drift
from circuits import ExplainingAway, LinearInterneuron, Majani, RandomInterneurons
from circuits.kinds.count_control import CountControl
from circuits.kinds.saturating import SaturatingUnits
from circuits.kinds.threshold import ThresholdInterneuron
from circuits.simulation.settle import RESTING
from circuits.simulation.settled_rates import settled_rates
from circuits.wandering.homeostasis import GAINS, homeostatic_gain
from circuits.wandering.inputs import PlaceInput, input_correlation
from circuits.wandering.sessions import run_sessions, weight_autocorrelation
from circuits.wandering.weight_drift import (
    DriftingRates,
    WeightDrift,
    drifting_rates,
    drifting_weights,
)
from drift.schema import VARIABLES, RefusedInputError, check
from drift.theory.code_drift.closed_forms import weight_autocorrelation as expected_autocorrelation
from drift.theory.code_drift.prediction import predict

PLACES = PlaceInput(places=12, length=120, width=12)
DAYS = [0.0, 1.0, 3.0, 6.0]
CIRCUIT = LinearInterneuron(units=100).for_active_fraction(0.1)
PATTERNS = PLACES.draw().inputs.values


WANDERING = WeightDrift(weight_lifetime=5.0)


def rates(circuit=CIRCUIT, wandering: WeightDrift | None = WANDERING, **options) -> DriftingRates:
    return drifting_rates(
        [circuit], PATTERNS, wandering, DAYS, [3], **{"engine": "fixed_point", **options}
    )


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    circuits = [CIRCUIT, CIRCUIT.replace(gain=60.0), LinearInterneuron(units=80, gain=500.0)]
    drifts = [
        WeightDrift(weight_lifetime=5.0),
        None,
        WeightDrift(law="free_diffusion", homeostasis="population"),
    ]
    return run_sessions(
        circuits, PLACES, drifts, elapsed=DAYS, seeds=[3, 4, 5], input_weights=True, progress=False
    )


# the input


@pytest.mark.parametrize("geometry", ["track", "ring"])
def test_place_input_has_the_correlation_it_promises(geometry):
    place = PlaceInput(places=40, length=2 * np.pi, width=0.6, geometry=geometry)
    patterns = place.draw().inputs.values
    distance = place.positions[:, np.newaxis] - place.positions
    expected = (
        np.exp((np.cos(distance) - 1) / 0.36)
        if geometry == "ring"
        else np.exp(-(distance**2) / 0.72)
    )
    assert np.allclose(np.linalg.norm(patterns, axis=1), 1, atol=1e-12)
    assert np.allclose(patterns @ patterns.T, expected, atol=1e-12)
    assert np.allclose(input_correlation(place.draw()), expected, atol=1e-12)
    step = 1e-3
    assert 2 * (1 - place.correlation(step)) / step**2 == pytest.approx(
        1 / 0.36, rel=1e-4
    )  # curvature 1 / w^2


def test_input_units_have_bell_shaped_tuning():
    patterns = PlaceInput(places=40, length=200, width=15).draw().inputs.values
    assert np.array_equal(patterns.argmax(axis=0), np.arange(40))
    assert (np.abs(patterns[:, 20])[np.abs(np.arange(40) - 20) > 12] < 0.05).all()


# the weights


@pytest.mark.parametrize("law", ["ornstein_uhlenbeck", "free_diffusion"])
def test_weights_lose_their_autocorrelation_as_the_law_says(law):
    units, inputs, elapsed = 2000, 10, np.array([0.0, 1.0, 4.0, 5.0, 20.0])
    weights = drifting_weights(
        WeightDrift(law=law, weight_lifetime=4.0), units, inputs, elapsed, seed=1
    )
    measured = weight_autocorrelation(weights)
    first, later = np.triu_indices(elapsed.size, k=1)
    if law == "ornstein_uhlenbeck":
        expected = expected_autocorrelation(elapsed[later] - elapsed[first], 4.0, law)
        variance = np.ones(elapsed.size)
    else:  # what has been added until the first of the two sessions is theirs in common
        expected = expected_autocorrelation(elapsed[later], 4.0, law) / expected_autocorrelation(
            elapsed[first], 4.0, law
        )
        variance = 1 + elapsed / 4.0
    error = (1 - expected**2) / np.sqrt(units * inputs)  # of a correlation of normal numbers
    assert (np.abs(measured[first, later] - expected) < 4.5 * error).all()
    assert np.allclose(weights.var(axis=(1, 2)), variance, rtol=4.5 * np.sqrt(2 / (units * inputs)))


@pytest.mark.parametrize("common", [0.0, 0.4, 1.0])
def test_common_drift_is_shared_by_all_units(common):
    inputs, elapsed = 4000, np.array([0.0, 2.0])
    weights = drifting_weights(
        WeightDrift(weight_lifetime=5.0, common=common), 40, inputs, elapsed, seed=2
    )[1]
    product = weights @ weights.T / inputs  # (unit, unit)
    retained = np.exp(-0.8)  # r^2
    assert np.allclose(
        product[~np.eye(40, dtype=bool)], common * (1 - retained), atol=5 * np.sqrt(2 / inputs)
    )
    assert np.allclose(product.diagonal(), 1, atol=4.5 * np.sqrt(2 / inputs))


def test_common_drift_does_not_change_who_wins():
    code = rates(wandering=WeightDrift(weight_lifetime=3.0, common=1.0)).rate[
        0
    ]  # (session, place, unit)
    ranks = np.argsort(-code, axis=-1)
    assert (np.ptp((code > 0).sum(-1), axis=0) > 0).any()  # the inhibition of C1 does feel it
    for later in range(1, len(DAYS)):
        for place in range(PLACES.places):
            shared = min((code[0, place] > 0).sum(), (code[later, place] > 0).sum())
            assert np.array_equal(ranks[0, place, :shared], ranks[later, place, :shared])
    offset = WeightDrift(
        law="free_diffusion", weight_lifetime=3.0, common=1.0
    )  # adds one number to all drives of a place
    counted = rates(CountControl(units=100).for_active_fraction(0.1), offset)
    assert np.allclose(
        counted.rate, counted.rate[:, :1], atol=1e-9
    )  # a signed control variable takes up any offset


def test_one_source_of_chance_moves_nothing_else():
    still, moving = rates(wandering=None), rates()
    assert np.array_equal(still.rate[:, 0], moving.rate[:, 0])
    assert (still.rate == still.rate[:, :1]).all()

    def fresh(wandering: WeightDrift) -> np.ndarray:
        weights = drifting_weights(wandering, 30, 12, np.array([0.0, 2.0]), seed=7)
        kept, added = wandering.step(2.0)
        return (weights[1] - kept * weights[0]) / added

    reference = fresh(WeightDrift(weight_lifetime=1.0))
    for other in (
        WeightDrift(weight_lifetime=30.0),
        WeightDrift(law="free_diffusion", weight_lifetime=3.0),
    ):
        assert np.allclose(fresh(other), reference, atol=1e-12)
    private = WeightDrift(weight_lifetime=1.0, common=0.36)
    shared = fresh(private) - 0.8 * reference  # one row for all units
    assert np.allclose(shared, shared[0], atol=1e-12)


# settling


@pytest.mark.parametrize("fraction", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("kind", [LinearInterneuron, ThresholdInterneuron, SaturatingUnits])
def test_brian_and_the_closed_form_agree(kind, fraction):
    circuit = kind(units=100).for_active_fraction(fraction)
    simulated, exact = rates(circuit, engine="brian2"), rates(circuit)
    assert np.abs(simulated.rate - exact.rate).max() < 1e-6
    assert np.array_equal(simulated.rate > 0, exact.rate > 0)
    assert simulated.residual.max() <= 1e-6 and exact.residual.max() < 1e-12


@pytest.mark.slow
def test_count_control_agrees_with_its_closed_form():
    circuit = CountControl(units=100).for_active_fraction(0.1)
    simulated, exact = rates(circuit, engine="brian2"), rates(circuit)
    assert np.array_equal(simulated.rate > 0, exact.rate > 0)
    largest = 4.5  # of 4,800 normal drives
    left = (
        simulated.residual[:, :, np.newaxis, np.newaxis] * largest * circuit.units / circuit.gain
    )  # of the count, perhaps in one unit
    assert (np.abs(simulated.rate - exact.rate) <= left + 1e-9).all()
    assert simulated.residual.max() < 1e-5


def test_silent_circuits_rest_at_nothing():
    drive = -np.ones((1, 2, 20))
    for engine in ("brian2", "fixed_point"):
        rest = settled_rates([LinearInterneuron(units=20)], drive, engine=engine)
        assert (rest.rate == 0).all() and (rest.residual == 0).all()


@pytest.mark.slow
def test_a_generation_of_a_fit_settles_in_seconds():
    """12 circuits x 10 sessions x 20 places x 300 units in well under 5 s of one core."""
    circuit = LinearInterneuron(units=300).for_active_fraction(0.05)
    circuits = [circuit.replace(gain=circuit.gain * (1 + 0.1 * i)) for i in range(12)]
    patterns = PlaceInput(places=20).draw().inputs.values
    rates(engine="brian2")
    start = time.process_time()
    found = drifting_rates(
        circuits, patterns, WeightDrift(weight_lifetime=5.0), np.arange(10.0), range(12)
    )
    assert time.process_time() - start < 5
    assert found.residual.max() <= 1e-6


# homeostasis


def test_population_homeostasis_scales_the_drive_of_a_linear_interneuron():
    plain, kept = (
        rates(),
        rates(wandering=WeightDrift(weight_lifetime=5.0, homeostasis="population")),
    )
    before, after = plain.rate.mean(axis=(2, 3)), kept.rate.mean(axis=(2, 3))  # (subject, session)
    assert np.allclose(after, before[:, :1], rtol=1e-9)
    assert np.allclose(
        kept.drive_gain, (before[:, :1] / before)[..., np.newaxis], rtol=1e-9
    )  # indifferent to scale
    assert np.array_equal(kept.rate > 0, plain.rate > 0)


def test_unit_homeostasis_keeps_the_mean_of_every_unit():
    kept = rates(wandering=WeightDrift(weight_lifetime=5.0, homeostasis="unit"))
    means = kept.rate[0].mean(axis=1)  # (session, unit)
    reached = kept.drive_gain[0] < GAINS[1] * (1 - 1e-9)
    assert reached[1:].mean() > 0.9
    assert np.allclose(means[reached], np.broadcast_to(means[0], means.shape)[reached], atol=1e-8)
    assert not np.allclose(
        kept.rate[0, -1], kept.rate[0, 0], atol=1e-2
    )  # tuning drifts nevertheless


def test_unit_homeostasis_at_a_single_place_stops_the_drift():
    one = drifting_rates(
        [CIRCUIT],
        PATTERNS[:1],
        WeightDrift(weight_lifetime=20.0, homeostasis="unit"),
        DAYS,
        [3],
        engine="fixed_point",
    )
    lost = one.drive_gain[0] > GAINS[1] * (1 - 1e-9)  # units whose drive has become negative
    assert np.allclose(
        one.rate[0, :, 0][~lost], np.broadcast_to(one.rate[0, :1, 0], lost.shape)[~lost], atol=1e-8
    )


def test_homeostasis_has_nothing_to_do_where_activity_is_kept_anyway():
    circuit = CountControl(units=100).for_active_fraction(0.1)
    kept = rates(circuit, WeightDrift(weight_lifetime=5.0, homeostasis="population"))
    assert (kept.drive_gain == 1).all()


# theory


def test_a_drifting_circuit_drifts_as_the_theory_of_top_k_layers_says():
    """Kernels, 2.9: similarity of population vectors and rate maps from f, c0 and the measured r,
    without a fit."""
    circuit = LinearInterneuron(units=800).for_active_fraction(0.1)
    subjects = 16
    moved = run_sessions(
        [circuit] * subjects,
        PLACES,
        WeightDrift(weight_lifetime=10.0),
        elapsed=[0, 1, 4],
        engine="fixed_point",
        progress=False,
    )
    off = predict(moved)["structure"]
    error = off.std("subject", ddof=1) / np.sqrt(subjects)
    vectors = [
        "population_vector_cosine",
        "population_vector_pearson",
        "pooled_rate_map_correlation",
    ]
    assert (np.abs(off.mean("subject")) < 4.5 * error).sel(statistic=vectors).all()
    assert (
        np.abs(off.mean("subject")) < 0.02
    ).all()  # overlap is lower by a share of a per cent, as the number of winners varies


# the labelled form


def test_a_run_has_the_labelled_form(run):
    names = [name for name in run.data_vars if name in VARIABLES]
    check(run, "rate", "elapsed", "spatial_information", "place_unit", *names)
    assert run["rate"].dims == ("subject", "session", "unit", "place")
    assert run["elapsed"].attrs["units"] == "day" and run["place"].attrs["units"] == "cm"
    assert run["recorded"].sel(subject="2").sum("unit").values.tolist() == [80] * 4
    assert np.isnan(run["rate"].sel(subject="2", unit=90)).all()
    assert np.allclose(
        run["fraction_active_responses"],
        (run["rate"] > 0).sum(("unit", "place")) / 12 / run["detected_units"],
    )
    assert run["status"].values.tolist() == ["complete"] * 3
    assert run["gain"].values.tolist() == pytest.approx([CIRCUIT.gain, 60, 500])
    assert run["weight_lifetime"].values.tolist() == [5, np.inf, 10]
    assert np.allclose(run["weight_autocorrelation"].sel(subject="1"), 1)
    assert np.allclose(run["drive_gain"].sel(subject="2", session=0, unit=slice(0, 79)), 1)


def test_the_weights_of_a_run_explain_its_rates(run):
    drive = PATTERNS @ run["input_weights"].isel(subject=0).values.astype(float).transpose(0, 2, 1)
    expected = CIRCUIT.fixed_point(xr.DataArray(drive, dims=("session", "place", "unit")))["rate"]
    assert (
        np.abs(
            run["rate"].isel(subject=0).transpose("session", "place", "unit").values
            - expected.values
        ).max()
        < 1e-5
    )  # float32


def test_a_run_carries_its_recipe(run):
    recipe = json.loads(str(run["experiment"].values[2]))
    assert LinearInterneuron(**recipe["circuit"]) == LinearInterneuron(units=80, gain=500.0)
    assert PlaceInput(**recipe["inputs"]) == PLACES
    assert WeightDrift(**recipe["drift"]) == WeightDrift(
        law="free_diffusion", homeostasis="population"
    )
    assert recipe["elapsed"] == DAYS and recipe["seed"] == 5
    assert json.loads(str(run["experiment"].values[1]))["drift"] is None
    for one in (PLACES, WeightDrift(common=0.5)):
        assert (
            type(one).from_json(one.to_json()) == one and type(one).from_toml(one.to_toml()) == one
        )


def test_a_run_written_and_read_is_equal(run, tmp_path):
    assert drift.load(drift.save(run, tmp_path / "run.nc")).identical(
        run.assign_attrs(drift.load(tmp_path / "run.nc").attrs)
    )


def test_a_subject_in_a_crowd_is_that_subject_alone(run):
    for number, (circuit, wandering) in enumerate(
        [(CIRCUIT, WeightDrift(weight_lifetime=5.0)), (CIRCUIT.replace(gain=60.0), None)]
    ):
        alone = run_sessions(
            [circuit], PLACES, wandering, elapsed=DAYS, seeds=[3 + number], progress=False
        )
        for name in ("rate", "spatial_information", "weight_autocorrelation", "residual"):
            ours = run[name].isel(subject=number).values
            assert np.array_equal(
                alone[name].isel(subject=0).values,
                ours[:, :100] if "unit" in run[name].dims else ours,
                equal_nan=True,
            )


def test_order_and_company_change_nothing():
    circuits = [
        CIRCUIT,
        CIRCUIT.replace(gain=2000.0),
        CIRCUIT.replace(gain=3.0),
    ]  # steps of their own
    one = drifting_rates(circuits, PATTERNS, WeightDrift(), DAYS, [0, 1, 2])
    other = drifting_rates(circuits[::-1], PATTERNS, WeightDrift(), DAYS, [2, 1, 0])
    assert np.array_equal(one.rate, other.rate[::-1])


@pytest.mark.slow
def test_circuits_are_observed_measured_and_compared_like_networks(run):
    design = drift.published_design("Sheintuch 2023").isel(
        session=slice(0, 3), unit=slice(10, None)
    )
    tracked = run.isel(subject=[0, 1])
    observed = drift.measure(drift.observe(tracked, design, sampling_rate=2))
    assert observed.sizes["session"] == 3 and (observed["recorded"] == 1).any()
    correlation = drift.metrics.mean_rate_map_correlation(observed)
    drifting, still = (
        correlation.isel(subject=i, session=0, session_other=2).item() for i in (0, 1)
    )
    assert drifting < still
    compared = drift.compare(tracked, like=design, sampling_rate=2, shuffles=0, bootstraps=20)
    assert {"simulated", "observed", "frozen code"} <= set(compared["source"].values)


def test_the_corridor_of_the_networks_drives_circuits():
    task = drift.CorridorTask(samples=60, rays=9)
    moved = run_sessions(
        [CIRCUIT, CIRCUIT],
        task,
        WeightDrift(),
        elapsed=[0, 5],
        engine="fixed_point",
        progress=False,
    )
    assert moved["rate"].dims == ("subject", "session", "unit", "place", "direction")
    assert not np.array_equal(*(moved["rate"].isel(subject=i).values for i in (0, 1)))
    given = run_sessions(
        [CIRCUIT], task.draw(0), WeightDrift(), elapsed=[0, 5], engine="fixed_point", progress=False
    )
    assert np.array_equal(given["rate"].values[0], moved["rate"].values[0], equal_nan=True)
    here = input_correlation(task.draw(0))
    visited = np.isfinite(here.diagonal())
    assert np.allclose(here.diagonal()[visited], 1) and 0 < visited.sum() < 50


# refusals


def with_position(position: xr.DataArray, attrs: dict | None = None) -> xr.Dataset:
    return PLACES.draw().assign(position=position.assign_attrs(attrs or {}))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"circuits": []}, "at least one circuit"),
        ({"circuits": CIRCUIT}, "must be a list of Circuits"),
        ({"elapsed": [0, 2, 1]}, "rise"),
        ({"elapsed": [0, np.nan]}, "finite"),
        ({"elapsed": [[0, 1], [0, 1]]}, "shape"),
        ({"seeds": [0, 1]}, "seeds must be 1"),
        ({"seeds": [-1]}, "from 0"),
        ({"drift": [WeightDrift(), WeightDrift()]}, "one for each"),
        ({"inputs": 3}, "PlaceInput"),
        ({"inputs": PLACES.draw().drop_vars("position")}, "no places"),
        ({"inputs": PLACES.draw() * np.nan}, "no places|NaN"),
        ({"inputs": drift.RandomTask(samples=5, inputs=4, outputs=2)}, "no places"),
        ({"engine": "euler"}, "unknown"),
        ({"drift": "ou"}, "drift must be"),
        ({"drift": [3]}, "drift must be"),
        ({"drift": {"kind": "ou"}}, "kind 'ou' is unknown"),
        ({"elapsed": "abc"}, "elapsed must be numbers"),
        ({"elapsed": [[0, 1], [2]]}, "elapsed must be numbers"),
        ({"elapsed": {}}, "elapsed must be numbers"),
        ({"inputs": with_position(PLACES.draw().position.drop_attrs())}, "attributes units"),
        ({"inputs": with_position(PLACES.draw().position.assign_attrs(places="x"))}, "places 'x'"),
        (
            {
                "inputs": with_position(
                    PLACES.draw().position * np.nan, PLACES.draw().position.attrs
                )
            },
            "NaN or no number",
        ),
        ({"inputs": PLACES.draw().assign(inputs=PLACES.draw().inputs.astype(str))}, "real numbers"),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_sentence(changes, words):
    given = {
        "circuits": [CIRCUIT],
        "inputs": PLACES,
        "drift": WeightDrift(),
        "elapsed": [0, 1],
        "progress": False,
    } | changes
    with pytest.raises(RefusedInputError, match=words) as refusal:
        run_sessions(**given)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "fault",
    [
        {"weight_lifetime": 0.0},
        {"common": 1.5},
        {"law": "levy"},
        {"homeostasis": "cell"},
        {"lifetime": 3.0},
    ],
)
def test_impossible_drift_is_refused(fault):
    with pytest.raises(RefusedInputError, match=next(iter(fault))):
        WeightDrift(**fault)


def test_inputs_that_see_nothing_are_refused():
    with pytest.raises(RefusedInputError, match="nothing drives"):
        drifting_rates([CIRCUIT], np.zeros((3, 4)), None, [0, 1], [0])


def test_a_silent_circuit_has_no_activity_to_keep():
    silent = ThresholdInterneuron(units=10, gain=50.0, threshold=0.5)
    with pytest.raises(RefusedInputError, match="silent"):
        homeostatic_gain(silent, -np.ones((2, 3, 10)), "unit")


@pytest.mark.parametrize("engine", ["brian2", "fixed_point"])
@pytest.mark.parametrize("kind", ["random_interneurons", "majani", "explaining_away"])
def test_circuits_whose_units_do_not_just_follow(kind, engine):
    circuit = {
        "random_interneurons": RandomInterneurons(
            units=30, interneurons=5, gain=20.0, threshold=0.02
        ),
        "majani": Majani(units=30, active_fraction=0.1),
        "explaining_away": ExplainingAway(dictionary=np.eye(30) + 0.1),
    }[kind]
    given = {"elapsed": [0, 1], "engine": engine, "progress": False}
    found = run_sessions([circuit], PLACES, {"kind": "weights"}, **given)
    assert (found["residual"] <= RESTING).all()
    assert found["status"] == "complete"
    if engine == "fixed_point":
        with pytest.raises(RefusedInputError, match="homeostasis 'unit' needs"):
            run_sessions([circuit], PLACES, WeightDrift(homeostasis="unit"), **given)
