"""Readouts of a code that drifts: fixed ones, and ones that go on learning, with a teacher or
without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr
from pydantic import Field

from circuits.parameters import Positive
from circuits.wandering.hebbian import hebbian_errors
from drift.door import opened
from drift.errors import RefusedInputError
from drift.recipe import Recipe, chosen
from drift.schema.labelled_form import check
from drift.theory.code_drift.following import FASTEST, Followed, followed_by_weights

BUMP = 0.1  # width of what a readout is taught by default, of the places


class FixedReadout(Recipe):
    """A readout that is fitted to the first session, by ridge regression, and never again.

    Parameters
    ----------
    ridge : float
        lambda, in units of the mean |x|^2 of the first session.
    """

    kind: Literal["fixed"] = "fixed"
    ridge: float = Field(default=0.01, ge=0)


class LeastMeanSquares(Recipe):
    """A readout that is told its error: the delta rule dw = eta (y - w x) x / |x|^2, place by
    place, in each session after the first one, to which it is fitted (Widrow & Hoff 1960).

    Parameters
    ----------
    learning_rate : float
        eta, the part of the error that one look at a place corrects; up to 2.
    laps : int
        How often each place is seen in a session.
    ridge : float
        lambda, of the fit to the first session.
    """

    kind: Literal["least_mean_squares"] = "least_mean_squares"
    learning_rate: float = Field(default=0.5, ge=0, le=FASTEST)
    laps: int = Field(default=1, ge=1, le=10_000)
    ridge: float = Field(default=0.01, ge=0)


class HebbianHomeostasis(Recipe):
    """A population of readout cells that no one teaches: Hebbian plasticity, which homeostasis asks
    for (Rule & O'Leary 2022).

    Cell k responds y_k = n exp(w_k x + b_k) / sum_j exp(w_j x + b_j), n the sum of responses that
    was taught: cells compete. When its responses vary less over places than on the first day, it
    strengthens the inputs that are active when it is, dw = rate g (h <x y> - w), and when its mean
    response falls it becomes more excitable, db = threshold_rate e; g and e integrate the relative
    errors of standard deviation and mean, and forget all but the part ``inertia`` at each step.

    Parameters
    ----------
    rate, threshold_rate : float
        Of weights and of thresholds, per step.
    steps : int
        Of each session, such as replays of the places.
    inertia : float
        Part of the integrated errors that is left after a step.
    ridge : float
        Of the weights on the first day, which are fitted to the targets by cross entropy.
    """

    kind: Literal["hebbian_homeostasis"] = "hebbian_homeostasis"
    rate: Positive = 0.05
    threshold_rate: Positive = 0.05
    steps: int = Field(default=100, ge=1, le=100_000)
    inertia: float = Field(default=0.3, ge=0, lt=1)
    ridge: Positive = 1e-3


READOUTS: dict[str, type[Recipe]] = {
    "fixed": FixedReadout,
    "least_mean_squares": LeastMeanSquares,
    "hebbian_homeostasis": HebbianHomeostasis,
}


@opened
def read_out(
    source: xr.Dataset,
    readout: FixedReadout | LeastMeanSquares | HebbianHomeostasis | Mapping[str, Any],
    targets: Any = None,
) -> xr.Dataset:
    """Let a readout follow a drifting code from session to session, and say how wrong it is.

    Of a circuit, a network or an animal: units that were recorded, and places that were visited, in
    every session of a subject. The readout is fitted to the first session; its error in a later one
    is that of the weights with which it comes there, before it learns anew. What a readout by least
    mean squares makes of a wide Top-K layer, ``drift.theory.code_drift.following_readout_error``
    says.

    Parameters
    ----------
    source : xarray.Dataset
        Longitudinal Dataset with ``rate`` and tracked units.
    readout : FixedReadout, LeastMeanSquares or HebbianHomeostasis
        How it learns.
    targets : array_like, optional
        (place, output) what is to be read; one bump over places for each place by default, with a
        standard deviation of a tenth of them. For Hebbian readouts responses, not negative.

    Returns
    -------
    xarray.Dataset
        ``readout_error`` and ``readout_error_after`` (subject, session), mean squared errors over
        places and outputs, and ``relative_readout_error``, of the variance of the targets over
        places: 1 is what the mean of the targets gets.

    Raises
    ------
    RefusedInputError
        If units are not tracked or none is recorded in every session, sessions lie in several
        environments, places have directions, or targets do not fit.
    """
    check(source, "rate", "recorded")
    recipe = chosen(READOUTS, readout)
    if not isinstance(recipe, FixedReadout | LeastMeanSquares | HebbianHomeostasis):
        raise RefusedInputError(
            f"readout must be one of {', '.join(READOUTS)}, got {type(readout).__name__}: write "
            "LeastMeanSquares(learning_rate=0.5)."
        )
    if source["rate"].sizes.get("direction", 1) > 1:
        raise RefusedInputError(
            "a readout reads one direction, got "
            f"{source.sizes['direction']}: select one by isel(direction=[0])."
        )
    maps = (
        source["rate"].squeeze("direction", drop=True)
        if "direction" in source["rate"].dims
        else source["rate"]
    )
    _refuse_strangers(source)
    rows = [
        _of_subject(maps.isel(subject=number), recipe, targets)
        for number in range(maps.sizes["subject"])
    ]
    names = ("readout_error", "readout_error_after", "relative_readout_error")
    said = {
        "readout_error": ("squared target", "mean squared error before a session is learned"),
        "readout_error_after": ("squared target", "mean squared error when it has been learned"),
        "relative_readout_error": ("1", "error before learning over the variance of the targets"),
    }
    arrays = {
        name: (
            ("subject", "session"),
            np.stack([row[number] for row in rows]),
            dict(zip(("units", "long_name"), said[name], strict=True)),
        )
        for number, name in enumerate(names)
    }
    labels = {
        str(name): values
        for name, values in source.coords.items()
        if set(values.dims) <= {"subject", "session"}
    }
    return xr.Dataset(arrays, labels).assign_attrs(readout=recipe.to_json())


def _refuse_strangers(source: xr.Dataset) -> None:
    """Refuse subjects whose sessions lie in several rooms, or whose units are others each time."""
    pairs = source["recorded"].isel(unit=0, drop=True)
    for name, remedy in (
        ("environment", "select the sessions of one, as a room is not the drift of another"),
        ("unit_identity", "read sessions whose units were followed"),
    ):
        if name not in source.coords:
            continue
        labels = source[name].broadcast_like(pairs).transpose("subject", "session").values
        for number, own in enumerate(labels):
            if len(names := sorted({str(label) for label in own} - {"", "nan"})) > 1:
                raise RefusedInputError(
                    f"subject {number}: sessions must share one {name}, got "
                    f"{', '.join(names[:4])}: {remedy}."
                )


def _of_subject(maps: xr.DataArray, recipe: Any, targets: Any) -> np.ndarray:
    """(error before, after, relative) of sessions, NaN for those that were not recorded."""
    rate = maps.transpose("session", "place", "unit").values.astype(float)
    held = np.isfinite(rate).any(axis=(1, 2))  # sessions of this subject
    result = np.full((3, len(rate)), np.nan)
    codes = rate[held]
    units = np.isfinite(codes).any(axis=1).all(axis=0)
    codes = codes[:, :, units]
    places = np.isfinite(codes).all(axis=(0, 2))
    codes = codes[:, places]
    if codes.size == 0 or not (codes[0] != 0).any():
        raise RefusedInputError(
            f"subject {maps['subject'].item() if 'subject' in maps.coords else 0}: no unit is "
            "recorded at the same places in every session, or all are silent in the first one: "
            "select sessions that share units."
        )
    desired = _targets(targets, maps.sizes["place"])[places]
    scale = np.sqrt(np.square(codes[0]).sum(axis=1).mean())
    errors = _errors(codes / scale, desired, recipe)
    variance = np.square(desired - desired.mean(axis=0)).mean()
    result[:, held] = errors.before, errors.after, np.divide(errors.before, variance)
    return result


def _errors(codes: np.ndarray, targets: np.ndarray, recipe: Any) -> Followed:
    if isinstance(recipe, HebbianHomeostasis):
        numbers = {name: value for name, value in recipe if name != "kind"}
        return hebbian_errors(codes, targets, **numbers)
    learning = (
        (recipe.learning_rate, recipe.laps) if isinstance(recipe, LeastMeanSquares) else (0.0, 1)
    )
    return followed_by_weights(iter(codes), targets, recipe.ridge, *learning)


def place_bumps(places: int, width: float = BUMP) -> np.ndarray:
    """Return responses (place, output) of one readout cell for each place, exp(-d^2 / (2 w^2)).

    Parameters
    ----------
    places : int
    width : float
        w, of all places.
    """
    apart = np.subtract.outer(np.arange(places), np.arange(places)) / (width * places)
    return np.exp(-np.square(apart) / 2)


def _targets(targets: Any, places: int) -> np.ndarray:
    if targets is None:
        return place_bumps(places)
    try:
        desired = np.asarray(targets, dtype=float)
    except (TypeError, ValueError):
        desired = np.array("")
    if desired.ndim != 2 or len(desired) != places or not np.isfinite(desired).all():
        raise RefusedInputError(
            f"targets must be finite numbers (place, output) for {places} places, got shape "
            f"{np.shape(targets)}: give one row a place."
        )
    if not np.ptp(desired, axis=0).any():
        raise RefusedInputError(
            "targets are the same at all places, so there is nothing to read: give others."
        )
    return desired
