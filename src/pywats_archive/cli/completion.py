"""``completion``: the script with which a shell completes verbs, options, converters, statuses and runs."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stdout
from enum import Enum
from typing import Annotated

import typer
from typer.completion import get_completion_inspect_parameters, shell_complete
from typer.main import get_command

from pywats_archive.cli.verbs import COMPLETION_VARIABLE, PROGRAM

_KEY_BINDINGS = ("Import-Module PSReadLine", "Set-PSReadLineKeyHandler")
"""Lines of typer's script for PowerShell that would change what Tab does for every command."""


class Shell(str, Enum):
    """A shell with a completion script."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"


def completion(shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="The shell.")]) -> None:
    """Print the completion script of a shell.

    No file is changed. Add one of these lines to the file that your shell reads when it starts:

    \b
    eval "$(pywats-archive completion bash)"
    eval "$(pywats-archive completion zsh)"
    pywats-archive completion fish | source
    pywats-archive completion powershell | Out-String | Invoke-Expression
    """
    sys.stdout.write(script(shell))


def script(shell: Shell) -> str:
    """Return the script of a shell, made by typer."""
    get_completion_inspect_parameters()  # makes the shells known to typer
    with redirect_stdout(io.StringIO()) as made:
        shell_complete(
            get_command(typer.Typer(callback=lambda: None)), {}, PROGRAM, COMPLETION_VARIABLE, f"source_{shell.value}"
        )
    lines = made.getvalue().strip().splitlines()
    return "\n".join(line for line in lines if not line.startswith(_KEY_BINDINGS)) + "\n"
