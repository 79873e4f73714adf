"""Which code a number comes from: a hash of the modules that decide the numbers of a run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

# The modules that decide the numbers of a run, folders with all that is in them; a change in any other keeps the files of earlier sweeps.
DECISIVE = (
    "denoising_probes.py", "denoising_snapshot.py", "engines", "experiment.py", "learners", "metrics", "networks", "noise.py", "probes.py",
    "recipe.py", "records.py", "schema.py", "streams.py", "tasks", "texts.py", "theory/bivariate_normal.py", "theory/curvature_spectrum.py",
    "theory/implicit_loss.py", "theory/kernel_forms.py", "theory/landscape.py", "theory/landscape_probe.py", "theory/network_weights.py",
    "theory/output_objectives.py", "theory/rectified_normal.py", "training.py",
)  # fmt: skip
HERE = Path(__file__).parent


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
