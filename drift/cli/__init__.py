"""The command line: ``repdrift COMMAND``, recipes in, netCDF out.

Commands are modules of this package with a function ``command``; a module is loaded when its
command is called, so that ``repdrift --help`` starts at once. This is the one room of ``drift``
that may import ``circuits`` and ``data_adapters``.
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from drift.cli.lines.present import absence
from drift.texts import printable

COMMANDS = {
    "run": "simulate networks that keep learning, from recipes, and write what their sessions "
    "recorded",
    "sweep": "run many recipes, on this machine, on a Dask cluster or on SLURM; called again it "
    "does what is missing",
    "check": "tell what is understood of a recording before it is measured, and what looks odd",
    "convert": "write the sessions of any format as interchange files",
    "measure": "measure a recording in a laboratory's format, as networks are measured",
    "stability": "measure whether a code drifts: netCDF, tables and one figure",
    "noise": "tell whether a recorded code changes more than sampling noise",
    "infer": "tell which simulated mechanism of drift a recording shows, or that it cannot be told",
    "compare": "set a run beside a recording, published slopes and null models, as a table and as "
    "a report",
    "report": "describe one measured recording on one page, with its figures",
    "figure": "draw one measured recording for a paper: PDF, SVG or PNG, with captions",
    "power": "tell how many animals, units, sessions and minutes a question about drift needs",
    "fit": "fit an interneuron circuit to a measured recording",
    "reproduce": "print a scoreboard of published numbers and ours (in a checkout)",
    "data": "list, fetch or check public recordings",
    "export": "write sessions as NWB files, or a result as CSV tables or a MATLAB file",
    "info": "tell what a result, a recipe or a sweep holds",
    "doctor": "check this installation: versions, name clashes, engines, CUDA, cluster",
    "completion": "print the completion script of a shell",
}

INTRODUCTION = """repdrift simulates, measures and explains representational drift.

usage: repdrift COMMAND [options]        repdrift COMMAND --help tells more, with examples

{commands}

A first afternoon:
  repdrift run --out run.nc --seeds 2                               two networks that drift in a corridor
  repdrift measure interchange recordings --out recorded.nc         your sessions, one file each
  repdrift stability interchange recordings --out stability         does their code drift?
  repdrift compare run.nc recorded.nc --report report.html          both, side by side, as one page
  repdrift fit linear recorded.nc --bounds gain=1:1000 --out fit.nc

Results are netCDF files with their recipe and versions inside; no file is overwritten without --overwrite.
Exit status: 0 done, 1 doctor or check found a fault, 2 input refused, 130 interrupted."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 0 done, 1 a fault was found, 2 input refused, 130
    interrupted.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words of the command line; those of the process by default.

    Returns
    -------
    int
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _answer(*words or ["--help"])
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt as interrupt:
        remains = str(interrupt) or (
            "files that were being written are left as they were, results of this call are not "
            "kept: the same command begins anew."
        )
        return _said(f"interrupted; {remains}", status=130)


def _answer(name: str, *rest: str) -> int:
    if name in ("-h", "--help", "help"):
        return _said(
            INTRODUCTION.format(
                commands="\n".join(f"  {key:11} {text}" for key, text in COMMANDS.items())
            )
        )
    if name == "--version":
        return _said(_version())
    if name not in COMMANDS:
        close = difflib.get_close_matches(name, [*COMMANDS, "--version", "--help"], n=1)
        meant = f"did you mean {close[0]!r}?" if close else f"use one of {', '.join(COMMANDS)}."
        return _said(f"repdrift has no command {name!r}: {meant}", status=2)
    if absent := absence(name, rest):
        return _said(f"repdrift {name}: {absent}", status=2)
    return _status(name, list(rest))


def _status(name: str, rest: list[str]) -> int:
    from drift.errors import RefusedInputError

    try:
        with warnings.catch_warnings():
            warnings.showwarning = partial(_warned, name, warnings.showwarning)
            return int(importlib.import_module(f"drift.cli.{name}").main(rest) or 0)
    except RefusedInputError as refusal:
        return _said(f"repdrift {name}: {refusal}", status=2)
    except BrokenPipeError:
        raise
    except OSError as error:  # of a file or folder that no command has looked at
        what = (
            f"{error.filename} cannot be used ({error.strerror})" if error.filename else str(error)
        )
        return _said(
            f"repdrift {name}: {what}: check the path, its permissions and the room on the disk.",
            status=2,
        )


def _warned(
    name: str,
    usual: Callable[..., None],
    message: Warning | str,
    category: type[Warning],
    *where: Any,
) -> None:
    """Say what a command warns of in one line; what libraries warn of is shown as ever."""
    if category is UserWarning:
        print(printable(f"\nrepdrift {name}: mind that {message}"), file=sys.stderr, flush=True)
    else:
        usual(message, category, *where)


def _said(text: str, status: int = 0) -> int:
    if status:
        _end_bars()
    print(printable(text), file=sys.stderr if status else sys.stdout, flush=True)
    return status


def _end_bars() -> None:
    """Let a message begin on a line of its own, if there can be bars at all."""
    if "drift.progress" in sys.modules:
        sys.modules["drift.progress"].end_lines()


def _version() -> str:
    from drift.version import __version__

    return f"repdrift {__version__}"
