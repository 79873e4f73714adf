"""What drives a circuit that is fitted, and what makes it drift, where this is not fitted; and
which bounds no circuit can have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Literal

from pydantic import Field

from circuits.base import Circuit
from circuits.fitting.bounds import Bounds
from circuits.parameters import Positive
from circuits.wandering.excitability import Excitability
from circuits.wandering.weight_drift import WeightDrift
from drift.errors import RefusedInputError
from drift.recipe import Recipe
from drift.theory.code_drift.closed_forms import WeightLaw

LASTING = 1e12  # units of elapsed: what stays beside something that is lost
NORMAL_LAWS = ("ornstein_uhlenbeck", "free_diffusion", "jump")  # of first weights
# what has no effect where another number is 0, and that number
OF_SHARE = {
    "fast_weight_lifetime": "fast_share",
    "context_lifetime": "context_share",
    "excitability_lifetime": "excitability",
}


class Surroundings(Recipe):
    """What drives a circuit and how its weights wander, where this is not fitted.

    Parameters
    ----------
    input_width : float
        w of the input correlation exp(-D^2 / (2 w^2)) over places, in units of place.
    weight_lifetime : float, optional
        T of the weight autocorrelation exp(-t / T), in units of elapsed; None for weights that
        stay.
    fast_weight_lifetime : float, optional
        T_fast of the part of the weights that is lost soon, in units of elapsed.
    fast_share : float
        s, its share: the autocorrelation is s exp(-t / T_fast) + (1 - s) exp(-t / T).
    law : str
        What a weight does; see ``WeightDrift``.
    connected_share, multiplicative_noise : float, optional
        Numbers of the laws turnover and multiplicative.
    context_share : float
        g, the share of the variance of drives that comes from inputs which are alike at all places.
    context_lifetime : float, optional
        T of their weights, in units of elapsed; that of the others by default.
    excitability : float
        Standard deviation over time of how excitable a unit is; see ``Excitability``.
    excitability_lifetime : float, optional
        In units of elapsed.
    excitability_acts_on : {"threshold", "drive"}
        What it is added to, or whose logarithm.
    """

    input_width: Positive
    weight_lifetime: Positive | None = None
    fast_weight_lifetime: Positive | None = None
    fast_share: float = Field(default=0.0, ge=0, le=1)
    law: WeightLaw = "ornstein_uhlenbeck"
    connected_share: float | None = Field(default=None, gt=0, lt=1)
    multiplicative_noise: Positive | None = None
    context_share: float = Field(default=0.0, ge=0, lt=1)
    context_lifetime: Positive | None = None
    excitability: float = Field(default=0.0, ge=0, le=1e3)
    excitability_lifetime: Positive | None = None
    excitability_acts_on: Literal["threshold", "drive"] = "threshold"

    @property
    def wandering(self) -> WeightDrift | None:
        """How the weights wander; None where they are normal numbers that stay."""
        lost = self.context_lifetime if self.context_share else None
        moves = self.weight_lifetime is not None or bool(self.fast_share) or lost is not None
        # numbers of other laws are for WeightDrift to refuse
        plain = self.connected_share is None and self.multiplicative_noise is None
        if not moves and plain and self.law in NORMAL_LAWS:
            return None
        return WeightDrift(
            law=self.law,
            weight_lifetime=self.weight_lifetime or LASTING,
            fast_weight_lifetime=self.fast_weight_lifetime,
            fast_share=self.fast_share,
            connected_share=self.connected_share,
            multiplicative_noise=self.multiplicative_noise,
            context_lifetime=lost,
        )

    @property
    def excitable(self) -> Excitability | None:
        """How excitable units are; None for units alike."""
        if not self.excitability:
            return None
        return Excitability(
            std=self.excitability,
            lifetime=self.excitability_lifetime or LASTING,
            acts_on=self.excitability_acts_on,
        )

    def still(self) -> Surroundings:
        """Return the same without drift: nothing is lost between sessions, and what there is in the
        first one has the law that it had."""
        stays = self.replace(
            weight_lifetime=None, fast_share=0.0, context_lifetime=None, excitability_lifetime=None
        )
        if self.multiplicative_noise is None or self.weight_lifetime is None:
            return stays
        # s^2 T / 2 of both streams, which says how weights are distributed, is left as it is
        longer = LASTING / self.weight_lifetime
        return stays.replace(
            weight_lifetime=LASTING,
            multiplicative_noise=self.multiplicative_noise / longer**0.5,
            context_lifetime=self.context_lifetime and longer * self.context_lifetime,
        )


WORDS = ("law", "excitability_acts_on")  # which are chosen, not fitted
FITTED = tuple(name for name in Surroundings.model_fields if name not in WORDS)
GIVEN = tuple(name for name in FITTED if name != "input_width")  # which has a default of its own


def is_told(name: str, around: Surroundings, names: Sequence[str]) -> bool:
    """Tell whether a number is fitted, or held at something else than 0 or nothing.

    Parameters
    ----------
    name : str
        Of a field of ``Surroundings``.
    around : Surroundings
        What is not fitted.
    names : sequence of str
        What is fitted.
    """
    return name in names or bool(getattr(around, name))


def is_lifted(around: Surroundings, names: Sequence[str]) -> bool:
    """Tell whether something moves the drives of a unit at all places alike.

    Parameters
    ----------
    around : Surroundings
        What is not fitted.
    names : sequence of str
        What is fitted.
    """
    return any(is_told(name, around, names) for name in ("context_share", "excitability"))


def refuse_impossible(circuit: Circuit, around: Surroundings, bounds: Bounds) -> None:
    """Refuse bounds at which no circuit, or no surroundings, can be made.

    Parameters
    ----------
    circuit : Circuit
        Whose parameters are fitted.
    around : Surroundings
        Its surroundings.
    bounds : Bounds
        Of the search.
    """
    _refuse_unknown(circuit, bounds.names)
    _refuse_ends(circuit, around, bounds)
    _refuse_without_effect(around, bounds.names)
    for corner in _corners(bounds):
        surroundings = around.replace(**corner)
        try:
            surroundings.wandering  # noqa: B018
        except RefusedInputError as refusal:
            said = ", ".join(f"{name} {value:g}" for name, value in corner.items())
            raise RefusedInputError(
                f"weights of the law {around.law} cannot wander"
                f"{f' with {said}' if said else ''}: {refusal}"
            ) from None


def _refuse_unknown(circuit: Circuit, names: Sequence[str]) -> None:
    numbers = [
        name
        for name, value in circuit
        if isinstance(value, float) and not name.endswith("time_constant")
    ]
    # time constants do not move the rates at rest
    parameters = [*numbers, *FITTED]
    unknown = [name for name in names if name not in parameters]
    if unknown:
        raise RefusedInputError(
            f"{type(circuit).__name__} has no parameter {', '.join(unknown)} to fit: use some "
            f"of {', '.join(parameters)}."
        )


def _refuse_ends(circuit: Circuit, around: Surroundings, bounds: Bounds) -> None:
    for name, *ends in zip(bounds.names, bounds.low, bounds.high, strict=True):
        for value in ends:
            try:
                (around if name in FITTED else circuit).replace(**{name: float(value)})
            except RefusedInputError as refusal:
                raise RefusedInputError(
                    f"the bounds {ends[0]:g} to {ends[1]:g} of {name} are not usable: {refusal}"
                ) from None


def _corners(bounds: Bounds) -> Iterator[dict[str, float]]:
    """The ends of the bounds of all surroundings that are fitted, in all combinations."""
    ends = {
        name: (float(low), float(high))
        for name, low, high in zip(bounds.names, bounds.low, bounds.high, strict=True)
        if name in FITTED
    }
    for values in product(*ends.values()):
        yield dict(zip(ends, values, strict=True))


def _refuse_without_effect(around: Surroundings, names: Sequence[str]) -> None:
    """Refuse numbers that nothing depends on, and what has no meaning together."""

    def told(name: str) -> bool:
        return is_told(name, around, names)

    _refuse_twice_told(around, names)
    if "fast_share" in names and not told("fast_weight_lifetime"):
        raise RefusedInputError(
            "fast_share needs a fast_weight_lifetime, got none: give it, such as a tenth of the "
            "shortest time between sessions, or fit it too."
        )
    if told("excitability") and not told("excitability_lifetime"):
        raise RefusedInputError(
            "excitability needs an excitability_lifetime, got none: give it, or fit it too."
        )
    for lifetime, share in OF_SHARE.items():
        # a fast lifetime may wait for a share
        meant = lifetime in names if lifetime == "fast_weight_lifetime" else told(lifetime)
        if meant and not told(share):
            raise RefusedInputError(
                f"{lifetime} has no effect at {'an' if share == 'excitability' else 'a'} {share} "
                f"of 0: fit {share} too, or give it."
            )
    adds = around.excitability_acts_on == "threshold"
    if told("context_share") and told("excitability") and adds:
        raise RefusedInputError(
            "context and excitability both lift all drives of a unit alike, so that no recording "
            "tells them apart (a standard deviation e is a context_share of e^2 / (1 + e^2)): fit "
            "one of them, or let excitability act on the drive."
        )
    if around.law == "multiplicative" and not told("weight_lifetime"):
        raise RefusedInputError(
            "the law multiplicative needs a weight_lifetime, got none: give it, or fit it too."
        )


def _refuse_twice_told(around: Surroundings, names: Sequence[str]) -> None:
    """Refuse what is given and fitted at once, and how an excitability acts that is not there."""
    acts_on = around.excitability_acts_on
    if acts_on != "threshold" and not is_told("excitability", around, names):
        raise RefusedInputError(
            f"excitability_acts_on {acts_on!r} has no effect at an excitability of 0: fit "
            "excitability too, or give it."
        )
    both = [name for name in names if name in GIVEN and getattr(around, name)]
    if both:
        raise RefusedInputError(
            f"{both[0]} was expected to be fitted or given, got both, bounds and "
            f"{getattr(around, both[0]):g}: leave one of them out."
        )
