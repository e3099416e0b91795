"""One entry replayed and compared with what it shows; nothing is recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pywats_archive.archive.core import Archive
from pywats_archive.archive.imported.known import imported_ids
from pywats_archive.archive.report_ids.assignment import as_new
from pywats_archive.archive.report_ids.pairing import paired
from pywats_archive.archive.results import appended
from pywats_archive.archive.results.current import Current
from pywats_archive.archive.results.document import fields_of
from pywats_archive.archive.results.likeness import alike
from pywats_archive.config import StationConfig
from pywats_archive.errors import BlobDamaged, BlobMissing
from pywats_archive.models.operation.replay import ItemResult, ReplayRequest
from pywats_archive.models.operation.replayed import Replayed
from pywats_archive.models.pairing import Pairing
from pywats_archive.models.report import Report, ReportSummary, summarize
from pywats_archive.reprocessing.compare import Ran
from pywats_archive.reprocessing.effects import Document, Shown, evaluate
from pywats_archive.reprocessing.replayer import Replayer, Skipped


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """The outcome of a trial, and what was compared."""

    now: Current
    """What the entry shows; of a file that grows, with the reports of its earlier entries."""
    replayed: Replayed
    summaries: Sequence[ReportSummary]
    pairing: Pairing
    result: ItemResult
    is_appended: bool


class Trial:
    """Tries entries of one archive; safe to use from many threads."""

    def __init__(self, archive: Archive, station: StationConfig, request: ReplayRequest, replayer: Replayer) -> None:
        self._archive = archive
        self._station = station
        self._request = request
        self._replayer = replayer

    def of(self, now: Current) -> Tried:
        """Replay an entry and compare; Skipped if it cannot be replayed or compared."""
        config = self._station.converter(now.entry.converter_name)
        is_appended = bool(config and config.is_appended)
        if is_appended:
            now = appended.with_formers(self._archive, now, is_replay=True)
        try:
            return self._tried(now, is_appended=is_appended)
        except (BlobDamaged, BlobMissing) as exc:
            raise Skipped(f"a report of it is damaged: {exc}") from exc

    def _tried(self, now: Current, *, is_appended: bool) -> Tried:
        replayed = self._replayer.replay(now.entry, now.conversion)
        summaries = replayed.result.summaries or [summarize(fields_of(body)) for body in replayed.result.documents]
        pairing = self._paired(now, replayed.result.documents, summaries)
        shown = self._shown(now)
        if is_appended:
            taken_over = appended.taken_over(self._archive, now.entry.archive_id, pairing.earlier_ids)
            shown = replace(shown, taken_over=frozenset(taken_over))
        result = evaluate(shown, replayed, self._request, pairing=pairing, summaries=summaries)
        return Tried(
            now=now,
            replayed=replayed,
            summaries=summaries,
            pairing=pairing,
            result=result,
            is_appended=is_appended,
        )

    def _shown(self, now: Current) -> Shown:
        """Read the documents that a replay is compared with: those shown, and those the server has where they are others."""
        ran = {each.conversion_id: Ran.of(each.started_at, each.duration_ms) for each in now.past}
        never = Ran.of(now.entry.created_at, 0)

        def read(report: Report) -> Document:
            return Document(report=report, body=self._body(report), ran=ran.get(report.conversion_id, never))

        documents = {report.report_id: read(report) for report in now.reports}
        known = {each.report.archived_path: each for each in documents.values()}
        at_server = {each.report_id: known.get(each.archived_path) or read(each) for each in self._meant(now)}
        return Shown(
            entry=now.entry,
            conversion=now.conversion,
            documents=documents,
            at_server=at_server,
            waiting=now.waiting,
            maybe_there=now.maybe_there,
            imported=imported_ids(self._archive, now.entry),
        )

    @staticmethod
    def _meant(now: Current) -> Iterator[Report]:
        """Stream what the server accepted last under each id that a new report may continue."""
        return (now.accepted[each.report_id] for each in now.earlier if each.report_id in now.accepted)

    def _paired(self, now: Current, documents: Sequence[bytes], summaries: Sequence[ReportSummary]) -> Pairing:
        latest = {**now.accepted, **{each.report_id: each for each in now.reports}}
        return paired(
            now.earlier,
            as_new(summaries),
            alike=alike(self._archive, tuple(latest.values()), documents),
            is_unit_changed=bool(self._request.allow_unit_change),
            is_grown=now.is_grown,
        )

    def _body(self, report: Report) -> bytes | None:
        """Return a report's document; None if the archive does not keep reports."""
        try:
            return self._archive.document(report)
        except BlobMissing:
            if report.disk_size_bytes:
                raise
            return None
