"""Networks that learn, session after session, on engines that compute the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from drift.training.training import train

__getattr__, __dir__ = lazily(__name__)
