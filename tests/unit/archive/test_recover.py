"""What a crash can leave in an archive, and what recovery makes of it."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pytest
from tests.station import check_sound

from pywats_archive.archive.core import Archive
from pywats_archive.archive.repair.recover import recover
from pywats_archive.archive.results import conversions, reports, runs
from pywats_archive.archive.sources import ingest
from pywats_archive.errors import CatalogError, StorageError
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.time import UTC


class _Crash(BaseException):
    pass


class _CrashAt:
    def __init__(self, k: int, error: type[BaseException] | None = None) -> None:
        self.left = k
        self._error = error or _Crash

    def __call__(self, name: str) -> None:
        self.left -= 1
        if self.left == 0:
            raise self._error(28, "No space left on device")


def _source(tmp_path: Path) -> ingest.NewSource:
    path = tmp_path / "unit.log"
    if not path.exists():
        path.write_bytes(b"measured" * 50)
        (tmp_path / "unit.extra").write_bytes(b"companion")
    return ingest.NewSource(path=path, converter_name="c", companion_rules=("{stem}.extra",))


def _convert(archive: Archive, archive_id: str) -> None:
    conversion = Conversion(
        archive_id=archive_id,
        attempt=0,
        started_at=archive.now(),
        duration_ms=1,
        status=ConversionStatus.SUCCESS,
        converter_name="c",
        converter_class="m.C",
    )
    bodies = [b'{"sn":"S1"}', b'{"sn":"S2"}']
    conversions.record_conversion(archive, conversions.NewConversion(conversion=conversion, documents=bodies))


@pytest.mark.long
@pytest.mark.parametrize("kind", [_Crash, OSError], ids=["crash", "no-space"])
def test_at_every_step_nothing_is_lost_and_nothing_is_twice(tmp_path: Path, kind: type[BaseException]) -> None:
    """Crash or fail at step k of archiving and recording, for every k; reopen, go on: one entry, whole (invariants 1, 5)."""
    for k in range(1, 200):
        root = tmp_path / f"archive-{k}"
        Archive.open(root, create=True, own=True).close()  # (it has its reserve)
        seam = _CrashAt(k, kind)
        archive = Archive.open(root, own=True, on_step=seam)
        try:
            entry = ingest.archive_source(archive, _source(tmp_path))
            _convert(archive, entry.archive_id)
        except (_Crash, StorageError, CatalogError):
            pass
        finally:
            archive.close()
        finished = seam.left > 0
        _go_on(root, tmp_path)
        if finished:
            assert k > 15
            return
    raise AssertionError("the steps never ended")


def test_what_was_left_of_making_the_archive_goes(tmp_path: Path) -> None:
    """A crash while archive.json was written leaves a temporary file in the archive's own folder; it goes (invariant 5)."""
    root = tmp_path / "archive"
    Archive.open(root, create=True).close()
    (root / ".restore-abc.part").write_bytes(b"half of archive.json")
    with Archive.open(root, own=True) as archive:
        assert recover(archive).removed == (".restore-abc.part",)
    check_sound(root)


def test_what_was_left_of_an_old_entry_is_found(tmp_path: Path) -> None:
    """A crash while something was added to an entry of another month leaves nothing either (invariant 5)."""
    root, old = tmp_path / "archive", datetime(2026, 1, 5, 12, tzinfo=UTC)
    with Archive.open(root, create=True, own=True, clock=lambda: old) as archive:
        entry = ingest.archive_source(archive, _source(tmp_path))
        recover(archive)
    (tmp_path / "other.log").write_bytes(b"newer")
    with Archive.open(root, own=True) as archive:
        recover(archive)
        ingest.archive_source(archive, ingest.NewSource(path=tmp_path / "other.log", converter_name="c"))
    _set_back(root / "sources")
    _set_back(root / "reports")
    with Archive.open(root, own=True, on_step=_crash_at_begin) as archive, pytest.raises(_Crash):
        reports.add_report(archive, entry.archive_id, b'{"sn":"S1"}')
    (root / "reports/2026/01/05/.9-9.part").write_bytes(b"half")
    with Archive.open(root, own=True) as archive:
        found = recover(archive)
        assert found.removed == ("reports/2026/01/05/.9-9.part",) and len(found.reports) == 1
    check_sound(root)


def test_a_name_that_was_only_reserved_goes(tmp_path: Path) -> None:
    """Without hard links a crash can leave an empty file under a blob's name; it holds nothing, and the name is free again."""
    root = tmp_path / "archive"
    with Archive.open(root, create=True, own=True) as archive:
        entry = ingest.archive_source(archive, _source(tmp_path))
        reserved = f"reports/{entry.created_at:%Y/%m/%d}/{entry.archive_id}.json.gz"
        (root / reserved).parent.mkdir(parents=True)
        (root / reserved).touch()
        assert recover(archive).removed == (reserved,)
        _convert(archive, entry.archive_id)
        assert (root / reserved).stat().st_size > 0
    check_sound(root)


def test_what_a_replay_writes_is_no_crash(tmp_path: Path) -> None:
    """While a replay goes on its reports are left alone, and looked at the next time; sources are recovered at once."""
    root = tmp_path / "archive"
    with Archive.open(root, create=True, own=True) as archive:
        entry = ingest.archive_source(archive, _source(tmp_path))
        recover(archive)
    with Archive.open(root, on_step=_crash_at_begin) as replaying, pytest.raises(_Crash):
        reports.add_report(replaying, entry.archive_id, b'{"sn":"S1"}')
    half = [root / top / f"{entry.created_at:%Y/%m/%d}/.9-9.part" for top in ("sources", "reports")]
    for path in half:
        path.write_bytes(b"half")
    with Archive.open(root, own=True) as archive:
        with runs.reprocessing(archive):
            found = recover(archive)
            assert (found.reports, found.removed) == ((), (half[0].relative_to(root).as_posix(),))
        found = recover(archive)
        assert (len(found.reports), found.removed) == (1, (half[1].relative_to(root).as_posix(),))
    check_sound(root)


def _crash_at_begin(name: str) -> None:
    if name == "begin":
        raise _Crash


def _set_back(folder: Path) -> None:
    """Date the folders a month back, as they would be."""
    for each in (*folder.rglob("*"), folder):
        if each.is_dir():
            os.utime(each, (each.stat().st_atime, each.stat().st_mtime - 30 * 86_400))


def _go_on(root: Path, tmp_path: Path) -> None:
    with Archive.open(root, own=True) as archive:
        recover(archive)
        entry = ingest.archive_source(archive, _source(tmp_path))
        ids_before = {r.ordinal: r.report_id for r in archive.reports_of(entry.archive_id)}
        _convert(archive, entry.archive_id)
        (only,) = archive.find(EntryFilter()).items
        assert {companion.name for companion in only.companions} == {"unit.extra"}
        after = {r.ordinal: r.report_id for r in archive.reports_of(entry.archive_id)}
        assert ids_before.items() <= after.items()
    check_sound(root)
