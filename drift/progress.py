"""Progress bars: moving on a terminal or in a notebook, a line a minute in a log."""

from __future__ import annotations

import sys
from typing import Any

from tqdm.auto import tqdm

LOG_INTERVAL = 60.0  # seconds between two lines in a log


class Lines:
    """A file for progress bars that turns what would be drawn over itself into lines."""

    def write(self, text: str) -> None:
        """Write a line where there is something to tell."""
        if line := text.replace("\r", "").strip():
            print(line, file=sys.stderr, flush=True)

    def flush(self) -> None:
        """Do nothing: lines are written at once."""


def progress_bar(*iterable: Any, **options: Any) -> tqdm:
    """Return a progress bar for wherever errors and progress are shown.

    Parameters
    ----------
    *iterable
        What is looped over, if anything.
    **options
        Of ``tqdm.tqdm``.
    """
    if not (_in_notebook() or _on_terminal()):
        options = {
            "file": Lines(),
            "mininterval": LOG_INTERVAL,
            "maxinterval": LOG_INTERVAL,
            **options,
        }
    return tqdm(*iterable, **options)


def end_lines() -> None:
    """End the lines of bars that an error has interrupted, so that its message stands on a line of
    its own."""
    for bar in list(getattr(tqdm, "_instances", ())):
        bar.close()


def _in_notebook() -> bool:
    return any(kind.__module__ == "tqdm.notebook" for kind in tqdm.__mro__)


def _on_terminal() -> bool:
    return bool(sys.stderr is not None and sys.stderr.isatty())
