"""``repdrift report``: one recording as one page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional

from drift.cli.lines.arguments import apart, measured, parsed, told, writable

EXAMPLES = """\
  repdrift report recorded.nc --out recording.html                   one page, to read and to send
  repdrift report recorded.nc --out recording.html --sorted-by 3     cells as session 3 orders them
  repdrift report run.nc --out run.html --subject 0 1                simulated subjects"""
Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]


def command(
    recorded: Positional[Path],
    *,
    out: Path,
    title: str | None = None,
    sorted_by: str | None = None,
    environment: str | None = None,
    subject: tuple[str, ...] = (),
    overwrite: Flag = False,
) -> None:
    """Describe a measured recording, or a run, on one HTML page: what was recorded, numbers of each
    session, and figures; no simulation is needed. `repdrift compare --report` sets one beside a
    run.

    Parameters
    ----------
    recorded
        netCDF file of `repdrift measure` or `repdrift run`.
    out
        HTML page to write; one file, readable without a network.
    title
        Of the page.
    sorted_by
        Number of the session, as the table of `repdrift report` has it (from 0), whose place cells
        are shown in all sessions, sorted by their place; the first by default.
    environment
        Label of the environment whose sessions count; by default all, which are compared within
        their own.
    subject
        Labels of the subjects that are shown; all by default.
    overwrite
        Replace a file that is there.
    """
    from drift.reporting.recording_report import TITLE, recording_report

    apart((out,), (recorded,))
    writable(out, overwrite)
    recording_report(
        measured(recorded, environment),
        out,
        sorted_by=sorted_by,
        subjects=subject,
        title=title or TITLE,
        overwrite=overwrite,
    )
    told(f"written: {out}")


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parsed(command, "report", arguments, EXAMPLES)
