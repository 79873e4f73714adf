"""Learning rules: one file each, registered here by kind.

A rule of your own is a class with ``learn(program)``; ``drift.train`` runs it as it is. For
recipes in files, and for Datasets that are read back, add it to the table:
``drift.learners.LEARNERS[kind] = Class``. ``examples/notebooks/6_a_new_learning_rule.py`` writes
one.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, SerializeAsAny

from drift.learners.adam import Adam
from drift.learners.base import Learner, Program
from drift.learners.sgd import SGD
from drift.learners.stochastic_error_descent import StochasticErrorDescent
from drift.recipe import Recipe, chosen

LEARNERS: dict[str, type[Recipe]] = {
    "sgd": SGD,
    "adam": Adam,
    "stochastic_error_descent": StochasticErrorDescent,
}
AnyLearner = Annotated[
    SerializeAsAny[Learner], BeforeValidator(lambda value: chosen(LEARNERS, value))
]

__all__ = ["LEARNERS", "SGD", "Adam", "AnyLearner", "Learner", "Program", "StochasticErrorDescent"]
