"""The recipes of similarity-matching networks: a linear one, a rectified one, and one with
interneurons."""

from __future__ import annotations

from abc import ABC
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, Strict, model_validator

from drift.door import opened
from drift.errors import RefusedInputError
from drift.recipe import Recipe
from drift.similarity_matching.inputs import (
    AnyInputs,
    GaussianInputs,
    GridArenaInputs,
    GridTrackInputs,
    Inputs,
    RingInputs,
    TMazeInputs,
)
from drift.streams import stream


class Matching(Recipe, ABC):
    """A frozen recipe of one subject; ``drift.similarity_matching.simulate`` runs lists of them.

    In every step one input x, drawn at random, moves the weights W (unit, input) towards y x^T and
    the lateral weights M (unit, unit) towards y y^T by the share ``learning_rate`` = eta, and
    Gaussian noise of standard deviation ``sqrt(eta) * noise`` is added to every weight.

    Parameters
    ----------
    inputs : Inputs
        What is shown; see ``drift.similarity_matching.INPUTS``.
    units : int
        Output units.
    learning_rate : float
        Share eta of the old weights that a step replaces.
    feedforward_noise, lateral_noise : float
        Standard deviations of the noise on W and on the lateral weights, per square root of eta.
    first_weights : float
        Standard deviation of the first W; the lateral weights start as the identity.
    steps : int
        Steps of learning, one input each.
    sessions : int or sequence of int
        Number of sessions, spread evenly from step 0 to the last, or the steps after which the
        network is observed.
    stride : int
        A session records the responses to every ``stride``-th input.
    seed : int
        Source of all chance of this subject: streams "world", "weights", "order" and
        "update_noise".
    """

    kind: str
    inputs: AnyInputs
    units: int = Field(ge=1, le=10**5)
    learning_rate: float = Field(gt=0, lt=1)
    feedforward_noise: float = Field(ge=0)
    lateral_noise: float = Field(ge=0)
    first_weights: float = Field(gt=0, le=1e6)
    steps: int = Field(default=10_000, ge=1, le=2**53)
    sessions: int | Annotated[tuple[int, ...], Strict(False), Field(max_length=10**6)] = 11
    stride: int = Field(default=1, ge=1)
    seed: int = Field(default=0, ge=0, lt=2**63)

    @model_validator(mode="after")
    def _observed(self) -> Self:
        if isinstance(self.sessions, int):
            if not 1 <= self.sessions <= min(self.steps + 1, 10**6):
                raise ValueError(
                    "sessions must lie between 1 and steps + 1, at most 10**6, got "
                    f"{self.sessions} for {self.steps} steps"
                )
            return self
        listed = list(self.sessions)
        if (
            not listed
            or listed != sorted(set(listed))
            or not 0 <= listed[0] <= listed[-1] <= self.steps
        ):
            raise ValueError(
                f"sessions must be increasing steps between 0 and {self.steps}, got {self.sessions}"
            )
        return self

    def session_steps(self) -> np.ndarray:
        """Return the steps after which the network is observed, shape (sessions,)."""
        if isinstance(self.sessions, int):
            return np.linspace(0, self.steps, self.sessions).round().astype(int)
        return np.array(self.sessions)

    def first_feedforward(self, inputs: int) -> np.ndarray:
        """Return the weights W before learning, (unit, input), from the stream "weights"."""
        return self.first_weights * stream(self.seed, "weights").standard_normal(
            (self.units, inputs)
        )


class PrincipalSubspace(Matching):
    """Linear outputs y = M^-1 W x, which span the principal subspace of the inputs and rotate
    within it.

    ``settling_steps`` steps over the full batch, without noise and at rate 0.1, come before step 0.
    """

    kind: Literal["principal_subspace"] = "principal_subspace"
    inputs: AnyInputs = Field(default_factory=GaussianInputs)
    units: int = Field(default=3, ge=1, le=10**5)
    learning_rate: float = Field(default=0.05, gt=0, lt=1)
    feedforward_noise: float = Field(default=0.01, ge=0)
    lateral_noise: float = Field(default=0.01, ge=0)
    first_weights: float = Field(default=1.0, gt=0)
    settling_steps: int = Field(default=1000, ge=0, le=10**7)


class Rectified(Matching, ABC):
    """Outputs that are never negative; the penalties keep them small, the offset makes them
    selective."""

    inputs: AnyInputs = Field(default_factory=RingInputs)
    units: int = Field(default=100, ge=1, le=10**5)
    learning_rate: float = Field(default=0.02, gt=0, lt=1)
    feedforward_noise: float = Field(default=0.001, ge=0)
    lateral_noise: float = Field(default=0.001, ge=0)
    first_weights: float = Field(default=0.1, gt=0)
    l1_penalty: float = Field(default=0.0, ge=0)
    l2_penalty: float = Field(default=0.01, gt=0)
    similarity_offset: float = Field(default=0.0, ge=0)


class SimilarityMatching(Rectified):
    """Rectified outputs: min over Y >= 0 of sum_tt' (x_t . x_t' - similarity_offset - y_t .
    y_t')^2, online (Qin et al. 2023).

    The outputs settle where (M + l2_penalty) y = W x - sqrt(similarity_offset) b - l1_penalty for
    active units, while silent units would be pushed below 0; the lateral weights M stay >= 0, and
    the threshold b follows the mean of sqrt(similarity_offset) y.
    """

    kind: Literal["similarity_matching"] = "similarity_matching"


class ExcitatoryInhibitory(Rectified):
    """Rectified outputs whose competition is carried by rectified interneurons z instead of lateral
    weights.

    Outputs and interneurons settle where l2_penalty y = W x - sqrt(similarity_offset) b -
    l1_penalty - Wei z and (M + interneuron_penalty) z = Wie y for those that are active. Wei (unit,
    interneuron), Wie and M follow y z^T, z y^T and z z^T, stay >= 0 and share ``lateral_noise``.
    The first Wei is uniform below 0.05, Wie its transpose, M the identity. The published network
    has no ``interneuron_penalty``; then interneurons that have been silent for long may lose their
    M to the noise and find no rest. It costs similarity once it is not small against the mean
    square of z.
    """

    kind: Literal["excitatory_inhibitory"] = "excitatory_inhibitory"
    interneurons: int = Field(default=20, ge=1, le=10**5)
    interneuron_penalty: float = Field(default=0.01, ge=0)


NETWORKS: dict[str, type[Recipe]] = {
    "principal_subspace": PrincipalSubspace,
    "similarity_matching": SimilarityMatching,
    "excitatory_inhibitory": ExcitatoryInhibitory,
}


def _place_cells(inputs: Inputs, **numbers: Any) -> SimilarityMatching:
    return SimilarityMatching(
        inputs=inputs, units=200, first_weights=0.5, l1_penalty=0.02, l2_penalty=0.05, **numbers
    )


PUBLISHED: dict[str, Matching] = {
    "principal_subspace": PrincipalSubspace(steps=50_000, sessions=5001, stride=25),
    "ring": SimilarityMatching(steps=20_000, sessions=tuple(range(10_000, 20_001, 10)), stride=4),
    "ring_noise": SimilarityMatching(
        inputs=RingInputs(angles=628),
        units=200,
        learning_rate=0.005,
        feedforward_noise=0.002,
        lateral_noise=0.002,
        l2_penalty=0.05,
        steps=21_000,
        sessions=tuple(range(1000, 21_001, 100)),
        stride=10,
    ),
    "place_1d": _place_cells(
        GridTrackInputs(smallest_spacing=0.2),
        feedforward_noise=0.005,
        lateral_noise=0.005,
        similarity_offset=35.0,
        steps=25_000,
        sessions=tuple(range(5000, 25_001, 20)),
    ),
    "place_2d": _place_cells(
        GridArenaInputs(),
        learning_rate=0.005,
        feedforward_noise=0.02,
        lateral_noise=0.02,
        similarity_offset=95.0,
        steps=35_000,
        sessions=tuple(range(5000, 35_001, 100)),
    ),
    "t_maze": SimilarityMatching(
        inputs=TMazeInputs(),
        units=300,
        learning_rate=0.01,
        feedforward_noise=4e-5,
        lateral_noise=4e-5,
        l1_penalty=2e-5,
        l2_penalty=1e-3,
        similarity_offset=1.5,
        steps=30_000,
        sessions=tuple(range(10_000, 30_001, 50)),
        stride=4,
    ),
}


@opened
def published_network(name: str) -> Matching:
    """Return the recipe of a network of Qin et al. (2023), settling stage and recorded stage in one
    run.

    Parameters
    ----------
    name : str
        "principal_subspace" (the scan of diffusion constants), "ring", "ring_noise" (``replace``
        gives its arms with one noise), "place_1d", "place_2d" (recorded every 100 steps instead of
        10), or "t_maze".

    Returns
    -------
    Matching
        Change it with ``replace``.

    Raises
    ------
    RefusedInputError
        If there is no such network.
    """
    if name not in PUBLISHED:
        raise RefusedInputError(
            f"a published network was expected, got {name!r}: use one of {', '.join(PUBLISHED)}."
        )
    return PUBLISHED[name]
