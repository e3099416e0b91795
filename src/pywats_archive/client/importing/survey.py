"""The listing of a Done folder: what in it is a source, and of which kind."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from pywats_archive.archive.sources import companions, reading
from pywats_archive.client.importing import documents, zips
from pywats_archive.client.importing.items import (
    Exact,
    Item,
    ItemKind,
    moment_of_ns,
    no_later,
    not_imported,
    paired,
    report_stem,
)
from pywats_archive.errors import SourceChanged, SourceVanished, StorageError
from pywats_archive.host.settings.neighbours import NOT_ARCHIVED
from pywats_archive.models.entry import SourceKind
from pywats_archive.models.file_stamp import FileStamp
from pywats_archive.models.operation.importing import NotImported


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """How a Done folder is listed."""

    folder: Path
    has_folders: bool
    """Whether each folder in it is one source, as a folder converter leaves them."""
    companion_rules: tuple[str, ...] = ()
    left_out: frozenset[Path] = frozenset()
    """Folders that are not looked into."""
    now: datetime

    def items(self) -> Iterator[Item | NotImported]:
        """Stream the sources, folder by folder, in the order of their names; what is no source comes with a reason."""
        yield from self._in(self.folder, frozenset())

    def _in(self, folder: Path, claimed: frozenset[Path]) -> Iterator[Item | NotImported]:
        try:
            with os.scandir(folder) as found:
                names = sorted(entry.name for entry in found)
        except OSError as exc:
            yield NotImported(path=str(folder), reason=f"cannot be listed ({exc.strerror or exc})")
            return
        files: list[Item] = []
        folders: list[Path] = []
        for name in names:
            made = self._judged(folder / name, claimed)
            if isinstance(made, Item):
                files.append(made)
            elif isinstance(made, Path):
                folders.append(made)
            elif made:
                yield made
        beside = set(claimed)
        for item in paired(files):
            whole = self._with_companions(item)
            beside.update(whole.companions)
            yield whole
        for each in folders:
            yield from self._in(each, frozenset(beside))

    def _with_companions(self, item: Item) -> Item:
        """Return a source with the files in deeper folders that belong to it."""
        if item.kind is not ItemKind.FILE or not self.companion_rules:
            return item
        found = companions.by_rules(item.path, self.companion_rules)
        deeper = tuple(path for path in found if path.parent != item.path.parent)
        return replace(item, companions=deeper, companion_bytes=sum(map(_size, deeper)), archived_with=tuple(found))

    def _judged(self, path: Path, claimed: frozenset[Path]) -> Item | NotImported | Path | None:
        """Return an item, a folder to look into, why a path is neither, or None for what is archived otherwise."""
        try:
            status = path.lstat()
            if stat.S_ISDIR(status.st_mode):
                return self._folder(path)
            if not stat.S_ISREG(status.st_mode):
                return NotImported(path=str(path), reason="is a link or a special file, which is never opened")
            if path.name.startswith("."):
                return NotImported(path=str(path), reason="its name begins with a dot, so it may be half-written")
            return None if path in claimed else self._file(path, reading.file_stamp(status))
        except (OSError, SourceVanished, SourceChanged, StorageError) as exc:
            return not_imported(path, exc)

    def _folder(self, path: Path) -> Item | NotImported | Path | None:
        if path == self.folder / NOT_ARCHIVED:
            return None
        if Path(os.path.realpath(path)) in self.left_out or path.name.startswith("."):
            return NotImported(path=str(path), reason="is not looked into: it belongs to the station or is hidden")
        if path.name == NOT_ARCHIVED:
            return NotImported(path=str(path), reason="is not looked into: the service archives what is in it")
        if not self.has_folders or path.parent != self.folder:
            return path
        kind, stamp = reading.examine(path)
        return self._item(path, ItemKind.FOLDER, (kind, stamp), moment_of_ns(stamp.mtime_ns))

    def _file(self, path: Path, stamp: FileStamp) -> Item:
        changed = moment_of_ns(stamp.mtime_ns)
        if path.suffix.lower() == ".zip" and (member := zips.only_member(path)):
            own = member.modified or changed
            inside = FileStamp.of(member.size_bytes, int(own.timestamp()) * 1_000_000_000)
            look = (SourceKind.FILE, inside)
            original, size = path.with_name(member.name), stamp.size_bytes
            return self._item(path, ItemKind.ZIPPED, look, own, original_path=original, zip_size_bytes=size)
        look = (SourceKind.FILE, stamp)
        if report_stem(path.name) and stamp.size_bytes <= documents.MOST_BYTES and (found := documents.read(path)):
            return self._item(path, ItemKind.REPORT, look, found.started or changed, exact=found.exact)
        return self._item(path, ItemKind.FILE, look, changed)

    def _item(
        self,
        path: Path,
        kind: ItemKind,
        look: reading.Look,
        own_time: datetime,
        *,
        original_path: Path | None = None,
        exact: Exact | None = None,
        zip_size_bytes: int | None = None,
    ) -> Item:
        return Item(
            path=path,
            kind=kind,
            look=look,
            original_path=original_path or path,
            own_time=no_later(own_time, self.now),
            exact=exact,
            zip_size_bytes=zip_size_bytes,
        )


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
