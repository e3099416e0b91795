"""Notes of conversions whose source the archive could not store."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from pywats_archive.archive.sources.reading import stamp_of
from pywats_archive.config import ConverterConfig
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.time import UTC
from pywats_archive.pipeline.deferred.note import Seal
from pywats_archive.pipeline.deferred.spool import Spool

NOW = datetime(2026, 2, 13, tzinfo=UTC)


def test_a_note_is_found_as_soon_as_its_share_is_back(tmp_path: Path) -> None:
    """While Done is away nothing can be resumed; once it is back, the next source is not converted again (invariant 4)."""
    watch, done = tmp_path / "watch", tmp_path / "Done"
    watch.mkdir()
    (watch / "a.log").write_bytes(b"x")
    fields = {"name": "c", "module_path": "m.C", "watch_folder": str(watch), "done_folder": str(done)}
    config, stamp = ConverterConfig.model_validate(fields), stamp_of(watch / "a.log")
    arrival = Arrival(
        arrival_id=7,
        converter_name="c",
        path=str(watch / "a.log"),
        size_bytes=stamp.size_bytes,
        mtime_ns=stamp.mtime_ns,
        first_seen_at=NOW,
        state=ArrivalState.SEEN,
        changed_at=NOW,
    )
    seal = Seal(lambda: b"key")
    folder = Spool(seal).begin(config, arrival, ConversionResult(status=ConversionStatus.SUCCESS), now=NOW)
    done.rename(tmp_path / "away")
    after_crash = Spool(seal)
    assert after_crash.resume(config, arrival) is None
    (tmp_path / "away").rename(done)
    assert after_crash.resume(config, replace(arrival, size_bytes=2)) is None
    resumed = after_crash.resume(config, arrival)
    assert resumed and resumed[0] == folder
