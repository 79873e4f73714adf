"""Hebbian/anti-Hebbian networks that match the similarity of their outputs to that of their inputs,
and drift (Qin et al. 2023)."""

from drift.similarity_matching.bumps import (
    circular_diffusion_constant,
    field_centres,
    independent_spacing_variance,
    spacing_variance,
)
from drift.similarity_matching.inputs import (
    INPUTS,
    GaussianInputs,
    GridArenaInputs,
    GridTrackInputs,
    Inputs,
    RingInputs,
    TMazeInputs,
)
from drift.similarity_matching.networks import (
    NETWORKS,
    ExcitatoryInhibitory,
    Matching,
    PrincipalSubspace,
    SimilarityMatching,
    published_network,
)
from drift.similarity_matching.rotation import (
    predicted_rotational_diffusion,
    principal_subspace_error,
    responsive_units,
    rotational_diffusion_constant,
    similarity_change,
)
from drift.similarity_matching.simulation import simulate

__all__ = [
    "INPUTS",
    "NETWORKS",
    "ExcitatoryInhibitory",
    "GaussianInputs",
    "GridArenaInputs",
    "GridTrackInputs",
    "Inputs",
    "Matching",
    "PrincipalSubspace",
    "RingInputs",
    "SimilarityMatching",
    "TMazeInputs",
    "circular_diffusion_constant",
    "field_centres",
    "independent_spacing_variance",
    "predicted_rotational_diffusion",
    "principal_subspace_error",
    "published_network",
    "responsive_units",
    "rotational_diffusion_constant",
    "similarity_change",
    "simulate",
    "spacing_variance",
]
