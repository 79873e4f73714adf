"""``repdrift completion``: what a shell needs to complete commands and flags."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Literal

import tyro
from tyro.conf import Positional

from drift.cli.lines.arguments import parsed

EXAMPLES = """\
  repdrift completion bash > ~/.local/share/bash-completion/completions/repdrift
  repdrift completion zsh > ~/.zfunc/_repdrift             with ~/.zfunc in fpath
  repdrift completion tcsh"""


def command(shell: Positional[Literal["bash", "zsh", "tcsh"]]) -> None:
    """Print the completion script of a shell.

    Parameters
    ----------
    shell
        Which shell.
    """
    from drift.cli.run import Run

    modules = {
        name: importlib.import_module(f"drift.cli.{name}")
        for name in ("sweep", "measure", "compare", "fit", "data", "export", "info", "doctor")
    }
    commands = {"run": Run, **{name: module.command for name, module in modules.items()}}
    try:
        tyro.extras.subcommand_cli_from_dict(
            commands,
            prog="repdrift",
            args=["--tyro-print-completion", shell],
            config=(tyro.conf.AvoidSubcommands,),
        )
    except SystemExit as end:
        if end.code:
            raise


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parsed(command, "completion", arguments, EXAMPLES)
