"""Simulated subjects as an experimenter would see them, and codes that do not drift at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from drift.observation.observing import observe
    from drift.observation.designs import published_design
    from drift.observation.null_models import frozen_code, wrong_registration, changed_behaviour
    from drift.observation.rules import Observation

__getattr__, __dir__ = lazily(__name__)
