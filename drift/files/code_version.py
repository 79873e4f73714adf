"""Which code a number comes from: a hash of the modules that decide the numbers of a run."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

# The modules that decide the numbers of a run, folders with all that is in them; a change in any
# other keeps the files of earlier sweeps.
DECISIVE = (
    "experiment.py",
    "learners",
    "loops",
    "metrics",
    "networks",
    "noise.py",
    "protocol.py",
    "recipe.py",
    "schema",
    "streams.py",
    "tasks",
    "texts.py",
    "theory/input_noise",
    "theory/kernels/integrals.py",
    "theory/kernels/normal_pairs.py",
    "theory/landscape",
    "training",
)
HERE = Path(__file__).parents[1]


def decisive_files(root: Path = HERE) -> Iterator[Path]:
    """Yield the files that decide the numbers of a run, in the order in which they are hashed.

    Parameters
    ----------
    root : Path
        Folder of the package.
    """
    for name in DECISIVE:
        yield from [root / name] if name.endswith(".py") else sorted((root / name).rglob("*.py"))


def code_version(root: Path = HERE) -> str:
    """Return a hash of the modules that decide the numbers of a run.

    Parameters
    ----------
    root : Path
        Folder of the package.
    """
    content = hashlib.sha256()
    for path in decisive_files(root):
        content.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return content.hexdigest()[:16]


@functools.cache
def imported_code() -> str:
    """Return that of this process: what is imported does not change when its files do."""
    return code_version()
