"""Images as tasks: natural patches, digits and image sets (rows S20, S30 and S50)."""

from __future__ import annotations

import importlib.util
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kurtosis
from test_image_files import NAMES, batches, idx_set, records, unpacked

import drift
from drift.tasks.image_files import image_set
from drift.tasks.images import principal_components
from drift.tasks.photographs import (
    MARGIN,
    PHOTOGRAPHS,
    crops,
    digits,
    patches,
    photographs,
    whitened,
)

SMALL = {"samples": 300, "test_samples": 40}
TASKS = {
    "whitened": drift.ImageTask(**SMALL),
    "raw": drift.ImageTask(view="raw", size=12, **SMALL),
    "colour_crops": drift.ImageTask(view="colour_crops", **SMALL),
    "digits": drift.ImageTask(source="digits"),
}


@pytest.fixture
def real(data_folder):
    """Folder of a real image set: an environment variable of its own, else one of the data
    folder."""

    def folder(name: str) -> Path:
        given = os.environ.get(f"REPDRIFT_{name.upper()}")
        return Path(given) if given else data_folder(name)

    return folder


def test_s20_mnist_is_the_published_one(real):
    path = real("mnist")
    drawn = drift.ImageTask(source="mnist", path=str(path), test_samples=10_000).draw(0)
    assert drawn["inputs"].shape == (60_000, 784) and drawn["test_inputs"].shape == (10_000, 784)
    values = drawn["inputs"].values
    assert values.min() == 0 and values.max() == 1
    assert values.mean(dtype=float) == pytest.approx(0.13066, abs=1e-5) and values.std(
        dtype=float
    ) == pytest.approx(0.30811, abs=1e-5)
    assert np.bincount(image_set("mnist", path)[1])[:2].tolist() == [5923, 6742]


def test_s20_fashion_mnist_is_the_published_one(real):
    drawn = drift.ImageTask(
        source="fashion_mnist", path=str(real("fashion_mnist")), target="label", test_samples=10_000
    ).draw(0)
    assert drawn["inputs"].values.mean(dtype=float) == pytest.approx(0.2860, abs=5e-5)
    assert (drawn["targets"].sum("sample") == 6000).all() and (
        drawn["test_targets"].sum("test_sample") == 1000
    ).all()


def test_s50_cifar10_is_the_published_one(real):
    images, labels = image_set("cifar10", real("cifar10"))
    assert images.shape == (50_000, 3, 32, 32) and (np.bincount(labels) == 5000).all()
    channels = images.reshape(50_000, 3, -1) / np.float32(255)
    np.testing.assert_allclose(
        channels.mean(axis=(0, 2), dtype=float), [0.4914, 0.4822, 0.4465], atol=1e-4
    )
    np.testing.assert_allclose(
        channels.std(axis=(0, 2), dtype=float), [0.2470, 0.2435, 0.2616], atol=1e-4
    )


def test_s30_the_eleven_photographs():
    images = photographs("raw")
    assert len(images) == len(PHOTOGRAPHS) == 11 and len(photographs("colour_crops")) == 7
    shapes = [
        (512, 512),
        (400, 600),
        (300, 451),
        (512, 512),
        (427, 640),
        *[(512, 512)] * 3,
        (500, 741),
        *[(427, 640)] * 2,
    ]
    assert [image.shape for image in images] == shapes
    assert all(image.min() >= 0 and image.max() <= 1 for image in images)


@pytest.mark.parametrize("seed", range(3))
def test_s30_whitened_patches(seed):
    drawn = drift.ImageTask().draw(seed)
    assert drawn["inputs"].shape == (40_000, 256) and drawn["test_inputs"].shape == (2_048, 256)
    values = drawn["inputs"].values
    assert 11.1 - 0.8 <= kurtosis(values.ravel(), fisher=False) <= 11.6 + 0.8
    assert np.abs(values.mean(axis=1)).max() < 1e-5 and values.std(dtype=float) == pytest.approx(
        1, abs=1e-5
    )


def test_s30_raw_patches():
    values = drift.ImageTask(view="raw").draw(0)["inputs"].values
    assert values.shape == (40_000, 256) and values.min() >= 0 and values.max() <= 1
    assert values.mean(dtype=float) == pytest.approx(0.43, abs=0.01) and values.std(
        dtype=float
    ) == pytest.approx(0.23, abs=0.01)


@pytest.mark.parametrize("shape", [(40, 50), (41, 51)])
def test_whitening_is_a_filter_of_the_whole_plane(shape, rng):
    image = rng.uniform(size=shape)
    frequency = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, shape), indexing="ij"))
    filtered = np.fft.ifft2(
        np.fft.fft2(image - image.mean()) * frequency * np.exp(-((frequency / 0.4) ** 4))
    )
    assert np.abs(filtered.imag).max() < 1e-12
    np.testing.assert_allclose(whitened(image), filtered.real / filtered.real.std(), atol=1e-12)


def test_patches_come_from_anywhere_inside_the_margin(rng):
    rows, columns = 60, 45
    image = np.arange(rows * columns, dtype=np.float32).reshape(rows, columns)
    found = patches([image, -image], 16, 20_000, rng)
    sign = np.sign(found[:, 0, 0])
    corner = np.abs(found[:, 0, 0]).astype(int)
    at = np.array([corner // columns, corner % columns])
    offsets = np.arange(16)[:, np.newaxis] * columns + np.arange(16)
    np.testing.assert_array_equal(
        found, sign[:, np.newaxis, np.newaxis] * (corner[:, np.newaxis, np.newaxis] + offsets)
    )
    assert at.min(axis=1).tolist() == [MARGIN] * 2 and at.max(axis=1).tolist() == [
        rows - 16 - MARGIN,
        columns - 16 - MARGIN,
    ]
    standard_error = (at.max(axis=1) - MARGIN + 1) / np.sqrt(12 * 20_000)  # of a uniform mean
    assert (np.abs(at.mean(axis=1) - (at.max(axis=1) + MARGIN) / 2) < 4 * standard_error).all()
    assert abs(sign.mean()) < 4 / np.sqrt(20_000)


def test_a_crop_is_the_mean_of_squares_of_pixels():
    images, size, samples = photographs("colour_crops"), 8, 400
    found = crops(images, size, samples, drift.stream(3, "world"))
    rng = drift.stream(3, "world")
    chosen = rng.integers(len(images), size=samples)
    sides = np.array([images[number].shape[:2] for number in chosen])
    scales = rng.integers(1, (sides.min(axis=1) - 2 * MARGIN) // size, endpoint=True)
    rows, columns = rng.integers(
        MARGIN, (sides - MARGIN - size * scales[:, np.newaxis]).T, endpoint=True
    )
    assert scales.min() == 1 and scales.max() > 40
    for crop, number, scale, row, column in zip(found, chosen, scales, rows, columns):
        square = images[number][row : row + size * scale, column : column + size * scale] / 255
        twin = square.reshape(size, scale, size, scale, 3).mean(axis=(1, 3))
        np.testing.assert_allclose(crop, twin.transpose(2, 0, 1), atol=1e-6)


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_experience_is_float32_without_copies(task):
    drawn = task.draw(0)
    assert all(array.dtype == np.float32 and np.isfinite(array).all() for array in drawn.values())
    assert np.shares_memory(drawn["inputs"].values, drawn["targets"].values)
    assert np.shares_memory(drawn["test_inputs"].values, drawn["test_targets"].values)
    assert drawn.attrs == dict(
        zip(("image_channels", "image_height", "image_width"), task.shape),
        objective="squared_error",
    )
    assert drawn.sizes["input"] == drawn.sizes["output"] == np.prod(task.shape)


@pytest.mark.parametrize("view", ["whitened", "raw", "colour_crops"])
def test_a_seed_draws_its_patches_and_test_patches_follow(view):
    task = TASKS[view]
    first, again, other = task.draw(1), task.draw(1), task.draw(2)
    assert (
        first.identical(again)
        and not np.isclose(first["inputs"], other["inputs"]).all(axis=1).any()
    )
    fewer = task.replace(test_samples=20).draw(1)
    np.testing.assert_array_equal(first["inputs"], fewer["inputs"])
    corners = {values.tobytes() for values in first["inputs"].values}
    assert not corners & {values.tobytes() for values in first["test_inputs"].values}


def test_digits_are_split_by_their_order():
    images, labels = digits()
    drawn = drift.ImageTask(source="digits", target="label", samples=100, test_samples=50).draw(0)
    np.testing.assert_array_equal(drawn["inputs"] * 16, images[:100].reshape(100, 64))
    np.testing.assert_array_equal(drawn["test_inputs"] * 16, images[-50:].reshape(50, 64))
    assert (
        drawn.attrs["objective"] == "cross_entropy" and (drawn["targets"].sum("output") == 1).all()
    )
    np.testing.assert_array_equal(drawn["targets"].argmax("output"), labels[:100])
    np.testing.assert_array_equal(drawn["test_targets"].argmax("output"), labels[-50:])
    assert drift.ImageTask(source="digits").draw(5).sizes == {
        "sample": 1437,
        "input": 64,
        "output": 64,
        "test_sample": 360,
    }


def test_image_sets_of_files(tmp_path, rng, monkeypatch):
    content = idx_set(tmp_path, rng, monkeypatch)
    drawn = drift.ImageTask(
        source="fashion_mnist", path=str(tmp_path), samples=7, test_samples=20, target="label"
    ).draw(0)
    np.testing.assert_allclose(
        drawn["inputs"], content["train-images-idx3-ubyte"][:7].reshape(7, 784) / 255, atol=1e-7
    )
    np.testing.assert_allclose(
        drawn["test_inputs"], content["t10k-images-idx3-ubyte"].reshape(20, 784) / 255, atol=1e-7
    )
    np.testing.assert_array_equal(
        drawn["targets"].argmax("output"), content["train-labels-idx1-ubyte"][:7]
    )
    with pytest.raises(drift.RefusedInputError, match="should hold 31 training images, got 30"):
        drift.ImageTask(
            source="fashion_mnist", path=str(tmp_path), samples=31, test_samples=20
        ).draw(0)
    with pytest.raises(drift.RefusedInputError, match="should hold 2048 test images, got 20"):
        drift.ImageTask(source="fashion_mnist", path=str(tmp_path)).draw(0)


def test_cifar10_takes_the_memory_of_its_pixels(tmp_path, rng):
    content = batches(rng, 200)
    unpacked(tmp_path, content, records, ".bin")
    task = drift.ImageTask(source="cifar10", path=str(tmp_path), test_samples=200, norm=2.7)
    tracemalloc.start()
    drawn = task.draw(0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    as_bytes = len(NAMES) * 200 * 3072
    assert peak < 1.1 * (4 * as_bytes + as_bytes)  # float32, and the uint8 they come from
    pixels = drawn["inputs"].values
    factor = (
        2.7
        / np.linalg.norm(
            np.concatenate([content[name][0] for name in NAMES[:5]]) / 255, axis=1
        ).mean()
    )
    np.testing.assert_allclose(pixels[:200], content["data_batch_1"][0] / 255 * factor, rtol=1e-5)
    assert drawn.attrs["image_channels"] == 3
    unpacked(
        tmp_path,
        {name: (images * 0, labels) for name, (images, labels) in content.items()},
        records,
        ".bin",
    )
    with pytest.raises(drift.RefusedInputError, match="differ from 0"):
        task.draw(0)


def test_components_are_those_of_the_training_images():
    plain, task = (
        drift.ImageTask(source="digits", samples=500),
        drift.ImageTask(source="digits", samples=500, components=48),
    )
    drawn, images = task.draw(0), plain.draw(0)
    centred = images["inputs"].values - images["inputs"].values.mean(axis=0, dtype=float)
    variances = np.linalg.svd(centred, compute_uv=False)[:48] ** 2
    products = drawn["inputs"].values.astype(float).T @ drawn["inputs"].values
    np.testing.assert_allclose(products, np.diag(variances), atol=1e-5 * variances[0])
    mean, axes = principal_components(images["inputs"].values, 48)
    np.testing.assert_allclose(
        drawn["test_inputs"], (images["test_inputs"].values - mean) @ axes, atol=1e-5
    )
    np.testing.assert_allclose(axes.T @ axes, np.eye(48), atol=1e-5)
    assert (np.abs(axes).max(axis=0) == axes.max(axis=0)).all()
    assert drawn.attrs == {"objective": "squared_error"} and np.shares_memory(
        drawn["inputs"].values, drawn["targets"].values
    )


def test_norm_is_the_mean_length_of_training_inputs():
    drawn, plain = (
        drift.ImageTask(source="digits", components=30, norm=norm).draw(0) for norm in (2.7, None)
    )
    assert np.linalg.norm(drawn["inputs"], axis=1).mean() == pytest.approx(2.7, rel=1e-5)
    for name in ("inputs", "test_inputs"):
        ratio = np.linalg.norm(drawn[name]) / np.linalg.norm(plain[name])
        np.testing.assert_allclose(drawn[name], ratio * plain[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"source": "mnist"}, "path of mnist is missing"),
        ({"source": "fashion_mnist"}, "/usr/share/datasets/fashion-mnist"),
        ({"source": "cifar10"}, "path of cifar10 is missing"),
        ({"path": "images"}, "leave it out"),
        ({"source": "digits", "path": "images"}, "leave it out"),
        ({"source": "digits", "view": "raw"}, "belong to photographs"),
        ({"source": "digits", "size": 8}, "belong to photographs"),
        ({"target": "label"}, "which photographs have not"),
        ({"components": 257}, "has 256 pixels"),
        ({"source": "digits", "components": 65}, "has 64 pixels"),
        ({"samples": 0}, "greater than or equal to 1"),
        ({"size": 300}, "less than or equal to 256"),
        ({"norm": 0.0}, "greater than 0"),
        ({"source": "svhn"}, "source"),
    ],
)
def test_impossible_recipes_are_refused(entries, message):
    with pytest.raises(drift.RefusedInputError, match=message):
        drift.ImageTask(**entries)


@pytest.mark.parametrize(
    ("held_out", "message"), [(1797, "got 1797 of 1797"), (2000, "got 2000 of 1797")]
)
def test_more_digits_than_there_are_are_refused(held_out, message):
    with pytest.raises(drift.RefusedInputError, match=message):
        drift.ImageTask(source="digits", test_samples=held_out).draw(0)


def test_the_largest_patches_fit_every_photograph():
    for view, size in (("raw", 256), ("colour_crops", 256)):
        task = drift.ImageTask(view=view, size=size, samples=20, test_samples=1)
        assert task.draw(0)["inputs"].shape == (20, np.prod(task.shape))


def test_absent_packages_are_named_with_their_remedy(monkeypatch, tmp_path):
    photographs.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    for source in ("photographs", "digits"):
        with pytest.raises(drift.RefusedInputError, match="pip install scikit-image scikit-learn"):
            drift.ImageTask(source=source).draw(0)
    monkeypatch.setattr("drift.tasks.photographs.installed", lambda _: tmp_path)
    with pytest.raises(drift.RefusedInputError, match="install skimage again"):
        drift.ImageTask().draw(0)


@pytest.mark.parametrize(
    "task",
    [*TASKS.values(), drift.ImageTask(source="cifar10", path="images", components=9, norm=2.7)],
)
def test_recipes_survive_text(task):
    assert (
        drift.ImageTask.from_json(task.to_json())
        == task
        == drift.ImageTask.from_toml(task.to_toml())
    )
    recipe = drift.Experiment(task={"kind": "image", **task.model_dump(exclude={"kind"})})
    assert drift.Experiment.from_json(recipe.to_json()).task == task
