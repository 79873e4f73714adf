"""From sessions to the longitudinal form: who runs when, which place, which unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from drift.measurement.measuring import measure
    from drift.measurement.event_counting import counted_events
    from drift.measurement.rules import Measurement
    from drift.measurement.trial_intervals import trial_interval

__getattr__, __dir__ = lazily(__name__)
