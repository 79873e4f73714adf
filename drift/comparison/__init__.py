"""Simulations beside recordings, null models and published slopes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from drift.comparison.comparing import compare
    from drift.comparison.beside_twins import sampling_noise
    from drift.comparison.explained import explained_changes
    from drift.comparison.table import comparison_table
    from drift.comparison.rules import Comparison
    from drift.comparison.rows import comparison_frame

__getattr__, __dir__ = lazily(__name__)
