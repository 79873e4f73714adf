"""Intervals over animals, units and trials, which lie in each other: one function for all
measures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from drift.metrics.intervals.nested import nested_interval
    from drift.metrics.intervals.words import interval_text

__getattr__, __dir__ = lazily(__name__)
