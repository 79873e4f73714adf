"""Whether what a command is to read is there at all: told before anything is loaded to read it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

RECORDING = "a file or folder was expected at {path}, got nothing there: check the path."
RESULT = "there is no file {path}: check the path."
# Which of the words before the first flag name what is read, and what is said where it is absent.
READ = {
    "measure": {1: RECORDING},
    "convert": {1: RECORDING},
    "check": {0: RECORDING},
    "export": {1: RECORDING},
    "noise": {0: RESULT},
    "fit": {1: RESULT},
    "compare": {0: RESULT, 1: RESULT},
    "report": {0: RESULT},
    "figure": {0: RESULT},
    "info": {0: RESULT},
}


def absence(command: str, words: Sequence[str]) -> str | None:
    """Return what is said of a path that leads nowhere; None where all are there, or where only the
    command itself can tell.

    Parameters
    ----------
    command : str
        Its name.
    words : sequence of str
        Behind the name.
    """
    before_flags = list(takewhile(lambda word: not word.startswith("-"), words))
    reading = READ.get(command, {})
    if command == "stability" and before_flags:
        is_file = bool(Path(before_flags[0]).suffix)  # else the name of a format
        reading = {1: RECORDING} if len(before_flags) > 1 else {0: RESULT} if is_file else {}
    for number, sentence in reading.items():
        if number < len(before_flags) and _is_absent(path := Path(before_flags[number])):
            # else help is wanted, or a flag is misspelt, which is answered first
            are_known = _flags(words) <= _known_flags(command)
            return sentence.format(path=path) if are_known else None
    return None


def _flags(words: Sequence[str]) -> set[str]:
    flags = {word.partition("=")[0] for word in words if word.startswith("-")}
    return {flag.replace("_", "-") for flag in flags if not flag.lstrip("-")[:1].isdigit()}


def _known_flags(command: str) -> set[str]:
    """Flags of a command, by the text of its function: nothing is loaded."""
    source = Path(__file__).parents[1] / f"{command}.py"
    if not source.is_file():
        return set()
    names = [
        argument.arg
        for node in ast.parse(source.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name == "command"
        for argument in (*node.args.args, *node.args.kwonlyargs)
    ]
    flags = {f"--{name.replace('_', '-')}" for name in names}
    return flags | {f"--no-{flag[2:]}" for flag in flags}


def _is_absent(path: Path) -> bool:
    try:
        return path.suffix != ".toml" and not path.expanduser().exists()
    except (OSError, RuntimeError, ValueError):  # what is wrong with it is said where it is read
        return False
