"""The command's entry, and the one place that prints errors and exits. Help, version and a mistyped verb import no verb."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress

from pywats_archive.cli import streams, verbs
from pywats_archive.cli.streams import Output
from pywats_archive.errors import ArchiveError, UsageError

_LONGEST = 6000
"""Of a line of an error, in characters; a path has 4,096 bytes at most on Linux."""
INTERRUPTED = 130
"""What shells expect after Ctrl-C. Not 1, which would mean that an interrupted 'verify' found something."""
_HELP = frozenset({"-h", "--help"})


def main() -> None:
    """Run the command and exit: 0 done, 1 done but something was found or failed, 2 wrong use, 130 interrupted."""
    output = streams.prepare()
    if os.environ.get(verbs.COMPLETION_VARIABLE):
        sys.exit(_complete())
    code = _run(sys.argv[1:] or ["--help"], output)
    if trouble := output.finish():
        output.discard_rest()
        if not isinstance(trouble, BrokenPipeError):  # the reader closed the pipe itself
            fault = f"standard output: {trouble.strerror or trouble}; not all of the answer is written"
            _say(fault)
            code = 1
    sys.exit(code)


def _complete() -> int:
    """Answer the shell that completes a line."""
    from pywats_archive.cli import completing  # noqa: PLC0415

    found, code = completing.answer()
    sys.stdout.write(found)
    return code


def _run(words: list[str], output: Output) -> int:
    """Run the command; whatever is raised becomes one line, with ``--json`` a document too, and an exit code."""
    try:
        return _answer(words)
    except ArchiveError as exc:
        kind, message, code = type(exc).__name__, str(exc), exc.exit_code
    except KeyboardInterrupt:
        kind, message, code = "Interrupted", "interrupted before it was done", INTERRUPTED
    except Exception as exc:
        if output.trouble:
            return 1
        kind, message, code = _unforeseen(exc)
    line = _say(message)
    if _wants_json(words) and not output.has_written:
        _print_failure(kind, line, code)
    return code


def _unforeseen(error: Exception) -> tuple[str, str, int]:
    if isinstance(error, OSError) and error.filename:
        return "FileError", f"{error.filename}: {error.strerror or error}", 1
    from pywats_archive.cli import unexpected  # noqa: PLC0415

    return "UnexpectedError", unexpected.message_of(error), 1


def _wants_json(words: list[str]) -> bool:
    """Whether ``--json`` is among the options."""
    return "--json" in words[: words.index("--") if "--" in words else None]


def _print_failure(kind: str, message: str, code: int) -> None:
    from pywats_archive.cli import failures, output  # noqa: PLC0415

    with suppress(OSError, ValueError):
        output.print_json(failures.document(kind, message, code))


def _answer(words: list[str]) -> int:
    if not words[0].startswith("-") and words[0] not in verbs.NAMED:
        raise UsageError(verbs.unknown(words[0]))
    if _HELP.intersection(_before_verb(words)):
        sys.stdout.write(verbs.overview())
        return 0
    if words == ["--version"]:
        sys.stdout.write(verbs.version())
        return 0
    gc.disable()  # until the verb is imported: collections would look at all modules again and again, and free nothing
    from pywats_archive.cli.application import run  # noqa: PLC0415

    return run(words)


def _before_verb(words: list[str]) -> list[str]:
    """Return the options that stand before the verb."""
    return words[: next((at for at, word in enumerate(words) if word in verbs.NAMED), None)]


def _shortened(line: str) -> str:
    """Return a line without its middle if it is longer than any that names an existing path."""
    left_out = len(line) - _LONGEST
    half = _LONGEST // 2
    return line if left_out <= 0 else f"{line[:half]} ... ({left_out:,} characters left out) ... {line[-half:]}"


def _say(message: str) -> str:
    """Write a message as one line to standard error; returns the line."""
    from pywats_archive.redaction import redacted  # noqa: PLC0415

    line = _shortened(" ".join(redacted(message).split()))
    with suppress(OSError, ValueError):
        streams.raw_writer(sys.stderr)(f"pywats-archive: {line}\n")
    return line
