"""``repdrift export``: sessions as NWB files, results as CSV tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
import xarray as xr
from tyro.conf import Positional

from drift.cli.arguments import pairs, parsed, told, writable
from drift.errors import RefusedInputError
from drift.files.store import load

EXAMPLES = """\
  repdrift export csv run.nc --out tables                            one table for each set of dims
  repdrift export csv recorded.nc --out tables --variables spatial_information place_unit
  repdrift export nwb run.nc --like recorded.nc --out nwb            simulated sessions, as they would have been recorded
  repdrift export nwb recordings --format interchange --out nwb      your own sessions"""
Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]


def command(
    kind: Positional[Literal["nwb", "csv"]],
    source: Positional[Path],
    *,
    out: Path,
    like: str | None = None,
    format: str | None = None,
    option: tuple[str, ...] = (),
    events: Literal["responses", "spike_times"] = "responses",
    variables: tuple[str, ...] = (),
    seed: int = 0,
    overwrite: Flag = False,
) -> None:
    """Write sessions as NWB files, one file a session, or a result as CSV tables.

    Parameters
    ----------
    kind
        What to write.
    source
        netCDF file of a command; for NWB also a recording in the format of --format.
    out
        Folder to write to, made if absent.
    like
        For NWB of a run: the lens, a netCDF file of `repdrift measure` or the name of a published
        design such as "Khatib 2023".
    format
        For NWB of a recording: its layout, as for `repdrift measure`.
    option
        Options of the reader, as KEY=VALUE.
    events
        For NWB: activity frame by frame, or whole counts as spike times.
    variables
        For CSV: which variables; all by default.
    seed
        Of observation.
    overwrite
        Replace files that are there.
    """
    writable(out, overwrite, folder=True)
    if kind == "csv":
        from drift.files.csv import write_tables

        written = write_tables(load(source), out, variables, overwrite=overwrite)
    else:
        import data_adapters

        written = data_adapters.to_nwb(
            _sessions(source, like, format, option, seed), out, events=events, overwrite=overwrite
        )
    told(*(f"written: {path}" for path in written))


def _sessions(
    source: Path, like: str | None, format: str | None, option: Sequence[str], seed: int
) -> Any:
    """Session Datasets of a recording, or those that would have been recorded of a run."""
    import data_adapters
    from drift.observation.observing import observe

    if (like is None) == (format is None):
        raise RefusedInputError(
            "NWB files hold sessions: give --format for a recording, or --like for a run, and "
            "not both."
        )
    if format is not None:
        return data_adapters.sessions(format, source, **pairs(option, "--option"))
    return observe(load(source), _lens(str(like)), seed=seed)


def _lens(name: str) -> xr.Dataset:
    from drift.observation.designs import DESIGNS, published_design

    return published_design(name) if name in DESIGNS else load(name)


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parsed(command, "export", arguments, EXAMPLES)
