"""A small file of secrets that several processes of one station read and replace."""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

from filelock import FileLock

from pywats_archive.errors import ConfigError
from pywats_archive.portable.files import read_small, replace_durably
from pywats_archive.portable.private import keep_private, others_who_may_read

Record = TypeVar("Record")
_PATIENCE_S = 10.0
"""How long a change waits for other processes; each holds the lock for a moment only, unless it was suspended."""


class SharedFile(Generic[Record]):
    """Records by key in a JSON file that only this account may read; safe to use from many threads and processes."""

    def __init__(
        self,
        path: Path,
        *,
        decode: Callable[[dict[str, Any]], Record],
        encode: Callable[[Record], dict[str, Any]],
        advice: str,
    ) -> None:
        """``advice`` says what to do if the file cannot be read: ConfigError has it."""
        self._path = path
        self._decode = decode
        self._encode = encode
        self._advice = advice
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        """Whoever changes the file; readers wait for nobody."""
        self._file_lock = FileLock(f"{path}.lock", mode=0o600, thread_local=False)
        self._seen = _identity(path)
        self._known = self._read()
        self._require_private()

    @property
    def records(self) -> dict[str, Record]:
        """The records as they are on disk now; not to be changed."""
        with self._lock:
            now = _identity(self._path)
            if now != self._seen:
                self._known, self._seen = self._read(), now
            return self._known

    @contextmanager
    def changing(self, *, patience_s: float = _PATIENCE_S) -> Iterator[dict[str, Record]]:
        """Change the records that are on disk now; they are written durably at the end, unless that raises."""
        with self._held(patience_s):
            changed = dict(self._read())
            yield changed
            self._write(changed)
            with self._lock:
                self._known, self._seen = changed, _identity(self._path)

    @contextmanager
    def _held(self, patience_s: float) -> Iterator[None]:
        if not self._turn.acquire(timeout=patience_s):
            raise ConfigError(f"{self._path}: is being changed; try again")
        try:
            try:
                self._file_lock.acquire(timeout=patience_s)
            except OSError as exc:
                reason = exc.strerror or "another process is changing it"
                raise ConfigError(
                    f"{self._path}: cannot be changed ({reason}); try again, or check its rights"
                ) from exc
            try:
                yield
            finally:
                self._file_lock.release()
        finally:
            self._turn.release()

    def _require_private(self) -> None:
        """Raise ConfigError if others may read the file: it was copied, or restored, without its rights."""
        try:
            others = others_who_may_read(self._path) if self._seen else ()
        except OSError:  # the system does not say
            return
        if others:
            raise ConfigError(
                f"{self._path}: {', '.join(others)} may read it; let this account alone read and write it"
            )

    def _write(self, records: dict[str, Record]) -> None:
        kept = {key: self._encode(each) for key, each in records.items()}
        partial = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}.part")
        try:
            os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            keep_private(partial)
            replace_durably(self._path, json.dumps(kept, indent=1).encode("ascii"), partial=partial)
        except OSError as exc:
            raise ConfigError(
                f"{self._path}: cannot be written ({exc.strerror}); check the disk and its rights"
            ) from exc

    def _read(self) -> dict[str, Record]:
        try:
            kept = json.loads(read_small(self._path))
            return {str(key): self._decode(each) for key, each in kept.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else f"{type(exc).__name__}: {exc}"
            raise ConfigError(f"{self._path}: cannot be read ({reason}); {self._advice}") from exc


def _identity(path: Path) -> tuple[int, ...] | None:
    """Return what differs once the file was replaced; None if there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
