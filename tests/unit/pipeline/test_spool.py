"""Notes of conversions whose source the archive could not store."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from pywats_archive.archive.sources.reading import stamp_of
from pywats_archive.config import ConverterConfig
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.time import UTC
from pywats_archive.pipeline.deferred.note import Seal
from pywats_archive.pipeline.deferred.spool import Spool
from pywats_archive.portable import files

NOW = datetime(2026, 2, 13, tzinfo=UTC)


SEAL = Seal(lambda: b"key")
SUCCESS = ConversionResult(status=ConversionStatus.SUCCESS)


def config_of(tmp_path: Path, *, name: str = "c", done: str = "Done") -> ConverterConfig:
    """Return the configuration of a converter of this station."""
    folders = {"watch_folder": str(tmp_path / "watch"), "done_folder": str(tmp_path / done)}
    return ConverterConfig.model_validate({"name": name, "module_path": "m.C", **folders})


def arrival_in(tmp_path: Path) -> Arrival:
    """Put a source into the watch folder, and return its arrival."""
    path = tmp_path / "watch" / "a.log"
    path.parent.mkdir()
    path.write_bytes(b"x")
    stamp = stamp_of(path)
    return Arrival(
        arrival_id=7,
        converter_name="c",
        path=str(path),
        size_bytes=stamp.size_bytes,
        mtime_ns=stamp.mtime_ns,
        first_seen_at=NOW,
        state=ArrivalState.SEEN,
        changed_at=NOW,
    )


@pytest.mark.skipif(files.WINDOWS, reason="links need rights there")
def test_a_note_in_use_is_nobody_elses_by_another_path(tmp_path: Path) -> None:
    """Of two converters that name one Done folder by two paths, neither removes what the other has in memory (4)."""
    arrival, spool = arrival_in(tmp_path), Spool(SEAL)
    (tmp_path / "Done").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "Done")
    spool.begin(config_of(tmp_path), arrival, SUCCESS, now=NOW)
    other = config_of(tmp_path, name="other", done="link")
    assert list(spool.parked(other, of_all=True)) == []
    assert spool.exclusively(other) is spool.exclusively(config_of(tmp_path))


def test_a_note_is_found_as_soon_as_its_share_is_back(tmp_path: Path) -> None:
    """While Done is away nothing can be resumed; once it is back, the next source is not converted again (invariant 4)."""
    arrival, config, done = arrival_in(tmp_path), config_of(tmp_path), tmp_path / "Done"
    folder = Spool(SEAL).begin(config, arrival, SUCCESS, now=NOW)
    done.rename(tmp_path / "away")
    after_crash = Spool(SEAL)
    assert after_crash.resume(config, arrival) is None
    (tmp_path / "away").rename(done)
    assert after_crash.resume(config, replace(arrival, size_bytes=2)) is None
    resumed = after_crash.resume(config, arrival)
    assert resumed and resumed[0] == folder
