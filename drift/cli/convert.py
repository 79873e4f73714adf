"""``repdrift convert``: sessions of any format as interchange files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.conf import Positional

from drift.cli.lines.arguments import pairs, parsed, told, writable

EXAMPLES = """\
  repdrift convert suite2p mouse7 --option track=virmen.csv track_length=180 --out recordings
  repdrift convert nwb sessions --out recordings --kind mat"""
Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]


def command(
    format: Positional[str],
    path: Positional[Path],
    *,
    out: Path,
    option: tuple[str, ...] = (),
    kind: Literal["npz", "mat", "nc"] = "npz",
    overwrite: Flag = False,
) -> None:
    """Write the sessions of a recording as interchange files, one file a session, which
    `repdrift measure interchange` reads.

    Parameters
    ----------
    format
        Layout of the files, as for `repdrift measure`.
    path
        File or folder of the recording.
    out
        Folder to write to, made if absent.
    option
        Options of the reader, as KEY=VALUE.
    kind
        Of the files: numpy, MATLAB v5 or netCDF.
    overwrite
        Replace files that are there.
    """
    import data_adapters
    from data_adapters.laboratories.interchange.reader import write_interchange

    sessions = data_adapters.sessions(format, path, **pairs(option, "--option"))
    writable(out, overwrite, folder=True)
    for session in sessions:
        told(f"written: {write_interchange(session, out, kind, overwrite)}")


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    from data_adapters import reader_names

    parsed(command, "convert", arguments, f"{EXAMPLES}\nFormats: {', '.join(reader_names())}.")
