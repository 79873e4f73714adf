"""What every circuit is: equations that can be read, parameters with units, and three verbs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
import xarray as xr
from pydantic import Field

from circuits.drives import checked_drive, normal_quantiles
from circuits.parameters import Seconds
from circuits.stable_steps import LIMITS, known_update
from drift.door.quantities import Share
from drift.html import recipe_html
from drift.recipe import Recipe
from drift.schema.labelled_form import RefusedInputError

if TYPE_CHECKING:
    from circuits.simulation.batch import Batch

Update = Literal["staggered", "simultaneous"]
"""Whether the interneuron is advanced with the new excitatory rates of a step, or with the old
ones."""


class RestingState(NamedTuple):
    """A fixed point: ``rate (..., unit)``, ``inhibition (...)`` and ``loop_gain (...)``."""

    rate: np.ndarray
    inhibition: np.ndarray
    loop_gain: np.ndarray


class Circuit(Recipe, ABC):
    """A rate circuit in which inhibition leaves only the most strongly driven units active.

    The recipe is frozen; ``settle`` simulates it in Brian2, ``fixed_point`` says in closed form
    where it comes to rest. Gains and thresholds act on means over units, so that a circuit selects
    the same fraction of its units whatever their number.
    """

    kind: str
    units: int = Field(default=1000, ge=1)
    excitatory_time_constant: Seconds = 0.020
    inhibitory_time_constant: Seconds = 0.002

    excitatory_equations: ClassVar[str]
    interneuron_equations: ClassVar[str]
    state_variable: ClassVar[str] = "E"  # what the excitatory equations integrate
    rate_variable: ClassVar[str] = "E"  # what the interneurons see
    active_rate: ClassVar[float] = 1e-3  # above it a unit counts as active on the way to rest
    time_constants_to_rest: ClassVar[float] = 15.0  # excitatory ones, enough for 1e-6

    @abstractmethod
    def fixed_point(self, drive: Any) -> xr.Dataset:
        """Return where the circuit comes to rest.

        Parameters
        ----------
        drive : array_like or xarray.DataArray
            I, (..., unit), without units.

        Returns
        -------
        xarray.Dataset
            ``rate (..., unit)``, ``winner (..., unit)``, ``inhibition (...)``, ``active_units
            (...)`` and ``loop_gain (...)``.

        Raises
        ------
        RefusedInputError
            If the drive does not fit the circuit, or the circuit has no closed form.
        """

    @abstractmethod
    def for_active_fraction(self, active_fraction: Share, drive: Any = None) -> Self:
        """Return the circuit whose gain or threshold leaves this fraction of its units active.

        Parameters
        ----------
        active_fraction : float
            f, between 0 and 1.
        drive : array_like or xarray.DataArray, optional
            I, (..., unit); the mean over stimuli is set. Without it the drive is taken as standard
            normal.

        Returns
        -------
        Circuit
            A changed copy.
        """

    def network(self, batch: Batch) -> dict[str, Any]:
        """Return the Brian2 objects of a batch by name, among them the groups ``excitatory`` and
        ``interneuron``."""
        return batch.pooled_network() if self.weights() is None else batch.wired_network()

    def weights(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the weights to interneurons (interneuron, unit) and to units (unit, interneuron)
        where they are connected one by one; None where one interneuron sums all units."""
        return None

    def equation_parameters(self) -> Mapping[str, float]:
        """Return the numbers of the equations by the names they have there."""
        return {
            name: float(value)
            for name, value in self
            if isinstance(value, float) and not name.endswith("time_constant")
        }

    def sizes(self) -> tuple[int, ...]:
        """Return the numbers of units and of whatever else circuits must share to be simulated
        together."""
        return (self.units,)

    def initial_state(self, drive: np.ndarray) -> np.ndarray:
        """Return the state of the units before the first step, (..., unit): silence."""
        return np.zeros_like(drive)

    def winning(self, drive: np.ndarray, rate: np.ndarray, inhibition: np.ndarray) -> np.ndarray:
        """Return which units win, (..., unit): those driven above the inhibition, which holds long
        before losers have decayed."""
        return drive > inhibition[..., np.newaxis]

    @abstractmethod
    def rate_change(
        self, drive: np.ndarray, rate: np.ndarray, inhibition: np.ndarray
    ) -> np.ndarray:
        """Return tau_E dE/dt, (..., unit), for states (..., unit) and inhibition (...): the
        equations once more, in numpy."""

    @abstractmethod
    def inhibition_change(self, rate: np.ndarray, inhibition: np.ndarray) -> np.ndarray:
        """Return tau_I dR/dt, (...)."""

    def state_at_rest(
        self, drive: np.ndarray, rate: np.ndarray, inhibition: np.ndarray
    ) -> np.ndarray:
        """Return the state of the units at rest, (..., unit), from their rates; the same unless the
        equations integrate something else."""
        return rate

    def bare_fixed_point(self, drive: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return rates (..., unit), inhibition (...) and winners (..., unit) of ``fixed_point``
        without labels, for drives that are known to be finite numbers."""
        if (state := self._told_state(drive)) is not None:
            winner = self.winning(drive, state.rate, state.inhibition)
            return state.rate, state.inhibition, winner
        fixed_point = self.fixed_point(drive)
        rate, inhibition, winner = (
            fixed_point[name].values for name in ("rate", "inhibition", "winner")
        )
        return rate, inhibition, winner

    def residual(self, drive: np.ndarray, rate: np.ndarray, inhibition: np.ndarray) -> np.ndarray:
        """Return the largest change per time constant that is left, (...); 0 at a fixed point."""
        rates = np.abs(self.rate_change(drive, rate, inhibition)).max(axis=-1)
        return np.maximum(
            rates,
            np.abs(self.inhibition_change(rate, inhibition)).reshape(*rates.shape, -1).max(axis=-1),
        )

    def shared_inhibition(self, inhibition: np.ndarray) -> np.ndarray:
        """Return the inhibition (...) that every unit receives, its mean over units where a circuit
        has several interneurons."""
        return inhibition

    def stable_dt(self, drive: Any = None, update: Update = "staggered") -> float:
        """Return the largest step in s at which the simulated loop is stable at its fixed point.

        Parameters
        ----------
        drive : array_like or xarray.DataArray, optional
            I, (..., unit); the smallest step over all stimuli is returned. Standard normal
            quantiles by default.
        update : {"staggered", "simultaneous"}
            Order of the updates within a step.

        Returns
        -------
        float
        """
        drive = normal_quantiles(self.units) if drive is None else drive
        gains = self.loop_gains(drive)
        return float(
            np.min(
                LIMITS[known_update(update)](
                    gains, self.excitatory_time_constant, self.inhibitory_time_constant
                )
            )
        )

    def resting_state(self, drive: np.ndarray) -> RestingState | None:
        """Return the fixed point as bare arrays for checked drives (..., unit), where a kind tells
        it so: what ``fixed_point`` labels, and fits ask for again and again."""
        return None

    def _told_state(self, drive: np.ndarray) -> RestingState | None:
        """Return the resting state of the kind that says the fixed point; None where a kind says
        another fixed point than the one whose arrays it inherits."""
        told = _home(self, "resting_state") is _home(self, "fixed_point")
        return self.resting_state(drive) if told else None

    def loop_gains(self, drive: Any) -> np.ndarray:
        """Return the gain of the inhibitory loop at rest, (...), for drives (..., unit)."""
        state = self._told_state(checked_drive(drive, self.units).values)
        return self.fixed_point(drive)["loop_gain"].values if state is None else state.loop_gain

    def usual_dt(self, drive: xr.DataArray) -> float:
        """Return the step in s that is taken where none is asked for."""
        return 1e-4

    def settle(self, drive: Any, **options: Any) -> xr.Dataset:
        """Simulate the circuit in Brian2 until it rests; see ``circuits.settle`` for the options
        and the result."""
        settle = import_module(
            "circuits.simulation.settle"
        ).settle  # by name: what circuits are does not depend on how they are run
        return settle([self], drive, **options).isel(circuit=0)

    def at_rest(
        self, drive: xr.DataArray, rate: np.ndarray, inhibition: np.ndarray, loop_gain: np.ndarray
    ) -> xr.Dataset:
        """Label a fixed point: ``rate (..., unit)``, ``inhibition (...)`` and ``loop_gain (...)``
        in the order of ``drive``."""
        winner = self.winning(drive.values, rate, inhibition)
        labels = {"units": "1", "long_name": "gain of the inhibitory loop at rest"}
        own = {"loop_gain": (drive.dims[:-1], loop_gain, labels)}
        return labelled_rest(drive, rate, winner, self.shared_inhibition(inhibition), own)

    def _repr_html_(self) -> str:
        """Show the circuit in a notebook: its parameters and its equations."""
        equations = (
            f"{_dedented(self.excitatory_equations)}\n\n{_dedented(self.interneuron_equations)}"
        )
        return recipe_html(self, f"<pre>{escape(equations)}</pre>")


def _home(circuit: Circuit, name: str) -> type:
    """Return the class that defines a method of a circuit."""
    return next(kind for kind in type(circuit).__mro__ if name in vars(kind))


def labelled_rest(
    drive: xr.DataArray,
    rate: np.ndarray,
    winner: np.ndarray,
    inhibition: np.ndarray,
    further: Mapping[str, Any] | None = None,
    coordinates: Mapping[str, Any] | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Return rates, winners, inhibition and active units with the labels of the drive, and further
    variables, coordinates and attributes."""
    outer = drive.dims[:-1]
    return xr.Dataset(
        {
            "rate": (drive.dims, rate, {"units": "1", "long_name": "excitatory rate"}),
            "winner": (
                drive.dims,
                winner,
                {"units": "1", "long_name": "1 where the unit is driven above the inhibition"},
            ),
            "inhibition": (
                outer,
                inhibition,
                {"units": "1", "long_name": "inhibition that every unit receives"},
            ),
            "active_units": (
                outer,
                winner.sum(axis=-1),
                {"units": "1", "long_name": "units that win"},
            ),
            **(further or {}),
        },
        coords={**drive.coords, **(coordinates or {})},
        attrs=attributes,
    )


def require_fraction(active_fraction: Any, units: int) -> float:
    """Return an active fraction that leaves at least one unit on and one off, or refuse it."""
    if (
        np.asarray(active_fraction).dtype.kind not in "iuf"
        or np.ndim(active_fraction)
        or not 0 < active_fraction < 1
    ):
        got = (
            f"an array {np.shape(active_fraction)}"
            if np.ndim(active_fraction)
            else repr(active_fraction)
        )
        raise RefusedInputError(
            f"active_fraction must be a number between 0 and 1, got {got}: 0.05 leaves one "
            "unit in twenty active."
        )
    if fault := impossible_count(active_fraction, units):
        raise RefusedInputError(fault)
    return float(active_fraction)


def impossible_count(active_fraction: float, units: int) -> str:
    """Return why the fraction of the units, rounded, does not leave at least one on and one off;
    nothing if it does."""
    if 1 <= round(active_fraction * units) < units:
        return ""
    wrong = "less than one unit" if active_fraction * units < 1 else "all of them"
    return (
        f"active_fraction {active_fraction:g} of {units} units is {wrong}: ask for a fraction "
        f"from {1 / units:g} to {1 - 1 / units:g}, or "
        "for more units."
    )


def require_positive_drive(drive: xr.DataArray) -> xr.DataArray:
    """Return the drive if every stimulus excites some unit, or refuse it: no gain could select
    among silent units."""
    silent = int((drive.max("unit") <= 0).sum())
    if silent:
        raise RefusedInputError(
            f"the drive has no positive input in {silent} of "
            f"{drive.size // drive.sizes['unit']} stimuli: no inhibition selects "
            "winners there, so drop these stimuli or add an offset."
        )
    return drive


def selection_drive(units: int, drive: Any) -> xr.DataArray:
    """Return the drive on which a circuit is asked to select: the given one, or standard normal
    quantiles."""
    return require_positive_drive(
        checked_drive(normal_quantiles(units) if drive is None else drive, units)
    )


def _dedented(equations: str) -> str:
    return "\n".join(line.strip() for line in equations.strip().splitlines())
