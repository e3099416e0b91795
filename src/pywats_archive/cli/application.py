"""The verbs as typer runs them: only the module of the verb that is run is imported."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from pywats_archive.cli import verb_help, verbs
from pywats_archive.cli.verbs import ABOUT, NAMED, PROGRAM, Verb
from pywats_archive.errors import UsageError

if TYPE_CHECKING:
    from pywats_archive.cli.logs import Log

_INTERRUPTED = 130
"""What typer returns after Ctrl-C."""


def run(words: list[str]) -> int:
    """Run the verb that the words name and return its exit code; KeyboardInterrupt if it was interrupted."""
    chosen = [NAMED[word] for word in words if word in NAMED][:1]
    log = _configured_log() if any(verb.logs for verb in chosen) else None
    try:
        command = made_command(chosen)
        gc.freeze()  # what was imported stays
        gc.enable()
        if _needs_a_verb(command, words):
            words = [*words, "--help"]
        code = command(words, prog_name=PROGRAM, standalone_mode=False)
    except typer.Abort as exc:
        raise KeyboardInterrupt from exc
    except typer.TyperException as exc:
        context = getattr(exc, "ctx", None)
        called = context.command_path if context else PROGRAM
        message = exc.format_message().replace(": Value error, ", ": ").rstrip(".")
        raise UsageError(f"{message}; see '{called} --help'") from exc
    finally:
        if log:
            log.close()  # before the error is printed, so that the log comes first
    if code == _INTERRUPTED:
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def _needs_a_verb(command: Any, words: list[str]) -> bool:
    """Whether the words name a group of verbs and none of them, and the group does nothing by itself."""
    for word in words:
        command = command.commands.get(word) if isinstance(command, TyperGroup) else None
    return isinstance(command, TyperGroup) and not command.invoke_without_command


def _configured_log() -> Log:
    from pywats_archive.cli import logs  # noqa: PLC0415 (slow to import)

    return logs.configure()


def made_command(chosen: Iterable[Verb]) -> TyperGroup:
    """Make the command with some of its verbs, each with its whole help."""
    command = get_command(made_app(chosen))
    assert isinstance(command, TyperGroup)
    for name, verb in command.commands.items():
        verb_help.complete(verb, name)
    return command


def made_app(chosen: Iterable[Verb]) -> typer.Typer:
    """Make the command with some of its verbs."""
    app = typer.Typer(
        name=PROGRAM, help=ABOUT, add_completion=False, rich_markup_mode=None, context_settings=verb_help.NAMES
    )
    app.callback(invoke_without_command=True, add_help_option=False)(_options)
    for verb in chosen:
        module, _, name = verb.place.partition(":")
        made = getattr(import_module(f"pywats_archive.cli.{module}"), name)
        if isinstance(made, typer.Typer):
            app.add_typer(made, name=verb.name)
        else:
            app.command(verb.name)(made)
    return app


def _options(
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="With --version: also show versions and locations, for a bug report.")
    ] = False,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="With --version --verbose: the configuration.")
    ] = None,
) -> None:
    if (verbose or config) and not version:
        raise UsageError("--verbose and --config: before a verb, only with --version; put a verb's options after it")
    if version and (verbose or config):
        output, place, facts = (import_module(f"pywats_archive.cli.{name}") for name in ("output", "place", "version"))
        output.console.print(output.facts(facts.installation(place.likely_config(config))))
    elif version:
        sys.stdout.write(verbs.version())
    if version:
        raise typer.Exit
