"""Checks an archive in a vault: each segment, the history that the segments hold, and the files in them.

The vault is an anchor of the history too: it has events under their numbers and hashes, which the station cannot change there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica import damage, progress, shipped
from pywats_archive.archive.replica.damage import KnownRepair
from pywats_archive.errors import AnotherHistory, KeyMissing, SegmentDamaged, StorageError
from pywats_archive.replication import names
from pywats_archive.replication.comparing import difference
from pywats_archive.replication.fetching import segment_at, segment_keys
from pywats_archive.replication.repair.lookup import Repair, large_repair, sha256_in
from pywats_archive.replication.repair.losses import lost_files
from pywats_archive.replication.repair.putting import Repairing
from pywats_archive.replication.segment.description import SegmentDescription
from pywats_archive.replication.segment.reading import ODD_LINE, Segment, opened
from pywats_archive.vault.store import Vault

OnProgress = Callable[[int, int], None]
_MOST_NAMED = 20
"""How many lost files a problem names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedSegment:
    """A segment, and its problems."""

    key: str
    number: int
    total: int
    files: int = 0
    """How many files were read from end to end."""
    last: int = 0
    """The number of its last event."""
    problems: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()
    """Damaged and missing objects whose repairs are intact."""


class Verifying:
    """Checks the history of one archive in a vault; reads ``sample_percent`` of the segments from end to end.

    Segments that are known as damaged are always read. With ``repairs``, damaged and missing objects are stored again. With
    ``notes``, the archive notes them: they do not count as confirmed until they are repaired.
    """

    def __init__(
        self,
        archive: Archive,
        vault: Vault,
        *,
        sample_percent: float = 100.0,
        seed: str = "",
        repairs: bool = False,
        notes: bool = False,
        limit_bytes: int = 8_000_000,
    ) -> None:
        self._archive = archive
        self._vault = vault
        self._percent = sample_percent
        self._seed = seed
        self._repairing = Repairing(archive, vault, limit_bytes=limit_bytes)
        self._is_repairing = repairs
        self._is_noting = notes or repairs
        self._uuid = archive.description.archive_uuid
        self._chain = progress.chain_of(archive) or ""
        self._known = damage.known(archive, vault.url)
        self._repaired: list[str] = []
        """Of the present segment."""
        self._before: SegmentDescription | None = None
        self._sha256: str | None = None
        """Of the segment before; None if it was not read whole."""

    def segments(self) -> Iterator[CheckedSegment]:
        """Yield each segment of the archive's present history, oldest first; also those that are missing."""
        stored = set(segment_keys(self._vault, self._uuid, self._chain))
        noted, _ = progress.noted(self._archive, self._vault.url, self._chain)
        keys = sorted(stored | {names.segment_key(self._uuid, self._chain, first) for first in noted})
        for number, key in enumerate(keys, 1):
            yield self._checked(key, number, len(keys))

    def _checked(self, key: str, number: int, total: int) -> CheckedSegment:
        self._repaired.clear()
        checked = CheckedSegment(key=key, number=number, total=total)
        try:
            checked = self._read(checked)
        except (SegmentDamaged, KeyMissing) as exc:
            checked = self._damaged(checked, (str(exc),), is_missing=isinstance(exc, KeyMissing))
        return replace(checked, repaired=tuple(self._repaired))

    def _read(self, checked: CheckedSegment) -> CheckedSegment:
        key = checked.key
        is_whole = checked.number == checked.total or key in self._known or self._is_chosen(key)
        content = self._vault.get(key) if is_whole else None
        segment = segment_at(self._vault, key) if content is None else opened(content, f"{self._vault.url}: {key}")
        known = segment.description
        sha256 = None if content is None else hashlib.sha256(content).hexdigest()
        if is_whole:
            for path in segment.files:
                segment.read(path)
        if damaged := list(self._altered(key, segment, sha256)):
            return self._damaged(checked, damaged, known=known, sha256=sha256)
        if is_whole:
            self._note_whole(key)
        files = len(segment.files) if is_whole else 0
        return self._compared(replace(checked, files=files, last=known.last), known, sha256, is_whole=is_whole)

    def _compared(
        self, checked: CheckedSegment, known: SegmentDescription, sha256: str | None, *, is_whole: bool
    ) -> CheckedSegment:
        """Check a segment, or its repair, against the segment before, the large blobs in the vault, and the history here."""
        found = list(self._in_order(checked.key, known))
        for path, each in known.large.items():
            found += self._large(path, each, is_whole=is_whole)
        if problem := difference(self._archive, known):
            found.append(problem.message)
        self._before, self._sha256 = known, sha256
        return replace(checked, problems=(*checked.problems, *found))

    def _altered(self, key: str, segment: Segment, sha256: str | None) -> Iterator[str]:
        """Yield where a segment is not the one that was stored; ``sha256`` is None unless it was read whole."""
        known, first = segment.description, names.first_of(key) or 0
        if first != known.first:
            yield f"{key}: says that it begins with event {known.first}"
        if sha256 is None:
            return
        noted = shipped.segment_at(self._archive, self._vault.url, self._chain, first)
        if noted and noted.sha256 != sha256:
            yield f"{key}: is not what was stored there; it was damaged or replaced"
        try:
            broken = progress.first_break(self._archive, segment.rows(), known.first, known.last, known.hash)
        except ODD_LINE as exc:
            yield f"{key}: a line of its rows is not readable ({exc!r}); the segment was altered"
        else:
            if broken is not None:
                yield f"{key}: event {broken} is not part of its history; the segment was altered"

    def _damaged(
        self,
        checked: CheckedSegment,
        problems: Sequence[str],
        *,
        known: SegmentDescription | None = None,
        sha256: str | None = None,
        is_missing: bool = False,
    ) -> CheckedSegment:
        """Check the repair of a damaged segment in its place; make one first, with ``repairs``."""
        key, failure, repair = checked.key, "", self._repairing.newest(checked.key)
        if self._is_repairing:
            try:
                repair = self._repairing.repair_segment(key, sha256)
            except (AnotherHistory, StorageError) as exc:
                failure = str(exc)
        elif self._is_noting and repair:
            self._repairing.note(key, repair)
        elif self._is_noting:
            damage.note(self._archive, self._vault.url, key, None)
        if repair is None:
            if not is_missing:  # the segment after a missing one names that too
                self._before, self._sha256 = known, sha256
            last, said = known.last if known else 0, [f"{problem}{self._advice}" for problem in problems]
            return replace(checked, last=last, problems=(*said, *filter(None, [failure])))
        self._repaired += [f"{problem}; {repair.stored.key} repairs it" for problem in problems]
        lost = tuple(self._lost(key, repair))
        repaired = replace(checked, files=repair.description.blobs, last=repair.description.last, problems=lost)
        return self._compared(repaired, repair.description, repair.description.repairs_sha256, is_whole=True)

    def _lost(self, key: str, repair: Repair) -> Iterator[str]:
        """Yield what the segment had, and neither its repair nor what is left of it has."""
        if lost := lost_files(self._archive, self._vault, key, repair):
            some = ", ".join(lost[:_MOST_NAMED]) + (", …" if len(lost) > _MOST_NAMED else "")
            yield f"{key}: is damaged, and {len(lost)} files of it are neither in the archive nor in its repair: {some}"

    @property
    def _advice(self) -> str:
        """What to do about a damaged object without a repair."""
        return "" if self._is_repairing else "; 'vault verify --repair' copies it again from this archive"

    def _note_whole(self, key: str) -> None:
        if self._is_noting and key in self._known:
            damage.clear(self._archive, self._vault.url, key)

    def _is_chosen(self, key: str) -> bool:
        digest = hashlib.sha256(f"{self._seed}{key}".encode()).digest()
        return int.from_bytes(digest[:4], "big") < self._percent / 100 * 2**32

    def _in_order(self, key: str, known: SegmentDescription) -> Iterator[str]:
        """Yield where a segment does not follow from the one before."""
        before = self._before
        if before and (known.first, known.previous_hash) != (before.last + 1, before.hash):
            yield f"{key}: does not follow event {before.last}; a segment before it is missing"
        if before is None and known.first == 1 and known.previous_segment is not None:
            yield f"{key}: is not the first segment that it was"
        if self._sha256 and known.previous_segment != self._sha256:
            yield f"{key}: was made after another segment than the one before it; one of them was replaced"

    def _large(self, path: str, sha256: str, *, is_whole: bool) -> Iterator[str]:
        """Yield what is wrong with a blob that is an object of its own, unless it is repaired."""
        key = names.large_key(self._uuid, sha256)
        if self._vault.size_of(key) is None:
            problem = f"{key}: is missing ({path})"
        elif (is_whole or key in self._known) and sha256_in(self._vault, key) != sha256:
            problem = f"{key}: is damaged ({path})"
        else:
            if is_whole:
                self._note_whole(key)
            return
        repair = self._large_repair(key, path, sha256)
        if repair is None:
            yield f"{problem}{self._advice}"
        else:
            self._repaired.append(f"{problem}; {repair} repairs it")

    def _large_repair(self, key: str, path: str, sha256: str) -> str | None:
        if self._is_repairing:
            return self._repairing.repair_large(path, sha256)
        found = large_repair(self._vault, self._uuid, sha256)
        if self._is_noting:
            known = KnownRepair(key=found.key, size_bytes=found.size_bytes) if found else None
            damage.note(self._archive, self._vault.url, key, known)
        return found.key if found else None
