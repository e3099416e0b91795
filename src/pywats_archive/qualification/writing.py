"""The files of a protocol: JSON for programs, text for people, and a signature where the station has a key."""

from __future__ import annotations

import hashlib
import json
import os
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

from pywats_archive.models.time import as_utc
from pywats_archive.portable.files import sync_folder
from pywats_archive.portable.private import keep_private
from pywats_archive.qualification.protocol import Protocol, QualificationCheck

Sign = Callable[[bytes], bytes]
_WIDTH = 100
"""Columns of the text file, so that a printer cuts nothing off."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenProtocol:
    """The files of a protocol."""

    json_file: Path
    text_file: Path
    signature_file: Path | None
    """The Ed25519 signature of the JSON file, 64 bytes; None without a key."""


def write(protocol: Protocol, folder: Path, *, sign: Sign | None) -> WrittenProtocol:
    """Write a protocol into ``folder``, for this account alone; FileExistsError rather than replacing a file."""
    stem = f"qualification-{as_utc(protocol.began_at):%Y%m%dT%H%M%SZ}"
    content = (json.dumps(_plain(asdict(protocol)), indent=2, sort_keys=True) + "\n").encode("ascii")
    json_file, text_file, signature_file = (folder / f"{stem}.{ending}" for ending in ("json", "txt", "json.sig"))
    folder.mkdir(parents=True, exist_ok=True)
    _create(json_file, content)
    _create(text_file, ("\n".join(text_lines(protocol, content)) + "\n").encode("utf-8", "backslashreplace"))
    if sign:
        _create(signature_file, sign(content))
    sync_folder(folder)
    return WrittenProtocol(json_file=json_file, text_file=text_file, signature_file=signature_file if sign else None)


def text_lines(protocol: Protocol, content: bytes) -> Iterator[str]:
    """Yield the protocol as lines; ``content`` is its JSON file, whose checksum binds the two."""
    yield "Qualification protocol"
    yield f"program     {protocol.program}"
    yield f"computer    {protocol.computer}, account {protocol.account}"
    yield f"place       {protocol.place}"
    yield f"time        {as_utc(protocol.began_at).isoformat()} to {as_utc(protocol.ended_at).isoformat()}"
    yield f"result      {protocol.passed} passed, {protocol.failed} failed, {protocol.not_done} not done"
    yield f"JSON file   SHA-256 {hashlib.sha256(content).hexdigest()}"
    for check in protocol.checks:
        yield ""
        yield from _check_lines(check)
    yield ""
    yield "Reviewed by: ______________________   Date: ______________   Signature: ______________________"


def _check_lines(check: QualificationCheck) -> Iterator[str]:
    yield f"{check.number}  {check.name}: {check.result.value.upper()}"
    yield from _wrapped("  expected  ", check.expected)
    yield from _wrapped("  found     ", check.found)
    yield f"  time      {as_utc(check.began_at).isoformat(timespec='seconds')}, {check.duration_s:.1f} s"


def _wrapped(label: str, text: str) -> list[str]:
    """Return a text as lines for a printed page; a word longer than a line, such as a path, stays whole."""
    return textwrap.wrap(
        " ".join(text.split()),
        _WIDTH,
        initial_indent=label,
        subsequent_indent=" " * len(label),
        break_long_words=False,
        break_on_hyphens=False,
    ) or [label.rstrip()]


def _create(path: Path, content: bytes) -> None:
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags, 0o600), "wb") as stream:
        keep_private(path)
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return as_utc(value).isoformat()
    return value.value if isinstance(value, Enum) else value
