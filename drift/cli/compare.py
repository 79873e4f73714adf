"""``repdrift compare``: a run beside a recording."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro
import xarray as xr
from tyro.conf import Positional

from drift.cli.lines.arguments import apart, netcdf, parsed, told, writable
from drift.errors import RefusedInputError
from drift.files.store import load, save

EXAMPLES = """\
  repdrift compare run.nc recorded.nc                               a table of slopes, tests and null models
  repdrift compare run.nc recorded.nc --report report.html          one page with figures, to read and to send
  repdrift compare run.nc --like "Sheintuch 2023" --out compared.nc through the lens of a published design"""
Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]


def command(
    run: Positional[Path],
    recorded: Positional[Path | None] = None,
    *,
    like: str | None = None,
    fit: Path | None = None,
    out: Path | None = None,
    report: Path | None = None,
    convention: str = "mean_of_ratios",
    events: Literal["poisson", "calcium"] = "poisson",
    shuffles: int = 100,
    corrected: Flag = False,
    halves: Literal["trials", "time"] | None = None,
    environment: str | None = None,
    null_draws: int = 20,
    seed: int = 0,
    overwrite: Flag = False,
) -> None:
    """Set simulated subjects, observed as the animals were, beside a recording, published slopes
    and null models of drift.

    Parameters
    ----------
    run
        netCDF file of `repdrift run`, with three sessions or more.
    recorded
        netCDF file of `repdrift measure`.
    like
        Observe through a published design instead: "Khatib 2023", "Jercog 2019", "Karlsson 2015" or
        "Sheintuch 2023".
    fit
        netCDF file of `repdrift fit`, to be shown in the report.
    out
        netCDF file for the comparison.
    report
        HTML page for the comparison; one file, readable without a network.
    convention
        How curves are normalised to the first session in the table.
    events
        How spikes or transients of the observed networks are drawn.
    shuffles
        Of the place-cell test of observed sessions.
    corrected
        Add corrected spatial information; takes seconds a session.
    halves
        Add the similarity of rate maps with their noise taken out, from two halves of every
        session, odd and even laps or blocks of 30 s; see repdrift measure --halves.
    environment
        Label of the environment of the recording that is compared; by default that in which an
        animal has most sessions.
    null_draws
        Of each null model of the recording, at least 20; 0 for none.
    seed
        Of observation, tests and bootstrap.
    overwrite
        Replace files that are there.
    """
    from drift.comparison.comparing import compare
    from drift.comparison.table import comparison_table

    apart((out, report), (run, recorded, fit))
    if out is not None:
        netcdf(out, overwrite)
    writable(report, overwrite)
    simulated, measured, lens = (
        load(run),
        None if recorded is None else _measured(recorded),
        _lens(like),
    )
    fitted = None if fit is None else load(fit)
    comparison = compare(
        simulated,
        measured,
        like=lens,
        events=events,
        shuffles=shuffles,
        corrected=corrected,
        halves=halves,
        environment=environment,
        null_draws=null_draws,
        seed=seed,
    )
    text = comparison_table(comparison, convention)
    if out is not None:
        save(comparison, out, overwrite=overwrite)
    if report is not None:
        from drift.reporting.report import report as written

        written(
            comparison,
            report,
            run=simulated,
            recorded=measured,
            fit=fitted,
            convention=convention,
            overwrite=overwrite,
        )
    told(text, *(f"written: {path}" for path in (out, report) if path is not None))


def _measured(path: Path) -> xr.Dataset:
    dataset = load(path)
    if "rate" not in dataset or "subject" not in dataset.dims:
        raise RefusedInputError(
            f"{path} holds no measured recording: pass a file of `repdrift measure`."
        )
    return dataset


def _lens(name: str | None) -> xr.Dataset | None:
    from drift.observation.designs import published_design

    return None if name is None else published_design(name)


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parsed(command, "compare", arguments, EXAMPLES)
