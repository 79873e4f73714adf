"""``repdrift infer``: which mechanism a recording shows, and the bank that it is held against."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro
import xarray as xr
from tyro.conf import Positional

from drift.cli.infer.making import made_bank
from drift.cli.lines.arguments import apart, netcdf, parsed, told, writable
from drift.errors import RefusedInputError
from drift.files.atomic import replaced_atomically
from drift.files.store import load, save

EXAMPLES = """\
  repdrift infer recorded.nc --bank bank.nc                       a verdict for each animal
  repdrift infer recorded.nc --bank bank.nc --report why.html   with what it rests on
  repdrift infer --make-bank bank.nc --runs 3000         simulate a bank, or go on with it
  repdrift infer --make-bank small.nc --small --runs 600          one of smaller runs
  repdrift infer --make-bank bank.nc --executor slurm --jobs 50   on a cluster"""
Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]
FIGURES = (".pdf", ".svg", ".png")


def command(
    recorded: Positional[Path | None] = None,
    *,
    bank: Path | None = None,
    out: Path | None = None,
    report: Path | None = None,
    figure: Path | None = None,
    parameters: bool = True,
    draws: int = 2000,
    seed: int = 0,
    make_bank: Path | None = None,
    runs: int = 3000,
    small: Flag = False,
    executor: Literal["processes", "serial", "dask", "slurm"] = "processes",
    jobs: int | None = None,
    overwrite: Flag = False,
) -> None:
    """Tell which simulated mechanism of drift a recording shows, or that it cannot be told; or make
    the bank of simulations that this takes.

    Parameters
    ----------
    recorded
        netCDF file of `repdrift measure`, best with --halves.
    bank
        netCDF file of --make-bank, with its estimators beside it.
    out
        netCDF file for the answer.
    report
        HTML page for the answer.
    figure
        PDF, SVG or PNG of the posterior of the first animal.
    parameters
        Posteriors of noise, age and artefacts too; takes the package sbi.
    draws
        From each posterior.
    seed
        Of the draws; of the runs of a bank.
    make_bank
        netCDF file for a bank; its runs go to a folder beside it, estimators to a file beside it.
    runs
        Simulated for a bank.
    small
        Smaller, shorter runs for a bank.
    executor
        Where the runs of a bank are simulated.
    jobs
        Processes, Dask workers or SLURM jobs.
    overwrite
        Replace files that are there.
    """
    if (make_bank is None) == (recorded is None):
        both = "neither" if recorded is None else "both"
        raise RefusedInputError(
            f"infer takes a recording or --make-bank, got {both}: give one of them."
        )
    if make_bank is not None:
        made_bank(make_bank, runs, small, seed, executor, jobs, parameters, overwrite)
        return
    assert recorded is not None
    if bank is None:
        raise RefusedInputError(
            "infer needs --bank, got none: make one with repdrift infer --make-bank bank.nc."
        )
    apart((out, report, figure), (recorded, bank))
    _writable(out, report, figure, overwrite)
    from drift.inference.inferring import infer

    answer = infer(load(recorded), bank, parameters=parameters, draws=draws, seed=seed)
    told(*(line for text in answer["sentences"].values for line in str(text).split("\n")))
    if out is not None:
        save(answer, out, overwrite=overwrite)
    if report is not None:
        from drift.reporting.questions.mechanism import mechanism_report

        mechanism_report(answer, report, overwrite=overwrite)
    if figure is not None:
        _draw(answer, figure)
    told(*(f"written: {path}" for path in (out, report, figure) if path is not None))


def _writable(out: Path | None, report: Path | None, figure: Path | None, overwrite: bool) -> None:
    if out is not None:
        netcdf(out, overwrite)
    if figure is not None and figure.suffix.lower() not in FIGURES:
        raise RefusedInputError(
            f"--figure was expected to end in {', '.join(FIGURES)}, got {figure.name}: rename it."
        )
    writable(report, overwrite)
    writable(figure, overwrite)


def _draw(answer: xr.Dataset, path: Path) -> None:
    from drift.plots.mechanisms import mechanism_posterior
    from drift.plots.publication import publication_settings, sheet

    with publication_settings(), replaced_atomically(path) as target:
        drawn = sheet(120, 70)
        mechanism_posterior(answer, drawn.subplots())
        drawn.savefig(target, format=path.suffix[1:].lower())


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parsed(command, "infer", arguments, EXAMPLES)
