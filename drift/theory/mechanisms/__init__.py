"""How fast does a mechanism move a code: single samples, dropout, excitability?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from drift.theory.mechanisms.sampling_noise import (
        TwoLayerProblem,
        LearnedWeights,
        least_loss_weights,
        sampling_drift_rate,
    )
    from drift.theory.mechanisms.irrelevant_inputs import irrelevant_input_diffusion
    from drift.theory.mechanisms.dropout import dropout_loss, dropout_readout
    from drift.theory.mechanisms.excitability import excitable_overlap, excitable_correlation
    from drift.theory.mechanisms.sampled import (
        sampled_drift_rate,
        sampled_dropout_loss,
        sampled_excitable_overlap,
    )

__getattr__, __dir__ = lazily(__name__)
