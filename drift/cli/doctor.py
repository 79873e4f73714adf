"""``repdrift doctor``: is this installation sound?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import tyro

from drift.cli.arguments import parsed, told
from drift.cli.lines.checks import CHECKS, FAULT, Finding, findings

EXAMPLES = """\
  repdrift doctor                   versions, name clashes, engines, CUDA, cluster
  repdrift doctor --quick           without running the engines"""


def command(*, quick: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False) -> None:
    """Check versions, clashes of import names, engines, CUDA and cluster; exit status 1 if
    something is at fault.

    Parameters
    ----------
    quick
        Do not run the engines.
    """
    checks = [check for check in CHECKS if not (quick and check.slow)]
    outcomes = [finding for check in checks for finding in findings(check)]
    told(*map(_line, outcomes))
    faults = sum(finding.verdict == FAULT for finding in outcomes)
    told("", f"{faults} faults; each line says its remedy." if faults else "all is well.")
    if faults:
        raise SystemExit(1)


def _line(finding: Finding) -> str:
    return f"{finding.verdict:5}  {finding.subject:22} {finding.text}"


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parsed(command, "doctor", arguments, EXAMPLES)
