"""All figures of geometry of every two sessions: naive, of a code at rest, cross-validated, and their
nulls."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.metrics.geometry.alignment import drift_alignment
from drift.metrics.geometry.coordination import drift_coordination
from drift.metrics.geometry.dimension import drift_dimension
from drift.metrics.geometry.dissimilarity import representational_stability
from drift.metrics.geometry.transformations import drift_transformations
from drift.metrics.geometry.vectors import KINDS, Array

CROSSED = KINDS[-1]
TITLES = {
    "noise": "alignment with noise",
    "components": "share in the leading components of noise",
    "coding": "alignment with the code",
    "dimension": "dimension",
    "translation": "share of a translation",
    "rotation": "share of a rotation",
    "linear": "share of a linear map",
    "stability": "stability of similarities",
    "coordination": "coordination over days",
}


class Figure(NamedTuple):
    """One figure of all pairs of sessions.

    Attributes
    ----------
    values : numpy.ndarray
        (subject, session, session_other, kind) of the pairs that are compared; of coordination
        (subject, 1, 1, kind).
    null, spread : numpy.ndarray
        Mean and standard deviation of the null of the cross-validated values, as these without
        kind.
    """

    values: Array
    null: Array
    spread: Array


class Options(NamedTuple):
    """What figures are measured with; ``null`` is how many draws the nulls have."""

    noise: xr.DataArray | None
    p_values: xr.DataArray | None
    keep: xr.DataArray | None
    null: int
    seed: int

    @property
    def shared(self) -> dict:
        """Of all measures of drift vectors."""
        return {"keep": self.keep, "p_values": self.p_values, "seed": self.seed}


def geometry_figures(
    dataset: xr.Dataset, options: Options
) -> tuple[dict[str, Figure], dict[str, str]]:
    """Figures by their names, and why others are absent.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate_half``, or of a network whose rates hold no noise.
    options : Options
    """
    figures: dict[str, Figure] = {}
    reasons: dict[str, str] = {}
    for names, measure in _MEASURES.items():
        try:
            measured = measure(dataset, options)
        except RefusedInputError as refusal:
            reasons |= dict.fromkeys(names, str(refusal))
            continue
        figures |= dict(zip(names, measured, strict=True))
    return figures, reasons


def _aligned(dataset: xr.Dataset, options: Options, of: str) -> tuple[Figure]:
    noise = {} if of == "coding" else {"noise": options.noise}
    result = drift_alignment(dataset, of, shuffles=options.null, **noise, **options.shared)
    null, spread = (result[name].sel(kind=CROSSED) for name in ("shuffled", "shuffled_deviation"))
    return (_figure(result["alignment"], null, spread, twice=of == "coding"),)


def _dimensions(dataset: xr.Dataset, options: Options) -> tuple[Figure]:
    result = drift_dimension(dataset, shuffles=options.null, **options.shared)
    return (_figure(result["dimension"], result["shuffled"], result["shuffled_deviation"]),)


def _shares(dataset: xr.Dataset, options: Options) -> tuple[Figure, ...]:
    result = drift_transformations(dataset, surrogates=options.null, **options.shared)
    nulls = result[["surrogate_share", "surrogate_deviation"]].sel(kind=CROSSED)
    figures = []
    for name in ("translation", "rotation", "linear"):
        null, spread = (nulls[own].sel(transformation=name) for own in nulls)
        figures.append(_figure(result["share"].sel(transformation=name), null, spread))
    return tuple(figures)


def _similarities(dataset: xr.Dataset, options: Options) -> tuple[Figure]:
    result = representational_stability(dataset, keep=options.keep)
    nothing = xr.full_like(result["reliability"], np.nan)
    return (_figure(result["stability"], nothing, nothing),)


def _coordinated(dataset: xr.Dataset, options: Options) -> tuple[Figure]:
    result = drift_coordination(dataset, shuffles=options.null, **options.shared)
    names = ("coordination", "shuffled", "shuffled_deviation")
    values, null, spread = (
        result[name].transpose("subject", "kind").values[:, np.newaxis, np.newaxis]
        for name in names
    )
    return (Figure(values, null[..., -1], spread[..., -1]),)


_MEASURES: dict[tuple[str, ...], Callable[[xr.Dataset, Options], tuple[Figure, ...]]] = {
    ("noise",): partial(_aligned, of="noise"),
    ("components",): partial(_aligned, of="components"),
    ("coding",): partial(_aligned, of="coding"),
    ("dimension",): _dimensions,
    ("translation", "rotation", "linear"): _shares,
    ("stability",): _similarities,
    ("coordination",): _coordinated,
}


def _figure(
    values: xr.DataArray, null: xr.DataArray, spread: xr.DataArray, twice: bool = False
) -> Figure:
    """Each pair once, unless the order of its sessions makes a difference."""
    pair = ("subject", "session", "session_other")
    once = np.triu(np.ones((values.sizes["session"],) * 2, dtype=bool), k=1)
    counted = once | once.T if twice else once
    bare = values.transpose(*pair, "kind").values
    return Figure(
        np.where(counted[..., np.newaxis], bare, np.nan),
        *(np.where(counted, array.transpose(*pair).values, np.nan) for array in (null, spread)),
    )
