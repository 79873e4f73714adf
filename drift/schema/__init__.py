"""The labelled form: one table of variables, and the check that a Dataset is of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:
    from drift.schema.labelled_form import VARIABLES, Variable, check, combine, described, labelled
    from drift.errors import RefusedInputError, SchemaError

__getattr__, __dir__ = lazily(__name__)
