"""The command's entry: its verbs, and the one place that prints errors and exits."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib import import_module, metadata
from pathlib import Path
from typing import Annotated

import typer

from pywats_archive.cli import logs, streams, unexpected
from pywats_archive.cli.output import console, facts
from pywats_archive.cli.streams import Output
from pywats_archive.errors import ArchiveError, UsageError
from pywats_archive.redaction import redacted

INTERRUPTED = 130
"""What shells expect after Ctrl-C. Not 1, which would mean that an interrupted 'verify' found something."""

_VERBS = {
    "demo": "demo:demo",
    "run": "run:run",
    "doctor": "doctor:doctor",
    "status": "status:status",
    "list": "list_:list_entries",
    "show": "show:show",
    "search": "search:search",
    "cat": "cat:cat",
    "restore": "restore:restore",
    "stats": "stats:stats",
    "policy": "policy:app",
    "purge": "purge:purge",
    "hold": "hold:app",
    "reprocess": "reprocess.app:app",
    "plan": "plan:plan",
    "verify": "verify:verify",
    "rebuild": "rebuild:rebuild",
    "docs": "docs:docs",
    "service": "service:app",
}
"""Where each verb is: a function, or an app of verbs of its own, in a module of this package."""


def made_app(verbs: Iterable[str]) -> typer.Typer:
    """Make the command with some verbs: each one imports all that it needs, and most runs need only one."""
    app = typer.Typer(
        name="pywats-archive",
        help="Archives every test log before it is converted, and every report before it is sent.",
        add_completion=False,
        rich_markup_mode=None,
    )
    app.callback(invoke_without_command=True)(_options)
    for verb in verbs:
        module, _, name = _VERBS[verb].partition(":")
        made = getattr(import_module(f"pywats_archive.cli.{module}"), name)
        if isinstance(made, typer.Typer):
            app.add_typer(made, name=verb)
        else:
            app.command(verb)(made)
    return app


def _options(
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="With --version: also show versions and places for a fault report.")
    ] = False,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="With --version --verbose: the configuration.")
    ] = None,
) -> None:
    if (verbose or config) and not version:
        raise UsageError("--verbose and --config: before a verb they go with --version; put a verb's options after it")
    if version:
        _print_version(config, verbose=verbose or config is not None)
        raise typer.Exit


def _print_version(config: Path | None, *, verbose: bool) -> None:
    if not verbose:
        console.print(f"pywats-archive {metadata.version('pywats-archive')}")
        return
    options, version = import_module("pywats_archive.cli.options"), import_module("pywats_archive.cli.version")
    console.print(facts(version.installation(config or options.default_config())))


def main() -> None:
    """Run the command and exit: 0 done, 1 done but something was found or failed, 2 wrong use, 130 interrupted."""
    output = streams.prepare()
    code = _run(sys.argv[1:] or ["--help"], output)
    if trouble := output.finish():
        output.discard_rest()
        if not isinstance(trouble, BrokenPipeError):  # the reader closed the pipe itself
            fault = f"standard output: {trouble.strerror or trouble}; not all of the answer is written"
            code = _say(fault, 1)
    sys.exit(code)


def _run(words: list[str], output: Output) -> int:
    """Run a verb; whatever it raises becomes one line and an exit code."""
    log = logs.configure()
    try:
        try:
            code = made_app(_verbs_for(words[0]))(words, standalone_mode=False)
        finally:
            log.close()  # before the line that says how it ended
    except ArchiveError as exc:
        return _say(str(exc), exc.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except typer.TyperException as exc:
        return _say(f"{exc.format_message().rstrip('.')}; 'pywats-archive --help' shows what there is", 2)
    except Exception as exc:
        if output.trouble:
            return 1
        is_of_file = isinstance(exc, OSError) and exc.filename
        return _say(f"{exc.filename}: {exc.strerror or exc}" if is_of_file else unexpected.message_of(exc), 1)  # type: ignore[attr-defined]
    if code == INTERRUPTED:  # typer turns Ctrl-C into this too
        return _say("interrupted before it was done", INTERRUPTED)
    return code if isinstance(code, int) else 0


def _verbs_for(first: str) -> Iterable[str]:
    """Name the verbs that a run needs: one, none to show the version, or all to list them."""
    if first == "--version":
        return ()
    return [first] if first in _VERBS else _VERBS


def _say(message: str, code: int) -> int:
    line = " ".join(redacted(message).split())
    with suppress(OSError, ValueError):
        logs.raw_writer(sys.stderr)(f"pywats-archive: {line}\n")
    return code
