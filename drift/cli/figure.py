"""``repdrift figure``: a recording as figures for a paper."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.conf import Positional

from drift.cli.lines.arguments import measured, parsed, told, writable

EXAMPLES = """\
  repdrift figure recorded.nc --out figures                          PDF of one column, captions.md
  repdrift figure recorded.nc --out figures --format pdf svg png --width 180
  repdrift figure recorded.nc --out figures --sorted-by 3            cells as session 3 orders them
  repdrift figure run.nc --out figures --subject 0                   a simulated subject"""
Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]


def command(
    recorded: Positional[Path],
    *,
    out: Path,
    format: tuple[Literal["pdf", "svg", "png"], ...] = ("pdf",),
    width: Literal[85, 180] = 85,
    sorted_by: str | None = None,
    environment: str | None = None,
    subject: tuple[str, ...] = (),
    overwrite: Flag = False,
) -> None:
    """Draw a measured recording, or a run, for a paper: rate maps of tracked cells over days,
    example cells, correlation between sessions and by lag, fraction of place cells, turnover. What
    cannot be drawn is said, with the reason.

    Parameters
    ----------
    recorded
        netCDF file of `repdrift measure` or `repdrift run`.
    out
        Folder to write to, made if absent; captions.md there says what is to be seen and what error
        bars are.
    format
        Kinds of files: pdf, svg, png.
    width
        Of a figure in mm: 85 is one column, 180 two.
    sorted_by
        Number of the session, as the table of `repdrift report` has it (from 0), whose place cells
        are shown in all sessions, sorted by their place; the first by default.
    environment
        Label of the environment whose sessions count; by default all, which are compared within
        their own.
    subject
        Labels of the subjects that are drawn; all by default.
    overwrite
        Replace files that are there.
    """
    from drift.reporting.figure_set import figures

    dataset = measured(recorded, environment)
    writable(out, overwrite, folder=True)
    drawn = figures(
        dataset,
        out,
        formats=format,
        width=width,
        sorted_by=sorted_by,
        subjects=subject,
        overwrite=overwrite,
    )
    told(*(f"written: {path}" for path in drawn.paths), *drawn.missing)


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parsed(command, "figure", arguments, EXAMPLES)
