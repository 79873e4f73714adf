"""The path of an animal as a task: which steps are taken, in which bins, and what rides in a
recipe."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import data_adapters
import drift
from data_adapters.session import session_dataset
from drift.errors import RefusedInputError
from drift.tasks.worlds.recorded_steps import packed, unpacked


def to_and_fro(frames: int) -> np.ndarray:
    return np.abs((np.arange(frames) * 1.5) % 240 - 120)


def session(number: int, position: np.ndarray, **changes: object) -> xr.Dataset:
    rng = np.random.default_rng(number)
    velocity = np.full(len(position), 15.0)
    entries = dict(
        subject="mouse", session=number, elapsed=float(number), elapsed_units="day",
        environment="A", unit_identity="registered", sampling_rate=10.0, geometry="linear",
        source="invented", velocity=velocity, position=position,
        activity=rng.poisson(0.2, (len(position), 12)).astype(float),
    )  # fmt: skip
    return session_dataset(**{**entries, **changes})


def track_sessions(**changes: object) -> list[xr.Dataset]:
    position = to_and_fro(1500)
    direction = np.where(np.diff(position, append=position[-1] + 1) > 0, 1, -1)
    return [session(number, position, direction=direction, **changes) for number in range(3)]


def plane_sessions() -> list[xr.Dataset]:
    turn = np.linspace(0, 40 * np.pi, 3000)
    position = np.column_stack([40 * np.sin(turn), 30 * np.cos(0.77 * turn)])
    return [
        session(
            number, position + 50, geometry="square", environment="AB"[number % 2], bin_size=10.0
        )
        for number in range(4)
    ]


def test_steps_are_those_of_the_animal():
    sessions = track_sessions()
    task = drift.RecordedPath(sessions, samples=200, interval=0.5)
    (steps,) = task.visits()
    assert len(steps.x) == 200 and not steps.x.any()
    known = to_and_fro(1500)
    later = dict(zip(np.round(known[:-5], 3), known[5:], strict=True))
    for here, way, after in zip(steps.y, np.cos(steps.heading), steps.next_y, strict=True):
        assert np.isclose(known, here, atol=1e-3).any()
        candidates = known[5:][np.isclose(known[:-5], here, atol=1e-3)]
        assert np.isclose(candidates, after, atol=1e-3).any() and abs(way) == pytest.approx(1)
    assert later and abs(np.abs(steps.actions[0]) - np.pi).min() < 1e-3, "it turns at the ends"


def test_places_are_those_of_measure():
    sessions = track_sessions()
    measured, drawn = drift.measure(sessions), drift.RecordedPath(sessions, samples=150).draw(0)
    recipe = drift.Experiment(task=drift.RecordedPath(sessions, samples=150), steps=1, sessions=2)
    run = drift.train([recipe], engine="batched", progress=False)
    np.testing.assert_allclose(run["place"], measured["place"], atol=1e-9)
    assert run["place"].attrs["bin_size"] == measured["place"].attrs["bin_size"]
    assert set(np.unique(drawn["direction"])) == {-1, 1}


def test_a_lost_frame_a_gap_and_a_trial_end_a_step():
    position = to_and_fro(1500)
    position[100:1400] = np.nan
    trial = np.arange(1500) // 50 + 1
    task = drift.RecordedPath([session(0, position, trial=trial)], samples=50, interval=1.0)
    (steps,) = task.visits()
    first = np.concatenate(
        [position[:40], position[50:90], position[1400:1440], position[1450:1490]]
    )
    for here in steps.y:
        assert np.isclose(first, here, atol=1e-3).any()


def test_a_plane_of_two_environments_trains_and_is_observed_where_the_animal_was():
    sessions = plane_sessions()
    task = drift.RecordedPath(sessions, samples=300, eye=drift.Rays(rays=5))
    assert task.environments == 2 and task.extent() == (300, 7, 5)
    recipe = drift.Experiment(
        task=task, network=drift.Network(units=20), steps=20, sessions=4,
        noise=[drift.UpdateNoise(std=0.02)],
    )  # fmt: skip
    run = drift.train([recipe, recipe.replace(seed=1)], engine="batched", progress=False)
    assert run.sizes["environment"] == 2
    room = [one for one in sessions if one["environment"].item() == "A"]
    observed = list(drift.observe(run.isel(environment=0), like=room))
    for shown, recorded in zip(observed[: len(room)], room, strict=True):
        xr.testing.assert_equal(shown["position"].drop_vars(list(shown["position"].coords)),
                                recorded["position"].drop_vars(list(recorded["position"].coords)))  # fmt: skip
    measured = drift.measure(observed)
    assert "place_x" in measured.coords and measured.sizes["subject"] == 2


def test_rates_in_a_plane_are_those_of_the_nearest_place():
    sessions = plane_sessions()
    recorded = drift.measure(sessions)
    recipe = drift.Experiment(
        task=drift.RecordedPath(sessions, samples=400),
        network=drift.Network(units=9),
        steps=1,
        sessions=2,
    )
    run = drift.train([recipe], engine="batched", progress=False).isel(environment=0)
    from drift.observation.lens import simulated_rate

    laid = simulated_rate(run["rate"].isel(subject=0), recorded.sizes["place"], recorded)
    for place in range(recorded.sizes["place"]):
        same = (run["place_x"] == recorded["place_x"][place]) & (
            run["place_y"] == recorded["place_y"][place]
        )
        own = run["rate"].isel(subject=0, place=int(np.flatnonzero(same)[0])).values
        if np.isfinite(own).all():
            np.testing.assert_allclose(laid[:, :, place, 2], own)
    assert np.isfinite(laid).all()


def test_the_recipe_is_complete_and_small():
    task = drift.RecordedPath(track_sessions(), samples=500)
    recipe = drift.Experiment(task=task)
    assert drift.Experiment.from_toml(recipe.to_toml()) == recipe
    assert len(recipe.to_json()) < 12 * 500 + 2000
    xr.testing.assert_identical(
        drift.Experiment.from_json(recipe.to_json()).task.draw(3), task.draw(3)
    )
    assert not np.allclose(task.draw(3)["inputs"], task.draw(4)["inputs"])
    np.testing.assert_array_equal(task.draw(3)["position"], task.draw(4)["position"])


def test_packed_steps_come_back():
    rng = np.random.default_rng(0)
    steps = np.round(np.column_stack([rng.uniform(-900, 900, (50, 6)), rng.integers(0, 3, 50)]), 3)
    np.testing.assert_allclose(unpacked(packed(steps)), steps, atol=1e-9)


@pytest.mark.parametrize("engine", ["batched", "fused"])
def test_a_crowd_on_a_path_is_each_alone(engine: str):
    recipe = drift.Experiment(
        task=drift.RecordedPath(track_sessions(), samples=60), network=drift.Network(units=10),
        noise=[drift.LabelNoise(std=0.1)], steps=20, sessions=3,
    )  # fmt: skip
    crowd = drift.train(
        [recipe.replace(seed=seed) for seed in range(3)], engine=engine, progress=False
    )
    alone = drift.train([recipe.replace(seed=2)], engine=engine, progress=False)
    np.testing.assert_array_equal(crowd["rate"][2], alone["rate"][0])


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: drift.RecordedPath([]), "at least one session"),
        (lambda: drift.RecordedPath("a path"), "session Datasets"),
        (lambda: drift.RecordedPath([1]), "session Datasets with position"),
        (lambda: drift.RecordedPath(track_sessions(), samples=10**5), "fewer samples"),
        (lambda: drift.RecordedPath(track_sessions(), samples=1.5), "whole number"),
        (lambda: drift.RecordedPath(track_sessions(), samples=20).replace(samples=30), "holds 20"),
        (lambda: drift.RecordedPath(track_sessions(), samples=20).replace(track="AAAA"), "no text"),
        (
            lambda: drift.RecordedPath(
                [*track_sessions(), session(9, to_and_fro(90), subject="rat")]
            ),
            "one animal",
        ),
        (lambda: drift.RecordedPath([*track_sessions(), *plane_sessions()]), "dims"),
        (
            lambda: drift.RecordedPath(
                [one.assign_attrs(geometry="ring", track_length=120.0) for one in track_sessions()]
            ),
            "ring",
        ),
        (
            lambda: drift.RecordedPath(track_sessions(), arena=drift.Arena.rectangle(9.0, 9.0)),
            "outside of the arena",
        ),
        (lambda: drift.RecordedPath(samples=5), "track is missing"),
    ],
)
def test_paths_that_cannot_be_are_refused(build, sentence: str):
    with pytest.raises(RefusedInputError, match=sentence):
        build()


@pytest.mark.slow
def test_a_network_on_the_path_of_a_mouse_is_observed_in_the_mouse_samples(data_folder):
    path = data_folder("zivlab_multiday") / "C6_M4" / "Environment A"
    sessions = list(data_adapters.sessions("sheintuch2023", path))
    recipe = drift.Experiment(
        task=drift.RecordedPath(sessions, samples=150),
        network=drift.Network(units=100, regime="lazy"),
        noise=[drift.UpdateNoise(std=0.03)],
        steps=2000,
        sessions=9,
    )
    run = drift.train([recipe], progress=False)
    observed = list(drift.observe(run, like=sessions))
    assert len(observed) == len(sessions) == 8
    for shown, recorded in zip(observed, sessions, strict=True):
        assert shown.sizes["sample"] == recorded.sizes["sample"]
        for name in ("position", "velocity", "direction", "trial"):
            np.testing.assert_array_equal(shown[name], recorded[name])
        assert float(shown["elapsed"]) == float(recorded["elapsed"])
    np.testing.assert_allclose(
        drift.measure(observed)["occupancy"], drift.measure(sessions)["occupancy"]
    )
