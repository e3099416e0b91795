"""Records the notes of accesses in the history: each once; a note is removed after its event is committed."""

from __future__ import annotations

import os
import stat
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pywats_archive.archive.access import folder
from pywats_archive.archive.access.note import Note, Untrusted, read
from pywats_archive.archive.access.quota import MOST_HOURLY, Quota
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.catalog import entries, erasing, events
from pywats_archive.catalog.engine import Connection
from pywats_archive.models.event import SPOOLED, Event
from pywats_archive.models.step import OnStep, no_step
from pywats_archive.portable import names
from pywats_archive.portable.user import UNKNOWN, Owner, owner_of

_BATCH = 500
_STALE_S = 3600.0
"""The age at which an unfinished note belongs to a process that was killed."""
_LISTED = 5
_SURPLUS = f"its account left more than {MOST_HOURLY:,} notes within an hour"
OwnerOf = Callable[[Path, int | None], Owner]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """A file in the folder: the access that it notes, or the reason why it is refused."""

    path: Path
    note: Note | None = None
    refused: str = ""
    owner: str = ""


@dataclass(kw_only=True)
class Intake:
    """Records the notes of one archive, as its owner; used by one thread."""

    archive: Archive
    on_step: OnStep = no_step
    owner: OwnerOf = owner_of
    _left: set[Path] = field(default_factory=set)
    """Files that could not be removed: they are in the history already."""
    _is_first: bool = True
    _quota: Quota = field(init=False)

    def __post_init__(self) -> None:
        """Begin the first hour of the quota."""
        self._quota = Quota(now=self.archive.now)

    def take_in(self) -> int:
        """Record all notes that wait; return the number of events. Idempotent, also after a crash."""
        taken, is_more = 0, True
        while is_more:
            batch = self._batch()
            is_more = len(batch) == _BATCH  # otherwise, each new file could get a batch, and so an event of its own
            taken += self._take(batch) if batch else 0
        self._is_first = False
        return taken

    def _take(self, batch: Sequence[_Found]) -> int:
        limited = self._limited(batch)
        taken = self._commit(limited)
        self._quota.add(each.note.owner.number for each in limited if each.note)
        for each in limited:
            self.on_step("remove note")
            self._remove(each.path)
        return taken

    def _limited(self, batch: Sequence[_Found]) -> list[_Found]:
        """Refuse notes above the quota of their account; accounts that could write to the history themselves have none."""
        trusted, seen = self._trusted(), Counter[str]()
        limited: list[_Found] = []
        for each in batch:
            owner = each.note.owner if each.note else None
            if owner is None or _is_believed(owner, trusted) or seen[owner.number] < self._quota.left(owner.number):
                limited.append(each)
            else:
                limited.append(_Found(path=each.path, refused=_SURPLUS, owner=owner.name))
            seen[owner.number if owner else ""] += 1
        return limited

    def _batch(self) -> list[_Found]:
        """Read some notes; a file that is being written is left alone."""
        place = folder.place_of(self.archive.root)
        found: list[_Found] = []
        with suppress(FileNotFoundError), os.scandir(place) as listed:
            for entry in listed:
                path = place / entry.name
                if entry.name == folder.REQUIRED or path in self._left or _is_unfinished(path):
                    continue
                found.append(self._read(path))
                if len(found) == _BATCH:
                    break
        return sorted(found, key=lambda each: each.path.name)

    def _read(self, path: Path) -> _Found:
        try:
            note = read(path, owner=self.owner)
        except Untrusted as exc:
            return _Found(path=path, refused=str(exc), owner=self._owner_name(path))
        except OSError as exc:
            return _Found(path=path, refused=f"it cannot be read ({exc.strerror})", owner=self._owner_name(path))
        return _Found(path=path, note=note)

    def _commit(self, batch: Sequence[_Found]) -> int:
        def unit(tx: Connection) -> int:
            known = self._recorded(tx, batch)
            new = [event for event in self._events(tx, batch) if event.details.get("note") not in known]
            for event in new:
                events.append(tx, event)
            return len(new)

        return self.archive.write(unit)

    def _recorded(self, tx: Connection, batch: Sequence[_Found]) -> set[str]:
        """Return the notes of a batch that were committed before a crash; later ones are removed by this process itself."""
        if not self._is_first:
            return set()
        wanted = {each.path.name for each in batch}
        return wanted & set(events.notes_taken_in(tx, sorted(SPOOLED)))

    def _events(self, tx: Connection, batch: Sequence[_Found]) -> Iterator[Event]:
        trusted = self._trusted()
        for each in batch:
            if each.note:
                yield self._event(tx, each.path.name, each.note, is_trusted=_is_believed(each.note.owner, trusted))
        refused = [each for each in batch if not each.note]
        for account, files in Counter(each.owner for each in refused).items():
            own = [each for each in refused if each.owner == account]
            reasons = dict(Counter(each.refused for each in own).most_common(_LISTED))
            details = {"files": files, "reasons": reasons, "names": [each.path.name[:100] for each in own[:_LISTED]]}
            yield Event(kind="access.refused", at=self.archive.now(), actor=f"os:{account}", details=details)

    def _event(self, tx: Connection, name: str, note: Note, *, is_trusted: bool) -> Event:
        is_known = note.archive_id is not None and entries.has(tx, note.archive_id)
        is_erased = is_known and erasing.is_erased(tx, str(note.archive_id))
        said = {} if is_erased else note.details  # such as the place where its source was restored
        details = {**said, "note": name, "accessed_at": note.at.isoformat()}
        actor = f"os:{note.owner.name}"
        if is_trusted:
            actor = note.actor
        elif note.actor != actor:
            details["claimed_actor"] = note.actor
        if note.archive_id is not None and not is_known:
            details["claimed_entry"] = note.archive_id
        archive_id = note.archive_id if is_known else None
        return Event(kind=note.kind, at=self.archive.now(), archive_id=archive_id, actor=actor, details=details)

    def _trusted(self) -> Owner:
        return self.owner(self.archive.root / layout.DESCRIPTION, None)

    def _owner_name(self, path: Path) -> str:
        try:
            return self.owner(path, None).name
        except OSError:
            return UNKNOWN

    def _remove(self, path: Path) -> None:
        try:
            names.unlink(path)
        except FileNotFoundError:
            pass
        except OSError:
            self._left.add(path)


def _is_believed(owner: Owner, archive: Owner) -> bool:
    """Whether an account is trusted: one that may write to the history has its notes recorded unchanged."""
    return owner.is_system or owner.number == archive.number


def _is_unfinished(path: Path) -> bool:
    """Return whether a note is still being written; remove one that a killed process left unfinished."""
    if not (path.name.startswith(".") and path.name.endswith(folder.PARTIAL_SUFFIX)):
        return False
    with suppress(OSError):
        status = path.lstat()
        if stat.S_ISREG(status.st_mode) and time.time() - status.st_mtime > _STALE_S:
            names.unlink(path)
    return True
