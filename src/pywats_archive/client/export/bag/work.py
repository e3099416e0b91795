"""An unfinished bag on disk: what was ordered, which entries were chosen, and a journal of those that are done.

``NAME.part`` lies beside the bag. An entry is finished once its files are durable and its line is in the journal; the rest
of a killed call is written again. So the same command resumes where an earlier one ended.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from pywats_archive.client.export.bag.order import Order, require_same
from pywats_archive.errors import StorageError, UsageError
from pywats_archive.models.ids import is_archive_id
from pywats_archive.portable import files, names

Line = dict[str, Any]
"""A finished entry: ``row``, ``reports``, ``files``, and ``state`` of the container."""
_ORDER, _CHOSEN, _JOURNAL, _DONE, _LOCK = "order.json", "chosen.txt", "journal.jsonl", "done.json", ".lock"


class Work:
    """The folder of an unfinished bag; a context manager, inside which no other process works on it."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.folder = order.target.with_name(f"{order.target.name}.part")
        self._journal: IO[bytes] | None = None
        self._lock: Any = None
        self._ended = 0

    def __enter__(self) -> Work:
        from filelock import FileLock, Timeout

        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = FileLock(self.folder / _LOCK, thread_local=False, is_singleton=False)
            self._lock.acquire(timeout=0)
        except Timeout as exc:
            raise UsageError(f"{self.folder}: another export is writing there; wait for it") from exc
        except OSError as exc:
            raise self._failed(exc) from exc
        return self

    def __exit__(self, *_: object) -> None:
        if self._journal:
            self._journal.close()
        self._lock.release()
        with suppress(OSError):  # nothing was begun
            if {each.name for each in self.folder.iterdir()} <= {_LOCK}:
                names.remove_tree(self.folder)

    @property
    def content(self) -> Path:
        """The bag while it is made."""
        return self.folder / ("bag.zip" if self.order.is_zip else "bag")

    @property
    def done(self) -> dict[str, Any] | None:
        """The answer of an export that is finished but for the removal of this folder."""
        path = self.folder / _DONE
        return self._read(path) if path.exists() and not self.content.exists() else None

    def begin(self, asked: dict[str, Any], chosen: Iterable[str]) -> bool:
        """Write down the order and the chosen ids, or go on with those of an earlier call; returns whether that is so."""
        path = self.folder / _ORDER
        if path.exists():
            require_same(self._read(path), asked, self.folder)
            return True
        partial = self.folder / f"{_CHOSEN}.tmp"
        with partial.open("w", encoding="ascii", newline="\n") as stream:
            stream.writelines(f"{each}\n" for each in chosen)
        files.sync_file(partial)
        names.replace(partial, self.folder / _CHOSEN)
        self._write(path, asked)
        return False

    def chosen(self) -> Iterator[str]:
        """Stream the ids of the chosen entries."""
        with (self.folder / _CHOSEN).open(encoding="ascii") as stream:
            for line in stream:
                if is_archive_id(line.strip()):
                    yield line.strip()

    def lines(self) -> Iterator[Line]:
        """Stream the finished entries; a line that a kill cut off does not count."""
        path = self.folder / _JOURNAL
        self._ended = 0
        if not path.exists():
            return
        with path.open("rb") as stream:
            for line in stream:
                if not line.endswith(b"\n"):
                    return
                self._ended += len(line)
                yield json.loads(line)

    def cut(self) -> None:
        """Remove what a kill left behind the last whole line, once ``lines`` was read to its end."""
        self._journal = (self.folder / _JOURNAL).open("ab")
        self._journal.truncate(self._ended)

    def append(self, lines: Sequence[Line]) -> None:
        """Add finished entries, durably; what they name must be durable before."""
        assert self._journal is not None
        self._journal.writelines(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)
        self._journal.flush()
        os.fsync(self._journal.fileno())

    def finish(self, answer: dict[str, Any]) -> None:
        """Give the whole bag its name; FileExistsError if that is taken meanwhile."""
        target = self.order.target
        self._write(self.folder / _DONE, answer)
        if self.order.is_zip:
            files.rename_exclusive(self.content, target)
        else:
            files.rename_folder_exclusive(self.content, target)
        files.sync_folder(target.parent)

    def remove(self) -> None:
        """Remove this folder, once the bag has its name."""
        if self._journal:
            self._journal.close()
            self._journal = None
        for each in self.folder.iterdir():
            if each.name != _LOCK:
                names.remove_tree(each) if each.is_dir() else names.unlink(each)

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(path.read_bytes())
        except (OSError, ValueError) as exc:
            raise StorageError(f"{path}: cannot be read ({exc}); remove {self.folder} and export again") from exc
        return found

    def _write(self, path: Path, value: dict[str, Any]) -> None:
        files.replace_durably(path, json.dumps(value, indent=1).encode(), partial=path.with_suffix(".tmp"))

    def _failed(self, exc: OSError) -> StorageError:
        return StorageError(f"{self.folder}: no export can be written there ({exc.strerror or exc})")
