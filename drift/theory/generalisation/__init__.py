"""How well does a readout of a code tell what it was not taught?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from drift.theory.generalisation.prediction import (
        spectrum,
        effective_ridge,
        predicted_error,
        effective_dimensionality,
        optimal_parameters,
    )
    from drift.theory.generalisation.measurement import (
        input_correlation,
        random_subsets,
        regression_errors,
        network_errors,
    )

__getattr__, __dir__ = lazily(__name__)
