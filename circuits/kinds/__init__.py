"""The circuits, one file each, and the table of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from circuits.kinds.table import CIRCUITS, circuit_class, circuit_names

__getattr__, __dir__ = lazily(__name__)
