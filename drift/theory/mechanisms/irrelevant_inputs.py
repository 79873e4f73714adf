"""Drift by inputs that are irrelevant to the task, in networks that learn a principal subspace from
single samples.

Irrelevant inputs are ignored on average, but the filters fluctuate in their directions: with the
ratio r of irrelevant to relevant variance, each such weight has the variance eta r / (2 (1 - r)).
Through them irrelevant inputs enter the outputs as noise e, and the filters of the relevant inputs
move by -eta y e^T / variance, whose antisymmetric part is a rotation. Neither relevant inputs alone
nor the mean of what is learned turn the code.
"""

from __future__ import annotations

from typing import Any

from drift.door import opened
from drift.door.quantities import Alike
from drift.errors import RefusedInputError


@opened
def irrelevant_input_diffusion(learning_rate: Alike, variance_ratio: Alike, inputs: Alike) -> Any:
    """Rotational diffusion of the code of relevant inputs of equal variance by irrelevant ones, D =
    eta^3 inputs r^2 / (8 (1 - r)).

    The squared angle between the codes of two times grows as 6 D t for three outputs. For small
    learning rates without synaptic noise; the powers 2 of the variance and 1 of the number hold
    where r is small: at r = 0.6 the power of the variance has become 3.5, as 2 + r / (1 - r) says.

    Parameters
    ----------
    learning_rate : float or array
        eta, share of the weights that a step replaces.
    variance_ratio : float or array
        r, variance of each irrelevant input over that of each relevant one, in [0, 1).
    inputs : float or array
        Number of irrelevant inputs.

    Returns
    -------
    float or array
        rad^2 per step.

    Raises
    ------
    RefusedInputError
        If a ratio is below 0 or not below 1.

    References
    ----------
    Pashakhanloo 2025 (arXiv 2510.21588) for D ~ variance^2 inputs; the constant is derived here,
    and held against ``drift.similarity_matching.simulate`` of a ``PrincipalSubspace``.
    """
    ratio = variance_ratio
    if not ((ratio >= 0) & (ratio < 1)).all() if hasattr(ratio, "all") else not 0 <= ratio < 1:
        raise RefusedInputError(
            f"variance_ratio must lie in [0, 1), got {ratio}: irrelevant inputs vary less than "
            "relevant ones, else the network learns them."
        )
    return learning_rate**3 * inputs * ratio**2 / (8 * (1 - ratio))
