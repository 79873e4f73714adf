"""Whether a reconstruction can be told from others, and which image a unit comes closest to.

References
----------
Bricken, Schaeffer, Olshausen & Kreiman 2023, ICML, Table 1 (validation accuracy).
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Count
from drift.errors import RefusedInputError
from drift.metrics.labels import described, require_dims

BLOCK = 4096  # images compared with all keys at a time


def _finite(array: xr.DataArray, name: str, *dims: str) -> xr.DataArray:
    if not bool(np.isfinite(require_dims(array, name, *dims)).all()):
        raise RefusedInputError(
            f"{name} must be finite, got NaN or infinity: leave out the samples that diverged "
            "or were not presented."
        )
    return array


def _identified(outputs: np.ndarray, images: np.ndarray) -> float:
    """Share of (batch, candidate, output) outputs whose nearest image of the same batch has their
    own number."""
    right = 0
    for mine, candidates in zip(outputs, images, strict=True):
        # (output, candidate), less what the candidates share
        distance = (candidates**2).sum(axis=1) - 2 * mine @ candidates.T
        right += int((distance.argmin(axis=1) == np.arange(len(mine))).sum())
    return right / (outputs.shape[0] * outputs.shape[1])


@opened
def reconstruction_accuracy(
    outputs: xr.DataArray, images: xr.DataArray, batch: Count = 1024
) -> xr.DataArray:
    """Share of the outputs whose nearest clean image (Euclidean) among the batch is their own.

    It depends on the number of candidates, hence on ``batch``. The baseline is that of the noisy
    inputs, passed as outputs.

    Parameters
    ----------
    outputs : xarray.DataArray
        (..., sample, output) reconstructions.
    images : xarray.DataArray
        (..., sample, output) clean images in the same order.
    batch : int
        Candidates; consecutive samples form a batch.

    Returns
    -------
    xarray.DataArray
        (...) between 0 and 1, 1 / batch by chance.

    Raises
    ------
    RefusedInputError
        If a dim is missing, a number is not finite, or the samples do not fill whole batches.
    """
    _finite(outputs, "outputs", "sample", "output")
    _finite(images, "images", "sample", "output")
    samples = outputs.sizes["sample"]
    if batch < 2 or samples % batch or images.sizes["sample"] != samples:
        raise RefusedInputError(
            f"samples must fill whole batches of at least 2, got {samples} outputs and "
            f"{images.sizes['sample']} images for batches of "
            f"{batch}: leave out the remainder or choose another batch."
        )

    def accuracy(mine: np.ndarray, clean: np.ndarray) -> float:
        size = (samples // batch, batch, mine.shape[1])
        return _identified(mine.reshape(size), clean.reshape(size))

    core = [["sample", "output"]] * 2
    shares = xr.apply_ufunc(
        accuracy, outputs.astype(float), images.astype(float), input_core_dims=core, vectorize=True
    )
    return described(shares, "reconstruction_accuracy", candidates=batch)


@opened
def nearest_image_cosine(input_weights: xr.DataArray, inputs: xr.DataArray) -> xr.DataArray:
    """Largest cosine of the key of each unit with an image: near 1 where a unit has stored that
    image.

    Parameters
    ----------
    input_weights : xarray.DataArray
        (..., unit, input) keys.
    inputs : xarray.DataArray
        (..., sample, input) training images.

    Returns
    -------
    xarray.DataArray
        (..., unit) between -1 and 1; NaN for a unit without key. Empty images are passed over.

    Raises
    ------
    RefusedInputError
        If a dim is missing or an image is not finite.
    """
    require_dims(input_weights, "input_weights", "unit", "input")
    _finite(inputs, "inputs", "sample", "input")

    def largest(keys: np.ndarray, samples: np.ndarray) -> np.ndarray:
        length = np.linalg.norm(samples, axis=1)
        images = samples[length > 0] / length[length > 0, np.newaxis]
        best = np.full(len(keys), -np.inf)
        for first in range(0, len(images), BLOCK):
            best = np.maximum(best, (keys @ images[first : first + BLOCK].T).max(axis=1))
        norm = np.linalg.norm(keys, axis=1)
        return np.divide(
            best, norm, out=np.full(len(keys), np.nan), where=(norm > 0) & (len(images) > 0)
        )

    core = [["unit", "input"], ["sample", "input"]]
    cosines = xr.apply_ufunc(
        largest,
        input_weights,
        inputs,
        input_core_dims=core,
        output_core_dims=[["unit"]],
        vectorize=True,
    )
    return cosines.rename("nearest_image_cosine").assign_attrs(
        units="1", long_name="largest cosine of a key with an image"
    )
