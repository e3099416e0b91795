"""What the verbs have in common in their help: an example, the exit codes, and ``-v`` where a verb looks for its archive."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from pywats_archive.cli.examples import EXAMPLES
from pywats_archive.cli.place import announcement
from pywats_archive.cli.verbs import PROGRAM

NAMES = {"help_option_names": ["-h", "--help"]}
"""The context settings of the whole command."""
_TECHNICAL = 2**31
"""Limits from here on are technical, so the help does not show them."""
_EPILOG = """
\b
Example:
  {words}

\b
Exit codes:
  0  done
  1  {exit_1}
  2  wrong use: an option, the configuration, or the account
"""


def complete(command: Any, name: str) -> None:
    """Add to a verb, and to the verbs of a group, what all have in common."""
    example = EXAMPLES.get(name)
    if example:
        command.epilog = _EPILOG.format(words=f"{PROGRAM} {example.words}", exit_1=example.exit_1)
    if isinstance(command, TyperGroup):
        for inner, verb in command.commands.items():
            complete(verb, f"{name} {inner}")
    _announce_place(command)
    _hide_technical_limits(command)


def _hide_technical_limits(command: TyperCommand | TyperGroup) -> None:
    """Hide technical upper limits from the help; the values are still checked."""
    for param in command.params:
        if getattr(param, "max", None) and param.max >= _TECHNICAL:  # type: ignore[attr-defined]
            param.max = None  # type: ignore[attr-defined]


def _announce_place(command: TyperCommand | TyperGroup) -> None:
    """Let ``-v`` say which configuration is used; a verb that has the option for more keeps its own."""
    names = [param.name for param in command.params]
    if "config" not in names:
        return
    if "verbose" not in names:
        command.params.insert(names.index("config") + 1, _verbose_option())
    (option,) = (param for param in command.params if param.name == "verbose")
    option.callback = _note


def _verbose_option() -> Any:
    alone = typer.Typer(add_completion=False)
    alone.command()(_only_verbose)
    return get_command(alone).params[0]


def _only_verbose(
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", expose_value=False, help="Say which configuration is used.")
    ] = False,
) -> None:
    """Carry the option; nothing calls this function."""


def _note(context: object, option: object, value: bool) -> bool:
    announcement.is_wanted = value
    return value
