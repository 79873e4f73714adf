"""Whatever is passed to whatever is public, a result or a refusal comes back, in bounded time and
memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

WORKER = Path(__file__).with_name("worker.py")
STUCK = 60  # s without a word before a process is ended
FINE = ("refused", "returned")
# of the calls may be refused by the last net alone, which cannot say which argument is wrong
UNFORESEEN = 0.001


def endings(seed: int, first: int, last: int, *names: str) -> list[dict[str, Any]]:
    """Make the calls in processes of their own; one that a call has ended or stopped is followed by
    another from the next call on."""
    found: dict[int, dict[str, Any]] = {}
    while first < last:
        command = [sys.executable, str(WORKER), str(seed), str(first), str(last), *names]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=STUCK + 3 * (last - first),
                check=False,
            )
            text, ended = done.stdout, f"the process ended: {done.stderr[-200:]}"
        except subprocess.TimeoutExpired as late:
            text, ended = (late.stdout or b"").decode(), "did not end"
        for line in map(
            json.loads, (line for line in text.splitlines() if line.startswith('{"number"'))
        ):
            found[line["number"]] = {**found.get(line["number"], {"ended": ended}), **line}
        assert found, ended
        first = max(found) + 1
    return list(found.values())


def offenders(calls: list[dict[str, Any]]) -> list[str]:
    """Return a line for each call that ended in neither a result nor a refusal."""
    return [
        f"{one['number']} {one['name']}({', '.join(one['wrong'])}): {one['ended']}"
        for one in calls
        if one["ended"] not in FINE
    ]


def unforeseen(found: list[str]) -> list[str]:
    """Return the lines of calls that were refused, but by no check of their own."""
    return [line for line in found if "refused without a check of its own:" in line]


@pytest.mark.slow
def test_a_few_hundred_calls():
    calls = endings(0, 0, 200, "drift.metrics")
    assert len(calls) == 200 and Counter(one["ended"] for one in calls)["refused"] > 60
    assert not offenders(calls)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_thousands_of_calls_over_every_public_name(seed: int, capsys: pytest.CaptureFixture):
    calls = endings(seed, 0, 5000)
    with capsys.disabled():
        print(
            Counter(one["ended"] for one in calls if one["ended"] in FINE),
            len({one["name"] for one in calls}),
            "names",
        )
    assert len(calls) == 5000
    found = offenders(calls)
    assert len(unforeseen(found)) <= UNFORESEEN * len(calls), "\n".join(found)
    assert not (raw := set(found) - set(unforeseen(found))), "\n".join(raw)


def test_a_broken_function_is_caught():
    sys.path.insert(0, str(WORKER.parent))
    from worker import outcome

    def broken(values: Any) -> Any:
        return {"a": 1}[values]

    def endless() -> None:
        while True:
            pass

    assert outcome(broken, ["a"], {}) == "returned"
    assert outcome(broken, ["b"], {}).startswith("KeyError at test_public_face.py")
    assert outcome(broken, [[]], {}).startswith("TypeError at test_public_face.py")
    assert outcome(endless, [], {}, seconds=1) == "did not end"


def test_every_public_function_has_a_door():
    sys.path.insert(0, str(WORKER.parent))
    import inspect

    from faces import public_members

    closed = [
        name
        for name, one in public_members().items()
        if inspect.isfunction(one) and not hasattr(one, "is_opened")
    ]
    assert not closed, f"put @opened before {', '.join(closed)}"
