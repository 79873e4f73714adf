"""Fits of circuits to recordings: simulated moments, search, intervals, and what they do not
say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from circuits.fitting.fitting import fit
    from circuits.fitting.held_out import held_out
    from circuits.fitting.result import Fit

__getattr__, __dir__ = lazily(__name__)
