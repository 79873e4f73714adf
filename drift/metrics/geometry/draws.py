"""Streams of chance for the nulls of geometry."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.metrics.geometry.tables import PAIRS
from drift.streams import child_of, stream


def own_stream(dataset: xr.Dataset, at: tuple[int, ...], seed: int) -> np.random.Generator:
    """A stream of "shuffle" for a subject, or for two of its sessions, by their labels: draws of
    different subjects are independent, and company changes none.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset.
    at : tuple of int
        Positions of the subject and, of a pair, of both sessions.
    seed : int
    """
    dims = (PAIRS[0], PAIRS[1], PAIRS[1])[: len(at)]
    labels = [
        str(dataset[dim].values[number] if dim in dataset.coords else number)
        for dim, number in zip(dims, at, strict=True)
    ]
    return stream(seed, "shuffle", child_of("\n".join(labels)))
