"""``repdrift export``: sessions as NWB files, results as CSV tables or MATLAB files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
import tyro
import xarray as xr
from tyro.conf import Positional

from drift.cli.lines.arguments import apart, pairs, parsed, told, writable
from drift.errors import RefusedInputError
from drift.files.store import load

EXAMPLES = """\
  repdrift export csv run.nc --out tables                            one table for each set of dims
  repdrift export csv recorded.nc --out tables --variables spatial_information place_unit
  repdrift export mat recorded.nc --out recorded.mat                 one struct, dims and units
  repdrift export nwb run.nc --like recorded.nc --out nwb            simulated sessions, as they would have been recorded
  repdrift export nwb recordings --format interchange --out nwb      your own sessions
  repdrift export nwb recordings --format interchange --out nwb --sex F --age P90D"""
Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]


def command(
    kind: Positional[Literal["nwb", "csv", "mat"]],
    source: Positional[Path],
    *,
    out: Path,
    like: str | None = None,
    format: str | None = None,
    option: tuple[str, ...] = (),
    events: Literal["responses", "spike_times"] = "responses",
    species: str | None = None,
    sex: str | None = None,
    age: str | None = None,
    variables: tuple[str, ...] = (),
    seed: int = 0,
    overwrite: Flag = False,
) -> None:
    """Write sessions as NWB files, one file a session, or a result as CSV tables or as a MATLAB
    file.

    Parameters
    ----------
    kind
        What to write.
    source
        netCDF file of a command; for NWB also a recording in the format of --format.
    out
        Folder to write to, made if absent; for MATLAB the file.
    like
        For NWB of a run: the lens, a netCDF file of `repdrift measure` or the name of a published
        design such as "Khatib 2023".
    format
        For NWB of a recording: its layout, as for `repdrift measure`.
    option
        Options of the reader, as KEY=VALUE.
    events
        For NWB: activity frame by frame, or whole counts as spike times.
    species
        For NWB: of all subjects, a Latin binomial ("Mus musculus") or a link to an NCBI taxon.
    sex
        For NWB: of all subjects, M, F, U (unknown) or O (other).
    age
        For NWB: of all subjects, an ISO 8601 duration such as P90D, or a range, P10W/P12W.
    variables
        For CSV and MATLAB: which variables; all by default, for CSV with the correlations between
        every two sessions, session_pairs.csv, their means by the time between sessions with
        intervals over subjects, similarity_by_lag.csv, the half-life, half_life.csv, of several
        environments remapping.csv, and all that `repdrift stability` measures of maps,
        stability_*.csv.
    seed
        Of observation.
    overwrite
        Replace files that are there.
    """
    about = {"species": species, "sex": sex, "age": age}
    subject = {name: text for name, text in about.items() if text is not None}
    if subject and kind != "nwb":
        raise RefusedInputError(
            f"--{next(iter(subject))} is written to NWB files alone, got {kind}: leave it out."
        )
    if kind == "mat":
        told(f"written: {_matlab(source, out, variables, overwrite)}")
    elif kind == "csv":
        told(*_tables(source, out, variables, overwrite))
    else:
        import data_adapters
        from data_adapters.exchange.nwb_subject import not_given, subject_fields

        fields = subject_fields(subject)  # refused before anything is read
        writable(out, overwrite, folder=True)
        recording = _sessions(source, like, format, option, seed)
        written = data_adapters.to_nwb(
            recording, out, events=events, subject=fields, overwrite=overwrite
        )
        missing = " ".join(f"--{name}" for name in not_given(fields))
        hint = [f"for the DANDI archive give {missing}, too"] if missing else []
        told(*(f"written: {path}" for path in written), *hint)


def _matlab(source: Path, out: Path, variables: Sequence[str], overwrite: bool) -> Path:
    from drift.files.csv import refuse_unknown
    from drift.files.matlab import write_mat

    apart((out,), (source,))
    writable(out, overwrite)
    dataset = load(source)
    refuse_unknown(dataset, variables)
    return write_mat(dataset[list(variables)] if variables else dataset, out, overwrite=overwrite)


def _tables(source: Path, out: Path, variables: Sequence[str], overwrite: bool) -> list[str]:
    """Write the variables, and by default the correlations between sessions; what is said of
    it."""
    from drift.files.csv import write_tables

    writable(out, overwrite, folder=True)
    dataset = load(source)
    further, notes = _between_sessions(dataset) if not variables else ({}, [])
    written = write_tables(dataset, out, variables, further=further, overwrite=overwrite)
    return [*(f"written: {path}" for path in written), *notes]


def _between_sessions(dataset: xr.Dataset) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Tables of sessions beside each other, by name, and why one is not there."""
    from drift.files.csv import tables
    from drift.metrics.rooms import environments
    from drift.metrics.stability.across_rooms import remapping
    from drift.metrics.stability.session_pairs import session_pairs
    from drift.metrics.time_course.interval_tables import half_life_table, lag_table

    if "rate" not in dataset or "session" not in dataset.dims:
        return {}, []
    makers: dict[str, Callable[[xr.Dataset], pd.DataFrame]] = {
        "session_pairs": session_pairs,
        "similarity_by_lag": lag_table,
        "half_life": half_life_table,
    }
    if len(environments(dataset)) > 1:
        makers["remapping"] = lambda several: next(iter(tables(remapping(several)).values()))
    further, notes = {}, []
    for name, table in makers.items():
        try:
            further[name] = table(dataset)
        except RefusedInputError as refusal:
            notes.append(f"no {name}.csv: {refusal}")
    return further | _stability(dataset), notes


def _stability(dataset: xr.Dataset) -> dict[str, pd.DataFrame]:
    """Tables of all measures of stability of maps; of a result that holds them, what is absent."""
    from drift.stability.absent import ABSENT, absent_measures
    from drift.stability.measuring import code_stability
    from drift.stability.tables import stability_tables

    if ABSENT in dataset.attrs:
        return {"stability_absent": absent_measures(dataset)}
    return stability_tables(code_stability(dataset)) if "occupancy" in dataset else {}


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
