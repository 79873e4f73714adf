"""Numbers over pairs of sessions, filled in pair by pair."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from drift.metrics.stability.correlations import pair_coordinates

PAIRS = ("subject", "session", "session_other")


class Table:
    """Numbers over pairs of sessions that are filled in pair by pair, NaN elsewhere.

    Parameters
    ----------
    dataset : xarray.Dataset
        Whose subjects and sessions these are.
    variables : mapping
        Dims of each variable after those of pairs of sessions.
    **inner : tuple of str
        Labels of these dims.
    """

    def __init__(
        self,
        dataset: xr.Dataset,
        variables: Mapping[str, tuple[str, ...]],
        **inner: tuple[str, ...],
    ) -> None:
        subjects, sessions = (dataset.sizes[dim] for dim in PAIRS[:2])
        self.dims, self.inner = dict(variables), inner
        self.pairs: list[tuple[int, int, int]] = []
        self.values = {
            name: np.full(
                (subjects, sessions, sessions, *(len(inner[dim]) for dim in dims)), np.nan
            )
            for name, dims in variables.items()
        }
        self.coords = pair_coordinates(dataset, *PAIRS[:2])

    @property
    def filled(self) -> bool:
        """Whether there are numbers of any pair."""
        return bool(self.pairs)

    def fill(self, at: tuple[int, int, int], **numbers: object) -> None:
        """Write numbers of one pair."""
        self.pairs.append(at)
        for name, number in numbers.items():
            self.values[name][at] = number

    def mirror(self) -> None:
        """Write what was measured from the earlier to the later session for both orders."""
        for subject, first, second in self.pairs:
            for values in self.values.values():
                values[subject, second, first] = values[subject, first, second]

    def dataset(self, long_names: Mapping[str, str]) -> xr.Dataset:
        """The labelled result; all of it has no unit."""
        variables = {
            name: (
                (*PAIRS, *self.dims[name]),
                values,
                {"units": "1", "long_name": long_names.get(name, name.replace("_", " "))},
            )
            for name, values in self.values.items()
        }
        labels = {dim: list(names) for dim, names in self.inner.items()}
        return xr.Dataset(variables, coords={**self.coords, **labels})
