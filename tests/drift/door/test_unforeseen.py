"""What no check foresaw is refused in a sentence with its cause; an error in code of the user stays
the user's."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

import drift
from drift.door import opened
from drift.errors import RefusedInputError, SchemaError
from drift.learners import LEARNERS, Learner, Program

OURS = Path(drift.__file__).with_name("metrics") / "rooms.py"
ERRORS = [
    KeyError("k"),
    IndexError("i"),
    TypeError("t"),
    AttributeError("a"),
    ValueError("v"),
    OverflowError("o"),
    ZeroDivisionError("z"),
]


def raising(error: Exception, path: str):
    """A public function, as if it stood in that file."""
    names = {"error": error, "__name__": "drift.metrics.rooms"}
    exec(compile("def drift_of(rate, units=3):\n    raise error", path, "exec"), names)
    return opened(names["drift_of"])


@pytest.mark.parametrize("error", ERRORS)
def test_errors_from_inside_become_refusals_with_their_cause(error):
    words = (
        rf"drift_of cannot compute .* got rate=\[1, 2\], units=3 \({type(error).__name__}: "
        r".*report it if they fit"
    )
    with pytest.raises(RefusedInputError, match=words) as refused:
        raising(error, str(OURS))([1, 2], units=3)
    assert refused.value.__cause__ is error


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("path", [__file__, "<stdin>", "<ipython-input-3-0123456789ab>"])
def test_errors_in_code_of_the_user_pass_as_they_are(error, path):
    with pytest.raises(type(error)) as raised:
        raising(error, path)([1, 2])
    assert raised.value is error


@pytest.mark.parametrize(
    "error",
    [RefusedInputError("no: do this."), SchemaError("no rate: measure."), OSError("no room")],
)
def test_refusals_and_errors_of_the_system_pass_as_they_are(error):
    with pytest.raises(type(error)) as raised:
        raising(error, str(OURS))([1, 2])
    assert raised.value is error


def test_a_learner_of_the_user_fails_as_it_fails(monkeypatch: pytest.MonkeyPatch):
    class Broken(Learner):
        kind: Literal["test_broken"] = "test_broken"
        learning_rate: float = 0.1

        def learn(self, program: Program) -> None:
            _ = program.memory["weights"]

    monkeypatch.setitem(LEARNERS, "test_broken", Broken)
    recipe = drift.Experiment(
        task=drift.RandomTask(samples=4, inputs=3, outputs=2),
        network=drift.Network(units=4),
        steps=4,
        sessions=2,
    )
    with pytest.raises(KeyError, match="weights"):
        drift.train([recipe.replace(learner=Broken())], engine="batched", progress=False)


def test_what_is_yielded_is_guarded_too():
    names = {"__name__": "drift.metrics.rooms"}
    text = "def sessions_of(rate):\n    yield 1\n    raise KeyError('place')"
    exec(compile(text, str(OURS), "exec"), names)
    with pytest.raises(RefusedInputError, match=r"sessions_of cannot compute .*KeyError"):
        list(opened(names["sessions_of"])([1]))
