"""A text as a task: the next character, or byte, is to be told from those before it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import xarray as xr
from pydantic import Field

from drift.errors import RefusedInputError
from drift.streams import stream
from drift.tasks.base import Objective, Task, experience
from drift.texts import decoded

HELD_OUT = 10  # one part in so many, the end of the text, is for test


class TextTask(Task):
    """Windows of a text; at every position the next token is asked for.

    The first nine tenths of the text are for training, the last tenth is held out. Training windows
    begin anywhere in their part, drawn from the stream ``world``; held-out windows lie evenly from
    the beginning to the end of theirs. The path is part of the recipe, so give one that others can
    follow.

    Parameters
    ----------
    path : str
        A text file, for characters in UTF-8, or UTF-16 with its byte order mark; a few hundred
        thousand characters or more, lest the network learns it by heart.
    tokens : {"characters", "bytes"}
        What a token is: a character, numbered by the sorted set of those in the text, or a byte. A
        byte order mark is no character, and a line end is one newline on every system; bytes are
        taken as they are.
    context : int
        Positions of a window.
    samples, test_samples : int
        Windows for training and for test.
    """

    kind: Literal["text"] = "text"
    path: str
    tokens: Literal["characters", "bytes"] = "characters"
    context: int = Field(default=64, ge=1, le=4096)
    samples: int = Field(default=20_000, ge=1, le=10**7)
    test_samples: int = Field(default=128, ge=1, le=10**6)

    def extent(self) -> tuple[int, int, int]:
        """Return samples, inputs and outputs."""
        return self.samples + self.test_samples, self.context, self.context

    def objective(self) -> Objective:
        """Return that the next token is asked for."""
        return "next_token"

    def draw(self, seed: int) -> xr.Dataset:
        """Return windows of the text and the tokens that follow.

        Returns
        -------
        xarray.Dataset
            ``inputs (sample, input)`` and ``targets (sample, output)``, the tokens of a window and,
            one position on, those to be told, ``test_inputs (test_sample, input)`` and
            ``test_targets (test_sample, output)``, all numbers of tokens, int32, and ``vocabulary
            (token)``, the code point or byte of each. Attribute ``objective``: "next_token".

        Raises
        ------
        RefusedInputError
            If the file is missing, empty, no text, or too short for a window in each part.
        """
        numbers, vocabulary = self._numbered()
        splits = np.split(numbers, [len(numbers) - len(numbers) // HELD_OUT])
        if len(splits[1]) <= self.context:
            needed = HELD_OUT * (self.context + 1)
            sentence = (
                f"{self.path} needs {needed} {self.tokens} for windows of {self.context} and a "
                f"tenth to hold out, got {len(numbers)}"
            )
            raise RefusedInputError(f"{sentence}: give a longer text or a shorter context.")
        last = [len(split) - self.context - 1 for split in splits]  # where the last window begins
        starts = (
            stream(seed, "world").integers(last[0] + 1, size=self.samples),
            np.linspace(0, last[1], self.test_samples).astype(int),
        )
        (inputs, targets), test = (
            self._windows(split, begin) for split, begin in zip(splits, starts, strict=True)
        )
        drawn = experience(inputs, targets).assign_attrs(objective=self.objective())
        drawn["test_inputs"], drawn["test_targets"] = (
            (("test_sample", "input"), test[0]),
            (("test_sample", "output"), test[1]),
        )
        return drawn.assign(vocabulary=("token", vocabulary))

    def _windows(self, numbers: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        places = starts[:, np.newaxis] + np.arange(self.context)  # (sample, position)
        return numbers[places], numbers[places + 1]

    def _numbered(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the number of each token of the text, and what the numbers stand for."""
        content = _content(Path(self.path))
        if self.tokens == "bytes":
            return np.frombuffer(content, np.uint8).astype(np.int32), np.arange(256)
        vocabulary, numbers = np.unique(_code_points(self.path, content), return_inverse=True)
        return numbers.astype(np.int32), vocabulary.astype(int)


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RefusedInputError(
            f"{path} should be a text file that can be read, got: {error.strerror}: give the "
            "path of one."
        ) from None
    if not content:
        raise RefusedInputError(f"{path} should hold a text, got an empty file: give another.")
    return content


def _code_points(path: str, content: bytes) -> np.ndarray:
    try:
        text = decoded(content)
        if "\0" in text:
            raise ValueError("a character with code 0")
    except ValueError as error:
        sentence = f"{path} should be a text in UTF-8, got something else ({error})"
        raise RefusedInputError(f"{sentence}: give a text file, or take tokens='bytes'.") from None
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)
