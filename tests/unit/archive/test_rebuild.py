"""A catalog made from the blobs alone: whole, safe at every step, and the old one kept."""

from __future__ import annotations

import gc
import multiprocessing
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import pytest
from tests.filled import fill, spoil_page
from tests.station import check_sound

from pywats_archive.archive import holds, ledger, purging
from pywats_archive.archive.audit.inventory import first_break
from pywats_archive.archive.core import Archive
from pywats_archive.archive.repair.rebuild import Rebuilding, damage, rebuild, repair
from pywats_archive.archive.restore.source import restore_source
from pywats_archive.archive.results import runs
from pywats_archive.catalog import events
from pywats_archive.errors import ArchiveInUse, BlobDamaged, BlobMissing, CatalogDamaged, NotAnArchive
from pywats_archive.integrity.verify import verify
from pywats_archive.models.operation.integrity import ProblemKind, Thoroughness
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.report import SubmissionState
from pywats_archive.models.retention.policy import RetentionPolicy

ENTRIES, REPORTS, COMPANIONS = 5, 5, 2


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    root = tmp_path_factory.mktemp("made")
    contents = fill(root)
    return root / "archive", contents


@pytest.fixture
def contents(made: tuple[Path, dict[str, bytes]]) -> dict[str, bytes]:
    return made[1]


@pytest.fixture
def root(made: tuple[Path, dict[str, bytes]], tmp_path: Path) -> Path:
    return Path(shutil.copytree(made[0], tmp_path / "archive"))


def blob(root: Path, pattern: str) -> Path:
    return sorted(path for top in ("sources", "reports") for path in (root / top).rglob(pattern))[0]


def spoil(path: Path, at: int = -20) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.chmod(0o600)
    path.write_bytes(content)


def kept(root: Path) -> list[str]:
    return sorted(p.name for p in root.glob("metadata.db.damaged-*") if not p.name.endswith(("-wal", "-shm")))


def is_sound(root: Path) -> bool:
    with Archive.open(root) as archive:
        return not [each for each in verify(archive, Thoroughness()) if each.problem]


def test_what_the_blobs_say_is_in_the_new_catalog(root: Path, contents: dict[str, bytes], tmp_path: Path) -> None:
    """Sources come back bit for bit under their ids, companions and reports with them; reports are not sent (invariant 6)."""
    with Archive.open(root) as archive:
        before = archive.find(EntryFilter(), limit=10).items
        reports_before = {e.archive_id: archive.reports_of(e.archive_id) for e in before}
    (root / "metadata.db").unlink()
    rebuilt = rebuild(root)
    assert (rebuilt.entries, rebuilt.reports, rebuilt.companions) == (ENTRIES, REPORTS, COMPANIONS)
    assert rebuilt.problems == () and rebuilt.kept_as is None and rebuilt.without_source == 1
    with Archive.open(root) as archive:
        for old in before:
            new = archive.entry(old.archive_id)
            assert new.source_checksum == old.source_checksum or not old.source_archived_path
            assert (new.companions, new.serial_number, new.report_count) == (
                old.companions,
                old.serial_number,
                old.report_count,
            )
            reports = archive.reports_of(old.archive_id)
            assert {r.submission_state for r in reports} <= {SubmissionState.WITHHELD}
            told = [(r.report_id, r.ordinal, r.checksum, r.serial_number) for r in reports_before[old.archive_id]]
            assert [(r.report_id, r.ordinal, r.checksum, r.serial_number) for r in reports] == told
        for archive_id, content in contents.items():
            path = restore_source(archive, archive_id, tmp_path / "back")
            assert path.read_bytes() == content
            assert path.with_suffix(".extra").exists()
        assert (
            archive.find(EntryFilter(text="SN1-again")).total
            == archive.find(EntryFilter(serial_number="GONE")).total
            == 1
        )
        assert ledger.disagreements(archive) == ()
    assert is_sound(root)


def test_the_old_catalog_is_kept_and_what_it_alone_knew_is_told(root: Path) -> None:
    """The old catalog stays readable beside the new one, and what of it was not copied is counted; nothing is overwritten."""
    rebuilt = rebuild(root)
    assert rebuilt.kept_as is not None and kept(root) == [rebuilt.kept_as]
    told = {each.what: each.number for each in rebuilt.not_copied}
    assert (
        told["reports waiting for the server"] == REPORTS
    )  # one source was converted twice, into reports of other units
    assert told["records of sources without bytes"] == 1
    assert "holds" not in told
    raw = sqlite3.connect(root / rebuilt.kept_as)
    assert raw.execute("SELECT count(*) FROM conversions").fetchone() == (told["conversions with their parameters"],)
    raw.close()
    again = rebuild(root)
    assert (again.entries, again.reports, again.problems) == (rebuilt.entries, rebuilt.reports, ())
    assert len(kept(root)) == 2 and is_sound(root)


def test_the_history_begins_with_the_rebuilding(root: Path) -> None:
    """The first event but for those of the rows says how many of what, and the chain is whole (invariant 8)."""
    rebuild(root, Rebuilding(actor="somebody"))
    with Archive.open(root) as archive, archive.read() as db:
        (event,) = events.iterate(db)
        assert (event.kind, event.actor) == ("catalog.rebuilt", "somebody")
        assert (event.details["entries"], event.details["reports"]) == (ENTRIES, REPORTS)
        assert first_break(archive) is None


def test_one_damaged_blob_is_named_and_stops_nothing(root: Path) -> None:
    """Of each kind one blob damaged: each is named, all others are taken in, and what a header still says is kept."""
    spoiled = [blob(root, "*.companions.tar.gz"), blob(root, "*.csv.gz"), blob(root, "*.json.gz")]
    for path in spoiled:
        spoil(path)
    rebuilt = rebuild(root)
    assert sorted(each.path for each in rebuilt.problems) == sorted(p.relative_to(root).as_posix() for p in spoiled)
    assert (rebuilt.entries, rebuilt.reports, rebuilt.companions) == (ENTRIES, REPORTS, COMPANIONS - 1)
    with Archive.open(root) as archive:
        damaged = archive.entry(spoiled[1].name[:24])
        assert damaged.converter_name == "C"
        with pytest.raises(BlobDamaged):
            restore_source(archive, damaged.archive_id, root.parent / "back")


def test_a_source_whose_header_is_damaged_leaves_its_reports_findable(root: Path, tmp_path: Path) -> None:
    """Without a readable source the reports hang on an entry that says so."""
    path = blob(root, "*.csv.gz")
    spoil(path, at=40)
    rebuilt = rebuild(root)
    (problem,) = rebuilt.problems
    assert problem.kind is ProblemKind.HEADER_DAMAGED and rebuilt.without_source == 2
    with Archive.open(root) as archive:
        entry = archive.entry(path.name[:24])
        assert entry.serial_number == "SN0"
        with pytest.raises(BlobMissing):
            restore_source(archive, entry.archive_id, tmp_path / "back")


def test_what_is_no_blob_is_named_and_left(root: Path) -> None:
    """A strange file, a copy under another id and a second source are named and not taken in; half-written ones go."""
    source = blob(root, "*.csv.gz")
    other = source.with_name(source.name.replace(source.name[18:24], "abcdef"))
    second = source.with_name(source.name.replace(".csv", ".txt"))
    shutil.copy(source, other)
    shutil.copy(source, second)
    strange = source.with_name("notes.docx")
    strange.write_bytes(b"?")
    part = source.with_name(".1-1.part")
    part.write_bytes(b"?")
    rebuilt = rebuild(root)
    assert sorted(p.path.rpartition("/")[2] for p in rebuilt.problems) == sorted(
        [other.name, second.name, strange.name]
    )
    assert other.exists() and strange.exists() and not part.exists()
    assert rebuilt.entries == ENTRIES


def test_an_empty_archive_gets_an_empty_catalog(tmp_path: Path) -> None:
    """An archive without a blob is rebuilt too; a folder that is none is refused."""
    Archive.open(tmp_path / "archive", create=True).close()
    assert rebuild(tmp_path / "archive").entries == 0
    check_sound(tmp_path / "archive")
    with pytest.raises(NotAnArchive):
        rebuild(tmp_path / "nothing")


def test_an_owned_archive_is_not_rebuilt(root: Path) -> None:
    """While a service owns the archive its catalog stays as it is."""
    with Archive.open(root, own=True):
        before = (root / "metadata.db").read_bytes()
        with pytest.raises(ArchiveInUse):
            rebuild(root)
        assert (root / "metadata.db").read_bytes() == before


@pytest.mark.parametrize("going_on", [purging.purging, runs.reprocessing])
def test_an_archive_is_not_rebuilt_under_who_purges_or_replays(
    root: Path, going_on: Callable[[Archive], AbstractContextManager[None]]
) -> None:
    """What they put on record would go into the catalog that is replaced."""
    with Archive.open(root) as archive, going_on(archive):
        before = (root / "metadata.db").read_bytes()
        with pytest.raises(ArchiveInUse):
            rebuild(root)
        assert (root / "metadata.db").read_bytes() == before


class _CrashAt:
    def __init__(self, k: int) -> None:
        self.left = k

    def __call__(self, name: str) -> None:
        self.left -= 1
        if self.left == 0:
            raise OSError(28, "No space left on device")


if sys.platform == "linux":
    _PROCESSES = multiprocessing.get_context("fork")
else:
    _PROCESSES = multiprocessing.get_context("spawn")


def _rebuild_until(root: Path, k: int) -> None:
    gc.freeze()  # a collection would copy all memory that is shared with the parent
    left = k

    def on_step(name: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os._exit(77)

    rebuild(root, Rebuilding(on_step=on_step))


@pytest.mark.long
def test_a_crash_at_any_step_leaves_the_old_catalog_or_the_new_one(root: Path, tmp_path: Path) -> None:
    """Killed at step k, for every k: the archive opens at once, for reading too, whole; its owner finds nothing half-made."""
    for k in range(1, 40):
        copy = Path(shutil.copytree(root, tmp_path / f"copy{k}"))
        process = _PROCESSES.Process(target=_rebuild_until, args=(copy, k))
        process.start()
        process.join()
        with Archive.open(copy) as archive:
            assert archive.find(EntryFilter()).total == ENTRIES, k
        with Archive.open(copy, own=True):
            assert not [p.name for p in copy.iterdir() if p.name.startswith((".metadata", "metadata.db.rebuilt"))], k
        assert is_sound(copy), k
        if process.exitcode == 0:
            assert k > 8 and len(kept(copy)) == 1
            return
        assert process.exitcode == 77
    raise AssertionError("the steps never ended")


@pytest.mark.long
def test_a_failure_at_any_step_leaves_the_old_catalog_or_the_new_one(root: Path, tmp_path: Path) -> None:
    """A full disk at step k, for every k: the archive is usable, and rebuilding again succeeds."""
    for k in range(1, 40):
        copy = Path(shutil.copytree(root, tmp_path / f"copy{k}"))
        seam = _CrashAt(k)
        try:
            rebuild(copy, Rebuilding(on_step=seam))
        except Exception:  # whatever it is told as
            assert seam.left <= 0
        with Archive.open(copy) as archive:
            assert archive.find(EntryFilter()).total == ENTRIES, k
        assert rebuild(copy).problems == ()
        assert is_sound(copy), k
        if seam.left > 0:
            return
    raise AssertionError("the steps never ended")


def _zero(path: Path) -> None:
    os.truncate(path, 0)


def _garbage(path: Path) -> None:
    path.write_bytes(b"\x5a\x01garbage" * 20_000)


def _half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _middle(path: Path) -> None:
    spoil_page(path, of="reports")


@pytest.mark.parametrize("spoil", [_zero, _garbage, _half, _middle, Path.unlink], ids=lambda f: f.__name__.strip("_"))
def test_a_damaged_catalog_is_told_at_the_start_and_repaired(root: Path, spoil: object) -> None:
    """Zero bytes, garbage, half of it, a page overwritten, deleted: the owner gets one error that names ``rebuild``.

    The file is left as it is; ``repair`` rebuilds and keeps it, and does nothing to a sound one.
    """
    path = root / "metadata.db"
    assert repair(root) is None
    spoil(path)  # type: ignore[operator]
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(CatalogDamaged, match=r"metadata\.db.*pywats-archive rebuild"):
        Archive.open(root, create=True, own=True)
    assert (path.read_bytes() if path.exists() else None) == before
    assert damage(root)
    rebuilt = repair(root)
    assert rebuilt and rebuilt.entries == ENTRIES
    if before is None:
        assert kept(root) == []
    else:
        assert rebuilt.kept_as and (root / rebuilt.kept_as).read_bytes() == before
    assert damage(root) is None and repair(root) is None and is_sound(root)


def test_any_page_overwritten_is_found_or_was_empty(root: Path) -> None:
    """Whichever page of the catalog is overwritten, opening as owner raises CatalogDamaged, or no row is changed by it."""
    path = root / "metadata.db"
    whole = path.read_bytes()
    unseen = []
    for at in range(0, len(whole), 4096):
        path.write_bytes(whole[:at] + b"\xa5" * 4096 + whole[at + 4096 :])
        try:
            Archive.open(root, own=True).close()
        except CatalogDamaged:
            continue
        finally:
            for suffix in ("-wal", "-shm"):
                Path(f"{path}{suffix}").unlink(missing_ok=True)
        unseen.append(at)
    assert unseen == []
    path.write_bytes(whole)


def test_a_catalog_that_only_cannot_be_opened_is_not_replaced(root: Path) -> None:
    """What is another program's database is not taken for a damaged catalog by an unattended repair."""
    path = root / "metadata.db"
    path.unlink()
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE photos (name)")
    raw.close()
    with pytest.raises(Exception, match="another program's"):
        repair(root)
    assert kept(root) == []


def test_what_is_held_and_the_policies_are_taken_over(tmp_path: Path) -> None:
    """A new catalog keeps what the old one kept: nothing goes that was held, and no policy changes (invariant 7)."""
    fill(tmp_path)
    root = tmp_path / "archive"
    with Archive.open(root, own=True) as archive:
        first = archive.find(EntryFilter(newest_first=False)).items[0]
        holds.hold(archive, first.archive_id, "complaint 7", actor="quality")
        archive.policies.set(RetentionPolicy(converter_name="C", retention_days=7), actor="it", confirmed=True)
    rebuilt = rebuild(root)
    assert not [each for each in rebuilt.not_copied if "holds" in each.what]
    with Archive.open(root) as archive:
        (hold,) = holds.holds(archive)
        assert (hold.archive_id, hold.hold_reason, hold.held_by) == (first.archive_id, "complaint 7", "quality")
        policy = archive.policies.effective("C")
        assert (policy.retention_days, policy.enabled) == (7, True)
        assert archive.entry(first.archive_id).retention_until == first.created_at.date() + timedelta(days=7)


def test_nothing_is_purged_when_holds_cannot_be_told(tmp_path: Path) -> None:
    """With the old catalog gone nobody knows what was held: nothing goes until a person says so (invariant 7)."""
    fill(tmp_path)
    root = tmp_path / "archive"
    for path in root.glob("metadata.db*"):
        path.unlink()
    rebuilt = rebuild(root)
    assert [each for each in rebuilt.not_copied if "holds" in each.what and each.number is None]
    with Archive.open(root, own=True) as archive:
        archive.policies.seed(RetentionPolicy(converter_name="C", retention_days=1))
        assert not archive.policies.effective("C").enabled and not archive.policies.effective("S").enabled
