"""An archive whose clock is set by hand, with entries of any age."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import conversions, submissions
from pywats_archive.archive.sources import ingest
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus
from pywats_archive.models.report import SubmissionState
from pywats_archive.models.step import OnStep, no_step
from pywats_archive.models.time import UTC
from pywats_archive.portable.uptime import Uptime


@dataclass
class Aged:
    """Makes entries by its own clock."""

    base: Path
    now: datetime = datetime(2026, 11, 24, 12, tzinfo=UTC)
    on_step: OnStep = no_step
    archive: Archive = field(init=False)

    def __post_init__(self) -> None:
        self._started = self.now
        self._rng, self._count = random.Random(5), 0
        self.open()

    def open(self) -> Archive:
        """Open, or open again, its archive."""
        self.archive = Archive.open(
            self.base / "archive",
            create=True,
            own=True,
            on_step=self.on_step,
            clock=lambda: self.now,
            uptimes=self._uptime,
        )
        return self.archive

    def _uptime(self) -> Uptime:
        """The machine has run since this was made: what the clock is set ahead by was lived through."""
        return Uptime(boot_id="aged", seconds=max(0.0, (self.now - self._started).total_seconds()))

    def add(
        self,
        *,
        days_ago: float = 0,
        converter: str = "c",
        status: ConversionStatus | None = ConversionStatus.SUCCESS,
        submission: SubmissionState = SubmissionState.ACCEPTED,
        size: int = 3000,
        companion: bool = False,
    ) -> ArchiveEntry:
        """Archive a source of bytes that do not compress, so many days ago, with one report unless its conversion failed."""
        self._count += 1
        today, self.now = self.now, self.now - timedelta(days=days_ago)
        path = self.base / f"SN{self._count}.csv"
        path.write_bytes(self._rng.randbytes(size))
        if companion:
            path.with_suffix(".extra").write_bytes(b"beside")
        rules = ("{stem}.extra",) if companion else ()
        new = ingest.NewSource(path=path, converter_name=converter, companion_rules=rules)
        entry = ingest.archive_source(self.archive, new)
        if status:
            self._convert(entry, status, submission)
        self.now = today
        path.unlink()
        return self.archive.entry(entry.archive_id)

    def _convert(self, entry: ArchiveEntry, status: ConversionStatus, submission: SubmissionState) -> None:
        conversion = Conversion(
            archive_id=entry.archive_id,
            attempt=0,
            started_at=self.now,
            duration_ms=1,
            status=status,
            converter_name=entry.converter_name,
            converter_class="m.C",
        )
        documents = [b'{"sn":"SN%d"}' % self._count] if status is ConversionStatus.SUCCESS else []
        reports = conversions.record_conversion(
            self.archive, conversions.NewConversion(conversion=conversion, documents=documents)
        )
        for report in reports:
            submissions.record_try(self.archive, report, state=submission, reason="because")


def blobs(archive: Archive) -> list[str]:
    """Give the path of every blob that lies in an archive."""
    return [path for top in ("sources", "reports") for path in archive.blobs.paths(top)]
