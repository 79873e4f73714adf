"""``repdrift stability``: whether a code drifts, as netCDF, CSV tables and a figure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
import tyro
import xarray as xr
from tyro.conf import Positional

from drift.cli.lines.arguments import apart, pairs, parsed, told, writable
from drift.errors import RefusedInputError
from drift.files.atomic import check_target, replaced_atomically
from drift.files.store import load, save
from drift.stability.rules import StabilityRules

EXAMPLES = """\
  repdrift stability interchange recordings --out stability
  repdrift stability sheintuch2023 C6_M4 --option environment=A --out stability --shuffles 500
  repdrift stability karlsson2015 data/Nel --option area=any position_units=pixel --out wmaze
  repdrift stability recorded.nc --out stability                     maps that were measured before
  repdrift stability run.nc --out stability --subject 1              a run, without readouts
  repdrift stability interchange recordings --out stability --geometry     where it drifts, too
Formats (interchange: one .npz, .mat or .nc file a session): """
Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]
NETCDF, FIGURE = "stability.nc", "stability.png"
WIDTH, HEIGHT = 180.0, 165.0  # mm
SHOWN = (
    "rate_map_correlation", "correlation_ceiling", "corrected_similarity", "mean_drift_index",
    "decoding_error", "refitted_decoding_error", "shuffled_decoding_error",
)  # fmt: skip


def command(
    format: Positional[str],
    path: Positional[Path | None] = None,
    *,
    out: Path,
    option: tuple[str, ...] = (),
    smoothing: float = 1.0,
    minimum_events: float = 10.0,
    halves: Literal["auto", "trials", "time"] = "auto",
    shuffles: int = 0,
    bin_size: float | None = None,
    minimum_speed: float | None = None,
    direction: Literal["auto", "split", "pooled"] = "auto",
    decoder: Literal["auto", "bayes", "template", "linear", "classifier"] = "auto",
    window: float = 0.25,
    twins: int = 20,
    subject: str | None = None,
    sorted_by: str | None = None,
    group: Literal["active", "place"] = "active",
    seed: int = 0,
    geometry: Flag = False,
    overwrite: Flag = False,
) -> None:
    """Measure whether a code drifts: similarity of sessions as seen, at best and without noise,
    readouts of other days, recurrence, survival, shifts and jumps of fields; what cannot be
    measured is said, with the reason.

    Parameters
    ----------
    format
        Layout of the files, such as interchange; or a netCDF file of `repdrift measure` or
        `repdrift run`, which holds maps.
    path
        File or folder of the recording; none with a netCDF file.
    out
        Folder to write to, made if absent: stability.nc, stability.png, a CSV table for each set of
        dims, units.csv and absent.csv, which says why something is absent.
    option
        Options of the reader, as KEY=VALUE; animal=A and environment=B choose sessions with every
        reader.
    smoothing
        Of maps that are compared, in bins.
    minimum_events
        Events that make a cell active in a session; cells active in both are compared.
    halves
        Of sessions, by which noise is known: odd and even laps, or blocks of 30 s in turn; laps by
        default, where there are any.
    shuffles
        Circular shifts of the place-cell test; 0 takes a threshold of .01 bits.
    bin_size
        Width of a place bin in units of position; by default what the format recommends.
    minimum_speed
        Below it the animal counts as resting; by default what the format recommends.
    direction
        Rate maps split by running direction or pooled.
    decoder
        Of readouts.
    window
        Length of a window that is decoded, s.
    twins
        Frozen twins that a recording is set beside, 20 or more, or 0 for none: what sampling noise
        alone would make of it.
    subject
        Whose maps the figure shows; the first by default.
    sorted_by
        Session whose cells the figure shows in the order of their places in it; the first by
        default.
    group
        Whose recurrence and survival the figure shows.
    seed
        Of shuffles, coins and bands.
    geometry
        Where it drifts, too: geometry.csv, alignments, dimension and transformations with their
        intervals, from single laps of sessions; takes some minutes of hundreds of cells.
    overwrite
        Replace files that are there.
    """
    from drift.files.csv import write_tables
    from drift.stability.absent import absent_measures
    from drift.stability.geometry import drift_geometry
    from drift.stability.measuring import code_stability
    from drift.stability.tables import MAPS

    writable(out, overwrite, folder=True)
    for name in (NETCDF, FIGURE):
        check_target(out / name, overwrite=overwrite)
    apart((out / NETCDF,), (Path(format), path))
    source = _source(format, path, option)
    source = source if isinstance(source, xr.Dataset) else list(source)
    stability = code_stability(
        source,
        smoothing=smoothing,
        minimum_events=minimum_events,
        halves=halves,
        shuffles=shuffles,
        bin_size=bin_size,
        minimum_speed=minimum_speed,
        direction=direction,
        decoder=decoder,
        window=window,
        twins=twins,
        seed=seed,
    )
    drawn = {"subject": subject or 0, "sorted_by": sorted_by, "group": group}
    _draw(stability, out / FIGURE, drawn, overwrite)  # it refuses a subject that is unknown
    written = [out / FIGURE, save(stability, out / NETCDF, overwrite=overwrite)]
    absent = absent_measures(stability)
    measures = stability.drop_vars(MAPS, errors="ignore")
    further = {"absent": absent}
    if geometry:
        further["geometry"] = drift_geometry(
            source,
            minimum_events=minimum_events,
            halves="time" if halves == "time" else "trials",
            bin_size=bin_size,
            minimum_speed=minimum_speed,
            direction=direction,
            seed=seed,
        )
    written += write_tables(measures, out, further=further, overwrite=overwrite)
    told(
        *_compared(stability),
        *_rows(stability),
        *_half_lives(stability),
        *(_geometry(further["geometry"]) if geometry else ()),
        *(f"absent: {row.measure}: {row.reason}" for row in absent.itertuples()),
    )
    told(*(f"written: {path}" for path in written))


def _source(
    format: str, path: Path | None, option: Sequence[str]
) -> xr.Dataset | Iterable[xr.Dataset]:
    """Maps of a file, or sessions in the format of a laboratory."""
    import data_adapters

    if path is None:
        if format in data_adapters.reader_names():
            raise RefusedInputError(
                f"{format} is a format, got no file or folder in it: give its path, too."
            )
        return load(Path(format))
    return data_adapters.sessions(format, path, **pairs(option, "--option"))


def _draw(stability: xr.Dataset, path: Path, options: dict, overwrite: bool) -> None:
    from drift.plots.publication import publication_settings, sheet
    from drift.plots.stability.overview import stability_overview

    with publication_settings(), replaced_atomically(path, overwrite=overwrite) as temporary:
        figure = stability_overview(stability, sheet(WIDTH, HEIGHT), **options)
        figure.savefig(temporary, format="png", dpi=300)


def _compared(stability: xr.Dataset) -> Iterator[str]:
    """Which cells are compared, where activity is counted in events."""
    rules = StabilityRules.from_json(stability.attrs["code_stability"])
    counted = stability.attrs.get("activity_kind", "counts") == "counts"
    if counted and stability["occupancy"].attrs.get("units") == "s":
        yield (
            f"compared: cells with {rules.minimum_events:g} events or more in both sessions, place "
            f"cells or not; maps smoothed by {rules.smoothing:g} bins"
        )


def _geometry(table: pd.DataFrame) -> Iterator[str]:
    """Where it drifts, figure by figure: cross-validated beside naive and at rest."""
    for row in table.itertuples():
        beside = f"naive {row.naive:.3g}, at rest {row.frozen:.3g}, null {row.null:.3g}"
        ends = f"{row.lower:.3g} to {row.upper:.3g}"
        interval = f"95 %: {ends}" if np.isfinite(row.lower) else row.reason or "no interval"
        estimate = f"{row.estimate:.3g}" if np.isfinite(row.estimate) else "undefined"
        yield f"{row.measure}: {estimate} ({interval}; {beside})".replace(", null nan", "")


def _half_lives(stability: xr.Dataset) -> Iterator[str]:
    """Half-life of each subject with its interval, or its bound."""
    if "half_life_lower" not in stability:
        return
    unit = str(stability["elapsed"].attrs.get("units", ""))
    for subject in stability["subject"].values:
        own = stability.sel(subject=subject)
        low, high = (float(own[f"half_life_{end}"]) for end in ("lower", "upper"))
        middle = float(own.get("half_life_estimate", np.nan))
        said = f"at least {low:.3g} {unit}: {own['half_life_reason'].item()}"
        if np.isfinite(middle):
            said = f"{middle:.3g} {unit} (95 %: {low:.3g} to {high:.3g})"
        if np.isfinite(low):
            yield f"half-life of {subject}: {said}"


def _rows(stability: xr.Dataset) -> Iterator[str]:
    """Means over subjects at the shortest and the longest time between sessions, room by room."""
    from drift.plots.labels import time_axis

    units = time_axis(str(stability["elapsed"].attrs.get("units", "")))
    for name in SHOWN:
        if f"{name}_by_lag" not in stability:
            continue
        curves = stability[f"{name}_by_lag"]
        for room in curves["room"].values:
            curve = curves.sel(room=room).mean("subject").dropna("lag")
            where = f" (room {room})" if curves.sizes["room"] > 1 else ""
            ends = [curve.isel(lag=at) for at in (0, -1)[: curve.sizes["lag"]]]
            unit = f" {held}" if (held := curves.attrs.get("units", "1")) != "1" else ""
            told_ends = [
                f"{float(end):.3g}{unit} at {_time(float(end['lag']), units)}" for end in ends
            ]
            if told_ends:
                yield f"{name.replace('_', ' ')}{where}: {', '.join(told_ends)}"


def _time(lag: float, units: str) -> str:
    number = f"{lag:.3g}"
    return f"{number} {units.removesuffix('s') if number == '1' else units}"


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    from data_adapters import reader_names

    parsed(command, "stability", arguments, f"{EXAMPLES}{', '.join(reader_names())}.")
