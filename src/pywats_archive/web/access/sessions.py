"""Sessions: who is signed in, until when. Only the hash of a session's secret is kept."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from filelock import FileLock

from pywats_archive.errors import ConfigError
from pywats_archive.models.time import Clock, utc_now
from pywats_archive.portable.files import read_small, replace_durably
from pywats_archive.portable.private import keep_private

SESSION_FILE = "pywats-archive-web-sessions.json"
_SECRET_BYTES = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """A person who is signed in."""

    user: str
    ends_at: datetime


class Sessions:
    """The sessions of one station, kept in a file so that a restart signs nobody out; safe to use from many threads."""

    def __init__(self, folder: Path, *, length: timedelta, clock: Clock = utc_now) -> None:
        self._path = folder / SESSION_FILE
        self._length = length
        self._now = clock
        self._lock = threading.Lock()
        self._file_lock = FileLock(f"{self._path}.lock", mode=0o600)
        self._seen = _identity(self._path)
        self._known = _read(self._path)

    def begin(self, user: str) -> str:
        """Sign a person in; return the secret for the browser's cookie."""
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        with self._changing():
            now = self._now()
            self._known = {key: each for key, each in self._known.items() if each.ends_at > now}
            self._known[_hash(secret)] = Session(user=user, ends_at=now + self._length)
        return secret

    def find(self, secret: str | None) -> Session | None:
        """Return the session that a cookie names; None if there is none, or it has ended."""
        if not secret:
            return None
        self._read_changes()
        session = self._known.get(_hash(secret))
        return session if session and session.ends_at > self._now() else None

    def end(self, secret: str | None) -> None:
        """Sign a person out; idempotent."""
        if self.find(secret):
            with self._changing():
                self._known.pop(_hash(secret or ""), None)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Change the sessions that are on record now: another process may serve the same station."""
        with self._lock, self._file_lock:
            self._known = _read(self._path)
            yield
            self._write()
            self._seen = _identity(self._path)

    def _read_changes(self) -> None:
        with self._lock:
            now = _identity(self._path)
            if now != self._seen:
                self._known, self._seen = _read(self._path), now

    def _write(self) -> None:
        kept = {key: asdict(each) | {"ends_at": each.ends_at.isoformat()} for key, each in self._known.items()}
        partial = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}.part")
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        keep_private(partial)
        replace_durably(self._path, json.dumps(kept).encode("utf-8"), partial=partial)


def _read(path: Path) -> dict[str, Session]:
    try:
        kept = json.loads(read_small(path))
        return {
            str(key): Session(user=str(each["user"]), ends_at=datetime.fromisoformat(each["ends_at"]))
            for key, each in kept.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise ConfigError(f"{path}: cannot be read ({exc}); remove the file, and everybody signs in again") from exc


def _identity(path: Path) -> tuple[int, ...] | None:
    """Return what differs once the file was replaced; None if there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
