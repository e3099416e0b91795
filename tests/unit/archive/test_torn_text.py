"""Reports whose text holds half a surrogate pair, which JSON can escape and UTF-8 cannot write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.station import check_sound

from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import conversions, reports
from pywats_archive.archive.sources import ingest
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ConversionStatus

TORN = rb'{"type":"T","sn":"SN\ud800","name":"\u00e9 \udc00"}'


OWN_IDS = [None, "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed", r"torn\ud800"]


@pytest.mark.parametrize("own_id", OWN_IDS, ids=["without an id", "with one", "with a torn one"])
def test_a_report_with_torn_text_is_archived(tmp_path: Path, own_id: str | None) -> None:
    """It gets an id if it had none, every field says what it said, and the archive is sound (invariants 1 and 6)."""
    body = TORN if own_id is None else b'{"id":"%s",' % own_id.encode() + TORN[1:]
    with Archive.open(tmp_path / "archive", create=True, own=True) as archive:
        (tmp_path / "a.log").write_bytes(b"a")
        entry = ingest.archive_source(archive, ingest.NewSource(path=tmp_path / "a.log", converter_name="C"))
        conversion = Conversion(
            archive_id=entry.archive_id,
            attempt=0,
            started_at=archive.now(),
            duration_ms=1,
            status=ConversionStatus.SUCCESS,
            converter_name="C",
            converter_class="m.C",
        )
        new = conversions.NewConversion(conversion=conversion, documents=[body])
        conversions.record_conversion(archive, new)
        reports.add_report(archive, entry.archive_id, TORN)
        for report, expected in zip(archive.reports_of(entry.archive_id), (body, TORN), strict=True):
            kept = b"".join(archive.blobs.read(report.archived_path))
            has_id = b'"id"' in expected
            assert kept == expected if has_id else json.loads(kept) == {**json.loads(TORN), "id": report.report_id}
    check_sound(tmp_path / "archive")
