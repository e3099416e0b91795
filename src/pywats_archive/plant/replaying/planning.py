"""Plans a replay: which segments have the sources, which later ones have rows of their entries, and which code converts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from pywats_archive.archive.replica.excerpt import excerpt
from pywats_archive.archive.replica.rows import OF_ENTRIES, is_erased, lines_of
from pywats_archive.archive.results import codes
from pywats_archive.errors import ArchiveError, KeyMissing, SegmentDamaged, UsageError
from pywats_archive.models.code import ConverterCode
from pywats_archive.models.plant.replay import PlannedCode, PlannedSegment
from pywats_archive.plant.replaying import code as packing
from pywats_archive.portable.scratch import Scratch
from pywats_archive.replication.choosing import Chosen, archives_in, choose
from pywats_archive.replication.fetching import blobs_of, segment_at
from pywats_archive.replication.segment.reading import ODD_LINE, Segment
from pywats_archive.vault.store import Vault

_AT_ONCE = 16
"""How many archives are read at the same time: it is waiting for the vault that takes long."""
_ENTRIES, _CONVERSIONS, _CONFIGURATIONS = "archive_entries", "conversions", "configurations"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """The sources to replay: those of a converter that were archived in a range, both ends inclusive."""

    converter_name: str
    from_date: datetime | None = None
    to_date: datetime | None = None

    def covers(self, converter_name: object, created_at: datetime) -> bool:
        """Whether an entry is one of them."""
        is_early = self.from_date is not None and created_at < self.from_date
        is_late = self.to_date is not None and created_at > self.to_date
        return converter_name == self.converter_name and not is_early and not is_late


@dataclass(kw_only=True, slots=True)
class Survey:
    """What the segments of a vault have of the wanted sources."""

    segments: list[PlannedSegment] = field(default_factory=list)
    archives: int = 0
    newest: Mapping[str, Any] | None = None
    """The row of the newest conversion of one of them."""
    problems: list[str] = field(default_factory=list)
    chosen: list[Chosen] = field(default_factory=list)

    def add(self, other: Survey) -> None:
        """Add what was found in another archive."""
        self.segments += other.segments
        self.archives += other.archives
        self.problems += other.problems
        self.chosen += other.chosen
        newest = [each for each in (self.newest, other.newest) if each is not None]
        self.newest = max(newest, key=lambda row: str(row["started_at"]), default=None)


def survey(vault: Vault, wanted: Wanted) -> Survey:
    """Read the rows of all segments from the range on; UsageError if there is no such source."""
    found = Survey()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for part in pool.map(partial(_of_archive, vault, wanted), archives_in(vault)):
            found.add(part)
    if not found.segments:
        known = "; ".join(found.problems[:3])
        raise UsageError(
            f"{vault.url}: has no source of converter '{wanted.converter_name}' in that range"
            + (f" ({known})" if known else "")
        )
    return found


def _of_archive(vault: Vault, wanted: Wanted, archive_uuid: str) -> Survey:
    try:
        chosen = choose(vault, archive_uuid, None)
    except UsageError as exc:
        return Survey(problems=[str(exc)])
    found = Survey(problems=list(chosen.problems), chosen=[chosen])
    _History(vault, wanted, chosen, found).read()
    return found


class _History:
    """Reads the rows of one archive, oldest first."""

    def __init__(self, vault: Vault, wanted: Wanted, chosen: Chosen, survey: Survey) -> None:
        self._vault = vault
        self._wanted = wanted
        self._chosen = chosen
        self._survey = survey
        self._place: dict[str, str] = {}
        """The segment with the source, by archive id."""
        self._without: set[str] = set()
        self._others: dict[str, dict[str, None]] = {}
        self._needed: dict[str, dict[str, None]] = {}
        """The configurations of the conversions, by segment."""
        self._configurations: dict[str, str] = {}

    def read(self) -> None:
        """Add the segments of this archive to the survey."""
        earlier = list[str]()
        for key, known in self._chosen.segments:
            if self._wanted.from_date is not None and known.ended_at < self._wanted.from_date:
                earlier.append(key)
                continue
            with self._reported(key):
                self._read(key, segment_at(self._vault, key))
        self._find_configurations(earlier)
        numbers = Counter(self._place.values())
        self._survey.segments += [self._planned(key, number) for key, number in numbers.items()]
        self._survey.archives += bool(numbers)
        if self._without:
            self._survey.problems.append(
                f"{self._vault.url}: {self._chosen.archive_uuid}: {len(self._without)} entries have no source in the vault"
            )

    @contextmanager
    def _reported(self, key: str) -> Iterator[None]:
        """Note a segment that cannot be read as a problem."""
        try:
            yield
        except (SegmentDamaged, KeyMissing, *ODD_LINE) as exc:
            self._survey.problems.append(f"{self._vault.url}: {key}: its rows cannot be read ({exc})")

    def _planned(self, key: str, number: int) -> PlannedSegment:
        needed = (self._configurations.get(each) for each in self._needed.get(key, ()))
        return PlannedSegment(
            key=key, entries=number, others=tuple(self._others.get(key, ())), rows=tuple(filter(None, needed))
        )

    def _read(self, key: str, segment: Segment) -> None:
        held = blobs_of(segment)
        for table, row, line in lines_of(segment.rows(), (*OF_ENTRIES, _CONFIGURATIONS)):
            if table == _CONFIGURATIONS:
                self._configurations[row["fingerprint"]] = line.decode()
                continue
            archive_id = row.get("archive_id")
            if not archive_id:
                continue
            if table == _ENTRIES and archive_id not in self._place:
                self._add(key, archive_id, row, held)
            place = self._place.get(archive_id)
            if place is None:
                continue
            if table == _CONVERSIONS:
                self._note_conversion(place, row)
            if place != key:
                self._others.setdefault(place, {})[key] = None
            if table == _ENTRIES and is_erased(row):
                del self._place[archive_id]

    def _add(self, key: str, archive_id: str, row: Mapping[str, Any], held: frozenset[str]) -> None:
        if not self._wanted.covers(row.get("converter_name"), datetime.fromisoformat(row["created_at"])):
            return
        if row.get("archived_path") in held:
            self._place[archive_id] = key
            self._without.discard(archive_id)
        else:
            self._without.add(archive_id)

    def _note_conversion(self, place: str, row: Mapping[str, Any]) -> None:
        if fingerprint := row.get("configuration"):
            self._needed.setdefault(place, {})[fingerprint] = None
        newest = self._survey.newest
        if row.get("code_fingerprint") and (newest is None or newest["started_at"] < row["started_at"]):
            self._survey.newest = row

    def _find_configurations(self, earlier: Sequence[str]) -> None:
        """Look for configurations that conversions share with earlier ones: a history has each only once."""
        needed = {each for of_segment in self._needed.values() for each in of_segment}
        for key in reversed(earlier):
            if needed <= self._configurations.keys():
                return
            with self._reported(key):
                for _, row, line in lines_of(segment_at(self._vault, key).rows(), (_CONFIGURATIONS,)):
                    self._configurations.setdefault(row["fingerprint"], line.decode())


def code_on_record(vault: Vault, found: Survey) -> tuple[PlannedCode, bytes | None]:
    """Return the code that converted last, and its files unless it is of an installed package; UsageError without one."""
    row = found.newest
    if row is None:
        raise UsageError(
            "no conversion of these sources is on record, so their code is not known; name --converter-file"
        )
    fingerprint, version = str(row["code_fingerprint"]), str(row.get("converter_version") or "")
    module_path = str(row["converter_class"])
    if distribution := row.get("distribution"):
        return (
            PlannedCode(
                fingerprint=fingerprint, class_name=module_path, version=version, distribution=str(distribution)
            ),
            None,
        )
    code = _stored(vault, found.chosen, fingerprint)
    if code is None:
        raise UsageError(f"the vault does not have the code {fingerprint}; name it with --converter-file")
    class_name = module_path.rpartition(".")[2] or code.class_name
    return packing.planned(ConverterCode(files=code.files, class_name=class_name), version=version), packing.pack(code)


def _stored(vault: Vault, histories: Sequence[Chosen], fingerprint: str) -> ConverterCode | None:
    digest, scratch = fingerprint.partition(":")[2], Scratch()
    try:
        for chosen, key, path in _with_file(vault, histories, f"converters/{digest}."):
            with scratch.folder() as folder, excerpt(folder, chosen.last.archive, ()) as made:
                try:
                    made.put(path, [segment_at(vault, key).read(path)])
                    if code := codes.load(made, fingerprint):
                        return code
                except ArchiveError:
                    continue
        return None
    finally:
        scratch.close()


def _with_file(vault: Vault, histories: Sequence[Chosen], begins: str) -> Iterator[tuple[Chosen, str, str]]:
    for chosen in histories:
        for key, _ in chosen.segments:
            for path in segment_at(vault, key).files:
                if path.startswith(begins):
                    yield chosen, key, path
