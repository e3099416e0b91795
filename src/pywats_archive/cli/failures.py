"""The JSON document of a failure: with ``--json``, it takes the place of the verb's own."""

from __future__ import annotations

from dataclasses import dataclass

OTHER_KINDS = {
    "FileError": (1, "The operating system cannot read or write a file; the message names the file."),
    "UnexpectedError": (1, "A fault of this program; the message names the file that holds the details."),
    "Interrupted": (130, "Ctrl-C before the command was done."),
}
"""Failures that are not errors of this project: exit code and meaning of each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Why a command failed."""

    kind: str
    """One of the kinds of errors, such as ``UnknownEntry``. New kinds may be added."""
    message: str
    """What is wrong, where, and what to do: the line that is on standard error."""
    exit_code: int
    """The exit code of the command."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FailureDocument:
    """What a verb prints instead of its own document if it fails."""

    error: Failure
    """The error."""


def document(kind: str, message: str, exit_code: int) -> FailureDocument:
    """Return the document of a failure."""
    return FailureDocument(error=Failure(kind=kind, message=message, exit_code=exit_code))
