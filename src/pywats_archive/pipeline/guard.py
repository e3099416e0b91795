"""What a station stands on: each archive's disk, and the archive and the watch folders themselves, looked at once a second.

An archive that is gone is closed once all that was begun has ended, and opened again when it is back; nothing is made at its
place meanwhile. A watch folder that is gone is not listed, so that nothing in it counts as gone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import structlog

from pywats_archive.archive.core import Archive
from pywats_archive.archive.ledger import Sighting
from pywats_archive.errors import ArchiveAway, ArchiveError, FolderTaken, StorageError
from pywats_archive.pipeline import owed
from pywats_archive.pipeline.alerts import ARCHIVE_AWAY, DISK_FULL, DISK_LOW, WATCH_AWAY, WATCH_TAKEN
from pywats_archive.pipeline.away import AwayBooks, only_seen
from pywats_archive.pipeline.line import Line
from pywats_archive.pipeline.staffing import Staff

log = structlog.get_logger()

LOOK_EVERY_S = 1.0
OPEN_AGAIN_EVERY_S = 5.0


class Guard:
    """Looks after the lines of a service, from its own thread.

    ``on_back`` is called with each line whose archive can take sources again, once it has its room or is open again;
    ``on_folder`` when a watch folder came back.
    """

    def __init__(self, staff: Staff, *, on_back: Callable[[Line], None], on_folder: Callable[[], None]) -> None:
        self._staff = staff
        self._on_back = on_back
        self._on_folder = on_folder
        self._looked_at_s = float("-inf")
        self._open_again_at_s: dict[Path, float] = {}
        self._failures: dict[Path, ArchiveError] = {}
        self._in_trouble: set[Path] = set()

    def look(self, lines: Sequence[Line], now_s: float) -> None:
        """Look at everything, once a second; ``now_s`` is of a monotonic clock."""
        if now_s - self._looked_at_s < LOOK_EVERY_S:
            return
        self._looked_at_s = now_s
        for root in dict.fromkeys(line.root for line in lines if line.root):
            sharing = [line for line in lines if line.root == root]
            self._staff.parts.run("guard", str(root), partial(self._look_at_archive, root, sharing, now_s))
        self._look_at_folders([line for line in lines if line.watches])

    def _look_at_archive(self, root: Path, sharing: Sequence[Line], now_s: float) -> None:
        if sharing[0].archive is None:
            self._bring_back(root, sharing, now_s)
        elif self._is_present(root, sharing, sharing[0].archive):
            self._look_at_disk(root, sharing, sharing[0].archive)

    def look_again(self, lines: Sequence[Line]) -> None:
        """Look now: the lines are new."""
        self._looked_at_s = float("-inf")
        self.look(lines, time.monotonic())

    def note_failure(self, line: Line, trouble: ArchiveError) -> None:
        """Have an archive closed and opened again whose catalog fails: a share that was gone for a moment leaves it so."""
        if line.root and line.away is None:
            log.error("archive.not_read", converter=line.name, reason=str(trouble))
            self._failures[line.root] = trouble

    def left(self, lines: Sequence[Line]) -> tuple[str, ...]:
        """Tell in a line each what waits for a disk, an archive, a folder or a converter."""
        told = []
        for line in lines:
            if line.is_folder_away and (folder := line.folder_trouble()):
                told.append(f"{line.name}: {folder}")
            number = len(line.pending) if line.holds_back else 0
            with suppress(StorageError):
                number += sum(1 for _ in owed.waiting(line.config)) if line.watches else 0
            trouble = line.trouble()
            if line.unavailable:
                told.append(f"{line.name}: {len(line.pending)} source(s) wait to be converted: {line.unavailable}")
            if trouble and (number or line.away):
                told.append(f"{line.name}: {number} source(s) wait to be archived: {trouble}")
        return tuple(told)

    def _is_present(self, root: Path, sharing: Sequence[Line], archive: Archive) -> bool:
        trouble = self._trouble_of(root, archive)
        if trouble is None:
            for line in sharing:
                line.away, line.is_waiting = None, False
            self._staff.alerts.clear(ARCHIVE_AWAY, str(root))
            return True
        for line in sharing:
            line.is_waiting, line.away = True, trouble  # in this order: who sees it away must not begin anything
        if not any(line.busy for line in sharing):
            self._failures.pop(root, None)
            self._staff.close(root)
            for line in sharing:
                _part(line, self._staff)
        self._staff.alerts.raise_alert(ARCHIVE_AWAY, str(root), reason=str(trouble))
        return False

    def _trouble_of(self, root: Path, archive: Archive) -> ArchiveError | None:
        try:
            archive.require_present()
        except ArchiveAway as exc:
            return exc
        return self._failures.get(root)

    def _bring_back(self, root: Path, sharing: Sequence[Line], now_s: float) -> None:
        """Open an archive again that is back, once nothing of its lines is going on; else tell why it is not."""
        was = sharing[0].away
        try:
            self._staff.require_back(root)
            if now_s < self._open_again_at_s.get(root, now_s):
                return
            for line in sharing:
                line.is_waiting = True
            if any(line.busy for line in sharing):
                return
            for line in sharing:
                _rejoin(line, self._staff)
        except ArchiveError as exc:
            self._open_again_at_s[root] = now_s + OPEN_AGAIN_EVERY_S
            for line in sharing:
                line.away, line.is_waiting = exc, False
            self._staff.alerts.raise_alert(ARCHIVE_AWAY, str(root), reason=str(exc))
            return
        self._staff.alerts.clear(ARCHIVE_AWAY, str(root))
        log.warning("archive.back", root=str(root), was=str(was))
        for line in sharing:
            self._on_back(line)

    def _look_at_disk(self, root: Path, sharing: Sequence[Line], archive: Archive) -> None:
        try:
            archive.reserve.take()
        except ArchiveError:  # gone since a moment ago
            return
        room = sharing[0].room
        full, low = archive.reserve.trouble(), room.trouble() if room else None
        self._tell(DISK_FULL, root, full)
        if not (room and room.is_relieving):
            self._tell(DISK_LOW, root, low)
        if full or low:
            self._in_trouble.add(root)
        elif root in self._in_trouble:
            self._in_trouble.discard(root)
            for line in sharing:
                self._on_back(line)

    def _tell(self, name: str, root: Path, trouble: ArchiveError | None) -> None:
        if trouble:
            self._staff.alerts.raise_alert(name, str(root), reason=str(trouble))
        else:
            self._staff.alerts.clear(name, str(root))

    def _look_at_folders(self, lines: Sequence[Line]) -> None:
        back = [line for line in lines if line.is_folder_away]
        for line in lines:
            self._staff.parts.run("guard", line.name, partial(self._look_at_folder, line))
        back = [line for line in back if not line.is_folder_away]
        for line in back:
            line.folder = self._staff.watch_folder(line.config)
            line.is_dirty = True
            for name in (WATCH_AWAY, WATCH_TAKEN):
                self._staff.alerts.clear(name, line.config.watch_folder)
        if back:
            self._on_folder()
        for line in back:
            self._staff.parts.run("guard", line.name, partial(self._on_back, line))

    def _look_at_folder(self, line: Line) -> None:
        if line.folder:
            self._staff.claims.look(line.folder)
        trouble = line.folder_trouble()
        if trouble and not line.is_folder_away:
            name = WATCH_TAKEN if isinstance(trouble, FolderTaken) else WATCH_AWAY
            self._staff.alerts.raise_alert(name, line.config.watch_folder, reason=str(trouble))
        line.is_folder_away = trouble is not None


def _part(line: Line, staff: Staff) -> None:
    """Take a closed archive from a line; what its ledger was known to say last goes with it."""
    seen = only_seen(line.known.values(), changed=set(line.stale), active=line.active)
    line.archive = line.interceptor = None
    line.books = AwayBooks(line.name, clock=staff.now, seen=seen)
    _begin_anew(line)


def _rejoin(line: Line, staff: Staff) -> None:
    """Give a line its archive again, and put on record what came and went meanwhile."""
    before = line.books
    staff.equip(line)
    vanished = before.vanished if isinstance(before, AwayBooks) else []
    seen = [Sighting(path=a.path, size_bytes=a.size_bytes, mtime_ns=a.mtime_ns) for a in vanished]
    for arrival in line.books.enter(seen) if seen else ():
        line.books.mark_vanished(arrival)
    _begin_anew(line)


def _begin_anew(line: Line) -> None:
    line.known.clear()
    line.stale.clear()
    line.pending = set()
    line.were_active = frozenset()
    line.is_waiting, line.is_dirty = False, True
