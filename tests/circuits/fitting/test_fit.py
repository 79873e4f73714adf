"""Fits recover what is known, say what is not, and refuse what cannot be fitted."""

from __future__ import annotations

import multiprocessing
import os

import numpy as np
import pytest
import xarray as xr
from fitted_recording import BIN, LIFETIME, PLACES, WIDTH, daily, recorded
from scipy.stats import binom

import drift
from circuits import CountControl, LinearInterneuron, ThresholdInterneuron, fit
from circuits.fitting.model import Model
from circuits.fitting.result import Fit
from circuits.fitting.statistics import chosen_statistics, codes, statistics
from circuits.fitting.surroundings import Surroundings
from drift.metrics import population_vector_correlation, rate_map_correlation, spatial_information
from drift.observation.expected_maps import lens, seen_maps
from drift.schema import RefusedInputError, combine
from drift.streams import stream

SMALL = {"restarts": 1, "population": 5, "generations": 3, "bootstraps": 30, "progress": False}
DRIFT_BOUNDS = {"input_width": (2.0, 40.0), "weight_lifetime": (1.0, 100.0)}
TRUTHS = {
    "linear": (LinearInterneuron(units=1000, gain=78.7277), {"gain": (1.0, 1000.0)}),
    "count": (CountControl(units=1000, active_fraction=0.05), {"active_fraction": (0.005, 0.3)}),
}


@pytest.fixture(scope="module")
def recording() -> xr.Dataset:
    return recorded(
        LinearInterneuron(units=300, gain=78.7277), seed=1, cells=120, sessions=6, minutes=5.0
    )


def test_statistics_are_those_of_the_shared_metrics(recording):
    seen = lens(recording)
    wanted = chosen_statistics(seen)
    found = codes(seen.rate, seen)
    kept = np.isfinite(seen.rate).any(axis=(0, 2)) & (np.nansum(seen.rate, axis=(0, 2)) > 0)
    ours = recording.isel(unit=np.flatnonzero(kept))
    known = np.isfinite(found.information)  # (session, unit)
    assert known.mean() > 0.3
    assert np.allclose(
        found.information[known],
        spatial_information(ours["rate"], ours["occupancy"]).values[0][known],
    )
    correlation = (
        rate_map_correlation(ours).values[0].transpose(2, 0, 1)
    )  # (unit, session, session_other)
    both = (known[:, np.newaxis] & known[np.newaxis]).transpose(2, 0, 1) & ~np.eye(
        len(known), dtype=bool
    )
    assert np.allclose(found.map_similarity[both], correlation[both])
    vectors = population_vector_correlation(ours).values[0]
    names = [
        name
        for name, group in zip(wanted.names, wanted.groups, strict=True)
        if group == "population_similarity"
    ]
    values = dict(zip(wanted.names, statistics(found, wanted), strict=True))
    for number, name in enumerate(names):
        pairs = wanted.lag_class == number
        assert values[name] == pytest.approx(np.nanmean(vectors[pairs]), abs=1e-9)


def test_seen_maps_have_the_law_of_observe():
    """Mean, variance and active units of the shortcut equal those of drawing every sample, within 4
    standard errors."""
    design = daily(60, 3, 4.0)
    truth = np.abs(stream(5, "world").standard_normal((3, 60, PLACES))) * (
        stream(6, "world").random((3, 60, PLACES)) < 0.2
    )
    pair = ("subject", "session")
    run = xr.Dataset(
        {"rate": ((*pair, "unit", "place"), truth[np.newaxis])},
        coords={
            "subject": ["a"], "session": np.arange(3), "unit": np.arange(60), "place": (np.arange(PLACES) + 0.5) * BIN,
            "elapsed": (pair, [[0.0, 1.0, 2.0]], {"units": "day"}),
        },
    )  # fmt: skip
    seen = lens(design)
    long = [
        drift.measure(drift.observe(run, design, seed=seed, sampling_rate=10.0, time_scale=1.0))
        for seed in range(12)
    ]
    counts = np.array(
        [(one["rate"] * one["occupancy"]).sum(["session", "unit", "place"]).item() for one in long]
    )
    active = np.array([float(one["fraction_active_responses"].mean()) for one in long])
    short = [seen_maps(truth, seen, stream(seed, "observation")) for seed in range(12)]
    short_counts = np.array([np.nansum(maps * seen.occupancy[:, np.newaxis]) for maps in short])
    error = np.sqrt(counts.var(ddof=1) / 12 + short_counts.var(ddof=1) / 12)
    assert (
        abs(counts.mean() - short_counts.mean()) < 4 * error + 0.01 * counts.mean()
    )  # a to-and-fro run is in whole samples
    assert (
        0.5 < short_counts.var(ddof=1) / counts.mean() < 2.2
    )  # Poisson: variance equals mean; 12 draws, 4 standard errors
    assert np.isfinite(active).all()


def test_a_model_in_brian2_is_that_of_the_closed_form(recording):
    seen = lens(recording.isel(session=slice(0, 2)))
    wanted = chosen_statistics(seen)
    around = Surroundings(input_width=WIDTH, weight_lifetime=LIFETIME)
    found = [
        Model(LinearInterneuron(units=100), seen, wanted, ["gain"], around, 3, engine)(
            np.array([[60.0]])
        )
        for engine in ("brian2", "fixed_point")
    ]
    np.testing.assert_allclose(*found, atol=1e-5)


@pytest.mark.slow
def test_simulated_in_brian2_equals_the_closed_form(recording):
    circuit = LinearInterneuron(units=100)
    found = [
        fit(circuit, recording, {"gain": (10.0, 300.0)}, input_width=WIDTH, engine=engine, **SMALL)
        for engine in ("brian2", "fixed_point")
    ]
    assert found[0].estimate.values == pytest.approx(found[1].estimate.values, rel=1e-6)
    assert found[0].dataset["predicted"].values == pytest.approx(
        found[1].dataset["predicted"].values, abs=1e-5, nan_ok=True
    )


def test_sees_drift_against_frozen_weights_and_frozen_weights_as_such(recording):
    circuit = LinearInterneuron(units=200, gain=78.7277)
    options = {
        "input_width": WIDTH,
        "engine": "fixed_point",
        "bootstraps": 60,
        "progress": False,
        "generations": 12,
    }
    found = fit(circuit, recording, {"weight_lifetime": (1.0, 100.0)}, **options).dataset.isel(
        subject=0
    )
    assert found["frozen_p_value"] < 1e-4 < 0.01 < found["p_value"]
    low, high = np.log(found["interval"].sel(parameter="weight_lifetime").values)
    # 95 % of one recording are two standard errors on either side; three of them are tested
    assert abs(np.log(LIFETIME) - (low + high) / 2) < 1.5 * (high - low) / 2
    with pytest.raises(RefusedInputError, match="units of this recording are not tracked"):
        untracked = recording.assign_coords(
            unit_identity=(("subject", "session"), [[f"session {number}" for number in range(6)]])
        )
        fit(
            circuit,
            untracked,
            {"weight_lifetime": (1.0, 100.0)},
            statistics=["map_similarity"],
            **options,
        )


def test_reports_an_unidentifiable_pair():
    """C40 through the whole chain: with active fraction and event rates alone, gain and threshold
    form a valley."""
    truth = ThresholdInterneuron(units=300, gain=1800.0, threshold=0.02)
    recording = recorded(truth, seed=2, cells=150, sessions=3, minutes=5.0)
    found = fit(
        ThresholdInterneuron(units=150), recording, {"gain": (1.0, 5000.0), "threshold": (0.001, 0.1)},
        statistics=["active_fraction, of responses", "event_rate, mean"], input_width=WIDTH, weight_lifetime=LIFETIME,
        engine="fixed_point", bootstraps=60, generations=15, progress=False,
    )  # fmt: skip
    assert found.identified.values.tolist() != [[1, 1]]
    assert found.dataset["condition_number"].item() > 20
    assert "not identified" in repr(found) and "no</td>" in found._repr_html_()


def test_result_is_shown_saved_and_drawn(recording, tmp_path):
    found = fit(
        LinearInterneuron(units=60),
        recording,
        {"gain": (10.0, 300.0)},
        input_width=WIDTH,
        engine="fixed_point",
        **{**SMALL, "generations": 30},
    )
    again = Fit.load(found.save(tmp_path / "fit.nc"))
    xr.testing.assert_allclose(again.dataset, found.dataset)
    assert "gain = " in repr(found) and "95 % interval" in found._repr_html_()
    figure = found.plot()
    assert len(figure.axes) == 4
    figure.savefig(tmp_path / "fit.png")
    with pytest.raises(RefusedInputError, match="exists and is kept"):
        found.save(tmp_path / "fit.nc")


def test_subjects_are_fitted_each_by_itself(recording):
    two = combine(
        [recording.assign_coords(subject=["animal"]), recording.assign_coords(subject=["other"])]
    )
    options = {"input_width": WIDTH, "engine": "fixed_point", **SMALL}
    alone = fit(LinearInterneuron(units=60), recording, {"gain": (10.0, 300.0)}, **options)
    both = fit(LinearInterneuron(units=60), two, {"gain": (10.0, 300.0)}, **options)
    assert both.dataset["best"].values[0] == alone.dataset["best"].values[0]
    assert both.dataset["subject"].values.tolist() == ["animal", "other"]


@pytest.mark.parametrize(
    ("parameters", "options", "message"),
    [
        ({}, {}, "no parameter to fit"),
        ({"gian": (1.0, 2.0)}, {}, "has no parameter gian"),
        ({"gain": (2.0, 1.0)}, {}, "bounds of gain"),
        ({"gain": (1.0, 2.0)}, {"statistics": ["speed"]}, "statistics speed are unknown"),
        ({"gain": (1.0, 2.0)}, {"restarts": 0}, "restarts must be"),
        ({"gain": (1.0, 2.0)}, {"engine": "magic"}, "engine 'magic' is unknown"),
        ({"gain": (-1.0, 2.0)}, {}, "bounds -1 to 2 of gain are not usable"),
        ({"input_width": (-5.0, 3.0)}, {}, "bounds -5 to 3 of input_width"),
        ({"excitatory_time_constant": (0.01, 0.1)}, {}, "no parameter excitatory_time_constant"),
        ({"gain": 3}, {}, "gain. of parameters must be 2 values"),
        (["gain"], {}, "parameters must be a dictionary"),
        ({"gain": (1.0, 2.0)}, {"input_width": -1.0}, "input_width"),
        ({"gain": (1.0, 2.0)}, {"seed": "a"}, "seed must be"),
        ({"gain": (1.0, 2.0)}, {"simulations": 500}, "got 500 without one: add posterior=True"),
        ({"gain": (1.0, 2.0)}, {"statistics": "active_fraction"}, "statistics must be a list"),
    ],
)
def test_refusals(recording, parameters, options, message):
    with pytest.raises(RefusedInputError, match=message):
        fit(
            LinearInterneuron(units=30),
            recording,
            parameters,
            **{**SMALL, "engine": "fixed_point", **options},
        )


def test_absent_units_are_not_silent_ones(recording, rng):
    """Dropping half of the sessions of every unit leaves the similarity of population vectors where
    it was."""
    seen = lens(recording)
    present = rng.random((1, *seen.rate.shape[:2])) < 0.5
    gaps = recording.assign(
        rate=recording["rate"].where(xr.DataArray(present, dims=("subject", "session", "unit"))),
        recorded=recording["recorded"]
        * xr.DataArray(present.astype("int8"), dims=("subject", "session", "unit")),
    )
    wanted = chosen_statistics(seen, ["population_similarity"])
    whole, part = (statistics(codes(one.rate, one), wanted) for one in (seen, lens(gaps)))
    errors = [0.04, 0.07, 0.08, 0.10, 0.13]  # by lag, over 60 draws of what is dropped; z = 4
    assert (np.abs(whole - part) < 4 * np.array(errors)).all()
    kept = (
        np.nansum(gaps["rate"].values[0], axis=(0, 2)) > 0
    )  # units without any event are left out of the statistics
    ours = population_vector_correlation(gaps.isel(unit=np.flatnonzero(kept))).values[0]
    assert part[0] == pytest.approx(np.nanmean(ours[wanted.lag_class == 0]), abs=1e-9)


def test_untracked_recordings_do_not_tell_the_lifetime(recording, rng):
    order = np.stack([rng.permutation(recording.sizes["unit"]) for _ in range(6)])
    shuffled = recording.assign(
        rate=(
            recording["rate"].dims,
            np.take_along_axis(
                recording["rate"].values, order[np.newaxis, ..., np.newaxis], axis=2
            ),
        )
    ).assign_coords(
        unit_identity=(("subject", "session"), [[f"session {number}" for number in range(6)]])
    )
    bounds = {"gain": (1.0, 1000.0), "weight_lifetime": (1.0, 100.0)}
    found = fit(
        LinearInterneuron(units=100),
        shuffled,
        bounds,
        input_width=WIDTH,
        engine="fixed_point",
        **{**SMALL, "generations": 6},
    )
    assert found.identified.sel(parameter="weight_lifetime").item() == 0


def test_one_statistic_is_enough_for_one_parameter(recording):
    found = fit(
        LinearInterneuron(units=100), recording, {"gain": (5.0, 3000.0)}, statistics=["active_fraction, of responses"],
        input_width=WIDTH, weight_lifetime=LIFETIME, engine="fixed_point", **{**SMALL, "generations": 20},
    )  # fmt: skip
    assert found.dataset.sizes["statistic"] == 1 and found.dataset["at_bound"].item() == 0
    assert np.isfinite(found.interval.values).all()


def _covered(kind: str, seed: int) -> list[bool]:
    os.environ["OMP_NUM_THREADS"] = "1"
    circuit, bounds = TRUTHS[kind]
    recording = recorded(circuit, seed)
    name = next(iter(bounds))
    truth = {name: getattr(circuit, name), "input_width": WIDTH, "weight_lifetime": LIFETIME}
    found = fit(
        circuit.replace(units=300),
        recording,
        {**bounds, **DRIFT_BOUNDS},
        engine="fixed_point",
        seed=1000 + seed,
        progress=False,
    )
    intervals = found.interval.isel(subject=0)
    return [
        bool(intervals.sel(parameter=key)[0] <= value <= intervals.sel(parameter=key)[1])
        for key, value in truth.items()
    ]


@pytest.mark.slow
@pytest.mark.parametrize("kind", TRUTHS)
def test_intervals_cover_the_truth(kind):
    """At least 18 of 20 repetitions at 95 % for each of the three parameters."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        covered = np.array(pool.starmap(_covered, [(kind, seed) for seed in range(20)]))
    print(kind, covered.sum(axis=0), "of 20")
    assert (
        binom.cdf(17, 20, 0.95) < 0.08
    )  # how often honest intervals would fail this test, per parameter
    assert (covered.sum(axis=0) >= 18).all()


def test_model_is_smooth_in_its_parameters(recording):
    """Equal chance for all candidates: a change of the gain by a thousandth moves no statistic by
    more than a tenth of its error."""
    seen = lens(recording)
    wanted = chosen_statistics(seen)
    model = Model(
        LinearInterneuron(units=100),
        seen,
        wanted,
        ["gain"],
        Surroundings(input_width=WIDTH, weight_lifetime=LIFETIME),
        3,
        "fixed_point",
    )
    one, other = model(np.array([[60.0], [60.06]]))
    assert not np.array_equal(one, other)
    assert np.nanmax(np.abs(one - other)) < 0.05
