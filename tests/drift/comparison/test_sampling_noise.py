"""A recording beside its frozen twins: the numbers are those of the measures, and verdicts say what
they say."""

from __future__ import annotations

import counted_mice
import decoded_days
import numpy as np
import pytest
import xarray as xr

import drift
from drift import metrics
from drift.comparison.noise_verdicts import MORE, NO_MORE, UNKNOWN, judged, sentence

DRAWS = 20


@pytest.fixture(scope="module")
def moved() -> xr.Dataset:
    return counted_mice.mouse(3, units=40, sessions=5, anew=0.3)


@pytest.fixture(scope="module")
def noise(moved: xr.Dataset) -> xr.Dataset:
    return drift.sampling_noise(moved, draws=DRAWS)


def test_recorded_numbers_are_those_of_the_measures(moved: xr.Dataset, noise: xr.Dataset):
    keep = moved["event_count"].sum("place") >= 10
    naive = metrics.rate_map_correlation(moved, 1.0, keep).mean("unit")
    corrected = metrics.corrected_similarity(moved, smoothing=1.0, select="all", keep=keep)
    for name, similarity in (("rate_map_correlation", naive), ("corrected_similarity", corrected)):
        curve = metrics.by_lag(similarity, moved["elapsed"])["correlation"]
        shown = noise["recorded_by_lag"].sel(curve=name)
        np.testing.assert_allclose(shown, curve.transpose(*shown.dims), rtol=1e-10)
        upper = similarity.values[0][np.triu_indices(5, 1)]
        assert noise["recorded"].sel(measure=name).item() == pytest.approx(upper.mean())
    lost = metrics.drift_rate(naive, moved["elapsed"], 10.0)["drift_rate"]
    assert noise["recorded"].sel(measure="drift_rate").item() == pytest.approx(lost.item())
    bits = metrics.spatial_information(moved["rate"], moved["occupancy"]).where(keep).mean("unit")
    np.testing.assert_allclose(noise["recorded_information"], bits)
    change = np.polyfit(np.arange(5.0), bits.values[0], 1)[0] * 4
    measured = noise["recorded"].sel(measure="spatial_information").item()
    assert measured == pytest.approx(change)


def test_fields_that_move_are_more_than_noise(noise: xr.Dataset):
    verdict = noise["verdict"].isel(subject=0)
    for name in ("rate_map_correlation", "corrected_similarity"):
        assert verdict.sel(measure=name) == MORE
        assert "changes more than sampling noise: 0." in str(
            noise["sentence"].isel(subject=0).sel(measure=name).values
        )
    assert verdict.sel(measure="spatial_information") != MORE
    share = noise["share_explained"].isel(subject=0)
    recorded, frozen = (noise[name].isel(subject=0, measure=0) for name in ("recorded", "frozen"))
    assert share[0].item() == pytest.approx(((1 - frozen) / (1 - recorded)).item())
    assert np.isnan(share.sel(measure="spatial_information").item())
    frozen = noise["frozen_by_lag"].sel(curve="corrected_similarity")
    assert (abs(frozen - 1) < 0.12).all()
    assert (noise["frozen_low_by_lag"] < noise["frozen_high_by_lag"]).all()


def test_seeds_decide_and_company_does_not(moved: xr.Dataset, noise: xr.Dataset):
    again = drift.sampling_noise(moved, draws=DRAWS)
    xr.testing.assert_identical(again, noise)
    other = counted_mice.mouse(4, units=25, sessions=6, label="another")
    crowd = drift.sampling_noise(counted_mice.crowd(other, moved), draws=DRAWS).isel(subject=[1])
    for name in ("recorded", "frozen", "p_value", "verdict", "sentence", "compared_units"):
        np.testing.assert_array_equal(crowd[name], noise[name], err_msg=name)
    assert not np.array_equal(drift.sampling_noise(moved, draws=DRAWS, seed=1).frozen, noise.frozen)


def test_rooms_are_not_mixed():
    """Two rooms, each with a code that stands still."""
    rooms = counted_mice.mouse(6, rooms="ABABAB", sessions=6, units=50, events=50.0, lost=0.0)
    noise = drift.sampling_noise(rooms, draws=DRAWS)
    assert (noise["verdict"] != MORE).all()
    assert noise["recorded"].sel(measure="corrected_similarity").item() > 0.9
    elsewhere = rooms.assign_coords(environment=(("subject", "session"), [list("ABCDEF")]))
    with pytest.raises(drift.RefusedInputError, match="share an environment"):
        drift.sampling_noise(elsewhere, draws=DRAWS)


def test_sessions_are_measured_by_halves_and_amplitudes_counted():
    made = decoded_days.days(3, 25, moved=0.5, frames=1600)
    counts = drift.sampling_noise(made, draws=DRAWS)
    assert counts.attrs["halves"] == "recorded"
    sizes = [
        session.assign(activity=(session["activity"] > 0) * 0.02).assign_attrs(session.attrs)
        for session in made
    ]
    for session in sizes:
        session["activity"].attrs = {"units": "events", "kind": "amplitudes"}
    counted = drift.sampling_noise(drift.measure(sizes, halves="trials"), draws=DRAWS)
    binary = drift.sampling_noise(drift.counted_events(sizes), draws=DRAWS)
    np.testing.assert_array_equal(counted["recorded"], binary["recorded"])
    np.testing.assert_array_equal(counted["frozen"], binary["frozen"])


def test_maps_alone_are_enough(moved: xr.Dataset):
    maps = moved.drop_vars(["rate_half", "occupancy_half", "event_count_half", "event_count"])
    noise = drift.sampling_noise(maps, draws=DRAWS)
    assert noise.attrs["halves"] == "events dealt by a coin"
    assert (noise["verdict"].isel(subject=0, measure=[0, 1]) == MORE).all()


def test_too_few_events_cannot_tell(moved: xr.Dataset):
    noise = drift.sampling_noise(moved, draws=DRAWS, minimum_events=10_000)
    assert (noise["verdict"] == UNKNOWN).all() and (noise["compared_units"] == 0).all()
    assert "for want of units" in str(noise["sentence"].values[0, 0])


def test_verdicts_say_what_numbers_say():
    """Loss of half, none with a narrow and with a wide interval, information up and down."""
    frozen, deviation, scale = np.full(5, 0.8), np.full(5, 0.01), np.full(5, 0.8)
    columns = np.array([0.4, 0.8, 0.8, 0.9, 0.9])
    verdicts = judged(columns, frozen, deviation, 40, scale)
    assert verdicts.verdict == [MORE, NO_MORE, NO_MORE, MORE, NO_MORE]
    wide = judged(columns, frozen, np.full(5, 0.3), 40, scale)
    assert set(wide.verdict) == {UNKNOWN}
    assert (wide.low < frozen).all() and (wide.high > frozen).all()
    down = judged(np.full(5, 0.7), frozen, deviation, 40, scale)
    assert down.verdict[3] == MORE and down.p_value[3] == pytest.approx(2 * down.p_value[0])
    numbers = (0.4, 0.8, 0.7, 0.9)
    assert sentence("drift_rate", MORE, numbers, "day") == (
        "The rate-map correlation lost per day changes more than sampling noise: 0.4 recorded, "
        "0.8 (0.7 to 0.9) were the code to stand still."
    )
    assert "cannot tell whether" in sentence("drift_rate", UNKNOWN, numbers, "day")


def test_refusals(moved: xr.Dataset):
    with pytest.raises(drift.RefusedInputError, match="draws"):
        drift.sampling_noise(moved, draws=5)
    with pytest.raises(drift.RefusedInputError, match="at least two sessions"):
        drift.sampling_noise(moved.isel(session=[0]))
    with pytest.raises(drift.RefusedInputError, match="whole numbers of events"):
        drift.sampling_noise(drift.wandering_fields(sessions=3, units=10))


def test_places_of_others_change_nothing(moved: xr.Dataset, noise: xr.Dataset):
    """A mouse that never came to the last places, beside one that did, and one that lacks a session
    of the others."""
    other = counted_mice.mouse(4, units=25, sessions=6, label="another")
    short = moved.isel(place=slice(0, 25)).assign_coords(subject=["short"])
    alone = drift.sampling_noise(short, draws=DRAWS)
    crowd = drift.sampling_noise(counted_mice.crowd(other, short), draws=DRAWS)
    np.testing.assert_array_equal(crowd["frozen"][1], alone["frozen"][0])
    np.testing.assert_array_equal(crowd["recorded"][1], alone["recorded"][0])
    with pytest.raises(drift.RefusedInputError, match="two sessions of subject lonely"):
        lonely = moved.isel(session=[0]).assign_coords(subject=["lonely"])
        drift.sampling_noise(counted_mice.crowd(other, lonely), draws=DRAWS)


def test_confused_units_explain_what_wrong_registration_makes():
    """A frozen code of which a fifth of the units is confused from session to session: more than
    noise, and no more than noise with as many confused; C of the twins falls as .8^lag."""
    still = counted_mice.mouse(8, units=80, sessions=4, events=60.0, lost=0.0)
    recorded = drift.wrong_registration(still, 0.2)
    noise = drift.sampling_noise(recorded, draws=DRAWS)
    assert noise["verdict"].sel(measure="corrected_similarity").item() == MORE
    explained = drift.sampling_noise(recorded, draws=DRAWS, confused=0.2)
    assert (explained["verdict"] != MORE).all()
    fallen = drift.sampling_noise(still, draws=DRAWS, confused=0.2)["frozen_by_lag"]
    fallen = fallen.sel(curve="corrected_similarity").values.ravel()
    np.testing.assert_allclose(fallen, 0.8 ** np.arange(1, 4), atol=0.12)
    assert drift.sampling_noise(still, draws=DRAWS).attrs["confused"] == 0.0
