"""How the loops of the fused engine are compiled: without the interpreter's lock, kept on disk, sums in any fixed order."""

from __future__ import annotations

from typing import Any

from numba import njit
from numba.extending import intrinsic

_OPTIONS: Any = {"nogil": True, "cache": True, "error_model": "numpy", "fastmath": {"contract", "reassoc", "nsz", "arcp"}}
# What has been compiled is found again by the date of the file that calls the loops: after a change to normals.py, products.py or
# vectors.py, touch fused_kernels.py too.
compiled: Any = njit(**_OPTIONS)
inlined: Any = njit(forceinline=True, **_OPTIONS)
primitive: Any = intrinsic
