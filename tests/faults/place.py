"""The folders of one scenario: an archive, a watch folder, and where sources may go."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pywats_archive.portable import files


@dataclass(frozen=True, kw_only=True)
class Place:
    """One folder with everything; its path never changes, so that it can be set back to what it was."""

    folder: Path

    @property
    def root(self) -> Path:
        """The archive."""
        return self.folder / "archive"

    @property
    def watch(self) -> Path:
        """Where sources are dropped."""
        return self.folder / "watch"

    @property
    def restored(self) -> Path:
        """Where sources are restored to."""
        return self.folder / "restored"

    def drop(self, name: str, content: bytes) -> Path:
        """Drop a file, or a member of a folder, and remember it."""
        path = self.watch / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self._remember(name, content)
        return path

    def _remember(self, name: str, content: bytes) -> None:
        known = self.dropped() | {name: content}
        (self.folder / "dropped.json").write_text(json.dumps({n: c.hex() for n, c in known.items()}))

    def replace(self, name: str, content: bytes) -> Path:
        """Drop another file of the same length and time over one, as a tester does that has one name for all; remember both."""
        path, before = self.watch / name, self.dropped()[name]
        mtime_ns = path.stat().st_mtime_ns
        path.unlink()
        self.drop(name, content)
        os.utime(path, ns=(mtime_ns, mtime_ns))
        self._remember(f"{name} before", before)
        return path

    def prepare_next(self, name: str, content: bytes) -> None:
        """Write what is to replace a file later, of the same length and time, and remember both."""
        before, mtime_ns = self.dropped()[name], (self.watch / name).stat().st_mtime_ns
        self._next.write_bytes(content)
        os.utime(self._next, ns=(mtime_ns, mtime_ns))
        self._remember(f"{name} before", before)
        self._remember(name, content)

    def drop_next(self, name: str) -> None:
        """Put it in place of the file, durably, unless it was dropped already."""
        if self._next.exists():
            self._next.replace(self.watch / name)
            files.sync_folder(self.watch)

    @property
    def _next(self) -> Path:
        return self.folder / "next"

    def grow(self, folder: str, name: str, more: bytes) -> None:
        """Append to a file where it lies now, as a program that has it open does; remember both contents."""
        before = self.dropped()[name]
        with (self.folder / folder / name).open("ab") as stream:
            stream.write(more)
        self._remember(f"{name} before", before)
        self._remember(name, before + more)

    def dropped(self) -> dict[str, bytes]:
        """Give the content of everything that was dropped, by its path in the watch folder."""
        path = self.folder / "dropped.json"
        told = json.loads(path.read_text()) if path.exists() else {}
        return {name: bytes.fromhex(content) for name, content in told.items()}

    def files(self, folder: str) -> dict[str, bytes]:
        """Give the files beneath a folder, by their path in it."""
        return {path.relative_to(self.folder / folder).as_posix(): path.read_bytes() for path in self._files(folder)}

    def _files(self, folder: str) -> Iterator[Path]:
        yield from (path for path in sorted((self.folder / folder).rglob("*")) if path.is_file())
