"""What the input weights of a unit look like as an image: oriented like a simple cell, round like a
retinal cell, or neither."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Count
from drift.errors import RefusedInputError
from drift.metrics.labels import require_dims
from drift.metrics.sparse_codes.field_fits import best_fits, centre_surround, gabor

GABOR = (
    "centre_x",
    "centre_y",
    "width",
    "length",
    "angle",
    "frequency",
    "phase",
    "amplitude",
    "offset",
)
CENTRE_SURROUND = (
    "centre_x",
    "centre_y",
    "width",
    "surround_ratio",
    "centre_amplitude",
    "surround_amplitude",
    "offset",
)
FIELD_CLASSES = ("gabor", "centre-surround", "other structured", "unstructured")
NOT_OBSERVED = "not observed"
STRUCTURED = 0.3  # lag-1 autocorrelation above which a field is fitted
FITTED = 0.6  # share of explained variance above which a fit names the class
ROUND_IF_WITHIN = 0.05  # what a Gabor, with two parameters more, must explain beyond a round field
NAMES = {"gabor": GABOR, "centre_surround": CENTRE_SURROUND}
FITS = {
    "gabor": (len(GABOR),),
    "gabor_r_squared": (),
    "centre_surround": (len(CENTRE_SURROUND),),
    "centre_surround_r_squared": (),
}
UNITS = {
    "gabor": "pixel; angle, phase in radian; frequency in cycles/pixel",
    "centre_surround": "pixel; ratio, amplitudes, offset in 1",
}


def field_images(input_weights: xr.DataArray, shape: tuple[int, int] | None = None) -> xr.DataArray:
    """Input weights of each unit as an image.

    Parameters
    ----------
    input_weights : xarray.DataArray
        (..., unit, input); inputs are pixels, row by row.
    shape : tuple of int, optional
        Height and width (pixels); a square by default.

    Returns
    -------
    xarray.DataArray
        (..., unit, row, column).

    Raises
    ------
    RefusedInputError
        If the inputs do not fill the shape, or weights are infinite, or NaN in a part of a unit's
        inputs.
    """
    require_dims(input_weights, "input_weights", "unit", "input")
    pixels = input_weights.sizes["input"]
    height, width = shape or (math.isqrt(pixels),) * 2
    if height * width != pixels or min(height, width) < 2:
        raise RefusedInputError(
            f"input_weights have {pixels} inputs, which do not fill an image of {height} x "
            f"{width} pixels: "
            "pass the shape (height, width), and average colours first."
        )
    absent = input_weights.isnull()
    if bool(np.isinf(input_weights).any()) or bool(
        (absent.any("input") & ~absent.all("input")).any()
    ):
        raise RefusedInputError(
            "input_weights must be finite, or NaN in all inputs of a unit that was not "
            "observed, got some that are neither: "
            "leave out the units that diverged."
        )
    ordered = (
        input_weights.astype(float)
        .transpose(..., "unit", "input")
        .drop_vars("input", errors="ignore")
    )
    return ordered.rename(input="pixel").coarsen(pixel=width).construct(pixel=("row", "column"))


def lag_autocorrelation(images: np.ndarray) -> np.ndarray:
    """Correlation of neighbouring pixels, [sum c(y, x) c(y, x+1) + sum c(y, x) c(y+1, x)] / (2 sum
    c^2) with c = w - mean w.

    Parameters
    ----------
    images : numpy.ndarray
        (..., row, column).

    Returns
    -------
    numpy.ndarray
        (...) about 0 for white noise, towards 1 for smooth images; 0 for an image without contrast,
        NaN for one of NaN.
    """
    centred = images - images.mean(axis=(-2, -1), keepdims=True)
    beside = (centred[..., :, :-1] * centred[..., :, 1:]).sum(axis=(-2, -1))
    below = (centred[..., :-1, :] * centred[..., 1:, :]).sum(axis=(-2, -1))
    power = (centred**2).sum(axis=(-2, -1))
    contrast = power > 1e-20 * (images**2).sum(axis=(-2, -1))
    return np.divide(
        beside + below, 2 * power, out=np.where(np.isnan(power), np.nan, 0.0), where=contrast
    )


def _energy(images: np.ndarray) -> np.ndarray:
    """Share of each pixel in the squared deviation from the median of (field, row, column); NaN
    without contrast."""
    squared = (images - np.median(images, axis=(1, 2), keepdims=True)) ** 2
    total = squared.sum(axis=(1, 2), keepdims=True)
    return np.divide(squared, total, out=np.full(images.shape, np.nan), where=total > 0)


def _largest(images: np.ndarray) -> np.ndarray:
    """Flat index of the largest pixel of each of (field, row, column)."""
    return images.reshape(len(images), math.prod(images.shape[1:])).argmax(axis=1)


def _centres(energy: np.ndarray) -> np.ndarray:
    """Centre of mass and peak of the energy, (field, start, 2) as x and y."""
    rows, columns = np.indices(energy.shape[1:])
    centroid = np.stack(
        [(energy * columns).sum(axis=(1, 2)), (energy * rows).sum(axis=(1, 2))], axis=1
    )
    peak_row, peak_column = np.unravel_index(_largest(energy), energy.shape[1:])
    return np.stack([centroid, np.stack([peak_column, peak_row], axis=1)], axis=1)


def _strongest_waves(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frequency (cycles/pixel, at least .05) and angle of the largest bin of the Fourier transform,
    (field,) each."""
    power = np.abs(np.fft.fft2(images - images.mean(axis=(1, 2), keepdims=True)))
    row, column = np.unravel_index(_largest(power), images.shape[1:])
    along_y, along_x = np.fft.fftfreq(images.shape[1])[row], np.fft.fftfreq(images.shape[2])[column]
    return np.maximum(np.hypot(along_y, along_x), 0.05), np.arctan2(along_y, along_x)


def _gabor_starts(images: np.ndarray, centres: np.ndarray) -> np.ndarray:
    frequency, angle = _strongest_waves(images)
    starts = np.empty((len(images), 2, 2, len(GABOR)))  # (field, centre, phase, parameter)
    starts[..., :2] = centres[:, :, np.newaxis]
    starts[..., 2:4] = 2.5
    starts[..., 4] = angle[:, np.newaxis, np.newaxis]
    starts[..., 5] = frequency[:, np.newaxis, np.newaxis]
    starts[..., 6] = [0.0, np.pi / 2]
    starts[..., 7:] = [1.0, 0.0]
    return starts.reshape(len(images), 4, len(GABOR))


def _centre_surround_starts(
    images: np.ndarray, energy: np.ndarray, centres: np.ndarray
) -> np.ndarray:
    peak = (np.arange(len(images)), *np.unravel_index(_largest(energy), images.shape[1:]))
    sign = np.sign(images[peak] - np.median(images, axis=(1, 2)))
    # (field, 1, parameter)
    shape = sign[:, np.newaxis, np.newaxis] * [0.0, 0.0, 1.0, 0.3, 0.0] + [1.2, 2.5, 0.0, 0.0, 0.0]
    return np.concatenate([centres, np.broadcast_to(shape, (len(images), 2, 5))], axis=2)


def _classes(autocorrelation: np.ndarray, oriented: np.ndarray, rounded: np.ndarray) -> np.ndarray:
    """Class of each field from its lag-1 autocorrelation and the R^2 of both fits; NaN
    autocorrelation means not observed."""
    structured = autocorrelation > STRUCTURED
    is_round = structured & (rounded > FITTED) & (rounded > oriented - ROUND_IF_WITHIN)
    conditions = [np.isnan(autocorrelation), ~structured, is_round, oriented > FITTED]
    return np.select(
        conditions, [NOT_OBSERVED, "unstructured", "centre-surround", "gabor"], "other structured"
    )


def _bounds(names: tuple[str, ...], shape: tuple[int, int]) -> np.ndarray:
    """Least and largest value of each parameter, (2, parameter); a centre may lie two pixels
    outside."""
    ranges = {
        "centre_x": (-2, shape[1] + 2),
        "centre_y": (-2, shape[0] + 2),
        "width": (0.6, 20.0) if names is GABOR else (0.4, 4.0),
        "length": (0.6, 20.0),
        "angle": (-7.0, 7.0),
        "phase": (-7.0, 7.0),
        "frequency": (0.0, 0.6),
        "surround_ratio": (1.1, 6.0),
        "offset": (-1.0, 1.0),
    }
    return np.array([ranges.get(name, (-5.0, 5.0)) for name in names], dtype=float).T


def _fits(images: np.ndarray, energy: np.ndarray) -> dict[str, np.ndarray]:
    """Best parameters and R^2 of both models for (field, row, column)."""
    scaled = images / np.abs(images).max(axis=(1, 2), keepdims=True)
    centres = _centres(energy)
    oriented = best_fits(
        gabor, _gabor_starts(scaled, centres), scaled, _bounds(GABOR, images.shape[1:])
    )
    starts = _centre_surround_starts(scaled, energy, centres)
    rounded = best_fits(centre_surround, starts, scaled, _bounds(CENTRE_SURROUND, images.shape[1:]))
    return dict(zip(FITS, (*oriented, *rounded), strict=True))


def _measured(images: np.ndarray) -> dict[str, np.ndarray]:
    """Everything that is known of (field, row, column)."""
    autocorrelation, energy = lag_autocorrelation(images), _energy(images)
    fitted = autocorrelation > STRUCTURED
    measures = {
        "autocorrelation": autocorrelation,
        "localisation": 1 / (energy**2).sum(axis=(1, 2)) / energy[0].size,
    }
    measures |= {
        name: np.full((len(images), *parameters), np.nan) for name, parameters in FITS.items()
    }
    if fitted.any():
        for name, values in _fits(images[fitted], energy[fitted]).items():
            measures[name][fitted] = values
    measures["field_class"] = _classes(
        autocorrelation, measures["gabor_r_squared"], measures["centre_surround_r_squared"]
    )
    return measures


@opened
def receptive_fields(
    input_weights: xr.DataArray, shape: tuple[int, int] | None = None
) -> xr.Dataset:
    """Class, best Gabor, best centre-surround field and localisation of the input weights of each
    unit.

    A field is structured if the correlation of neighbouring pixels exceeds .3; only then it is
    fitted, divided by its largest absolute weight, with a Gabor function a exp(-X^2 / 2 sx^2 - Y^2
    / 2 sy^2) cos(2 pi f X + ph) + o and with a difference of round Gaussians a exp(-r^2 / 2 s^2) -
    b exp(-r^2 / 2 (k s)^2) + o. It is centre-surround if that fit has R^2 > .6 and less than .05
    below the Gabor's, else Gabor if its R^2 > .6, else structured in another way. Localisation is
    the participation ratio 1 / sum e^2 of the energy e = (w - median)^2 / sum over the number of
    pixels: small for a local field, 1 for an even one.

    Parameters
    ----------
    input_weights : xarray.DataArray
        (..., unit, input); inputs are pixels, row by row. NaN throughout: not observed.
    shape : tuple of int, optional
        Height and width (pixels); a square by default.

    Returns
    -------
    xarray.Dataset
        (..., unit) ``autocorrelation``, ``structured`` (1 or 0), ``localisation``,
        ``gabor_r_squared``, ``centre_surround_r_squared``, the text coordinate ``field_class``, and
        the fits ``gabor`` (..., unit, gabor_parameter) and ``centre_surround`` (..., unit,
        centre_surround_parameter), NaN where not fitted.

    Raises
    ------
    RefusedInputError
        If the inputs do not fill the shape, or weights are infinite, or NaN in a part of a unit's
        inputs.

    References
    ----------
    Bricken, Schaeffer, Olshausen & Kreiman 2023, ICML, Figs 5 and 8 (receptive fields, shown
    without classes); Jones & Palmer 1987, J Neurophysiol 58:1233 (Gabor functions fitted to simple
    cells).
    """
    images = field_images(input_weights, shape)
    core, around = images.dims[-2:], images.dims[:-2]
    measures = _measured(images.values.reshape(-1, *(images.sizes[dim] for dim in core)))
    sizes = [images.sizes[dim] for dim in around]
    dims = {name: (*around, *[f"{name}_parameter"] * (name in NAMES)) for name in measures}
    variables = {
        name: (dims[name], values.reshape(*sizes, *values.shape[1:]))
        for name, values in measures.items()
    }
    fields = xr.Dataset(
        variables,
        coords={f"{name}_parameter": list(parameters) for name, parameters in NAMES.items()},
    )
    fields = fields.assign_coords(images.drop_vars(core, errors="ignore").coords).set_coords(
        "field_class"
    )
    fields["structured"] = (
        (fields["autocorrelation"] > STRUCTURED)
        .astype(float)
        .where(fields["autocorrelation"].notnull())
    )
    for name in fields.data_vars:
        fields[name].attrs["units"] = UNITS.get(str(name), "1")
    return fields


@opened
def sampled_units(
    input_weights: xr.DataArray, generator: np.random.Generator, units: Count = 120
) -> xr.DataArray:
    """Random units without repetition, in their order: enough for the statistics of receptive
    fields.

    Parameters
    ----------
    input_weights : xarray.DataArray
        (..., unit, input).
    generator : numpy.random.Generator
        Source of chance.
    units : int
        How many; all where there are not more.

    Returns
    -------
    xarray.DataArray
        (..., unit, input) with the numbers of the units as the coordinate ``unit``.

    Raises
    ------
    RefusedInputError
        If a dim is missing or fewer than one unit is asked for.
    """
    require_dims(input_weights, "input_weights", "unit", "input")
    if units < 1:
        raise RefusedInputError(
            f"units must be at least 1, got {units}: 120 give stable statistics."
        )
    present = input_weights.sizes["unit"]
    indices = np.sort(generator.choice(present, size=min(units, present), replace=False))
    numbered = (
        input_weights
        if "unit" in input_weights.coords
        else input_weights.assign_coords(unit=np.arange(present))
    )
    return numbered.isel(unit=indices)


@opened
def receptive_field_fractions(fields: xr.Dataset) -> xr.DataArray:
    """Share of each class among the observed units, and of all structured fields together.

    Parameters
    ----------
    fields : xarray.Dataset
        What ``receptive_fields`` returns.

    Returns
    -------
    xarray.DataArray
        (..., class) with the classes gabor, centre-surround, other structured, unstructured, and
        structured; NaN without a unit.

    Raises
    ------
    RefusedInputError
        If the Dataset has no classes.
    """
    if "field_class" not in fields.coords:
        raise RefusedInputError(
            f"the coordinate field_class is missing, got {list(fields.coords)}: pass what "
            "receptive_fields returns."
        )
    observed = fields["field_class"] != NOT_OBSERVED
    classes = xr.DataArray(list(FIELD_CLASSES), dims="class", coords={"class": list(FIELD_CLASSES)})
    shares = (fields["field_class"] == classes).where(observed).mean("unit")
    structured = (
        fields["structured"]
        .where(observed)
        .mean("unit")
        .expand_dims({"class": ["structured"]}, axis=-1)
    )
    shares = xr.concat(
        [shares.reset_coords(drop=True), structured.reset_coords(drop=True)], dim="class"
    )
    return shares.rename("receptive_field_fractions").assign_attrs(
        units="1", long_name="share of the observed units"
    )
