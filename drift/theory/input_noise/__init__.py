"""Which terms does noise on inputs add to the loss, and what do they make of a network?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from drift.theory.input_noise.terms import (
        implicit_loss,
        surrogate,
        jacobian_penalty,
        hidden_noise_penalty,
    )
    from drift.theory.input_noise.rectified_normal import (
        normal_loss,
        rectified_noise,
        covariance_beyond_first_order,
        rectified_covariance,
        rectified_product,
    )
    from drift.theory.input_noise.series import panels, small_noise, wiener_filter, wiener_loss
    from drift.theory.input_noise.weights import (
        NetworkWeights,
        preactivation,
        network_outputs,
        network_of,
    )
    from drift.theory.input_noise.sampled import sampled_loss, sampled_moments, quadrature_loss

__getattr__, __dir__ = lazily(__name__)
