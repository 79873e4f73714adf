"""Images as tasks: natural patches, digits, MNIST, Fashion-MNIST and CIFAR10, to be restored or
recognised.

The data of networks that learn to remove noise (Bricken T, Schaeffer R, Olshausen B, Kreiman G
(2023) ICML, PMLR 202): grey patches of photographs stand beside the image sets of the paper.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

import numpy as np
import xarray as xr
from pydantic import Field, model_validator
from scipy.linalg import eigh

from drift.errors import RefusedInputError
from drift.streams import stream
from drift.tasks.base import Objective, Task, experience
from drift.tasks.image_files import CLASSES, files_of_set, image_set
from drift.tasks.photographs import crops, digits, patches, photographs

SHAPES = {
    "digits": (1, 8, 8),
    "mnist": (1, 28, 28),
    "fashion_mnist": (1, 28, 28),
    "cifar10": (3, 32, 32),
}  # channel, row, column
PATCHES = 40_000
HELD_OUT = {
    "photographs": 2_048,
    "digits": 360,
    "mnist": 2_048,
    "fashion_mnist": 2_048,
    "cifar10": 2_048,
}
BLOCK = 4096  # images projected at a time

Images = list[np.ndarray]  # of training and of test


class ImageTask(Task):
    """Images that a network restores from noise, or names.

    Parameters
    ----------
    source : {"photographs", "digits", "mnist", "fashion_mnist", "cifar10"}
        Where images come from: eleven photographs or 8 x 8 digits of installed packages, or an
        image set in files.
    path : str, optional
        Folder of the files of an image set, of CIFAR10 also its archive; the other sources take
        none.
    view : {"whitened", "raw", "colour_crops"}
        What is shown of photographs: patches with equalised spatial frequencies, zero mean each and
        unit variance together; patches in [0, 1]; or colour images in [0, 1] at random scales.
    size : int, optional
        Side of what is shown of photographs in pixels; 16 by default, 32 for colour crops.
    samples : int, optional
        Training images: the first of a set, all by default; patches or crops drawn, 40,000 by
        default.
    test_samples : int, optional
        Held-out images: the first of the test set, or drawn after the training ones; 2,048 by
        default. Digits have no test set, so their last ones are held out, 360 by default.
    target : {"image", "label"}
        What is asked for: the image itself, or its class.
    components : int, optional
        Show the projections of the centred images on so many leading principal components of the
        training images.
    norm : float, optional
        Scale all inputs by one factor that gives training inputs this mean length; about 2.7 for
        embeddings of CIFAR10.
    """

    kind: Literal["image"] = "image"
    source: Literal["photographs", "digits", "mnist", "fashion_mnist", "cifar10"] = "photographs"
    path: str | None = None
    view: Literal["whitened", "raw", "colour_crops"] = "whitened"
    size: int | None = Field(default=None, ge=2, le=256)
    samples: int | None = Field(default=None, ge=1, le=10**6)
    test_samples: int | None = Field(default=None, ge=1, le=10**6)
    target: Literal["image", "label"] = "image"
    components: int | None = Field(default=None, ge=1)
    norm: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        in_files, shown = (
            self.source in ("mnist", "fashion_mnist", "cifar10"),
            self.source == "photographs",
        )
        if in_files and self.path is None:
            example = (
                ", such as /usr/share/datasets/fashion-mnist of the Debian package"
                if self.source == "fashion_mnist"
                else ""
            )
            raise ValueError(
                f"path of {self.source} is missing: give the folder of its files{example}"
            )
        if self.path is not None and not in_files:
            raise ValueError(
                f"path got {self.path}, but {self.source} come with installed packages: leave "
                "it out"
            )
        if not shown and (self.size is not None or self.view != "whitened"):
            raise ValueError(
                f"size and view belong to photographs, but source is {self.source}: leave them out"
            )
        if shown and self.target == "label":
            raise ValueError(
                "target label needs classes, which photographs have not: take another source"
            )
        if self.components is not None and self.components > np.prod(self.shape):
            raise ValueError(
                f"components got {self.components}, but an image has {np.prod(self.shape)} "
                "pixels: ask for fewer"
            )
        return self

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, rows and columns of an image."""
        if self.source != "photographs":
            return SHAPES[self.source]
        colour = self.view == "colour_crops"
        side = self.size or (32 if colour else 16)
        return (3 if colour else 1, side, side)

    def objective(self) -> Objective:
        """Return "squared_error" for images, "cross_entropy" for their classes."""
        return "squared_error" if self.target == "image" else "cross_entropy"

    def draw(self, seed: int) -> xr.Dataset:
        """Return images for training and test, with what is asked for; the seed draws patches,
        image sets are the same for all.

        Returns
        -------
        xarray.Dataset
            ``inputs (sample, input)``, ``targets (sample, output)``, ``test_inputs (test_sample,
            input)`` and ``test_targets (test_sample, output)``, float32; pixels channel by channel,
            each by rows. The targets are the inputs themselves, in the same memory, or classes as
            ones and zeros. Attributes: ``objective`` ("squared_error" or "cross_entropy"), and
            where the inputs are pixels ``image_channels``, ``image_height`` and ``image_width``.

        Raises
        ------
        RefusedInputError
            If files or packages are missing or damaged, or hold fewer images than are asked for.
        """
        inputs, labels = self._patches(seed) if self.source == "photographs" else self._images()
        inputs = inputs if self.components is None else _projections(inputs, self.components)
        if self.norm is not None:
            _rescale(inputs, self.norm)
        targets = (
            inputs
            if self.target == "image"
            else [np.eye(CLASSES, dtype=np.float32)[label] for label in labels]
        )
        drawn = experience(inputs[0], targets[0])
        drawn["test_inputs"] = (("test_sample", "input"), inputs[1])
        drawn["test_targets"] = (("test_sample", "output"), targets[1])
        if self.components is None:
            drawn.attrs.update(zip(("image_channels", "image_height", "image_width"), self.shape))
        return drawn.assign_attrs(objective=self.objective())

    def files(self) -> tuple[Path, ...]:
        """Return the files of an image set that are there; images of installed packages are in
        none."""
        return () if self.path is None else files_of_set(self.source, self.path)

    def _patches(self, seed: int) -> tuple[Images, Images]:
        rng, images = stream(seed, "world"), photographs(self.view)
        shown = crops if self.view == "colour_crops" else patches
        counts = self.samples or PATCHES, self.test_samples or HELD_OUT[self.source]
        drawn = [shown(images, self.shape[-1], many, rng) for many in counts]
        if self.view == "whitened":
            for split in drawn:
                split -= split.mean(axis=(1, 2), keepdims=True)
            deviation = drawn[0].std(dtype=float)
            for split in drawn:
                split /= deviation
        return [split.reshape(len(split), -1) for split in drawn], []

    def _images(self) -> tuple[Images, Images]:
        splits, white = self._digits() if self.source == "digits" else self._image_set()
        counts = self.samples or len(splits[0][0]), self.test_samples or HELD_OUT[self.source]
        for split_name, many, (images, _labels) in zip(("training", "test"), counts, splits):
            if not 0 < many <= len(images):
                raise RefusedInputError(
                    f"{self.source} should hold {many} {split_name} images, got {len(images)}: ask "
                    "for fewer samples."
                )
        inputs = [
            np.divide(images[:many], white, dtype=np.float32).reshape(many, -1)
            for many, (images, _labels) in zip(counts, splits)
        ]
        return inputs, [labels[:many] for many, (_images, labels) in zip(counts, splits)]

    def _image_set(self) -> tuple[list[Images], int]:
        return [
            list(image_set(self.source, str(self.path), split)) for split in ("train", "test")
        ], 255

    def _digits(self) -> tuple[list[Images], int]:
        held_out, total = self.test_samples or HELD_OUT["digits"], len(digits()[0])
        if held_out >= total:
            raise RefusedInputError(
                f"test_samples must leave digits to learn from, got {held_out} of {total}: "
                "ask for fewer."
            )
        cut = -held_out
        return [[array[:cut] for array in digits()], [array[cut:] for array in digits()]], 16


def _projections(images: Images, components: int) -> Images:
    """Projections (sample, component) of the images, less the mean training image, on the leading
    components of the training images."""
    mean, axes = principal_components(images[0], components)
    projected = [np.empty((len(split), components), np.float32) for split in images]
    for split, projection in zip(images, projected):
        for rows in _blocks(split):
            np.matmul(split[rows] - mean, axes, out=projection[rows])
    return projected


def principal_components(images: np.ndarray, components: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean image and the directions in which images vary most.

    Parameters
    ----------
    images : numpy.ndarray
        (sample, pixel).
    components : int
        Directions.

    Returns
    -------
    mean : numpy.ndarray
        float32 (pixel,).
    axes : numpy.ndarray
        float32 (pixel, component) of length 1, most variance first; the largest entry of each is
        positive.
    """
    mean, pixels = images.mean(axis=0, dtype=float).astype(np.float32), images.shape[1]
    covariance = np.zeros((pixels, pixels))
    for rows in _blocks(images):
        centred = images[rows] - mean
        covariance += centred.T @ centred
    axes = eigh(covariance, subset_by_index=[pixels - components, pixels - 1])[1][:, ::-1]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(components)])
    return mean, np.ascontiguousarray(axes, np.float32)


def _rescale(images: Images, norm: float) -> None:
    """Scale in place, so that no second copy is ever held."""
    length = float(np.sqrt(np.einsum("ij,ij->i", images[0], images[0], dtype=float)).mean())
    if not length:
        raise RefusedInputError(
            f"training images to be scaled to norm {norm} must differ from 0, got only 0: "
            "leave norm out."
        )
    for split in images:
        split *= np.float32(norm / length)


def _blocks(images: np.ndarray) -> list[slice]:
    return [slice(start, start + BLOCK) for start in range(0, len(images), BLOCK)]
