"""ArchiveInterceptor: the three points at which a pipeline, ours or another, calls the archive for a conversion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from pywats_archive.archive.core import Archive, Stored, archive_of
from pywats_archive.archive.results import conversions, submissions
from pywats_archive.archive.results.codes import StoredCodes
from pywats_archive.archive.sources import batch, companions, ingest, late
from pywats_archive.archive.sources.draft import NewSource
from pywats_archive.archive.sources.reading import Look
from pywats_archive.config import ConverterConfig
from pywats_archive.conversion.attempt import attempt, settings_of
from pywats_archive.host.settings.secrets import fingerprint_secrets, redact_result
from pywats_archive.models.arrival import ArrivalState, NextState
from pywats_archive.models.conversion import ConversionResult, ConverterInfo
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus
from pywats_archive.models.report import Report, SubmissionState
from pywats_archive.models.retention.configured import CONFIGURATION
from pywats_archive.models.time import FIRST_NS, LAST_NS

BUSY_LEVEL = 1
"""The compression level while sources queue up: a quarter of the CPU of the default, about an eighth larger."""
_STRANGE_TIME = (
    "its time of last change is beyond the years 1677 to 2262 that the catalog can hold; check the clock of the tester"
)
_MOST_NAMED = 5
"""The most companions that a warning lists by name; the others are only counted."""


class ArchiveInterceptor:
    """Stores one converter's sources, conversions and reports in one archive, an ``ArchiveStorage`` or an open archive.

    ``info`` is None when the converter's code could not be loaded; ``key`` makes the fingerprints of secrets.
    """

    def __init__(
        self, archive: Stored | Archive, config: ConverterConfig, *, key: bytes, info: ConverterInfo | None = None
    ) -> None:
        self.archive = archive_of(archive)
        self._config = config
        self._key = key
        self.info = info
        """What is known of the converter's code, if it could be loaded."""
        self._configuration = settings_of(config)
        self.codes = StoredCodes(self.archive)
        """The stored code of the converters."""
        self.archive.policies.apply_configured(config.name, config.retention_policy(), config.retention_said())
        if config.compliance:
            self.archive.compliance.begin(actor=CONFIGURATION)

    def pre_convert(
        self,
        source: Path | str,
        *,
        arrival_id: int | None = None,
        busy: bool = False,
        look: Look | None = None,
        is_repeated: bool = False,
    ) -> ArchiveEntry:
        """Archive the source and its companions; the converter may see it once this returns (invariant 1).

        ``look`` is the stamp that was just seen there, and ``is_repeated`` whether another source had its path before.
        """
        new = self.new_source(source, arrival_id=arrival_id, busy=busy, look=look, is_repeated=is_repeated)
        return ingest.archive_source(self.archive, replace(new, arrival_state=ArrivalState.CONVERTING))

    def pre_convert_several(self, sources: Sequence[NewSource]) -> list[ArchiveEntry | Exception]:
        """Archive plain files together, from ``new_source``; returns each one's entry, or why it has to be archived alone."""
        return batch.archive_several(self.archive, sources)

    def new_source(
        self,
        source: Path | str,
        *,
        arrival_id: int | None,
        busy: bool,
        look: Look | None,
        is_repeated: bool,
    ) -> NewSource:
        """Return what is known of a source before it is archived; the arguments are those of ``pre_convert``."""
        return NewSource(
            path=Path(source).absolute(),
            converter_name=self._config.name,
            converter_version=self.info.version if self.info else None,
            parameters=self.safe_arguments(self.info),
            companion_rules=self._config.companion_rules,
            compression_level=self._level(busy=busy),
            keep_source=self._config.archive_source_files,
            arrival_id=arrival_id,
            look=look,
            is_repeated=is_repeated,
        )

    def archive_late(
        self, source: Path, *, original_path: Path, known: ArchiveEntry, reason: str, moved_to: str | None
    ) -> ArchiveEntry | None:
        """Archive the source again if it was written to after ``known`` was archived; None if its bytes are the same."""
        new = NewSource(
            path=source,
            original_path=original_path,
            converter_name=self._config.name,
            converter_version=self.info.version if self.info else None,
            parameters=self.safe_arguments(self.info),
            compression_level=self._level(busy=False),
        )
        return late.archive_late(self.archive, new, known=known, reason=reason, moved_to=moved_to)

    def post_convert(
        self,
        entry: ArchiveEntry,
        result: ConversionResult,
        *,
        arrival_id: int | None = None,
        next_state: NextState | None = None,
        submit: bool = True,
        withheld_because: str | None = None,
        busy: bool = False,
        append: bool = False,
    ) -> tuple[Report, ...]:
        """Archive what the converter read beside the source, its reports and the attempt; durable before any submission.

        ``append``: its reports may be those of entries that the same file had before it grew.
        """
        result = redact_result(result, self._config.arguments)
        source = Path(entry.source_original_path)
        others = [path for path in result.opened_paths if path != entry.source_original_path]
        opened = companions.beside(source, others)
        linked = [path.relative_to(source.parent) for path in companions.through_links(source, others)]
        named = {companion.name for companion in entry.companions}
        entry = ingest.add_companions(self.archive, entry, opened, found_by="opened")
        strange = (_STRANGE_TIME,) if entry.source_mtime_ns in (FIRST_NS, LAST_NS) else ()
        unnamed = [c.name for c in entry.companions if c.name not in named]
        warnings = (
            *result.warnings,
            *strange,
            *_unnamed_warnings(unnamed),
            *(f"read through a link beside the source, and not archived: {name}" for name in linked),
        )
        info = result.converter or self.info
        new = conversions.NewConversion(
            conversion=attempt(
                entry,
                replace(result, warnings=warnings),
                config=self._config,
                configuration=self._configuration,
                info=info,
                parameters=self.safe_arguments(info),
            ),
            documents=result.documents,
            summaries=result.summaries,
            submit=submit,
            withheld_because=withheld_because,
            allow_same_id=self._config.allow_same_id,
            append=append,
            is_first=entry.conversion_status is ConversionStatus.PENDING and not entry.report_count,
            compression_level=self._level(busy=busy),
            arrival_id=arrival_id,
            arrival_state=next_state.state if next_state else None,
            reason=next_state.reason if next_state else None,
            retry_after=next_state.retry_after if next_state else None,
            attempts=next_state.attempts if next_state else 0,
        )
        if info:
            self.codes.store(info, result.code)
        return conversions.record_conversion(self.archive, new)

    def post_submit(
        self,
        report: Report,
        *,
        state: SubmissionState,
        reason: str | None = None,
        next_try_at: datetime | None = None,
    ) -> Report:
        """Record the server's answer for a report."""
        return submissions.record_try(self.archive, report, state=state, reason=reason, next_try_at=next_try_at)

    def safe_arguments(self, info: ConverterInfo | None) -> dict[str, object]:
        """Return the converter's arguments with each secret as a keyed fingerprint (invariant 10)."""
        names = info.password_arguments if info else None
        return fingerprint_secrets(self._config.arguments, names, self._key)

    def _level(self, *, busy: bool) -> int:
        level = self.archive.policies.effective(self._config.name).compression_level
        return min(BUSY_LEVEL, level) if busy else level


def _unnamed_warnings(names: Sequence[str]) -> Iterator[str]:
    """Return a warning about files that were read beside a source and that no rule names."""
    for name in names[:_MOST_NAMED]:
        yield f"read beside the source, named by no rule: {name}"
    if len(names) > _MOST_NAMED:
        yield f"read beside the source, named by no rule: {len(names) - _MOST_NAMED} more files"
