"""A process that makes calls with wrong arguments, in bounded memory, and tells of each how it
ended: ``python worker.py SEED FIRST LAST``.

Every call is made of its number alone: its generator is that of (seed, number), so that any one
can be made again by itself.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import itertools
import json
import os
import resource
import signal
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np

UNFORESEEN = "refused without a check of its own:"
HEADROOM, SECONDS, SHOWN = 3 * 2**30, 10, 200


class DidNotEnd(BaseException):
    """A call took longer than it may; no ``except Exception`` of ours may catch it."""


def call_of(
    number: int, seed: int, functions: dict[str, Any]
) -> tuple[str, Any, list[Any], dict[str, Any], list[str]]:
    """Return name, function, arguments and what is wrong with the call of this number."""
    from world import right_value
    from wrong import wrong_value

    names = sorted(functions)
    rng, name = np.random.default_rng([seed, number]), names[number % len(names)]
    function = functions[name]
    parameters = [
        one for one in inspect.signature(function).parameters.values() if one.name != "self"
    ]
    positional, keyword, wrong = [], {}, []
    bad = (
        {parameters[place].name for place in rng.integers(len(parameters), size=rng.integers(1, 3))}
        if parameters
        else set()
    )
    for one in parameters:
        if (
            one.name not in bad
            and one.default is not inspect.Parameter.empty
            and rng.random() < 0.7
            and one.name != "progress"
        ):
            continue
        if one.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            extra = wrong_value(right_value(name, one), rng) if one.name in bad else None
            if extra is not None and one.kind is inspect.Parameter.VAR_KEYWORD:
                keyword["unknown_option"] = extra
            elif extra is not None:
                positional.append(extra)
            continue
        value = right_value(name, one)
        value = wrong_value(value, rng) if one.name in bad else value
        wrong += [f"{one.name}={_shown(value)}"] if one.name in bad else []
        if one.kind is inspect.Parameter.POSITIONAL_ONLY:
            positional.append(value)
        else:
            keyword[one.name] = value
    return name, function, positional, keyword, wrong


def _shown(value: Any) -> str:
    return " ".join(repr(value).split())[:120]


def outcome(
    function: Any, positional: list[Any], keyword: dict[str, Any], seconds: int = SECONDS
) -> str:
    """Return how a call ended: "refused", "returned", or what came out of it."""
    from drift.errors import RefusedInputError

    signal.signal(signal.SIGPROF, _late)
    signal.setitimer(signal.ITIMER_PROF, seconds)  # of the processor, whatever else it is busy with
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            result = function(*positional, **keyword)
            if inspect.isgenerator(result):
                list(itertools.islice(result, 3))
    except RefusedInputError as error:
        cause = error.__cause__
        if isinstance(cause, MemoryError):
            return "asked for memory"
        return (
            f"{UNFORESEEN} {_told(cause)}"
            if "report it if they fit" in str(error) and cause is not None
            else "refused"
        )
    except DidNotEnd:
        return "did not end"
    except BaseException as error:
        return _told(error)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return "returned"


def _told(error: BaseException) -> str:
    """What came from inside and where, also of a refusal that no check foresaw."""
    last = traceback.extract_tb(error.__traceback__)
    ours = next(
        (frame for frame in reversed(last) if "/site-packages/" not in frame.filename), last[-1]
    )
    return (
        f"{type(error).__name__} at {Path(ours.filename).name}:{ours.lineno}: "
        f"{' '.join(str(error).split())}"
    )[:SHOWN]


def _late(*_: Any) -> None:
    raise DidNotEnd


def main(seed: int, first: int, last: int, names: str = "") -> None:
    """Make the calls from ``first`` to ``last`` and print one line of JSON for each, before and
    after it."""
    sys.path.insert(0, str(Path(__file__).parent))
    warnings.simplefilter("ignore")
    os.environ["MPLBACKEND"] = "agg"
    from faces import public_callables
    from world import world

    os.chdir(tempfile.mkdtemp(prefix="repdrift-fuzz-"))
    functions = {
        name: one for name, one in public_callables().items() if not names or names in name
    }
    world()
    used = (
        int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        if Path("/proc/self/statm").exists()
        else 0
    )
    resource.setrlimit(resource.RLIMIT_AS, (used + HEADROOM, used + HEADROOM))
    for number in range(first, last):
        name, function, positional, keyword, wrong = call_of(number, seed, functions)
        sys.stdout.write(json.dumps({"number": number, "name": name, "wrong": wrong}) + "\n")
        sys.stdout.flush()
        sys.stdout.write(
            json.dumps({"number": number, "ended": outcome(function, positional, keyword)}) + "\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]), *sys.argv[4:])
