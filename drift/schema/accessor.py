"""Every Dataset gets its entry ``dataset.drift``; what it offers lies on the roof and is loaded
when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import xarray as xr

ROOF = "drift.notebook.accessor"  # by name: the ground imports nothing from above


@xr.register_dataset_accessor("drift")
def entry(dataset: xr.Dataset) -> Any:
    """Return what ``dataset.drift`` offers."""
    return import_module(ROOF).Accessor(dataset)
