"""Tuning curves in the place of rate maps: answers that are known, and place as the special
case."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from shown_stimuli import RATE, odours, session, shown, von_mises

import drift
from drift import metrics
from drift.errors import RefusedInputError, SchemaError
from drift.observation.null_models import changed_behaviour

BY_NUMBER = {"subject": 0, "session": 0, "session_other": 1}


def recorded(period: float, shift: float, stimuli: int = 12) -> xr.Dataset:
    """Two sessions of von Mises tuning that turns by ``shift`` in between."""
    angle = period / stimuli * shown(stimuli, 4)
    preferred = period * np.array([0.02, 0.3, 0.5, 0.77, 0.95])
    return drift.measure(
        [
            session(
                von_mises(angle, preferred + number * shift, period),
                angle,
                number,
                stimulus_metric="circular",
                stimulus_period=period,
                stimulus_units="deg",
                events_are="trace",
            )
            for number in range(2)
        ]
    )


@pytest.mark.parametrize("period", [180.0, 360.0])
@pytest.mark.parametrize("shift", [-40.0, 7.5, 30.0])
def test_a_known_turn_of_the_tuning_is_recovered_around_the_circle(period, shift):
    dataset = recorded(period, shift)
    turned = metrics.centroid_shift(dataset).isel(BY_NUMBER)
    np.testing.assert_allclose(turned, shift, atol=1e-5)
    centres = metrics.centroid(dataset["rate"]).isel(subject=0, session=0)
    np.testing.assert_allclose(centres, period * np.array([0.02, 0.3, 0.5, 0.77, 0.95]), atol=1e-5)
    assert dataset["stimulus"].attrs["units"] == "deg"


def test_a_unit_that_answers_one_of_n_odours_tells_log2_n():
    dataset = drift.measure([odours(stimuli=8)])
    information = dataset["spatial_information"].isel(subject=0, session=0)
    np.testing.assert_allclose(information[:8], 3.0, atol=1e-12)
    assert np.isnan(information[8]) and information[9] == pytest.approx(0.0, abs=1e-12)
    rate = dataset["rate"].isel(subject=0, session=0)
    np.testing.assert_allclose(rate[:8], RATE * np.eye(8))
    np.testing.assert_allclose(dataset["occupancy"], 6 * 5 / RATE)
    assert dataset["stimulus"].values.tolist() == [f"odour {k}" for k in range(8)]
    assert dataset["place_unit"].isel(subject=0, session=0).values.tolist() == [1.0] * 8 + [0.0] * 2
    assert "bin_size" not in dataset.attrs and dataset.attrs["minimum_speed"] == 0.0
    assert "stimulus" in dataset["rate"].attrs["long_name"]


def test_the_shift_test_finds_tuned_units_and_corrections_run():
    rng = np.random.default_rng(3)
    index = np.repeat(rng.permutation(np.arange(400) % 8), 5)
    activity = rng.poisson(np.column_stack([0.1 + 2.0 * (index == 2), np.full(index.size, 0.4)]))
    labels = np.array(list("abcdefgh"))[index]
    dataset = drift.measure(
        [session(activity, labels)], shuffles=100, corrected=True, repetitions=2
    )
    assert dataset["place_unit"].values.ravel().tolist() == [1.0, 0.0]
    assert np.isfinite(dataset["spatial_information_shuffle_reduced"].values[..., 0]).all()


def test_a_frozen_code_does_not_drift():
    """Ten animals, five sessions of Poisson counts of one code: slope 0 within 3 s.e."""
    rng, slopes = np.random.default_rng(0), []
    for _ in range(10):
        angle = 45.0 * shown(8, 40, 2)
        rate = 1.5 * von_mises(angle, rng.uniform(0, 360, 20), 360.0)
        dataset = drift.measure(
            [
                session(
                    rng.poisson(rate),
                    angle,
                    number,
                    stimulus_metric="circular",
                    stimulus_period=360.0,
                )
                for number in range(5)
            ]
        )
        similar = metrics.mean_rate_map_correlation(dataset, smoothing=0.5)
        slopes.append(metrics.drift_rate(similar, dataset["elapsed"])["drift_rate"].item())
    error = np.std(slopes, ddof=1) / np.sqrt(len(slopes))
    assert abs(np.mean(slopes)) < 3 * error and error < 0.01


@pytest.mark.parametrize("ring", [False, True])
def test_places_as_stimuli_give_the_numbers_of_places(ring):
    """A session whose stimulus is the centre of the bin of its position, to the last bit."""
    by_place, by_stimulus = [], []
    for number in range(3):
        rng = np.random.default_rng(number)
        time = np.arange(3000) / RATE
        position = (time * 13.7) % 120 if ring else 60 + 60 * np.sin(0.7 * time)
        cell = np.minimum(position // 6, 19)
        rate = np.exp(-0.5 * ((position[:, np.newaxis] - np.linspace(0, 120, 15)) / 9) ** 2)
        activity = rng.poisson(rate)
        labels = {"session": number, "elapsed": float(number)}
        metric = (
            {"stimulus_metric": "circular", "stimulus_period": 120.0}
            if ring
            else {"stimulus_metric": "linear"}
        )
        shown_cells = session(activity, 6 * cell + 3, number, stimulus_units="cm", **metric)
        by_stimulus.append(shown_cells)
        kind = {"geometry": "ring" if ring else "linear", "track_length": 120.0, "bin_size": 6.0}
        by_place.append(session(activity, None, position=position, **labels, **kind))
    places = drift.measure(by_place, minimum_speed=0, shuffles=50, corrected=True, repetitions=2)
    stimuli = drift.measure(by_stimulus, shuffles=50, corrected=True, repetitions=2)
    np.testing.assert_array_equal(stimuli["stimulus"], places["place"])
    assert set(stimuli.data_vars) == set(places.data_vars)
    for name in set(places.data_vars) - {"laps"}:  # of stimuli presentations are counted
        np.testing.assert_array_equal(stimuli[name].values, places[name].values, err_msg=name)
    for measure in (
        lambda dataset: metrics.rate_map_correlation(dataset, smoothing=1.5),
        metrics.mean_rate_map_correlation,
        metrics.population_vector_correlation,
        metrics.ensemble_rate_correlation,
        metrics.centroid_shift,
        lambda dataset: metrics.turnover(dataset, of="active").to_array(),
        lambda dataset: metrics.shuffled_identity(dataset, np.random.default_rng(0))["rate"],
        lambda dataset: metrics.summary(dataset, "spatial_information").to_array(),
    ):
        np.testing.assert_array_equal(measure(stimuli).values, measure(places).values)


@pytest.mark.parametrize(
    "labels, nothing", [(np.arange(4.0), np.nan), (np.arange(4), -1), (list("abcd"), "")]
)
def test_samples_without_a_stimulus_do_not_count(labels, nothing):
    rng = np.random.default_rng(1)
    index = rng.integers(0, 4, 500)
    activity = rng.poisson(1.0, (500, 3))
    given = np.array(labels)[index]
    away = rng.random(500) < 0.3
    given[away] = nothing
    dataset = drift.measure([session(activity, given)])
    kept = drift.measure([session(activity[~away], given[~away])])
    xr.testing.assert_identical(dataset["rate"], kept["rate"])
    xr.testing.assert_identical(dataset["occupancy"], kept["occupancy"])
    assert dataset["tracked_time"].item() == pytest.approx((~away).sum() / RATE)


def test_no_speed_is_required_unless_velocity_and_a_minimum_are_given():
    velocity = np.tile([0.0, 3.0], 4 * 6 * 5)
    still = odours(stimuli=8)
    moving = odours(stimuli=8, velocity=velocity)
    whole = 8 * 6 * 5 / RATE
    assert drift.measure([moving])["running_time"].item() == pytest.approx(whole)
    assert drift.measure([moving], minimum_speed=1)["running_time"].item() == pytest.approx(
        whole / 2
    )
    recommended = odours(stimuli=8, velocity=velocity, minimum_speed=1.0)
    assert drift.measure([recommended])["running_time"].item() == pytest.approx(whole / 2)
    with pytest.raises(RefusedInputError, match="minimum_speed=1 needs the variable velocity"):
        drift.measure([still], minimum_speed=1)


def test_a_stimulus_that_a_session_lacks_is_not_observed():
    dataset = drift.measure([odours(0, 8), odours(1, 8).isel(sample=slice(0, 7 * 5))])
    second = dataset.isel(subject=0, session=1)
    assert second["occupancy"].values.tolist() == [0.5] * 7 + [0.0]
    assert second["rate"].isel(stimulus=7).isnull().all()
    assert second["rate"].isel(stimulus=slice(0, 7)).notnull().all()


def test_trials_that_last_differently_count_by_their_durations():
    duration = np.array([1.0, 3.0, 2.0, 2.0])
    dataset = drift.measure(
        [session([[2.0], [6.0], [0.0], [4.0]], list("abab"), sampling_rate=0.5, duration=duration)]
    )
    assert dataset["occupancy"].values.ravel().tolist() == [3.0, 5.0]
    np.testing.assert_allclose(dataset["rate"].values.ravel(), [2 / 3, 2.0])


def test_stimuli_in_two_rooms_are_not_compared():
    sessions = [odours(number, environment="AAB"[number]) for number in range(3)]
    dataset = drift.measure(sessions)
    similar = metrics.population_vector_correlation(dataset).isel(subject=0)
    assert similar[0, 1] == pytest.approx(1.0) and np.isnan(similar[0, 2])
    kept = metrics.in_environment(dataset, "A")
    assert kept.sizes["session"] == 2 and kept.sizes["stimulus"] == 8


def test_only_stimuli_of_the_room_are_kept():
    few = odours(1, environment="B").isel(sample=slice(0, 15))
    dataset = drift.measure([odours(0), few])
    assert metrics.in_environment(dataset, "B")["stimulus"].values.tolist() == [
        "odour 0",
        "odour 1",
        "odour 2",
    ]


def test_sessions_that_differ_in_kind_are_refused():
    place = session(np.ones((50, 10)), None, 1, position=np.linspace(0, 50, 50))
    numbers = session(np.ones((50, 10)), np.arange(50) % 5, 1)
    for other in (place, numbers):
        with pytest.raises(RefusedInputError, match="does not fit"):
            drift.measure([odours(0), other], minimum_speed=0)
    with pytest.raises(SchemaError, match="maps over places and maps over stimuli"):
        drift.schema.combine([drift.measure([odours(0)]), drift.measure([place], minimum_speed=0)])


@pytest.mark.parametrize(
    "options, match",
    [
        ({"bin_size": 5.0}, "bin_size=5 is for positions"),
        ({"direction": "split"}, "running directions cannot be told"),
        ({"minimum_occupancy": 60.0}, "no stimulus was shown for more than 60 s"),
    ],
)
def test_options_of_places_are_refused(options, match):
    with pytest.raises(RefusedInputError, match=match):
        drift.measure([odours()], **options)


def test_labels_that_were_not_binned_are_refused():
    with pytest.raises(RefusedInputError, match="at most 5000 different stimuli"):
        drift.measure([session(np.ones((6000, 2)), np.linspace(0, 1, 6000))])


def test_a_dataset_made_by_hand_says_its_metric_rightly_or_is_refused():
    wrong = odours()
    wrong["stimulus"].attrs["metric"] = "circular"
    with pytest.raises(RefusedInputError, match="attribute metric"):
        drift.measure([wrong])
    both = odours().assign(position=("sample", np.zeros(240)))
    with pytest.raises(RefusedInputError, match="got both"):
        drift.measure([both])


def test_written_and_read_back_is_equal(tmp_path):
    for number, dataset in enumerate((recorded(180.0, 5.0), drift.measure([odours()]))):
        drift.save(dataset, tmp_path / f"{number}.nc")
        again = drift.load(tmp_path / f"{number}.nc")
        for name in ("rate", "occupancy", "spatial_information", "stimulus"):
            xr.testing.assert_identical(again[name], dataset[name])


def test_simulations_are_not_seen_through_a_recording_of_stimuli():
    dataset = drift.measure([odours(number) for number in range(3)])
    with pytest.raises(RefusedInputError, match="needs maps over places"):
        drift.compare(dataset, dataset)
    with pytest.raises(RefusedInputError, match="a change of behaviour needs maps over places"):
        changed_behaviour(dataset)
