"""What ``repdrift doctor`` looks at: one function a check, each by itself, so that one that breaks
does not hide the others."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

GOOD, NOTE, FAULT = "ok", "note", "FAULT"
OURS = ("drift", "circuits", "data_adapters")
EXTRAS = {
    "images": ("skimage", "sklearn"),
    "cluster": ("dask", "distributed", "dask_jobqueue"),
    "nwb": ("pynwb", "pynapple"),
    "files": ("zarr",),
    "motion": ("ratinabox",),
    "notebook": ("jupyterlab", "ipywidgets", "hvplot", "jupytext"),
    "posterior": ("sbi",),
}


class Finding(NamedTuple):
    """One line of the report: a verdict, on what, and why."""

    verdict: str
    subject: str
    text: str


class Check(NamedTuple):
    """A function that finds something, and whether it takes more than a moment."""

    find: Callable[[], Iterable[Finding]]
    slow: bool = False


def findings(check: Check) -> list[Finding]:
    """Return what a check finds; one that breaks is a finding too.

    Parameters
    ----------
    check : Check

    Returns
    -------
    list of Finding
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return list(check.find())
    except Exception as error:  # a broken installation may raise anything
        reason = " ".join(str(error).split())[:200]
        return [
            Finding(
                FAULT,
                check.find.__name__.strip("_").replace("_", " "),
                f"{type(error).__name__}: {reason}; reinstall repdrift.",
            )
        ]


def python_version() -> Iterator[Finding]:
    """Python 3.11 or later."""
    good = sys.version_info >= (3, 11)
    text = (
        f"{platform.python_version()} on {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores"
    )
    yield Finding(
        GOOD if good else FAULT,
        "Python",
        text if good else f"{text}; repdrift needs 3.11 or later.",
    )


def required_versions() -> Iterator[Finding]:
    """Every required package is there, in a version that is known to work."""
    from packaging.requirements import Requirement

    try:
        required = [Requirement(text) for text in importlib.metadata.requires("repdrift") or ()]
    except importlib.metadata.PackageNotFoundError:
        yield Finding(
            FAULT, "repdrift", "is not installed, only found on the path: pip install it."
        )
        return
    yield Finding(GOOD, "repdrift", importlib.metadata.version("repdrift"))
    for requirement in required:
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield _required(requirement.name, requirement.specifier)


def _required(name: str, bounds: Any) -> Finding:
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(FAULT, name, f"is missing: pip install '{name}{bounds}'")
    if bounds.contains(version, prereleases=True):
        return Finding(GOOD, name, version)
    why = (
        " (Brian2 2.9 does not import with it)"
        if name == "numpy" and sys.version_info < (3, 12)
        else ""
    )
    return Finding(FAULT, name, f"{version} is outside {bounds}{why}: pip install '{name}{bounds}'")


def import_names() -> Iterator[Finding]:
    """``drift``, ``circuits`` and ``data_adapters`` are ours: other packages of these names
    exist."""
    claimed = importlib.metadata.packages_distributions()
    for name in OURS:
        rivals = sorted(set(claimed.get(name, ())) - {"repdrift"})
        if rivals:
            yield Finding(
                FAULT,
                f"import {name}",
                f"is also claimed by {', '.join(rivals)}: pip uninstall {' '.join(rivals)}, "
                "then reinstall repdrift.",
            )
        else:
            yield _origin(name)


def _origin(name: str) -> Finding:
    """Where a package comes from, and whether it lies beside this one."""
    spec = importlib.util.find_spec(name)
    root = Path(__file__).resolve().parents[3]
    if spec is None or spec.origin is None:
        return Finding(FAULT, f"import {name}", "is not found: reinstall repdrift.")
    if Path(spec.origin).resolve() != root / name / "__init__.py":
        return Finding(
            FAULT,
            f"import {name}",
            f"gives {spec.origin}, not ours: remove that folder from PYTHONPATH, or rename it.",
        )
    return Finding(GOOD, f"import {name}", str(Path(spec.origin).parent))


def engines() -> Iterator[Finding]:
    """Every engine runs a few steps, and they agree."""
    import numpy as np

    import drift

    recipe = drift.Experiment(
        task=drift.RandomTask(samples=5, inputs=4, outputs=3),
        network=drift.Network(units=8),
        steps=20,
        sessions=2,
    )
    losses = {}
    for engine in ("fused", "batched"):
        begun = time.perf_counter()
        losses[engine] = float(
            drift.train([recipe], engine=engine, precision="float64", threads=1, progress=False)[
                "loss"
            ][0, -1]
        )
        yield Finding(
            GOOD,
            f"engine {engine}",
            f"runs ({time.perf_counter() - begun:.1f} s, compilation included)",
        )
    if not np.isclose(losses["fused"], losses["batched"], rtol=1e-9):
        yield Finding(
            FAULT,
            "engines",
            f"disagree: loss {losses}; remove numba's caches (__pycache__) and try again.",
        )


def circuit_simulator() -> Iterator[Finding]:
    """Brian2 imports and settles a circuit where its closed form says."""
    import numpy as np

    import circuits

    begun = time.perf_counter()
    drive = np.linspace(-1.0, 1.0, 20)
    circuit = circuits.LinearInterneuron(units=20).for_active_fraction(0.2, drive)
    simulated, exact = circuit.settle(drive), circuit.fixed_point(drive)
    off = float(np.abs(simulated["rate"].values - exact["rate"].values).max())
    verdict = GOOD if off < 1e-3 else FAULT
    yield Finding(
        verdict,
        "Brian2 circuit",
        f"rests within {off:.1g} of its closed form ({time.perf_counter() - begun:.1f} s)",
    )


def graphics_processor() -> Iterator[Finding]:
    """CUDA, if there is one; it is not needed."""
    import torch

    if not torch.cuda.is_available():
        yield Finding(NOTE, "CUDA", "none; everything runs on the CPU.")
        return
    yield Finding(GOOD, "CUDA", f"{torch.cuda.get_device_name(0)}; use --device cuda")


def cluster() -> Iterator[Finding]:
    """SLURM within reach of this machine."""
    path = shutil.which("sbatch")
    yield Finding(
        GOOD if path else NOTE,
        "SLURM",
        f"sbatch at {path}" if path else "no sbatch; sweeps use processes or Dask here.",
    )


def extras() -> Iterator[Finding]:
    """Which optional parts are installed."""
    for name, modules in EXTRAS.items():
        missing = [module for module in modules if importlib.util.find_spec(module) is None]
        text = (
            f"{', '.join(missing)} missing; if wanted: pip install 'repdrift[{name}]'"
            if missing
            else "installed"
        )
        yield Finding(NOTE if missing else GOOD, f"extra {name}", text)


def data_folder() -> Iterator[Finding]:
    """Where recordings are looked for and kept."""
    from data_adapters.files.download import cache_folder

    setting = os.environ.get("REPDRIFT_DATA")
    if setting and not Path(setting).is_dir():
        yield Finding(
            FAULT, "REPDRIFT_DATA", f"{setting} is no folder: correct the variable, or unset it."
        )
    cache = cache_folder()
    place = next(folder for folder in (cache, *cache.parents) if folder.exists())
    closed = not os.access(place, os.W_OK)
    yield Finding(
        FAULT if closed else GOOD,
        "recordings",
        f"kept in {cache}" + ("; it cannot be written to: set REPDRIFT_CACHE." if closed else ""),
    )


CHECKS = (
    Check(python_version),
    Check(required_versions),
    Check(import_names),
    Check(engines, slow=True),
    Check(circuit_simulator, slow=True),
    Check(graphics_processor),
    Check(cluster),
    Check(extras),
    Check(data_folder),
)
