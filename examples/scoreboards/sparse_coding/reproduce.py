"""Scoreboard of sparse coding by noise: every acceptance row S01-S57, published against ours, and
the figures.

By default the rows that take seconds are measured; --minutes and --hours add the others. Runs are
kept under --out as netCDF, one file a network, and rows with them, so that later calls only add
what is missing; --overwrite measures the rows anew from the runs that are kept. Image sets are
found where --images says, else in REPDRIFT_MNIST, REPDRIFT_CIFAR10 ... or below REPDRIFT_DATA.
Networks of the published size learn on a CUDA device. Where a row has several numbers, the one that
strains its tolerance most is shown. Figures are drawn from the runs that are there.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
# A script finds its neighbours and the options of all examples from any folder.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import importlib.util
import os

import options
from scoreboards import scoreboard
from scoreboards.acceptance import Row
from scoreboards.sparse_coding import (
    field_rows,
    formula_rows,
    image_rows,
    network_rows,
    paper_rows,
    surrogate_rows,
)
from scoreboards.sparse_coding.figures import drawn
from scoreboards.sparse_coding.runs import Asked

import drift
from drift.sweeps.executors import processes

MODULES = (
    formula_rows,
    network_rows,
    image_rows,
    field_rows,
    surrogate_rows,
    paper_rows,
)
ROWS: tuple[Row, ...] = tuple(row for module in MODULES for row in module.ROWS)
QUICK = ("S01", "S07", "S12", "S15", "S16", "S17")
IMAGE_SETS = ("mnist", "fashion_mnist", "cifar10", "embeddings")


def main() -> None:
    asked = _options()
    cache, board = options.results(
        asked.out, ["sparse_coding.nc", "sparse_coding.md"], overwrite=True
    )
    if asked.overwrite:
        cache.unlink(missing_ok=True)
    rows = scoreboard.chosen(ROWS, asked.rows or (QUICK if asked.quick else ()))
    images = _images(asked.images)
    with processes(asked.processes) as pool:
        request = Asked(
            asked.seed, asked.out / "runs", pool if asked.processes > 1 else "serial", images
        )
        seed = f"seed {asked.seed}" if asked.seed else ""
        lines = scoreboard.run(
            rows, request, cache, lambda _: seed, lambda row: _obstacle(row, asked, request)
        )
        figures = [] if asked.quick else drawn(request, asked.out)
    board.write_text(
        "# Sparse coding by noise: published and ours\n\n"
        + scoreboard.HEAD
        + "\n".join(lines)
        + "\n"
    )
    print("results:", ", ".join(map(str, [cache, board, *figures])))


def _options():
    parser = options.parser(__doc__, "sparse_coding")
    scoreboard.add_choice(parser, "S21")
    parser.add_argument(
        "--processes",
        type=int,
        default=1,
        help="networks that learn side by side (default: %(default)s)",
    )
    parser.add_argument(
        "--images", nargs=2, action="append", default=[], metavar=("NAME", "PATH"),
        help=f"where an image set is: one of {', '.join(IMAGE_SETS)}, and its folder or file; can " "be given again",
    )  # fmt: skip
    asked = parser.parse_args()
    if asked.recording is not None:
        raise drift.RefusedInputError(
            f"--recording got {asked.recording[0]}, but sparse coding takes images: use "
            "--images NAME PATH."
        )
    if asked.processes < 1:
        raise drift.RefusedInputError(f"--processes must be at least 1, got {asked.processes}.")
    return asked


def _images(given: list[list[str]]) -> dict[str, Path]:
    """Paths of the image sets that are at hand: those given, else those of the environment, else
    those of the data folder."""
    found: dict[str, Path | None] = {name: _known(name) for name in IMAGE_SETS}
    for name, path in given:
        if name not in IMAGE_SETS or not Path(path).expanduser().exists():
            raise drift.RefusedInputError(
                f"--images got {name} {path}: give one of {', '.join(IMAGE_SETS)} and a path "
                "that exists."
            )
        found[name] = Path(path).expanduser().absolute()
    return {name: path for name, path in found.items() if path is not None}


def _known(name: str) -> Path | None:
    place = os.environ.get(f"REPDRIFT_{name.upper()}")
    return Path(place).expanduser().absolute() if place else options.data_folder(name)


def _obstacle(row: Row, asked, request: Asked) -> str:
    """Why a row is not measured now; empty if it is."""
    absent = [need for need in row.needs.split() if not _at_hand(need, request)]
    if absent:
        remedies = {name: f"--images {name} PATH" for name in IMAGE_SETS}
        remedies |= {"cuda": "a CUDA device", "photographs": "scikit-image and scikit-learn"}
        return f"not run (needs {' and '.join(remedies[need] for need in absent)})"
    return scoreboard.too_long(row, asked)


def _at_hand(need: str, request: Asked) -> bool:
    if need == "cuda":
        import torch

        return torch.cuda.is_available()
    if need == "photographs":
        return all(importlib.util.find_spec(package) for package in ("skimage", "sklearn"))
    return need in request.images


if __name__ == "__main__":
    options.run(main)
