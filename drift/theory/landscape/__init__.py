"""Why does noise move a network that has learned, and whereto?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from drift.theory.landscape.curvature import (
        network_point,
        row_index,
        gated_inputs,
        coupling,
        gauss_newton,
        hessian,
        hessian_spectrum,
        hessian_spectra,
        hessian_trace,
    )
    from drift.theory.landscape.spectrum import (
        gram_matrix,
        gauss_newton_spectrum,
        hessian_operator,
        largest_eigenvalues,
        padded,
        rank,
        log_pseudo_determinant,
        fraction_positive_eigenvalues,
        jacobian,
    )
    from drift.theory.landscape.regularisers import (
        trace_gradient,
        log_determinant_gradient,
        eigenvalue_gradient,
        along_manifold,
        update_noise_drift,
        label_noise_drift,
        label_noise_trace_change,
        update_noise_trace_change,
    )
    from drift.theory.landscape.plateaus import (
        edge_of_stability,
        update_noise_loss,
        label_noise_loss,
        squared_norm_growth,
        update_noise_time,
        label_noise_time,
    )
    from drift.theory.landscape.toy import (
        toy_walks,
        landing_point,
        normal_variance,
        mean_square_under_update_noise,
        position_under_label_noise,
    )
    from drift.theory.landscape.monitor import noise_monitor

__getattr__, __dir__ = lazily(__name__)
