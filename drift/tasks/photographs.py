"""Natural images that two installed packages contain: eleven photographs, whitened or raw, their
patches and crops, and small digits.

The photographs are those of scikit-image and scikit-learn that come with the packages themselves;
nothing is downloaded. Whitening follows Olshausen BA, Field DJ (1997) Vision Research 37, 3311,
section 5.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from drift.errors import RefusedInputError

PHOTOGRAPHS = (  # package, file below it, whether in colour; a recipe means these, in this order
    ("skimage", "data/astronaut.png", True),
    ("skimage", "data/coffee.png", True),
    ("skimage", "data/chelsea.png", True),
    ("skimage", "data/camera.png", False),
    ("skimage", "data/rocket.jpg", True),
    ("skimage", "data/brick.png", False),
    ("skimage", "data/grass.png", False),
    ("skimage", "data/gravel.png", False),
    ("skimage", "data/motorcycle_left.png", True),
    ("sklearn", "datasets/images/china.jpg", True),
    ("sklearn", "datasets/images/flower.jpg", True),
)
SHORT_SIDE = 512  # pixels, to which larger photographs are shrunk
MARGIN = 4  # pixels at the border that no patch shows: whitening wraps around there
CUTOFF = 0.4  # cycles/pixel, f0 of the whitening filter


@cache
def photographs(view: str) -> tuple[np.ndarray, ...]:
    """Photographs with a short side of at most 512 pixels, in the same order for everyone.

    Parameters
    ----------
    view : {"whitened", "raw", "colour_crops"}
        Eleven in grey, whitened or not, or those seven that have colours.

    Returns
    -------
    tuple of numpy.ndarray
        float32 (row, column), whitened (see ``whitened``) or in [0, 1], or uint8 (row, column,
        channel); not to be written to.

    Raises
    ------
    RefusedInputError
        If scikit-image or scikit-learn is not installed, or a photograph of theirs cannot be read.
    """
    colour = view == "colour_crops"
    images = [
        _photograph(package, file, "RGB" if colour else "L")
        for package, file, coloured in PHOTOGRAPHS
        if coloured or not colour
    ]
    if not colour:
        images = [
            (whitened(image) if view == "whitened" else image / 255).astype(np.float32)
            for image in images
        ]
    for image in images:
        image.flags.writeable = False
    return tuple(images)


def _photograph(package: str, file: str, mode: str) -> np.ndarray:
    from PIL import Image

    path = installed(package) / file
    try:
        with Image.open(path) as opened:
            image = opened.convert(mode)
    except OSError as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise RefusedInputError(
            f"a photograph was expected at {path}, got: {reason}; install {package} again."
        ) from None
    shrinking = SHORT_SIDE / min(image.size)
    if shrinking < 1:
        image = image.resize(
            (round(image.width * shrinking), round(image.height * shrinking)),
            Image.Resampling.LANCZOS,
        )
    return np.array(image)


def installed(package: str) -> Path:
    """Folder of a package that ships images; refuses one that is not installed."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise RefusedInputError(
            f"images were expected in {package}, which is not installed: pip install "
            "scikit-image scikit-learn."
        )
    return Path(spec.submodule_search_locations[0])


def whitened(image: np.ndarray) -> np.ndarray:
    """A photograph in which all spatial frequencies are about equally strong, as after the retina.

    The Fourier transform of the image less its mean is multiplied by R(f) = f exp(-(f / f0)^4),
    with f in cycles/pixel and f0 = 0.4; the result is divided by its standard deviation.

    Parameters
    ----------
    image : numpy.ndarray
        (row, column) grey values in any units.

    Returns
    -------
    numpy.ndarray
        (row, column), of mean 0 and standard deviation 1.
    """
    rows, columns = image.shape
    frequency = np.hypot(np.fft.fftfreq(rows)[:, np.newaxis], np.fft.rfftfreq(columns))
    # R(0) = 0 takes the mean away
    transform = np.fft.rfft2(image) * frequency * np.exp(-((frequency / CUTOFF) ** 4))
    filtered = np.fft.irfft2(transform, s=image.shape)
    return filtered / filtered.std()


def patches(
    images: Sequence[np.ndarray], size: int, samples: int, rng: np.random.Generator
) -> np.ndarray:
    """Square patches of images, the image uniform and then the place uniform, 4 pixels or more from
    the border.

    Parameters
    ----------
    images : sequence of numpy.ndarray
        (row, column) each.
    size : int
        Side of a patch in pixels.
    samples : int
        Patches.
    rng : numpy.random.Generator
        Source of images and places.

    Returns
    -------
    numpy.ndarray
        float32 (sample, row, column).
    """
    image_numbers = rng.integers(len(images), size=samples)
    rows, columns = _corners(_sides(images)[image_numbers], np.full(samples, size), rng)
    windows = np.empty((samples, size, size), np.float32)
    for number, image in enumerate(images):
        mask = image_numbers == number
        windows[mask] = np.lib.stride_tricks.sliding_window_view(image, (size, size))[
            rows[mask], columns[mask]
        ]
    return windows


def crops(
    images: Sequence[np.ndarray], size: int, samples: int, rng: np.random.Generator
) -> np.ndarray:
    """Small colour images: squares of photographs at random scales, shrunk to one size.

    The image is uniform, then the scale s is uniform from 1 to the largest integer that fits, then
    the place is uniform, 4 pixels or more from the border. A pixel of the crop is the mean of s x s
    pixels of the image.

    Parameters
    ----------
    images : sequence of numpy.ndarray
        uint8 (row, column, channel) each.
    size : int
        Side of a crop in pixels.
    samples : int
        Crops.
    rng : numpy.random.Generator
        Source of images, scales and places.

    Returns
    -------
    numpy.ndarray
        float32 (sample, channel, row, column) in [0, 1].
    """
    image_numbers = rng.integers(len(images), size=samples)
    sides = _sides(images)[image_numbers]  # (sample, axis)
    scales = rng.integers(1, (sides.min(axis=1) - 2 * MARGIN) // size, endpoint=True)
    rows, columns = _corners(sides, scales * size, rng)
    shrunk = np.empty((samples, 3, size, size), np.float32)
    for number, image in enumerate(images):
        # of all pixels above and to the left
        sums = np.pad(image.cumsum(0, np.int64).cumsum(1), ((1, 0), (1, 0), (0, 0)))
        for scale in np.unique(scales[image_numbers == number]):
            mask = (image_numbers == number) & (scales == scale)
            shrunk[mask] = _reduced(sums, scale, size)[rows[mask], columns[mask]]
    return shrunk


def _reduced(sums: np.ndarray, scale: int, size: int) -> np.ndarray:
    """Every crop of an image at one scale, as a view (row, column, channel, row in crop, column in
    crop), from its integral image."""
    bands = sums[scale:] - sums[:-scale]
    # of the square below and to the right
    means = ((bands[:, scale:] - bands[:, :-scale]) / (255 * scale**2)).astype(np.float32)
    span = scale * (size - 1) + 1
    return np.lib.stride_tricks.sliding_window_view(means, (span, span, 3))[
        :, :, 0, ::scale, ::scale
    ].transpose(0, 1, 4, 2, 3)


def _sides(images: Sequence[np.ndarray]) -> np.ndarray:
    return np.array([image.shape[:2] for image in images])  # (image, axis)


def _corners(sides: np.ndarray, lengths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Upper left corners (axis, sample) of squares of these lengths in images of these sides
    (sample, axis)."""
    return rng.integers(MARGIN, (sides - MARGIN - lengths[:, np.newaxis]).T, endpoint=True)


def digits() -> tuple[np.ndarray, np.ndarray]:
    """The handwritten digits of scikit-learn, 8 x 8 pixels, and what they mean.

    Returns
    -------
    images : numpy.ndarray
        uint8 (image, channel, row, column), 0 to 16.
    labels : numpy.ndarray
        (image,) 0 to 9.

    Raises
    ------
    RefusedInputError
        If scikit-learn is not installed.
    """
    installed("sklearn")
    images, labels = importlib.import_module("sklearn.datasets").load_digits(return_X_y=True)
    return images.astype(np.uint8).reshape(-1, 1, 8, 8), labels
