"""A note of an access: written by the reading account, and checked before it is recorded."""

from __future__ import annotations

import itertools
import json
import os
import re
import secrets
import stat
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from pywats_archive.archive.access import folder
from pywats_archive.errors import StorageError
from pywats_archive.models.event import SPOOLED, Event
from pywats_archive.portable import names
from pywats_archive.portable.files import WINDOWS
from pywats_archive.portable.user import Owner, owner_of

_MODE = 0o640
_NAME = re.compile(r"\d{8}T\d{12}-[0-9a-f]{16}\.json\Z")
_LONGEST = {"to": 2000, "damage": 500, "companion": 1000, "reason": 1000, "unsigned_because": 500}
"""The greatest lengths of the texts in a note; longer ones are cut."""
_SLACK = timedelta(minutes=1)
"""The greatest difference between the time in a note and the time of its file; both are set within a second."""
_ACTOR_LENGTH, _ID_LENGTH = 200, 100
_counts: dict[Path, itertools.count[int]] = {}
_counting = threading.Lock()


class Untrusted(Exception):
    """A file that is not a valid note."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """A checked note: the access it claims, and the account that owns the file."""

    kind: str
    at: datetime
    archive_id: str | None
    actor: str
    details: dict[str, Any]
    owner: Owner


def leave(root: Path, event: Event) -> None:
    """Write a note of an access, durably; OSError if this account cannot, StorageError if too many notes wait."""
    place = folder.place_of(root)
    _require_slot(place)
    content = _encoded(event)
    stem = f"{event.at.astimezone(timezone.utc):%Y%m%dT%H%M%S%f}-{secrets.token_hex(8)}"
    partial = place / f".{stem}{folder.PARTIAL_SUFFIX}"
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(partial, flags, _MODE)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            if not WINDOWS:
                os.fchmod(descriptor, _MODE)  # whatever the umask is: the service must be able to read the note
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        names.rename(partial, place / f"{stem}{folder.NOTE_SUFFIX}")
    except BaseException:
        names.unlink(partial, missing_ok=True)
        raise


def read(path: Path, *, owner: Callable[[Path, int | None], Owner] = owner_of) -> Note:
    """Read and check a note; Untrusted with the fault of an invalid one, OSError if it cannot be read."""
    if not _NAME.match(path.name):
        raise Untrusted("its name is not that of a note")
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise Untrusted("it is not a plain file of its own")
        if status.st_size > folder.MOST_BYTES:
            raise Untrusted(f"it has more than {folder.MOST_BYTES} bytes")
        content = os.read(descriptor, folder.MOST_BYTES + 1)
        of = owner(path, descriptor)
    finally:
        os.close(descriptor)
    return _decoded(content, of, filed_at=datetime.fromtimestamp(status.st_ctime, timezone.utc))


def _require_slot(place: Path) -> None:
    """Raise StorageError if too many notes wait. They are counted once; those of other processes meanwhile are not."""
    with _counting:
        if place not in _counts:
            with os.scandir(place) as found:
                _counts[place] = itertools.count(sum(1 for _ in found))
        waiting = next(_counts[place])
        if waiting >= folder.MOST_NOTES:
            del _counts[place]  # the service may have taken some in
            raise StorageError(f"{place}: {waiting} notes of accesses wait; start the service, which takes them in")


def _encoded(event: Event) -> bytes:
    cut = {name: event.details[name][:length] for name, length in _LONGEST.items() if name in event.details}
    claimed = {
        "kind": event.kind,
        "at": event.at.isoformat(),
        "archive_id": event.archive_id,
        "actor": event.actor[:_ACTOR_LENGTH],
        "details": {**event.details, **cut},
    }
    content = json.dumps(claimed, separators=(",", ":")).encode("ascii")
    if len(content) <= folder.MOST_BYTES:
        return content
    bare = {name: each for name, each in event.details.items() if name not in _LONGEST}
    return json.dumps({**claimed, "details": bare}, separators=(",", ":")).encode("ascii")


def _decoded(content: bytes, owner: Owner, *, filed_at: datetime) -> Note:
    try:
        found = json.loads(content)
        kind, archive_id, actor = found["kind"], found["archive_id"], found["actor"]
        at = datetime.fromisoformat(found["at"])
        details = _checked(found["details"])
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise Untrusted("its content is not that of a note") from exc
    if kind not in SPOOLED or not isinstance(actor, str) or len(actor) > _ACTOR_LENGTH:
        raise Untrusted("it claims something that no note claims")
    if not (archive_id is None or (isinstance(archive_id, str) and len(archive_id) <= _ID_LENGTH)):
        raise Untrusted("it names no entry")
    if at.tzinfo is None or abs(at - filed_at) > _SLACK:
        at = filed_at
    return Note(kind=kind, at=at, archive_id=archive_id, actor=actor, details=details, owner=owner)


def _checked(details: Any) -> dict[str, Any]:
    """Return details that hold short texts, numbers and nothing else; the note as a whole is short anyway."""
    if not isinstance(details, Mapping) or len(details) > 20:
        raise ValueError
    for name, value in details.items():
        if not (name.isidentifier() and len(name) <= 40 and isinstance(value, str | int | None)):
            raise ValueError
        if isinstance(value, int) and abs(value) > 2**53:
            raise ValueError
    return dict(details)
