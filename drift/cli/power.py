"""``repdrift power``: how many animals, units, sessions and minutes a question needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
import xarray as xr

from drift.cli.lines.arguments import apart, measured, netcdf, parsed, told, writable
from drift.errors import RefusedInputError
from drift.planning.design import StudyDesign
from drift.planning.effects import DriftRateEffect, Effect, ExperienceEffect, GroupEffect

EXAMPLES = """\
  repdrift power --rate 0.05 --spread 0.02                 how many mice show drift of .05 a day?
  repdrift power --like recorded.nc --animals 3 4 5 6      with units, days and events as recorded
  repdrift power --effect groups --rates 0.05 0.1 --out power.nc --figure power.png
  repdrift power --effect experience --intervals 2 4 --visit-rate 0.06      days or visits?"""
Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]


def command(
    *,
    effect: Literal["drift_rate", "experience", "groups"] = "drift_rate",
    like: Path | None = None,
    environment: str | None = None,
    rate: float = 0.05,
    rates: tuple[float, float] = (0.05, 0.1),
    visit_rate: float = 0.06,
    time_rate: float = 0.02,
    spread: float | None = None,
    intervals: tuple[float, ...] = (),
    animals: tuple[int, ...] = (),
    units: tuple[int, ...] = (),
    sessions: tuple[int, ...] = (),
    minutes: tuple[float, ...] = (),
    registration_loss: tuple[float, ...] = (),
    repetitions: int = 400,
    target: float = 0.8,
    animal_cost: float = 0.0,
    session_cost: float = 1.0,
    minute_cost: float = 0.0,
    seed: int = 0,
    out: Path | None = None,
    figure: Path | None = None,
    overwrite: Flag = False,
) -> None:
    """Simulate studies and tell how often they would find an effect, and the cheapest design that
    finds it often enough.

    Parameters
    ----------
    effect
        Is there drift; do visits change the code beside the days; do two groups drift differently?
    like
        netCDF file of `repdrift measure`: units, sessions, minutes, events and losses are those of
        this recording where the options below name none.
    environment
        Label of its environment that counts; by default that with most sessions.
    rate
        Of drift: similarity lost per day, mean over animals.
    rates
        The same, of both groups.
    visit_rate
        Of an effect of experience: similarity lost per visit.
    time_rate
        And per day.
    spread
        Standard deviation between animals: .02 of rates, .3 as a part of those of experience.
    intervals
        Days from visit to visit, one for each environment.
    animals
        In each group; by default 2 to 12.
    units
        Tracked in each animal, one or several numbers.
    sessions
        In each environment, one or several numbers.
    minutes
        Spent running in each session, one or several numbers.
    registration_loss
        Probability that a unit is missed in a session, one or several numbers.
    repetitions
        Studies of each design.
    target
        Power that is wanted.
    animal_cost
        Of an animal; a design costs animals x (animal_cost + sessions x (session_cost + minutes x
        minute_cost)).
    session_cost
        Of a session.
    minute_cost
        Of a minute of recording.
    seed
        Of the simulations.
    out
        netCDF file for the grid of powers.
    figure
        PNG, PDF or SVG of the power against the number of animals.
    overwrite
        Replace files that are there.
    """
    from drift.planning.cheapest import cheapest_design
    from drift.planning.grid import power

    apart((out, figure), (like,))
    if out is not None:
        netcdf(out, overwrite)
    writable(figure, overwrite)
    sought = _effect(effect, rate, rates, visit_rate, time_rate, spread)
    design = _design(like, environment, intervals, effect)
    powers = power(
        sought,
        design,
        animals=animals or None,
        units=units or None,
        sessions=sessions or None,
        minutes=minutes or None,
        registration_loss=registration_loss or None,
        repetitions=repetitions,
        animal_cost=animal_cost,
        session_cost=session_cost,
        minute_cost=minute_cost,
        seed=seed,
        progress=True,
    )
    told(*_table(powers), "", _best(powers, cheapest_design(powers, target), target))
    _written(powers, out, figure, target, overwrite)


def _effect(
    kind: str,
    rate: float,
    rates: tuple[float, float],
    visit_rate: float,
    time_rate: float,
    spread: float | None,
) -> Effect:
    own: dict[str, Any] = {} if spread is None else {"spread": spread}
    if kind == "experience":
        return ExperienceEffect(visit_rate=visit_rate, time_rate=time_rate, **own)
    return (
        GroupEffect(rates=rates, **own) if kind == "groups" else DriftRateEffect(rate=rate, **own)
    )


def _design(
    like: Path | None, environment: str | None, intervals: tuple[float, ...], effect: str
) -> StudyDesign:
    from drift.planning.design import study_like

    if environment is not None and like is None:
        raise RefusedInputError(
            f"--environment {environment} names one of a recording, got none: add "
            "--like recorded.nc."
        )
    design = StudyDesign() if like is None else study_like(measured(like, None), environment)
    if not intervals and effect == "experience":
        intervals = (2.0, 4.0)
    return design.replace(intervals=intervals) if intervals else design


def _table(powers: xr.Dataset) -> list[str]:
    """A line for each design of the grid."""
    dims = list(powers["power"].dims)
    rows = [f"{'  '.join(f'{dim:>9}' for dim in dims)}      power +- error      cost"]
    table = powers.stack(row=dims)
    for row in range(table.sizes["row"]):
        numbers = [f"{float(table[dim][row]):>{max(9, len(str(dim)))}g}" for dim in dims]
        values = (float(table[name][row]) for name in ("power", "standard_error", "cost"))
        rows.append("  ".join(numbers) + "      {:.2f} +- {:.2f}   {:>9g}".format(*values))
    return rows


def _best(powers: xr.Dataset, design: StudyDesign | None, target: float) -> str:
    if design is None:
        return (
            f"no design of the grid reaches a power of {target:g} by more than its error: more "
            "animals, sessions or minutes are needed."
        )
    numbers = {str(name): getattr(design, str(name)) for name in powers["power"].dims}
    cell = powers.sel(numbers)
    words = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in numbers.items())
    return (
        f"cheapest design with a power of {target:g} and more: {words}: power "
        f"{float(cell['power']):.2f} +- {float(cell['standard_error']):.2f} (standard error of "
        f"{powers.attrs['repetitions']} simulated studies), cost {float(cell['cost']):g} "
        f"({powers['cost'].attrs['long_name']})."
    )


def _written(
    powers: xr.Dataset, out: Path | None, figure: Path | None, target: float, overwrite: bool
) -> None:
    if out is not None:
        from drift.files.store import save

        save(powers, out, overwrite=overwrite)
        told(f"written: {out}")
    if figure is not None:
        from matplotlib.figure import Figure

        from drift.files.atomic import replaced_atomically
        from drift.plots.studies import power_by_animals

        sheet = Figure(figsize=(4.5, 3.2), layout="constrained")
        power_by_animals(powers, sheet.subplots(), target=target)
        with replaced_atomically(figure, overwrite=overwrite) as draft:
            sheet.savefig(draft, dpi=200, format=figure.suffix.removeprefix(".") or "png")
        told(f"written: {figure}")


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parsed(command, "power", arguments, EXAMPLES)
