"""How the loops of the fused engine are compiled: without the interpreter's lock, kept on disk, sums in any fixed order."""

from __future__ import annotations

from typing import Any

from numba import njit
from numba.extending import intrinsic

_OPTIONS: Any = {"nogil": True, "cache": True, "error_model": "numpy", "fastmath": {"contract", "reassoc", "nsz", "arcp"}}
compiled: Any = njit(**_OPTIONS)
inlined: Any = njit(forceinline=True, **_OPTIONS)
primitive: Any = intrinsic
