"""Imports beside others, repeated after changes, and of odd files: nothing is left out, and nothing aborts them."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from tests.done import document, put, zipped
from tests.station import Station

from pywats_archive import Client
from pywats_archive.archive import purging
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import locks
from pywats_archive.archive.imported import taking_over
from pywats_archive.archive.purging import Batch
from pywats_archive.archive.repair import recover
from pywats_archive.archive.results import reports
from pywats_archive.archive.sources import ingest, packing
from pywats_archive.client.importing import zips
from pywats_archive.errors import NeedsConfirmation
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.operation.importing import Imported
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.retention.purge import PurgeReason


@pytest.fixture
def done(station: Station) -> Path:
    """An empty Done folder, and an archive."""
    Archive.open(station.archive_root, create=True, own=True).close()
    folder = station.root / "Done"
    folder.mkdir()
    return folder


def take(station: Station, done: Path) -> Imported:
    with Client([station.archive_root]) as client:
        return client.import_done(done, "ICT", confirmed=True)


def named(station: Station) -> dict[str, list[ArchiveEntry]]:
    found: dict[str, list[ArchiveEntry]] = {}
    with Archive.open(station.archive_root) as archive:
        for each in archive.find(EntryFilter()).items:
            found.setdefault(Path(each.source_original_path).name, []).append(each)
    return found


def purge(station: Station, name: str) -> None:
    (entry,) = named(station)[name]
    with Archive.open(station.archive_root) as archive:
        batch = Batch(converter_name="all", reason=PurgeReason.MANUAL, archive_ids=[entry.archive_id])
        assert purging.purge(archive, batch).entries == 1


def reasons(imported: Imported) -> dict[str, str]:
    return {Path(each.path).name: each.reason for each in imported.not_imported}


def test_a_zip_is_read_before_the_catalog_is_locked(
    station: Station, done: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other programs can write to the catalog while it is read."""
    zipped(done / "a.csv.zip", {"a.csv": b"zipped"})
    within: list[bool] = []
    write = Archive.write
    inside = False

    def noted(self: Archive, unit: object) -> object:
        nonlocal inside
        inside = True
        try:
            return write(self, unit)  # type: ignore[arg-type]
        finally:
            inside = False

    whole = zips._sha256

    def checksum(path: Path) -> str:
        within.append(inside)
        return whole(path)

    monkeypatch.setattr(Archive, "write", noted)
    monkeypatch.setattr(zips, "_sha256", checksum)
    assert take(station, done).imported == 1
    assert within == [False]


@pytest.mark.parametrize(
    "place, imported", [("client.importing.zips._sha256", 2), ("archive.imported.taking_over._commit_all", 3)]
)
def test_a_zip_that_vanishes_ends_no_import(
    station: Station, done: Path, monkeypatch: pytest.MonkeyPatch, place: str, imported: int
) -> None:
    """Before it was read, it is named as not imported; afterwards it is imported. Those before and after it are in any case."""
    put(done / "a.csv", b"a")
    gone = zipped(done / "b.csv.zip", {"b.csv": b"zipped"})
    put(done / "c.csv", b"c")
    module, name = f"pywats_archive.{place}".rsplit(".", 1)
    whole = getattr(import_module(module), name)

    def vanished(*given: object) -> object:
        gone.unlink()
        return whole(*given)

    monkeypatch.setattr(f"{module}.{name}", vanished)
    found = take(station, done)
    assert (found.imported, list(reasons(found))) == (imported, ["b.csv.zip"][imported - 2 :])


class _Crash(BaseException):
    pass


def _crash(archive: Archive, path: Path) -> None:
    def crash(unit: object) -> None:
        raise _Crash

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archive, "write", crash)
        with pytest.raises(_Crash):
            ingest.archive_source(archive, ingest.NewSource(path=path, converter_name="ICT"))


def test_a_start_repairs_while_an_import_writes(
    station: Station, done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is the import's, and half-written files, are left to the next start, which repairs those too."""
    monkeypatch.setattr(recover, "_LONGEST_BATCH_S", 0.0)
    put(done / "imported.csv", b"imported")

    def crash(*_: object) -> None:
        raise _Crash

    with monkeypatch.context() as patch, pytest.raises(_Crash):
        patch.setattr(taking_over, "_commit_all", crash)
        take(station, done)
    with Archive.open(station.archive_root, own=True) as archive:
        _crash(archive, put(tmp_path / "own.csv", b"own"))
        half = next(station.archive_root.glob("sources/*/*/*")) / ".1-1.part"
        half.write_bytes(b"half")
        with locks.between_import_batches(station.archive_root, timeout_s=0):
            first = recover.recover(archive)
        assert (len(first.entries), first.removed, half.exists()) == (1, (), True)
        assert list(named(station)) == ["own.csv"]
        second = recover.recover(archive)
    assert (len(second.entries), half.exists()) == (1, False)
    assert sorted(named(station)) == ["imported.csv", "own.csv"]


def test_a_zip_with_a_nameless_file_is_a_source(station: Station, done: Path) -> None:
    """It is imported as it is."""
    path = zipped(done / "a.csv.zip", {"a.csv": b"zipped"})
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 46] = 0
    put(path, bytes(content))
    put(done / "b.csv", b"other")
    assert take(station, done).imported == 2
    assert sorted(named(station)) == ["a.csv.zip", "b.csv"]


def test_a_deeply_nested_report_is_a_source(station: Station, done: Path) -> None:
    """No id can be written into it, so that it is imported as the file that it is."""
    fields = b'{"type":"T","pn":"P1","sn":"SN1","rev":"A","result":"P","root":{}'
    put(done / "r.json", fields + b', "x": ' + b"[" * 1000 + b"]" * 1000 + b"}")
    put(done / "z.csv", b"z")
    imported = take(station, done)
    assert (imported.imported, imported.reports, imported.not_imported) == (2, 0, ())


@pytest.mark.parametrize("error", [ValueError, RecursionError])
def test_a_report_that_cannot_be_archived_is_named(
    station: Station, done: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """It does not end the import of the others."""
    put(done / "a.json", document("SN1"))
    put(done / "b.csv", b"other")
    monkeypatch.setattr(taking_over, "read", _failing(error))
    imported = take(station, done)
    assert (imported.imported, list(reasons(imported))) == (1, ["a.json"])


def _failing(error: type[Exception]) -> object:
    def fail(*_: object, **__: object) -> None:
        raise error("odd")

    return fail


def test_what_was_purged_is_imported_again(station: Station, done: Path) -> None:
    """It lies in the folder still, and the archive has no bytes of it; nothing is added to the purged entry."""
    put(done / "a.csv", b"a")
    put(done / "b.csv", b"b")
    take(station, done)
    purge(station, "a.csv")
    purge(station, "b.csv")
    os.utime(done / "b.csv", (1, 1))
    put(done / "a.json", document("SN1"))
    again = take(station, done)
    assert (again.imported, again.reports) == (2, 1)
    assert [each.report_count for each in named(station)["a.csv"] if each.purged_at] == [0]
    assert take(station, done).already_imported == 2


def test_no_report_is_added_to_an_entry_that_is_purged_meanwhile(
    station: Station, done: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its source is named, and imported again the next time."""
    put(done / "a.csv", b"a")
    take(station, done)
    put(done / "a.json", document("SN1"))

    def purged(*given: object) -> object:
        purge(station, "a.csv")
        return reports.archive_report(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(taking_over, "archive_report", purged)
        assert "purged" in reasons(take(station, done))["a.csv"]
    assert not list(station.archive_root.glob("reports/*/*/*/*.gz"))
    assert take(station, done).imported == 1


def test_further_and_changed_reports_are_archived(station: Station, done: Path) -> None:
    """A further one in the entry, one with another content under the same id as an entry of its own; each once."""
    put(done / "a.csv", b"a")
    put(done / "a.json", document("SN1"))
    take(station, done)
    put(done / "a.json", document("SN2"))
    assert take(station, done).reports == 1
    put(done / "a.json", document("SN2", result="P"))
    assert take(station, done).imported == 1
    assert take(station, done).reports == 0
    assert {name: [each.report_count for each in found] for name, found in named(station).items()} == {
        "a.csv": [2],
        "a.json": [1],
    }


def test_reports_with_one_id_beside_one_source(station: Station, done: Path) -> None:
    """The same document is archived once, and another one apart."""
    put(done / "a.csv", b"a")
    put(done / "a.json", document("SN1"))
    put(done / "a.pending.json", document("SN1"))
    put(done / "a.queued", document("SN1", result="P"))
    first = take(station, done)
    assert (first.imported, first.reports, sorted(named(station))) == (2, 2, ["a.csv", "a.queued"])
    again = take(station, done)
    assert (again.imported, again.reports) == (0, 0)


def test_two_zips_of_one_name_size_and_time(station: Station, done: Path) -> None:
    """Both are imported: the time in a zip is too coarse to tell them apart, so that their bytes are compared."""
    zipped(done / "a.csv.zip", {"a.csv": b"AAAA"})
    take(station, done)
    zipped(done / "a.zip", {"a.csv": b"BBBB"})
    assert [take(station, done).imported for _ in range(2)] == [1, 0]
    assert len(named(station)["a.csv"]) == 2


def _with_gap(path: Path) -> bytes:
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr("b.csv", b"lost")
        packed.filelist.pop()
    return path.read_bytes()


def _streamed() -> bytes:
    stream = _Stream()
    with zipfile.ZipFile(stream, "w") as packed:
        packed.writestr("a.csv", b"zipped")
    return stream.written


class _Stream(io.RawIOBase):
    """A place that can only be written to, so that the sizes come after the file."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, content: object) -> int:
        self.written += bytes(content)  # type: ignore[call-overload]
        return len(content)  # type: ignore[arg-type]

    def seekable(self) -> bool:
        return False


@pytest.mark.parametrize(
    "made, name",
    [
        (lambda path: path.read_bytes() + b"trailing", "a.csv.zip"),
        (_with_gap, "a.csv.zip"),
        (lambda path: _streamed(), "a.csv"),
        (lambda path: path.read_bytes(), "a.csv"),
    ],
)
def test_a_zip_is_unpacked_only_if_nothing_else_is_in_it(
    station: Station, done: Path, made: Callable[[Path], bytes], name: str
) -> None:
    """Bytes behind its end or between its records would be lost."""
    put(done / "a.csv.zip", made(zipped(done / "a.csv.zip", {"a.csv": b"zipped"})))
    take(station, done)
    assert list(named(station)) == [name]


@pytest.mark.parametrize("is_touched", [False, True])
def test_companions_that_come_after_their_source_are_added(station: Station, is_touched: bool) -> None:
    """Those in a deeper folder, which are in no other entry, whether or not the time of the source changed too."""
    station.add("ICT", archive_companions=["{stem}/*.txt", "limits.txt"])
    done = put(station.root / "old" / "SN1.log", b"content").parent
    put(done / "SN1" / "curve.txt", b"companion")
    with Client.from_config(station.write_config()) as client:
        assert client.import_done(done, "ICT").not_imported == ()
        put(done / "SN1" / "late.txt", b"companion")
        put(done / "limits.txt", b"limits of another time")
        if is_touched:
            os.utime(done / "SN1.log", (1, 1))
        for imported in (1, 0):
            again = client.import_done(done, "ICT")
            assert (again.imported, again.already_imported, again.not_imported) == (imported, 2 - imported, ())
    (entry,) = named(station)["SN1.log"]
    assert [each.name for each in entry.companions] == ["SN1/curve.txt", "SN1/late.txt"]


@pytest.mark.parametrize("rule, name", [("{stem}/*.txt", "SN1/a.txt"), ("{stem}.extra", "SN1.extra")])
def test_companions_that_a_killed_import_did_not_come_to_are_added(
    station: Station, monkeypatch: pytest.MonkeyPatch, rule: str, name: str
) -> None:
    """Run again, the import misses nothing, and a replay is not poorer."""
    station.add("ICT", archive_companions=[rule])
    done = put(station.root / "old" / "SN1.log", b"content").parent
    put(done / name, b"companion")

    def crash(*_: object) -> None:
        raise _Crash

    with Client.from_config(station.write_config()) as client:
        with monkeypatch.context() as patch, pytest.raises(_Crash):
            patch.setattr(packing, "pack", crash)
            client.import_done(done, "ICT")
        assert client.import_done(done, "ICT").not_imported == ()
    (entry,) = named(station)["SN1.log"]
    assert [each.name for each in entry.companions] == [name]


def test_a_companion_of_what_the_service_archived_is_named(station: Station) -> None:
    """That entry is not changed, and the file does not vanish silently."""
    watch = station.add("ICT", archive_companions=["{stem}/*.txt"])
    (watch / "SN1.log").write_text("content")
    station.run()
    folder = station.root / "ICT" / "Done"
    late = put(folder / "SN1" / "late.txt", b"companion")
    with Client.from_config(station.write_config()) as client:
        assert [each.path for each in client.import_done(folder, "ICT").not_imported] == [str(late)]


def test_what_cannot_be_sampled_counts_uncompressed(station: Station) -> None:
    """A zipped file and a companion, so that the import asks before the size limit purges anything."""
    station.add("ICT", archive_companions=["{stem}/*.txt"], max_archive_size_gb=0.0025)
    done = put(station.root / "old" / "SN1.log", b"content").parent
    put(done / "SN1" / "curve.txt", os.urandom(1_000_000))
    zipped(done / "SN2.log.zip", {"SN2.log": os.urandom(2_000_000)})
    with Client.from_config(station.write_config()) as client:
        assert 3_000_000 < client.preview_import(done, "ICT").estimated_disk_bytes < 3_100_000
        with pytest.raises(NeedsConfirmation):
            client.import_done(done, "ICT")
