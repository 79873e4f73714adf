"""How the loops of the fused engine are compiled: without the interpreter's lock, kept on disk,
sums in any fixed order.

What has been compiled is kept under a name that contains a hash of all files that may be inlined
into it, so that after a change of any of them nothing old is found. Where no folder can be written
to, every process compiles anew.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit
from numba.core.caching import FunctionCache, NullCache
from numba.extending import intrinsic

_OPTIONS: Any = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"contract", "reassoc", "nsz", "arcp"},
}
NO_FOLDER = "; nothing of it can be kept: set NUMBA_CACHE_DIR to a folder that can be written to"


class _Kept(FunctionCache):
    """Numba's cache of a function, named by the code of the function and of all that it may
    contain."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        whole = self._cache_file
        base = f"{self._impl.filename_base}.{inlined_code(Path(inspect.getfile(function)).parent)}"
        self._cache_file = type(whole)(self._cache_path, base, whole._source_stamp)

    def load_overload(self, *asked: Any) -> Any:
        """Return what has been kept, or nothing where that is damaged."""
        try:
            return super().load_overload(*asked)
        except Exception:  # a damaged file makes pickle raise nearly anything
            return None

    def save_overload(self, *compiled: Any) -> None:
        """Keep what has been compiled, if there is room; a damaged index is begun anew."""
        try:
            super().save_overload(*compiled)
        except OSError:
            return
        except Exception:
            Path(self._cache_file._index_path).unlink(missing_ok=True)


@functools.cache
def inlined_code(folder: Path) -> str:
    """Return a hash of all modules of this package and of another folder.

    Parameters
    ----------
    folder : Path
        Of the function that is compiled.
    """
    content = hashlib.sha256()
    for path in sorted({*Path(__file__).parent.glob("*.py"), *folder.glob("*.py")}):
        content.update(path.name.encode() + path.read_bytes())
    return content.hexdigest()[:16]


def _keeping(compile_lazily: Callable[..., Any]) -> Callable[..., Any]:
    def decorated(function: Callable[..., Any]) -> Any:
        kernel = compile_lazily(function)
        try:
            kernel._cache = _Kept(function)
        except (RuntimeError, OSError):  # numba finds no folder that it may write to
            kernel._cache = NullCache()
        return kernel

    return decorated


def is_kept(kernel: Any) -> bool:
    """Tell whether something of a function was compiled before and is found on disk."""
    stored = getattr(getattr(kernel, "_cache", None), "_cache_file", None)
    return stored is not None and Path(stored._index_path).exists()


def can_be_kept(kernel: Any) -> bool:
    """Tell whether there is a folder for what is compiled."""
    return not isinstance(getattr(kernel, "_cache", None), NullCache)


compiled: Any = _keeping(njit(**_OPTIONS))
# For sums and quotients of single numbers: without these two flags they are the same wherever the
# function is called from, and whether it was compiled just now or is read from disk.
ordered: Any = _keeping(
    njit(**(_OPTIONS | {"fastmath": _OPTIONS["fastmath"] - {"reassoc", "arcp"}}))
)
inlined: Any = _keeping(njit(forceinline=True, **_OPTIONS))
# Products and sums in one operation, where the processor has it, and no other liberty.
contracted: Any = _keeping(njit(nogil=True, error_model="numpy", fastmath={"contract"}))
# Every operation as it is written, for loops that are held against others digit by digit.
exact: Any = _keeping(njit(nogil=True, error_model="numpy"))
primitive: Any = intrinsic
