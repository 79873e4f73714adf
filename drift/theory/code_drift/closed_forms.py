"""How fast the code of a Top-K layer drifts when its weights do: closed forms for wide layers with
random weights.

A layer of rectified units in which a fraction f is active at every place passes on only the
correlation c of two preactivation patterns: kappa(c), mu, k1 and L(c) are those of
``drift.theory.kernels``. Weights that keep an autocorrelation r multiply the correlation c0 of two
inputs by r, so that everything known of similarity between places tells of similarity between days.
Numbers, arrays and labelled arrays are taken alike, broadcast, and returned as the same kind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Alike, Count, Numbers, Share
from drift.errors import RefusedInputError
from drift.theory.kernels.checks import (
    between,
    checked_autocorrelation,
    checked_input_correlation,
    checked_number,
    counted,
    position_matrix,
)
from drift.theory.kernels.depth import correlation_map
from drift.theory.kernels.one_layer import joint_activation, kappa, mean_square_activity

WeightLaw = Literal["ornstein_uhlenbeck", "free_diffusion", "turnover", "multiplicative", "jump"]
"""How weights wander."""
LAWS = get_args(WeightLaw)


class PopulationVectorSimilarity(NamedTuple):
    """Similarity of two population vectors, of the kind of the input."""

    cosine: Any
    pearson: Any


@opened
def alike(function: Callable[..., Any], *values: Numbers) -> Any:
    """Result of a function of arrays for numbers, arrays and labelled arrays, which are broadcast
    by name.

    Parameters
    ----------
    function : callable
        Of as many arrays as there are values.
    *values : float or array

    Returns
    -------
    float or array
        Labelled where a value is, else a number or an array.

    Raises
    ------
    RefusedInputError
        If an array without names has more axes than the labelled ones have dims.
    """
    dims = len({dim for value in values if isinstance(value, xr.DataArray) for dim in value.dims})
    plain = [np.shape(value) for value in values if not isinstance(value, xr.DataArray)]
    if len(plain) < len(values) and any(len(shape) > dims for shape in plain):
        raise RefusedInputError(
            "values beside labelled ones must be numbers or labelled, got shape "
            f"{max(plain, key=len)}: name the dims by xarray.DataArray."
        )
    result = xr.apply_ufunc(
        lambda *arrays: np.asarray(function(*arrays)),
        *(
            value if isinstance(value, xr.DataArray) else np.asarray(value, float)
            for value in values
        ),
    )
    return result if isinstance(result, xr.DataArray) else result[()]


@opened
def weight_autocorrelation(
    elapsed: Alike,
    lifetime: float,
    law: WeightLaw = "ornstein_uhlenbeck",
) -> Any:
    """Correlation of drifting weights with themselves some time later.

    Ornstein-Uhlenbeck: r(t) = exp(-t / T), T the time constant. The same holds for turnover of
    binary weights, multiplicative noise and jumps; in turnover and jumps 1 / T is the rate at which
    a weight, or all weights of a unit, are drawn anew, and r(t) the chance that they have not been.
    Free diffusion from day 0: r(t) = 1 / sqrt(1 + t / T), T = s_w^2 / s_n^2 the time in which noise
    adds the variance that the weights have on day 0 (s_n^2 is added per unit of time); Top-K
    ignores that their norm grows.

    Parameters
    ----------
    elapsed : float or array
        t, not negative, in any unit of time.
    lifetime : float
        T, above 0, in the same unit.
    law : {"ornstein_uhlenbeck", "free_diffusion", "turnover", "multiplicative", "jump"}
        How the weights wander.

    Returns
    -------
    float or array
        r, between 0 and 1.

    Raises
    ------
    RefusedInputError
        If time or lifetime is out of range, or the law is unknown.

    References
    ----------
    Derived here; its sampled twin is in ``drift.theory.code_drift.sampled``.
    """
    if law not in LAWS:
        raise RefusedInputError(
            f"law must be one of {', '.join(LAWS)}, got {law!r}: say how the weights wander."
        )
    lifetime = checked_number("lifetime", lifetime)
    if not lifetime > 0:
        raise RefusedInputError(
            f"lifetime must be above 0, got {lifetime}: give the time constant of the weights."
        )
    between("elapsed", elapsed, 0, np.inf, "give the time between two sessions")
    if law == "free_diffusion":
        return alike(lambda t: 1 / np.sqrt(1 + t / lifetime), elapsed)
    return alike(lambda t: np.exp(-t / lifetime), elapsed)


@opened
def population_vector_similarity(
    input_correlation: Alike,
    active_fraction: Alike,
    autocorrelation: Alike = 1.0,
    pooling: Alike = 0.0,
) -> PopulationVectorSimilarity:
    """Cosine and Pearson correlation of the population vectors of two places on two days.

    cosine = (kappa(r c0) + m mu^2) / (k1 + m mu^2), Pearson = (kappa(r c0) - mu^2) / (k1 - mu^2).
    Pooling the activity of neighbours adds a constant to both vectors, to which the Pearson
    correlation is blind.

    Parameters
    ----------
    input_correlation : float or array
        c0, correlation of the inputs (of the preactivations of one day) at the two places; 1 for
        the same place.
    active_fraction : float or array
        f, fraction of units active at a place.
    autocorrelation : float or array
        r, of the weights between the two days; 1 for the same day.
    pooling : float or array
        m, correlation of the weights that read the layer; 0 for the activity itself.

    Returns
    -------
    PopulationVectorSimilarity
        ``cosine`` and ``pearson``.

    Raises
    ------
    RefusedInputError
        If a correlation is out of range.

    References
    ----------
    Derived here; its sampled twin is in ``drift.theory.code_drift.sampled``.
    """
    correlation = checked_input_correlation(input_correlation) * checked_autocorrelation(
        autocorrelation
    )
    return PopulationVectorSimilarity(
        alike(
            lambda c, f, m: correlation_map(np.clip(c, -1, 1), f, m),
            correlation,
            active_fraction,
            pooling,
        ),
        alike(
            lambda c, f: correlation_map(np.clip(c, -1, 1), f, -1.0), correlation, active_fraction
        ),
    )


@opened
def active_set_overlap(
    input_correlation: Alike, active_fraction: Alike, autocorrelation: Alike = 1.0
) -> Any:
    """Fraction of the units active at one place and day that are active at another place and day,
    L(r c0) / f.

    It falls like a square root: 1 - overlap ~ g(tau) sqrt(2 (1 - r)) / (f sqrt(2 pi)), so that
    membership turns over before similarity does.

    Parameters
    ----------
    input_correlation, active_fraction, autocorrelation : float or array
        c0, f and r as in ``population_vector_similarity``.

    Returns
    -------
    float or array
        From 1 down to f for unrelated patterns.

    Raises
    ------
    RefusedInputError
        If a correlation is out of range.

    References
    ----------
    Derived here; its sampled twin is in ``drift.theory.code_drift.sampled``.
    """
    correlation = checked_input_correlation(input_correlation) * checked_autocorrelation(
        autocorrelation
    )
    return alike(
        lambda c, f: joint_activation(np.clip(c, -1, 1), f) / f, correlation, active_fraction
    )


@opened
def pooled_rate_map_correlation(
    position_correlation: Numbers,
    active_fraction: Share,
    autocorrelation: Alike,
    amplitude: Numbers | None = None,
) -> Any:
    """Correlation of all rate maps of two days, over units and places together, each map less its
    own mean over places.

    rho = [mean_s a_s^2 kappa(r c0(s, s)) - mean_ss' a_s a_s' kappa(r c0(s, s'))] / [the same with r
    = 1]. On a ring it is [kappa(r) - <kappa(r c0(D))>] / [k1 - <kappa(c0(D))>] with the mean over
    displacements D. Means over units of the correlation of each unit differ from it, as they select
    units that are active on both days.

    Parameters
    ----------
    position_correlation : array
        (place, place_other) c0 between all places of the corridor, 1 on the diagonal.
    active_fraction : float
        f, fraction of units active at a place.
    autocorrelation : float or array
        r of the weights between the two days.
    amplitude : array, optional
        (place) a_s, standard deviation of the preactivations over units, where it depends on the
        place; any common factor.

    Returns
    -------
    float or array
        Of the shape and kind of ``autocorrelation``.

    Raises
    ------
    RefusedInputError
        If a correlation is out of range, the matrix is not square, or all places are alike.

    References
    ----------
    Derived here; its sampled twin is in ``drift.theory.code_drift.sampled``.
    """
    matrix = position_matrix(position_correlation)
    weight = np.ones(len(matrix)) if amplitude is None else np.asarray(amplitude, dtype=float)
    if weight.shape != matrix.shape[:1]:
        raise RefusedInputError(
            f"amplitude must have one number for each of {len(matrix)} places, got shape "
            f"{weight.shape}: give it by place."
        )
    whole = _map_covariance(matrix, float(active_fraction), weight, 1.0)
    if not whole > 1e-12:
        raise RefusedInputError(
            "all places have the same input, so rate maps are flat and have no correlation: "
            "give a corridor with cues."
        )
    covariance = np.vectorize(lambda r: _map_covariance(matrix, float(active_fraction), weight, r))
    return alike(lambda r: covariance(r) / whole, checked_autocorrelation(autocorrelation))


def _map_covariance(
    matrix: np.ndarray, active_fraction: float, weight: np.ndarray, autocorrelation: float
) -> float:
    kernel = np.asarray(kappa(autocorrelation * matrix, active_fraction)) * np.outer(weight, weight)
    return float(kernel.diagonal().mean() - kernel.mean())


@opened
def code_similarity(
    position_correlation: Numbers,
    active_fraction: Share,
    autocorrelation: Alike,
    pooling: float = 0.0,
    amplitude: Numbers | None = None,
) -> xr.Dataset:
    """All that a Top-K layer tells of its drift: four similarities of the codes of two days, at
    equal places.

    Parameters
    ----------
    position_correlation : array
        (place, place_other) c0 between all places of the corridor.
    active_fraction : float
        f, fraction of units active at a place.
    autocorrelation : float or xarray.DataArray
        r of the weights between the two days.
    pooling : float
        m, of the weights that read the layer; 0 for the activity itself.
    amplitude : array, optional
        (place) as in ``pooled_rate_map_correlation``.

    Returns
    -------
    xarray.Dataset
        ``population_vector_cosine``, ``population_vector_pearson``, ``active_set_overlap`` and
        ``pooled_rate_map_correlation``, with the dims of ``autocorrelation``.

    Raises
    ------
    RefusedInputError
        As its parts.

    References
    ----------
    Derived here; its sampled twin is in ``drift.theory.code_drift.sampled``.
    """
    lags = (
        autocorrelation
        if isinstance(autocorrelation, xr.DataArray)
        else xr.DataArray(autocorrelation)
    )
    vectors = population_vector_similarity(1.0, active_fraction, lags, pooling)
    similarities = {
        "population_vector_cosine": vectors.cosine,
        "population_vector_pearson": vectors.pearson,
        "active_set_overlap": active_set_overlap(1.0, active_fraction, lags),
        "pooled_rate_map_correlation": pooled_rate_map_correlation(
            position_correlation, active_fraction, lags, amplitude
        ),
    }
    return xr.Dataset(
        {name: values.assign_attrs(units="1") for name, values in similarities.items()}
    )


@opened
def deep_drift(
    autocorrelation: Alike,
    active_fraction: Alike,
    pooling: Alike = 0.0,
    hidden_layers: Count = 1,
    input_correlation: Alike = 1.0,
) -> xr.DataArray:
    """Similarity of the activity of every layer between two days when the weights of all layers
    drift.

    c_l = [kappa(r_l c_{l-1}) + m mu^2] / [k1 + m mu^2], c_0 the correlation of the inputs. A small
    loss 1 - r per layer is amplified chi = f / (k1 + m mu^2) times by each layer: sparser codes
    drift faster, and pooling by m* = tau / mu cancels it.

    Parameters
    ----------
    autocorrelation, active_fraction, pooling : float or xarray.DataArray
        r, f and m; what differs between layers has the dim ``layer``.
    hidden_layers : int
        Number of layers.
    input_correlation : float or xarray.DataArray
        c_0; 1 for the same place.

    Returns
    -------
    xarray.DataArray
        (layer, ...) cosine of the activity, pooled as the next layer reads it; ``layer`` counts
        from 1.

    Raises
    ------
    RefusedInputError
        If a correlation is out of range, there is no layer, or an array has no names.

    References
    ----------
    Derived here; its sampled twin is in ``drift.theory.code_drift.sampled``.
    """
    hidden_layers = counted("hidden_layers", hidden_layers)
    layers = np.arange(1, hidden_layers + 1)
    similarity, result = xr.DataArray(checked_input_correlation(input_correlation)), []
    parameters = [checked_autocorrelation(autocorrelation), active_fraction, pooling]
    if any(
        np.ndim(parameter) and not isinstance(parameter, xr.DataArray) for parameter in parameters
    ):
        raise RefusedInputError(
            "values of several layers must be labelled, got plain arrays: pass "
            "xarray.DataArray(values, dims='layer')."
        )
    for layer in range(hidden_layers):
        layer_autocorrelation, layer_fraction, layer_pooling = (
            parameter.isel(layer=layer, drop=True)
            if "layer" in getattr(parameter, "dims", ())
            else parameter
            for parameter in parameters
        )
        similarity = population_vector_similarity(
            similarity, layer_fraction, layer_autocorrelation, layer_pooling
        ).cosine
        result.append(similarity)
    return (
        xr.concat(result, dim=xr.DataArray(layers, dims="layer", name="layer"))
        .rename("activity_similarity")
        .assign_attrs(units="1")
    )


@opened
def effective_correlation(cosine: Alike, active_fraction: Alike) -> Any:
    """Correlation of the preactivations behind a cosine of population vectors: the inverse of
    kappa(c) / k1.

    Parameters
    ----------
    cosine : float or array
        Of two population vectors, between 0 and 1.
    active_fraction : float
        f, fraction of units active at a place.

    Returns
    -------
    float or array
        c in [-1, 1]; cosines beyond those of c = -1 and c = 1 are taken as these.

    References
    ----------
    Derived here; sampled layers are its test.
    """
    # kappa bends like (1 - c)^{3/2} at c = 1, smoothly in the angle
    angle = np.linspace(np.pi, 0, 2001)
    curve = np.asarray(kappa(np.cos(angle), active_fraction)) / np.asarray(
        mean_square_activity(active_fraction)
    )
    return alike(lambda s: np.cos(np.interp(s, curve, angle)), cosine)
