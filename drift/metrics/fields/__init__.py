"""Life tables of fields: where they are, how long they last, whether they come back, how far they
move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from drift.metrics.fields.detection import place_fields
    from drift.metrics.fields.thinning import thinned_halves
    from drift.metrics.fields.returning import recurrence
    from drift.metrics.fields.life_times import survival
    from drift.metrics.fields.hazards import hazard
    from drift.metrics.fields.memory import markov_order
    from drift.metrics.fields.shifts import field_shift, shift_distribution
    from drift.metrics.fields.increments import field_diffusion
    from drift.metrics.fields.density import centroid_density

__getattr__, __dir__ = lazily(__name__)
