"""Simulated subjects as an experimenter would see them, and codes whose drift is
known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from drift.observation.observing import observe
    from drift.observation.maps_alone import observed_maps
    from drift.observation.designs import published_design, recording_design
    from drift.observation.solvable import wandering_fields, wandering_fields_correlation
    from drift.observation.null_models import frozen_code, wrong_registration, changed_behaviour
    from drift.observation.twins import frozen_twins
    from drift.observation.rules import Observation

__getattr__, __dir__ = lazily(__name__)
