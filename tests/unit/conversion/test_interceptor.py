"""The three moments at which the archive meets a conversion, in anyone's pipeline and in ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import submissions
from pywats_archive.config import ConverterConfig
from pywats_archive.conversion.interceptor import ArchiveInterceptor
from pywats_archive.conversion.sending.items import ArchivedItem, after_try
from pywats_archive.host.server.answers import Answer, SubmitOutcome
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.report import Report, SubmissionState


@pytest.fixture
def interceptor(tmp_path: Path) -> Iterator[ArchiveInterceptor]:
    """An interceptor over a new archive."""
    config = ConverterConfig(name="c", module_path="m.C", watch_folder=str(tmp_path))
    with Archive.open(tmp_path / "archive", create=True, own=True) as archive:
        yield ArchiveInterceptor(archive, config, key=bytes(32))


def converted(interceptor: ArchiveInterceptor, folder: Path) -> Report:
    """Take a file through the first two moments; gives its report."""
    source = folder / "a.log"
    source.write_bytes(b"x")
    entry = interceptor.pre_convert(source)
    result = ConversionResult(status=ConversionStatus.SUCCESS, documents=(b'{"sn":"S1"}',))
    (report,) = interceptor.post_convert(entry, result)
    return report


def test_a_pipeline_of_ones_own_needs_the_three_moments_alone(interceptor: ArchiveInterceptor, tmp_path: Path) -> None:
    """Source, conversion, report and the server's answer are on record after the three moments (invariants 1, 4)."""
    report = converted(interceptor, tmp_path)
    assert report.submission_state is SubmissionState.WAITING
    told = interceptor.post_submit(report, state=SubmissionState.REFUSED, reason="no such product")
    details = interceptor.archive.details(report.archive_id)
    assert details.reports == (told,) and told.last_error == "no such product" and told.tries == 1
    assert [event.kind for event in details.events][-1] == "report.refused"


def test_a_second_conversion_continues_the_reports_whatever_its_caller_knows(
    interceptor: ArchiveInterceptor, tmp_path: Path
) -> None:
    """A caller whose entry is from before its first conversion gets no second id for a report (invariants 4, 14)."""
    (tmp_path / "a.log").write_bytes(b"x")
    entry = interceptor.pre_convert(tmp_path / "a.log")
    bodies = (b'{"sn":"S1"}', b'{"sn":"S1","result":"F"}')
    results = [ConversionResult(status=ConversionStatus.SUCCESS, documents=(body,)) for body in bodies]
    first, second = [interceptor.post_convert(entry, result)[0] for result in results]
    assert first.report_id == second.report_id and first.archived_path != second.archived_path
    details = interceptor.archive.details(entry.archive_id)
    assert [each.attempt for each in details.conversions] == [1, 2]
    assert [each.submission_state.value for each in details.reports] == ["WITHHELD", "WAITING"]


@pytest.mark.parametrize("verdict", [SubmitOutcome.ACCEPTED, SubmitOutcome.LATER])
def test_the_outbox_tells_the_archive_at_the_same_moment(
    interceptor: ArchiveInterceptor, tmp_path: Path, verdict: SubmitOutcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What our own outbox learns of a report is recorded as by ``post_submit``: there is one way (invariant 4)."""
    report, passed = converted(interceptor, tmp_path), []
    record_try = submissions.record_try

    def watched(archive: Archive, *given: Report, **told: object) -> Report:
        passed.append(given)
        return record_try(archive, *given, **told)  # type: ignore[arg-type]

    monkeypatch.setattr(submissions, "record_try", watched)
    item = ArchivedItem(archive=interceptor.archive, report=report)
    item.record_try(after_try(verdict, tries=1), Answer(verdict=verdict, reason="why"), interceptor.archive.now())
    (known,) = interceptor.archive.reports_of(report.archive_id)
    assert passed == [(report,)] and known.tries == 1
    assert (known.submission_state is SubmissionState.ACCEPTED) == (verdict is SubmitOutcome.ACCEPTED)
    assert (known.next_try_at is None) == (verdict is SubmitOutcome.ACCEPTED)
