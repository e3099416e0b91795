"""The answer to a shell that completes a line: it calls the command with a variable set, as typer's scripts do."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from typing import Annotated

import typer

from pywats_archive.cli.verbs import COMPLETION_VARIABLE, NAMED, PROGRAM, VERBS, Verb

_LINE, _BASH_LINE = "_TYPER_COMPLETE_ARGS", "COMP_WORDS"
_QUOTED_BY_BASH = re.compile(r"([^\w@%+=:,./-])", re.ASCII)


def answer() -> tuple[str, int]:
    """Return what the shell may complete, and an exit code; no error is ever written into the line."""
    code, found = 1, io.StringIO()
    with redirect_stdout(found), redirect_stderr(io.StringIO()), suppress(Exception):
        code = _complete(os.environ[COMPLETION_VARIABLE])
    return _quoted(found.getvalue()), code


def _complete(instruction: str) -> int:
    from typer.completion import get_completion_inspect_parameters, shell_complete  # noqa: PLC0415
    from typer.main import get_command  # noqa: PLC0415

    from pywats_archive.cli.application import made_command  # noqa: PLC0415

    if instruction == "complete_powershell":  # where a backslash is part of a path
        os.environ[_LINE] = os.environ[_LINE].replace("\\", "\\\\")
    get_completion_inspect_parameters()  # makes the shells known to typer
    verb = _verb_of_line()
    command = made_command([verb]) if verb else get_command(_all_verbs())
    try:
        return shell_complete(command, {}, PROGRAM, COMPLETION_VARIABLE, instruction)
    except SystemExit as exc:  # how typer answers fish
        return exc.code if isinstance(exc.code, int) else 1


def _verb_of_line() -> Verb | None:
    line = os.environ.get(_LINE) or os.environ.get(_BASH_LINE, "")
    return next((NAMED[word] for word in line.split()[1:] if word in NAMED), None)


def _all_verbs() -> typer.Typer:
    """Return a command whose argument is a verb, so that no verb's module is imported."""
    app = typer.Typer(add_completion=False)
    app.command()(_any_verb)
    return app


def _verbs(incomplete: str) -> Iterator[tuple[str, str]]:
    yield from ((verb.name, verb.help) for verb in VERBS)


def _any_verb(
    verb: Annotated[str, typer.Argument(autocompletion=_verbs)],
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    """Carry the argument; nothing calls this function."""


def _quoted(found: str) -> str:
    """Quote spaces and signs for bash, which takes the words as they are; other shells do that themselves."""
    if os.environ.get(COMPLETION_VARIABLE) != "complete_bash" or _is_in_quotes():
        return found
    return "\n".join(_QUOTED_BY_BASH.sub(r"\\\1", line) for line in found.splitlines())


def _is_in_quotes() -> bool:
    words = os.environ.get(_BASH_LINE, "").split("\n")
    with suppress(ValueError, IndexError):
        return words[int(os.environ.get("COMP_CWORD", ""))].startswith(("'", '"'))
    return False
