"""Curvature as a session records it: each function takes a snapshot of many subjects and returns
one number or spectrum a subject."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from drift.theory.landscape import spectrum as curvature_spectrum
from drift.theory.landscape.curvature import Point, hessian_spectrum, network_point

if TYPE_CHECKING:
    from drift.training.probes.snapshot import Snapshot


def points(seen: Snapshot) -> list[Point]:
    """Where each subject stands on the landscape of its noise-free task.

    Parameters
    ----------
    seen : drift.training.probes.snapshot.Snapshot

    Returns
    -------
    list of drift.theory.landscape.Point
    """
    blocks = zip(seen.subjects, *seen.network.parameters(seen.weights), strict=True)
    return [
        network_point(subject.inputs, subject.targets, inward, outward)
        for subject, inward, outward in blocks
    ]


def largest_eigenvalue(seen: Snapshot) -> xr.DataArray:
    """Largest eigenvalue of the exact Hessian, by Lanczos iteration; noise drives it to the edge of
    stability, 2 / learning rate."""
    return xr.DataArray(
        [float(curvature_spectrum.largest_eigenvalues(point)[-1]) for point in points(seen)],
        dims="subject",
    )


def fraction_positive_eigenvalues(seen: Snapshot) -> xr.DataArray:
    """Eigenvalues of the exact Hessian above zero over all weights, as published; about half the
    fraction of active units."""
    spectra = [hessian_spectrum(point) for point in points(seen)]
    return xr.DataArray(
        [curvature_spectrum.fraction_positive_eigenvalues(spectrum) for spectrum in spectra],
        dims="subject",
    )


def gauss_newton_spectrum(seen: Snapshot) -> xr.DataArray:
    """Eigenvalues of the Gauss-Newton part of the Hessian, ascending."""
    return xr.DataArray(_gauss_newton(seen), dims=("subject", "eigenvalue"))


def gauss_newton_rank(seen: Snapshot) -> xr.DataArray:
    """Rank of the Gauss-Newton part of the Hessian, relative tolerance 1e-8."""
    return xr.DataArray(curvature_spectrum.rank(_gauss_newton(seen)).astype(float), dims="subject")


def gauss_newton_log_determinant(seen: Snapshot) -> xr.DataArray:
    """Sum of ln lambda over the rank of the Gauss-Newton part of the Hessian, the regulariser of
    update noise."""
    return xr.DataArray(
        curvature_spectrum.log_pseudo_determinant(_gauss_newton(seen)), dims="subject"
    )


def _gauss_newton(seen: Snapshot) -> np.ndarray:
    return np.array([curvature_spectrum.gauss_newton_spectrum(point) for point in points(seen)])
