"""How similar are two responses of layers in which few units are active, given how similar their
inputs were?

One layer of infinite width, its moments and references, depth, pooling and sheets; each formula
beside a sampled layer of finite width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from drift.theory.kernels.one_layer import (
        kappa,
        shortfall,
        joint_activation,
        kappa_curvature,
        power_series,
        kernel_table,
    )
    from drift.theory.kernels.moments import (
        threshold,
        mean_activity,
        mean_square_activity,
        activity_variance,
        pooled_square,
    )
    from drift.theory.kernels.references import owen_joint_activation, owen_kappa, angular_kappa
    from drift.theory.kernels.depth import (
        correlation_map,
        weight_variance,
        amplification,
        optimal_pooling,
        fixed_point,
        approach_rate,
        deep_kernel,
    )
    from drift.theory.kernels.pooling import measured_pooling, covariance_pooling
    from drift.theory.kernels.sheets import sheet_map, optimal_window
    from drift.theory.kernels.sampled import (
        sampled_kappa,
        sampled_sheet_map,
        sampled_correlation_map,
        sampled_network,
        sampled_deep_kernel,
    )
    from drift.theory.kernels.normal_pairs import bivariate_normal

__getattr__, __dir__ = lazily(__name__)
