"""``repdrift noise``: a recording beside frozen twins of itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro
import xarray as xr
from tyro.conf import Positional

from drift.cli.lines.arguments import apart, netcdf, parsed, told, writable
from drift.errors import RefusedInputError
from drift.files.atomic import replaced_atomically
from drift.files.store import load, save

EXAMPLES = """\
  repdrift noise recorded.nc                                  a sentence for each measure and animal
  repdrift noise recorded.nc --csv noise --figure noise.pdf   tables, and similarity by lag
  repdrift noise recorded.nc --causes                         what lost cells or behaviour explain
  repdrift noise recorded.nc --out noise.nc --draws 200       intervals that are known better"""
Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]
FIGURES = (".pdf", ".svg", ".png")


def command(
    recorded: Positional[Path],
    *,
    out: Path | None = None,
    csv: Path | None = None,
    figure: Path | None = None,
    draws: int = 40,
    smoothing: float = 1.0,
    minimum_events: float = 10.0,
    confused: float = 0.0,
    causes: Flag = False,
    seed: int = 0,
    overwrite: Flag = False,
) -> None:
    """Tell whether a recorded code changes more than sampling noise: the recording beside frozen
    twins with its sessions, occupancy, cells and numbers of events, whose code stands still.

    Parameters
    ----------
    recorded
        netCDF file of `repdrift measure`; best with --halves, else events are dealt to two halves.
    out
        netCDF file for the result.
    csv
        Folder for tables.
    figure
        PDF, SVG or PNG of similarity by lag, recorded and frozen.
    draws
        Frozen twins, at least 20.
    smoothing
        Standard deviation in bins of a Gaussian applied to maps that are correlated.
    minimum_events
        Events of a cell in a session, below which its map does not enter.
    confused
        Share of the cells that twins confuse with others from each session to the next.
    causes
        Add what lost cells, behaviour, event rates, a threshold and wrong matches would make of a
        code that stands still, one by one: which of the changes they explain.
    seed
        Of the twins.
    overwrite
        Replace files that are there.
    """
    from drift.comparison.beside_twins import sampling_noise
    from drift.files.csv import write_tables

    apart((out, csv, figure), (recorded,))
    if out is not None:
        netcdf(out, overwrite)
    _drawable(figure)
    writable(figure, overwrite)
    writable(csv, overwrite, folder=True)
    measured = load(recorded)
    noise = sampling_noise(
        measured,
        draws=draws,
        seed=seed,
        smoothing=smoothing,
        minimum_events=minimum_events,
        confused=confused,
        progress=True,
    )
    written: list[Path] = []
    if out is not None:
        save(noise, out, overwrite=overwrite)
        written.append(out)
    if csv is not None:
        written += [Path(path) for path in write_tables(noise, csv, overwrite=overwrite)]
    if figure is not None:
        _draw(noise, figure)
        written.append(figure)
    explained = _explained(measured, smoothing, minimum_events, seed) if causes else []
    told(*_sentences(noise), *explained, *(f"written: {path}" for path in written))


def _drawable(figure: Path | None) -> None:
    if figure is not None and figure.suffix.lower() not in FIGURES:
        raise RefusedInputError(
            f"--figure was expected to end in {', '.join(FIGURES)}, got {figure.name}: rename it."
        )


def _sentences(noise: xr.Dataset) -> list[str]:
    """One line for each subject and measure, its verdict first."""
    return [
        line
        for subject in noise["subject"].values
        for line in (
            f"{subject} ({int(noise['compared_units'].sel(subject=subject))} cells):",
            *(f"  {text}" for text in noise["sentence"].sel(subject=subject).values),
            f"  {noise['component_sentence'].sel(subject=subject).item()}",
        )
    ]


def _explained(
    measured: xr.Dataset, smoothing: float, minimum_events: float, seed: int
) -> list[str]:
    """One line for each measure, what null models explain of its change."""
    from drift.comparison.explained import explained_changes

    changes = explained_changes(
        measured, smoothing=smoothing, minimum_events=minimum_events, seed=seed, progress=True
    )
    head = f"by cause ({changes.attrs['speaks_of']}):"
    return [head, *(f"  {text}" for text in changes["sentence"].values)]


def _draw(noise: xr.Dataset, path: Path) -> None:
    """Similarity of maps, without and with its noise taken out, side by side."""
    from drift.plots.publication import publication_settings, sheet
    from drift.plots.stability.frozen_twins import recorded_beside_frozen

    with publication_settings(), replaced_atomically(path) as target:
        figure = sheet(180, 70)
        left, right = figure.subplots(1, 2)
        recorded_beside_frozen(noise, left)
        recorded_beside_frozen(noise, right, "corrected_similarity")
        figure.savefig(target, format=path.suffix[1:].lower())


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parsed(command, "noise", arguments, EXAMPLES)
