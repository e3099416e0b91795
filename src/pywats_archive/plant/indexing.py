"""Fills an index from a vault: the segments since the last time, in batches, each of which counts once the manifest names it.

A process that is killed leaves the manifest of the last batch: the next one removes the other files, and repeats the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pywats_archive.archive.folder.locks import locked
from pywats_archive.errors import ArchiveInUse, KeyMissing, SegmentDamaged, StorageError, UsageError
from pywats_archive.models.step import OnStep, no_step
from pywats_archive.models.time import Clock, utc_now
from pywats_archive.plant import manifest as manifests
from pywats_archive.plant import reading
from pywats_archive.plant.manifest import ARCHIVE_SHIFT, Chain, Finding, Manifest
from pywats_archive.plant.reading import ReadSegment
from pywats_archive.plant.rows import ENTRIES, REPORTS, IndexRow, text_of
from pywats_archive.plant.writing import Writing
from pywats_archive.replication import names
from pywats_archive.replication.segment.description import SegmentDescription
from pywats_archive.vault import marker
from pywats_archive.vault.store import StoredKey, Vault

OnProgress = Callable[[int, int], None]
BATCH_ROWS = 50_000
"""How many rows are in memory at once, in Python's objects, which take about a kilobyte each; longer ones count more."""
_MOST_CHAINS = 1 << ARCHIVE_SHIFT
_USUAL_BYTES, _MOST_OF_FINDING = 1000, 1000
"""How long the texts of a row are at most, as a rule; and how much of the text of a finding is noted."""
_RECENT_FILES, _RECENT_ROWS = 16, 400_000
"""How many files, and how many rows in them, ``today`` has at most after a run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progressed:
    """What a run added to an index."""

    manifest: Manifest
    segments: int
    rows: int
    """How many rows of entries and reports were read."""


class Indexing:
    """Fills one index from one vault; used by one thread."""

    def __init__(
        self,
        folder: Path,
        vault: Vault,
        *,
        batch_rows: int = BATCH_ROWS,
        on_step: OnStep = no_step,
        clock: Clock = utc_now,
    ) -> None:
        self._folder = folder
        self._vault = vault
        self._batch_rows = batch_rows
        self._on_step = on_step
        self._now = clock()
        self._writing = Writing(folder, on_step=on_step, now=self._now)

    def run(self, on_progress: OnProgress | None = None) -> Progressed:
        """Read what is new, and merge what is due; ``on_progress`` gets the number of segments, and of all that are new.

        UsageError if the index is that of another vault, ArchiveInUse if another process fills it, StorageError if it cannot
        be written.
        """
        marker.require(self._vault)
        try:
            manifests.create_folder(self._folder)
            with locked(self._folder, manifests.LOCK, busy=self._busy):
                return self._run(on_progress)
        except OSError as exc:
            raise StorageError(
                f"{exc.filename or self._folder}: cannot be written ({exc.strerror or exc}); check the disk and its rights"
            ) from exc

    def _busy(self) -> ArchiveInUse:
        return ArchiveInUse(f"{self._folder}: another 'plant index' is filling it; wait for it")

    def _run(self, on_progress: OnProgress | None) -> Progressed:
        before = manifests.load(self._folder) or Manifest(vault=self._vault.url)
        if before.vault != self._vault.url:
            raise UsageError(
                f"{self._folder}: is the index of {before.vault}; name another folder, or remove this one to make it again"
            )
        self._writing.prepare(before)
        before = self._checked(before)
        filling = _Filling(before)
        segments = total = 0
        for segments, total in self._segments(filling):
            if filling.waiting >= self._batch_rows:
                self._commit(filling)
            if on_progress:
                on_progress(segments, total)
        rows = filling.rows
        self._commit(filling)
        manifest = self._tidied(filling.manifest)
        self._writing.remove_others(manifest)
        return Progressed(manifest=manifest, segments=total, rows=rows)

    def _segments(self, filling: _Filling) -> Iterator[tuple[int, int]]:
        """Read each segment that is new, then those with a finding, or their repairs; yields how many of how many were read."""
        for archive_uuid, name in reading.histories(self._vault):
            filling.know(archive_uuid, name)
        new = [(chain.number, stored) for chain in filling.chains for stored in reading.unread(self._vault, chain)]
        for count, (number, stored) in enumerate(new, 1):
            chain = filling.chain(number)
            try:
                filling.add(chain, stored, reading.read(self._vault, chain, stored))
            except (SegmentDamaged, KeyMissing) as exc:
                filling.leave(chain, stored, str(exc))
            yield count, len(new)
        for finding in filling.findings:
            if found := reading.read_again(self._vault, filling.chain(finding.chain), finding):
                filling.heal(finding, found)
                yield len(new), len(new)

    def _checked(self, manifest: Manifest) -> Manifest:
        """Read all files of the index once a day: DuckDB itself does not notice most changes of single bytes."""
        if manifest.checked_at and manifest.checked_at.date() == self._now.date():
            return manifest
        manifests.require_intact(self._folder, manifest.files)
        return manifest.model_copy(update={"checked_at": self._now})

    def _commit(self, filling: _Filling) -> None:
        """Write what was read, and let it count."""
        written = self._writing.batch(filling.current(), filling.take())
        filling.manifest = self._published(written)

    def _tidied(self, manifest: Manifest) -> Manifest:
        """Merge the files of ``today`` if that is due."""
        recent = [*manifest.of(ENTRIES, ""), *manifest.of(REPORTS, "")]
        is_due = any(each.erases or each.made_at.date() < self._now.date() for each in recent)
        if is_due or sum(each.rows for each in recent) > _RECENT_ROWS:
            for merged in self._writing.merge(manifest):
                manifest = self._published(merged)
            return manifest
        if len(recent) > _RECENT_FILES:
            manifest = self._published(self._writing.compact(manifest))
        return manifest

    def _published(self, manifest: Manifest) -> Manifest:
        made = manifest.model_copy(update={"updated_at": self._now})
        self._on_step("publish")
        manifests.save(self._folder, made)
        return made


class _Filling:
    """The state of a run: the manifest that counts, and what was read since."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.rows = 0
        self._chains = {each.number: each for each in manifest.chains}
        self._findings = {each.key: each for each in manifest.findings}
        self._read: dict[str, list[IndexRow]] = {ENTRIES: [], REPORTS: []}
        self.waiting = 0
        """How many rows were read and not written, as ``BATCH_ROWS`` counts them."""

    @property
    def chains(self) -> list[Chain]:
        """The histories, in the order of their numbers."""
        return sorted(self._chains.values(), key=lambda each: each.number)

    @property
    def findings(self) -> list[Finding]:
        """What is wrong, as far as it is known."""
        return list(self._findings.values())

    def chain(self, number: int) -> Chain:
        """Return a history by its number."""
        return self._chains[number]

    def know(self, archive_uuid: str, name: str) -> None:
        """Number a history, unless it has a number."""
        own = [each for each in self.chains if each.archive_uuid == archive_uuid]
        if any(each.name == name for each in own):
            return
        if len(own) >= _MOST_CHAINS:
            raise UsageError(
                f"{archive_uuid}: has more than {_MOST_CHAINS} histories in the vault, which no index holds"
            )
        following = 1 + max((each.archive for each in self.chains), default=-1)
        number = own[-1].number + 1 if own else following << ARCHIVE_SHIFT
        self._chains[number] = Chain(number=number, archive_uuid=archive_uuid, name=name)

    def add(self, chain: Chain, stored: StoredKey, found: ReadSegment) -> None:
        """Take the rows of the next segment of a history."""
        known = found.description
        before = self._findings.get(chain.last_key)
        if before:  # up to which event it has is not known
            self._findings[before.key] = before.model_copy(update={"following": known.first})
        elif known.first > chain.last + 1:
            self._miss(chain, chain.last + 1, known.first)
        elif known.first <= chain.last:
            why = f"begins among the events of the segment before it, which says that it has those up to {chain.last}"
            self._find(chain, f"{stored.key}#", f"{stored.key}: {why}; one was altered")
        elif chain.hash and text_of(known.previous_hash) != chain.hash:
            why = "does not follow from the segment before it; one was altered"
            self._find(chain, f"{stored.key}#", f"{stored.key}: {why}")
        self._take(found)
        self._advance(chain, known, stored.key)

    def _advance(self, chain: Chain, known: SegmentDescription, key: str) -> None:
        self._chains[chain.number] = chain.model_copy(
            update={
                "station": text_of(known.station),
                "began": chain.began or known.made_at,
                "last_key": key,
                "last": known.last,
                "hash": text_of(known.hash),
                "ended_at": known.ended_at,
                "made_at": known.made_at,
                "segments": chain.segments + 1,
                "software": text_of(known.software),
            }
        )

    def leave(self, chain: Chain, stored: StoredKey, why: str) -> None:
        """Note a segment that cannot be read, and go on after it."""
        before = self._findings.get(chain.last_key)
        if before:
            self._findings[before.key] = before.model_copy(update={"following": names.first_of(stored.key) or 0})
        self._find(chain, stored.key, why)
        self._chains[chain.number] = chain.model_copy(update={"last_key": stored.key})

    def heal(self, finding: Finding, found: ReadSegment) -> None:
        """Take the rows of a segment that could not be read before."""
        self._take(found)
        chain = self._chains[finding.chain]
        if finding.key == chain.last_key:  # the next segment follows from this one
            self._advance(chain, found.description, finding.key)
        else:
            self._chains[finding.chain] = chain.model_copy(update={"segments": chain.segments + 1})
        self._findings.pop(finding.key, None)
        if finding.following > found.description.last + 1:
            self._miss(chain, found.description.last + 1, finding.following)

    def _miss(self, chain: Chain, first: int, following: int) -> None:
        key = names.segment_key(chain.archive_uuid, chain.name, first)
        self._find(chain, key, f"{key}: is missing, with the events {first} to {following - 1}", following)

    def _find(self, chain: Chain, key: str, why: str, following: int = 0) -> None:
        short = text_of(why)[:_MOST_OF_FINDING]
        self._findings[key] = Finding(key=key, chain=chain.number, why=short, following=following)

    def _take(self, found: ReadSegment) -> None:
        for table, row in found.rows:
            self._read[table].append(row)
            self.rows += 1
            self.waiting += 1 + sum(len(each) for each in row.values() if isinstance(each, str | list)) // _USUAL_BYTES

    def current(self) -> Manifest:
        """Return the manifest as it is once what was read is written."""
        return self.manifest.model_copy(
            update={"chains": tuple(self.chains), "findings": tuple(self._findings.values())}
        )

    def take(self) -> dict[str, list[IndexRow]]:
        """Return the rows that wait, and forget them."""
        found, self._read = self._read, {ENTRIES: [], REPORTS: []}
        self.waiting = 0
        return found
