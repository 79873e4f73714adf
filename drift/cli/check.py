"""``repdrift check``: what is understood of a recording, before anything is measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional

from drift.cli.lines.arguments import pairs, parsed, told

EXAMPLES = """\
  repdrift check recordings                          which program wrote it, and what it holds
  repdrift check mouse7 --option track=virmen.csv    with the options of repdrift measure
  repdrift check cellreg_output                      a table of registered cells"""


def command(
    path: Positional[Path],
    *,
    format: Annotated[str | None, tyro.conf.arg(metavar="FORMAT")] = None,
    option: tuple[str, ...] = (),
) -> int:
    """Print what is understood of a recording before anything is measured: sessions, frames, range
    of the position, time tracked and running, cells, events; odd values are marked.

    Parameters
    ----------
    path
        File or folder of the recording.
    format
        Layout of the files, as for `repdrift measure`; by default told by the files.
    option
        Options of the reader, as KEY=VALUE.
    """
    from data_adapters.inspection.inspecting import inspect
    from data_adapters.inspection.table import table

    inspection = inspect(path, format, **pairs(option, "--option"))
    told(f"format: {inspection.reader}", *table(inspection))
    return int(any(row.refusal for row in inspection.sessions))


def main(arguments: Sequence[str]) -> int:
    """Run the command and return 1 if a session cannot be read as it is."""
    return int(parsed(command, "check", arguments, EXAMPLES) or 0)
