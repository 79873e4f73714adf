"""Widgets answer to their handles with another picture, and refuse what they cannot show."""

from __future__ import annotations

import builtins
import io
import time
from itertools import pairwise

import numpy as np
import pytest
import xarray as xr

import drift
from drift.notebook.widgets import noise_sliders, rate_map_slider, unit_browser
from drift.notebook.widgets.maps import _flat, _order

pytest.importorskip("ipywidgets")
QUICK = drift.Experiment(
    task=drift.CorridorTask(samples=20, rays=5),
    network=drift.Network(units=12),
    noise=[drift.UpdateNoise(std=0.05)],
    steps=40,
    sessions=4,
)


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    return drift.wandering_fields(sessions=5, units=24, places=12, movement=0.05)


def pixels(picture: bytes) -> np.ndarray:
    from matplotlib.image import imread

    return imread(io.BytesIO(picture), format="png")


def test_the_slider_shows_another_session(run: xr.Dataset):
    box = rate_map_slider(run)
    slider, (subject, reference), image = box.children[0], box.children[1].children, box.children[2]
    seen = {"first": pixels(image.value)}
    for name, handle, value in (
        ("session", slider, 1),
        ("subject", subject, 1),
        ("reference", reference, 3),
    ):
        handle.value = value
        seen[name] = pixels(image.value)
    shown = list(seen.values())
    assert len({one.shape for one in shown}) == 1, "the picture keeps its size"
    for before, after in pairwise(shown):
        assert (before != after).any(axis=-1).mean() > 0.005
    slider.value, subject.value, reference.value = 4, 0, 1
    np.testing.assert_array_equal(pixels(image.value)[5:], seen["first"][5:])


def test_units_keep_the_order_of_the_reference_session(run: xr.Dataset):
    maps = _flat(run["rate"].isel(subject=0))
    order = _order(maps[1], run["place_unit"].isel(subject=0, session=1).values == 1)
    assert (np.diff(maps[1][order].argmax(axis=1)) >= 0).all() and len(order) > 10
    assert not (np.diff(maps[4][order].argmax(axis=1)) >= 0).all()


def test_it_is_quick(run: xr.Dataset):
    box = rate_map_slider(
        drift.wandering_fields((0,), sessions=6, units=300, places=50, movement=0.02)
    )
    began = time.process_time()
    for session in (0, 3, 2):
        box.children[0].value = session
    assert (time.process_time() - began) / 3 < 0.5, "CPU seconds per move"


def test_labels_say_what_is_seen(run: xr.Dataset):
    box = rate_map_slider(run.assign_coords(elapsed=run["elapsed"].assign_attrs(units="day") / 100))
    assert [label for label, _ in box.children[0].options][:3] == [
        "0 (0 days)",
        "1 (1 day)",
        "2 (2 days)",
    ]
    assert box.children[1].children[1].value == 0, "nothing is unlearned where elapsed counts days"
    assert rate_map_slider(run).children[1].children[1].value == 1


@pytest.mark.parametrize("missing", ["direction", "fields", "places", "subject", "observed"])
def test_recordings_with_less_are_shown(run: xr.Dataset, missing: str):
    less = {
        "direction": run.isel(direction=0, drop=True),
        "fields": run.assign(place_unit=xr.zeros_like(run["place_unit"])),
        "places": run.drop_vars("place"),
        "subject": run.drop_vars("subject"),
        "observed": run.assign(
            rate=run["rate"].where(run["session"] != 2),
            place_unit=run["place_unit"].where(run["session"] != 2),
        ),
    }[missing]
    box = rate_map_slider(less, smoothing=0.0)
    for session in range(5):
        box.children[0].value = session
    assert pixels(unit_browser(less).children[-1].value).std() > 0


def test_unit_browser(run: xr.Dataset):
    box = unit_browser(run)
    first = pixels(box.children[-1].value)
    box.children[0].children[0].value = 7
    assert (
        pixels(box.children[-1].value).shape == first.shape
        and (pixels(box.children[-1].value) != first).any()
    )


def test_a_unit_is_found_by_its_number(run: xr.Dataset, monkeypatch: pytest.MonkeyPatch):
    drawn: list[int] = []
    monkeypatch.setattr(
        "drift.notebook.widgets.maps._one_unit",
        lambda of_subject, unit, smoothing: drawn.append(unit) or b"",
    )
    slider, subject = unit_browser(run, order="number").children[0].children
    assert (slider.min, slider.max) == (0, run.sizes["unit"] - 1)
    slider.value, subject.value = 11, 1
    assert drawn == [0, 11, 11]
    drawn.clear()
    unit_browser(run).children[0].children[0].value = 2
    days = (run["place_unit"].isel(subject=0) == 1).sum("session").values
    assert (days[drawn] == np.sort(days)[::-1][:2]).all()


@pytest.mark.slow
def test_noise_sliders_train_anew_and_keep_the_run_before():
    box = noise_sliders(QUICK)
    update, label, rate, image, told = box.children
    assert (update.value, label.value, rate.value) == (0.05, 0.0, 0.1)
    first = image.value
    assert "of the variance of the targets" in told.value
    update.value = 0.15
    second = image.value
    label.value = 0.5
    assert len({first, second, image.value}) == 3
    update.value, label.value = 0.05, 0.0
    rate.value = 0.2
    assert image.value not in (first, second)


def test_noise_sliders_of_a_task_without_places_and_of_a_recipes_own_numbers():
    recipe = QUICK.replace(
        task=drift.RandomAutoencoderTask(samples=5, inputs=4),
        learner=drift.Adam(learning_rate=0.003),
        noise=[drift.LabelNoise(std=0.123)],
    )
    box = noise_sliders(recipe, steps=30)
    assert [handle.value for handle in box.children[:3]] == [0.0, 0.123, 0.003]
    box.children[0].value = 0.02
    assert pixels(box.children[3].value).std() > 0


def test_a_network_that_diverges_is_called_so():
    box = noise_sliders(QUICK.replace(learner=drift.SGD(learning_rate=50.0)))
    assert "take less noise or a smaller learning rate" in box.children[-1].value


def test_refusals(run: xr.Dataset, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(drift.SchemaError, match="place_unit is missing"):
        rate_map_slider(run.drop_vars("place_unit"))
    with pytest.raises(
        drift.RefusedInputError, match="reference must be a session from 0 to 4, got 9"
    ):
        rate_map_slider(run, reference=9)
    with pytest.raises(drift.RefusedInputError, match="several environments"):
        unit_browser(run.expand_dims(environment=[0, 1]))
    with pytest.raises(
        drift.RefusedInputError, match="recipe must be an Experiment or None, got a Dataset"
    ):
        noise_sliders(run)
    with pytest.raises(drift.RefusedInputError, match="at least 3 sessions, got 2"):
        noise_sliders(QUICK.replace(sessions=2))

    found = builtins.__import__

    def without(name: str, *arguments: object, **options: object) -> object:
        if name == "ipywidgets":
            raise ImportError(name)
        return found(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    for widget in (
        lambda: rate_map_slider(run),
        lambda: unit_browser(run),
        noise_sliders,
        run.drift.rate_map_slider,
    ):
        with pytest.raises(
            drift.RefusedInputError,
            match=r"widgets need ipywidgets, which is not installed: pip install 'repdrift",
        ):
            widget()
