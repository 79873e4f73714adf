"""Options that all examples share, and the way they answer to input that they do not accept."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

import drift


def parser(description: str | None, out: str) -> argparse.ArgumentParser:
    """Return a parser with the shared options; an example adds its own."""
    shared = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared.add_argument(
        "--out",
        type=Path,
        default=Path("results") / out,
        metavar="DIR",
        help="folder for results, created (default: %(default)s)",
    )
    shared.add_argument(
        "--quick",
        action="store_true",
        help="a few seconds of everything, for a first look and for tests",
    )
    shared.add_argument(
        "--seed", type=int, default=0, help="seed of the first subject (default: %(default)s)"
    )
    shared.add_argument(
        "--overwrite", action="store_true", help="replace results that are already there"
    )
    shared.add_argument(
        "--recording", nargs="+", metavar="NAME PATH [KEY=VALUE ...]",
        help="a recording to measure: its format, its path, and options of the reader such as " "area=any position_units=pixel",
    )  # fmt: skip
    return shared


def results(out: Path, names: Sequence[str], overwrite: bool) -> list[Path]:
    """Return the paths of the results in a folder that exists and can be written to; refuses before
    any work is done."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise drift.RefusedInputError(
            f"the folder {out} cannot be made ({error.strerror}): choose another with --out."
        ) from None
    if not os.access(out, os.W_OK):
        raise drift.RefusedInputError(
            f"the folder {out} cannot be written to: choose another with --out."
        )
    paths = [out / name for name in names]
    present = [str(path) for path in paths if path.exists()]
    if present and not overwrite:
        raise drift.RefusedInputError(
            f"{', '.join(present)} exists and is kept: choose another folder with --out, or "
            "give --overwrite."
        )
    return paths


def data_folder(name: str) -> Path | None:
    """Return the folder of a data set that lies in ``REPDRIFT_DATA`` or in ``shared/data`` beside
    the checkout, if it is there."""
    checkout = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("REPDRIFT_DATA", checkout.parent / "shared" / "data")) / name
    return folder if folder.is_dir() else None


def recording(given: Sequence[str] | None) -> tuple[str, str, dict[str, str]] | None:
    """Return name, path and reader options of ``--recording``; without one, those of a mouse on a
    linear track in eight sessions (Sheintuch et al. 2020) if its files are at hand."""
    if given is None:
        known = data_folder("zivlab_multiday")
        return known and ("sheintuch2023", str(known / "C6_M4" / "Environment A"), {})
    if len(given) < 2 or any("=" not in entry for entry in given[2:]):
        raise drift.RefusedInputError(
            f"--recording needs NAME PATH [KEY=VALUE ...], got {' '.join(given)}: write it in "
            "that order."
        )
    return given[0], given[1], dict(entry.split("=", 1) for entry in given[2:])


def told(
    figure: Figure, recipes: Sequence[drift.Experiment], numbers: dict[str, list[float]]
) -> dict[str, str]:
    """Return what a picture says of itself, for its file: the recipes, the form and the numbers of
    what is drawn.

    The form is every text of the figure with its numbers as ``#``, and scales and counts of what
    each panel holds; a kept picture whose form, recipes or numbers are not those that its example
    has now is stale.
    """
    texts = {re.sub(r"[\d.,]+", "#", text.get_text()) for text in figure.findobj(Text)}
    panels = [
        [ax.get_xscale(), ax.get_yscale(), len(ax.lines), len(ax.images), len(ax.collections)]
        for ax in figure.findobj(Axes, include_self=False)
    ]
    form = {
        "texts": sorted(text for text in texts if re.search("[A-Za-z]", text)),
        "panels": panels,
    }
    return {
        "Recipes": json.dumps([one.to_json() for one in recipes]),
        "Form": json.dumps(form),
        "Numbers": json.dumps(numbers),
    }


def refuse_recording(asked: argparse.Namespace) -> None:
    """Refuse a recording where an example measures none."""
    if asked.recording is not None:
        raise drift.RefusedInputError(
            f"--recording got {asked.recording[0]}, but no recording is measured here: leave "
            "it out."
        )


def picture(
    figure: Figure,
    path: Path,
    recipes: Sequence[drift.Experiment] = (),
    numbers: dict[str, list[float]] | None = None,
    dpi: int = 200,
) -> None:
    """Save a figure with what it says of itself, so that a kept copy can be seen to be stale."""
    figure.savefig(path, dpi=dpi, metadata=told(figure, recipes, numbers or {}))


def run(main: Callable[[], None]) -> None:
    """Run an example; a refusal becomes one sentence and exit status 2, an interrupt exit status
    130."""
    try:
        main()
    except drift.RefusedInputError as refusal:
        sys.exit(_status(str(refusal), 2))
    except KeyboardInterrupt:
        sys.exit(
            _status("interrupted; with --checkpoint the same command goes on from there.", 130)
        )


def _status(sentence: str, status: int) -> int:
    print(sentence, file=sys.stderr)
    return status
