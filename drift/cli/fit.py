"""``repdrift fit``: an interneuron circuit for a recording."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from tyro.conf import Positional

from drift.cli.lines.arguments import apart, measured, netcdf, pairs, parsed, told, writable
from drift.errors import RefusedInputError
from drift.files.atomic import replaced_atomically
from drift.theory.code_drift.closed_forms import WeightLaw

EXAMPLES = """\
  repdrift fit linear recorded.nc --bounds gain=1:1000 input_width=4:40 weight_lifetime=1:100 --out fit.nc --figure fit.png
  repdrift fit linear recorded.nc --bounds context_share=0:0.9 context_lifetime=1:100   two streams
  repdrift fit linear recorded.nc --bounds gain=1:1000 --out fit.nc --quick   a first look in seconds
Circuits: """
Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]
HELD = (
    "input_width", "weight_lifetime", "fast_share", "connected_share", "multiplicative_noise",
    "context_share", "context_lifetime", "excitability", "excitability_lifetime",
    "excitability_acts_on",
)  # fmt: skip
QUICK = {"restarts": 1, "population": 4, "generations": 3, "bootstraps": 40, "calibrated": 0}


def command(
    circuit: Positional[str],
    recorded: Positional[Path],
    *,
    bounds: tuple[str, ...],
    out: Path,
    figure: Path | None = None,
    environment: str | None = None,
    units: int = 200,
    engine: Literal["brian2", "compiled", "fixed_point"] = "fixed_point",
    fast_weight_lifetime: float | None = None,
    law: WeightLaw = "ornstein_uhlenbeck",
    held: tuple[str, ...] = (),
    restarts: int = 2,
    generations: int = 100,
    calibrated: int = 40,
    shared: tuple[str, ...] = (),
    posterior: Flag = False,
    simulations: int | None = None,
    quick: Flag = False,
    seed: int = 0,
    overwrite: Flag = False,
) -> None:
    """Fit parameters of an interneuron circuit, of its input and of its drift to each animal of a
    measured recording.

    Parameters
    ----------
    circuit
        Kind of the circuit, such as linear.
    recorded
        netCDF file of `repdrift measure`.
    bounds
        Where to search, as NAME=LOW:HIGH; input_width is in units of place, lifetimes
        (weight_lifetime, context_lifetime, excitability_lifetime) in units of elapsed time;
        context_share and excitability bring two streams or excitable units.
    out
        netCDF file to write.
    figure
        PNG, PDF or SVG with measured against predicted statistics of the first animal.
    environment
        Label of the environment whose sessions count; by default all, which are compared within
        their own.
    units
        Of the circuit; more make its statistics more certain.
    engine
        Take closed forms, or simulate, in Brian2 or in loops compiled from its code: the rates are
        the same to 1e-6, but that takes longer.
    fast_weight_lifetime
        Lifetime of the part of the weights that is lost soon, in units of elapsed time; its share
        is searched with fast_share=0:0.9 among the bounds.
    law
        What weights do: turnover needs a connected_share, multiplicative a multiplicative_noise.
    held
        Numbers that are not fitted, as NAME=VALUE, such as context_share=0.3 or
        connected_share=0.1.
    restarts
        Independent searches.
    generations
        Of each search at most; a search ends by itself where it has converged.
    calibrated
        Recordings that are simulated at the estimate for intervals and goodness of fit; 0 for none.
    shared
        Parameters that all animals have in common, such as weight_lifetime.
    posterior
        Estimate a posterior beside the intervals, from recordings simulated where parameters are
        possible; needs the extra posterior.
    simulations
        Recordings simulated for the posterior, 1000 by default and 200 for a first look.
    quick
        A first look: few generations, few bootstraps, few simulations.
    seed
        Of all draws.
    overwrite
        Replace files that are there.
    """
    import circuits
    from circuits.fitting.fitting import FEWEST_DRAWN

    apart((out, figure), (recorded,))
    netcdf(out, overwrite)
    writable(figure, overwrite)
    searched = {name: _bounds(text, name) for name, text in pairs(bounds, "--bounds").items()}
    fitted = circuits.circuit_class(circuit).model_validate({"units": units})
    effort: dict[str, Any] = {
        "restarts": restarts,
        "generations": generations,
        "calibrated": calibrated,
    }
    effort = QUICK if quick else effort
    if quick and posterior and simulations is None:
        simulations = FEWEST_DRAWN
    estimates = circuits.fit(
        fitted, measured(recorded, environment), searched, engine=engine, seed=seed,
        fast_weight_lifetime=fast_weight_lifetime, law=law, shared=shared,
        posterior=posterior, simulations=simulations, **_held(held), **effort,
    )  # fmt: skip
    estimates.save(out, overwrite=overwrite)
    if figure is not None:
        import matplotlib

        matplotlib.use("Agg")
        with replaced_atomically(figure, overwrite=overwrite) as temporary:
            estimates.plot().savefig(
                temporary, dpi=160, format=figure.suffix.removeprefix(".") or "png"
            )
    told(repr(estimates), *(f"written: {path}" for path in (out, figure) if path is not None))


def _bounds(text: str, name: str) -> tuple[float, float]:
    low, _separator, high = text.partition(":")
    try:
        return float(low), float(high)
    except ValueError:
        raise RefusedInputError(
            f"--bounds {name}={text} is no range: write {name}=LOW:HIGH, such as {name}=1:100."
        ) from None


def _held(entries: tuple[str, ...]) -> dict[str, Any]:
    values: dict[str, Any] = dict(pairs(entries, "--held"))
    for name in values:
        if name not in HELD:
            raise RefusedInputError(
                f"--held {name} is not a number that a fit can be given: use some of "
                f"{', '.join(HELD)}."
            )
        if name != "excitability_acts_on":
            values[name] = _number(name, values[name])
    return values


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise RefusedInputError(
            f"--held {name}={text} is no number: write {name}=VALUE, such as {name}=0.3."
        ) from None


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    from circuits.kinds.table import circuit_names

    parsed(command, "fit", arguments, f"{EXAMPLES}{', '.join(circuit_names())}.")
