"""Worlds to learn: one file each, registered here by kind."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, SerializeAsAny

from drift.recipe import Recipe, chosen
from drift.tasks.abstract import (
    PredictiveTask,
    RandomAutoencoderTask,
    RandomTask,
    SmoothedAutoencoderTask,
    SmoothedTask,
)
from drift.tasks.arena_task import ArenaTask
from drift.tasks.base import Task
from drift.tasks.corridor import CorridorTask
from drift.tasks.images import ImageTask
from drift.tasks.recorded_path import RecordedPath
from drift.tasks.stored import StoredTask
from drift.tasks.text import TextTask

TASKS: dict[str, type[Recipe]] = {
    "corridor": CorridorTask,
    "random": RandomTask,
    "smoothed": SmoothedTask,
    "random_autoencoder": RandomAutoencoderTask,
    "smoothed_autoencoder": SmoothedAutoencoderTask,
    "predictive": PredictiveTask,
    "arena": ArenaTask,
    "recorded_path": RecordedPath,
    "image": ImageTask,
    "text": TextTask,
    "stored": StoredTask,
}
AnyTask = Annotated[SerializeAsAny[Task], BeforeValidator(lambda value: chosen(TASKS, value))]

__all__ = [
    "TASKS",
    "AnyTask",
    "ArenaTask",
    "CorridorTask",
    "ImageTask",
    "PredictiveTask",
    "RandomAutoencoderTask",
    "RandomTask",
    "RecordedPath",
    "SmoothedAutoencoderTask",
    "SmoothedTask",
    "StoredTask",
    "Task",
    "TextTask",
]
