"""What was damaged or lost in a vault is stored again beside it, and read from there; nothing in the vault is replaced."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.aged import Aged
from tests.unit.replication.test_shipping import hold, shipped
from tests.vaulted import ByReadme, blobs, rows

from pywats_archive.archive.core import Archive
from pywats_archive.archive.purging import Batch, purge
from pywats_archive.archive.replica import damage, progress
from pywats_archive.archive.restore.source import restore_source
from pywats_archive.catalog import exporting, vault_segments
from pywats_archive.errors import AnotherHistory
from pywats_archive.models.retention.purge import PurgeReason
from pywats_archive.models.vault.shipping import RestoredArchive
from pywats_archive.replication import names
from pywats_archive.replication.borrowing import borrowed
from pywats_archive.replication.comparing import compare
from pywats_archive.replication.fetching import whole_segment
from pywats_archive.replication.finding import Finding
from pywats_archive.replication.repair.putting import Repairing
from pywats_archive.replication.restoring import restore
from pywats_archive.replication.segment.building import build
from pywats_archive.replication.shipping import Shipping
from pywats_archive.replication.verifying import Verifying
from pywats_archive.vault.folder import FolderVault

Lines = tuple[list[str], list[str]]


def spoil(path: Path) -> None:
    """Change a byte of the first file in a segment."""
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    overwrite(path, bytes(content))


def cut(path: Path) -> None:
    overwrite(path, path.read_bytes()[:-100])


def cover(path: Path) -> None:
    """Put another segment in its place, as a thief with the key of the station can: whole, with the same events."""
    vault = FolderVault(path.parents[3])
    segment = whole_segment(vault, path.relative_to(vault.url).as_posix())
    members = [(name, b"forged") for name in segment.files]
    overwrite(path, build(members, segment.read("rows.jsonl.gz"), segment.description))


def overwrite(path: Path, content: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(content)


def verified(archive: Archive, vault: FolderVault, *, repairs: bool = False) -> Lines:
    """Verify; returns the problems, and what is repaired."""
    found = list(Verifying(archive, vault, repairs=repairs, notes=True, limit_bytes=6000).segments())
    return [line for each in found for line in each.problems], [line for each in found for line in each.repaired]


def restored(vault: FolderVault, folder: Path) -> RestoredArchive:
    return restore(vault, folder, actor="me")


def contents(vault: FolderVault) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in Path(vault.url).rglob("*") if path.is_file()}


def restored_source(aged: Aged, archive: Archive, archive_id: str) -> bytes:
    folder = aged.base / f"{archive_id}-{archive.vault is not None}"
    folder.mkdir()
    return restore_source(archive, archive_id, folder).read_bytes()


@pytest.fixture
def aged(tmp_path: Path) -> Iterator[Aged]:
    made = Aged(tmp_path)
    yield made
    made.archive.close()


@pytest.mark.parametrize("place", [0, 1, -1])
@pytest.mark.parametrize("harm", [spoil, cut, cover, Path.unlink])
def test_a_damaged_segment_is_stored_again_and_read_from_there(
    archive: Archive, vault: FolderVault, tmp_path: Path, harm: Callable[[Path], None], place: int
) -> None:
    """The restored archive has every row and blob, and nothing in the vault was changed (rule 3 of the vault)."""
    keys = [each.key for each in shipped(archive, vault)]
    key = keys[place]
    harm(Path(vault.url, key))
    before = contents(vault)
    problems, repaired = verified(archive, vault)
    assert any(key in each and "--repair" in each for each in problems) and repaired == []
    problems, repaired = verified(archive, vault, repairs=True)
    assert problems == [] and all(key in each and "/repair/" in each for each in repaired) and repaired
    assert {path: content for path, content in contents(vault).items() if path in before} == before
    (new,) = contents(vault).keys() - before.keys()
    assert new.name == f"{Path(key).stem}-1.zip"
    again, same = verified(archive, vault)
    assert again == [] and same == repaired
    hold(archive, "an audit")
    shipped(archive, vault)  # so that another segment names the checksum of the newest one
    done = restored(vault, tmp_path / "again")
    assert done.problems == () and any(key in each for each in done.remarks)
    assert blobs(tmp_path / "again") == blobs(archive.root)
    found, expected = rows(tmp_path / "again"), rows(archive.root)
    found["events"].pop()
    assert found["events"] == expected["events"][: len(found["events"])]
    assert found["archive_entries"] == expected["archive_entries"]


def test_a_repair_is_put_once(archive: Archive, vault: FolderVault) -> None:
    """A second one only if the first one is damaged; the newest intact one is used."""
    key = shipped(archive, vault)[1].key
    spoil(Path(vault.url, key))
    repairing = Repairing(archive, vault)
    first = repairing.repair_segment(key).stored.key
    assert repairing.repair_segment(key).stored.key == first
    assert Repairing(archive, vault).repair_segment(key).stored.key == first
    spoil(Path(vault.url, first))
    assert any(key in each for each in verified(archive, vault)[0])
    second = repairing.repair_segment(key).stored.key
    assert (first[-6:], second[-6:]) == ("-1.zip", "-2.zip")
    assert second in verified(archive, vault)[1][0]
    spoil(Path(vault.url, second))
    overwrite(Path(vault.url, first), b"x")
    assert any(key in each for each in verified(archive, vault)[0])


def test_a_repair_says_what_it_repairs(archive: Archive, vault: FolderVault) -> None:
    """By key and checksum; for exactly the same events, although their rows may have changed since."""
    done = shipped(archive, vault)[1]
    before = whole_segment(vault, done.key).description
    spoil(Path(vault.url, done.key))
    made = Repairing(archive, vault).repair_segment(done.key)
    known = whole_segment(vault, made.stored.key).description
    assert (known.repairs, known.repairs_sha256) == (done.key, done.segment.sha256)
    same = ("first", "last", "hash", "previous_hash", "previous_segment", "entries", "entry_no", "report_no", "blobs")
    assert [getattr(known, name) for name in same] == [getattr(before, name) for name in same]


def test_a_file_that_only_the_damaged_segment_has_is_read_from_there(aged: Aged, vault: FolderVault) -> None:
    """An entry that was purged since, and is whole in its segment: another file there is damaged."""
    entry, other = aged.add(days_ago=30), aged.add(days_ago=30)
    sources = {each: restored_source(aged, aged.archive, each) for each in (entry.archive_id, other.archive_id)}
    (done,) = Shipping(aged.archive, vault, limit_bytes=400_000).ship_all()
    path = Path(vault.url, done.key)
    at = path.read_bytes().index((aged.archive.root / other.source_archived_path).read_bytes())
    content = bytearray(path.read_bytes())
    content[at + 500] ^= 1
    overwrite(path, bytes(content))
    purge(aged.archive, Batch(converter_name="c", reason=PurgeReason.MANUAL, archive_ids=[entry.archive_id]))
    assert verified(aged.archive, vault, repairs=True)[0] == []
    for each in (entry, other):
        with borrowed(aged.archive, each.archive_id, each.source_archived_path, vault=vault) as found:
            assert restored_source(aged, found, each.archive_id) == sources[each.archive_id]
            assert ("/repair/" in str(found.vault)) == (each is other)


def test_a_restore_takes_files_from_the_damaged_segment_too(aged: Aged, vault: FolderVault, tmp_path: Path) -> None:
    """Those that were lost at the station before the repair: what can still be read is not given up."""
    entry, other = aged.add(days_ago=30), aged.add(days_ago=30)
    (done,) = Shipping(aged.archive, vault, limit_bytes=400_000).ship_all()
    blob = aged.archive.root / entry.source_archived_path
    harmed = (aged.archive.root / other.source_archived_path).read_bytes()
    content = Path(vault.url, done.key).read_bytes()
    overwrite(Path(vault.url, done.key), content.replace(harmed, harmed[:-9] + b"x" * 9))
    before = blobs(aged.archive.root)
    aside = blob.rename(tmp_path / "aside")
    Repairing(aged.archive, vault).repair_segment(done.key)
    aside.rename(blob)
    found = restored(vault, tmp_path / "again")
    assert (found.problems, found.absent) == ((), ()) and blobs(tmp_path / "again") == before


def test_an_entry_that_a_repair_lacks_is_not_purged(aged: Aged, vault: FolderVault, tmp_path: Path) -> None:
    """Although its segment is confirmed again (invariant 13)."""
    entry, other = aged.add(days_ago=30), aged.add(days_ago=30)
    progress.require(aged.archive, vault.url)
    (done,) = Shipping(aged.archive, vault, limit_bytes=400_000).ship_all()
    cut(Path(vault.url, done.key))
    blob = aged.archive.root / entry.source_archived_path
    aside = blob.rename(tmp_path / "aside")
    Repairing(aged.archive, vault).repair_segment(done.key)
    aside.rename(blob)
    assert Shipping(aged.archive, vault).confirm() == done.segment.last
    both = [entry.archive_id, other.archive_id]
    assert purge(aged.archive, Batch(converter_name="c", reason=PurgeReason.MANUAL, archive_ids=both)).entries == 1
    assert aged.archive.entry(entry.archive_id).purged_at is None


def test_a_forged_repair_lets_nothing_be_purged(aged: Aged, vault: FolderVault) -> None:
    """Its events and checksum are right, and its files are not those of the archive (invariant 13)."""
    entry = aged.add(days_ago=30)
    progress.require(aged.archive, vault.url)
    (done,) = Shipping(aged.archive, vault, limit_bytes=400_000).ship_all()
    segment = whole_segment(vault, done.key)
    forged = replace(segment.description, repairs=done.key, repairs_sha256=done.segment.sha256)
    false = build([(name, b"forged") for name in segment.files], segment.read("rows.jsonl.gz"), forged)
    vault.put_new(done.key.replace("/segments/", "/repair/").replace(".zip", "-1.zip"), false)
    cut(Path(vault.url, done.key))
    assert verified(aged.archive, vault)[0]
    Shipping(aged.archive, vault).confirm()
    batch = Batch(converter_name="c", reason=PurgeReason.MANUAL, archive_ids=[entry.archive_id])
    assert purge(aged.archive, batch).entries == 0


def test_the_newest_segment_is_compared_by_its_repair(archive: Archive, vault: FolderVault) -> None:
    """So 'verify' compares the history up to its last event (invariant 8)."""
    done = shipped(archive, vault)[-1]
    cut(Path(vault.url, done.key))
    Repairing(archive, vault).repair_segment(done.key)
    (found,) = compare(archive, vault)
    assert found.problem is None and found.note and f"up to event {done.segment.last} of" in found.note


@pytest.mark.parametrize("is_damaged", [False, True])
def test_a_false_repair_is_not_used(archive: Archive, vault: FolderVault, tmp_path: Path, is_damaged: bool) -> None:
    """Whoever has the key of the station can add one: it hides no intact segment, and no repair with the right checksum."""
    done = shipped(archive, vault)[1]
    segment = whole_segment(vault, done.key)
    if is_damaged:
        spoil(Path(vault.url, done.key))
        Repairing(archive, vault).repair_segment(done.key)
        shipped(archive, vault)
    named = "0" * 64 if is_damaged else done.segment.sha256
    forged = replace(segment.description, repairs=done.key, repairs_sha256=named)
    members = [(name, b"forged") for name in segment.files]
    false = build(members, whole_segment(vault, shipped_rows(vault, done.key)).read("rows.jsonl.gz"), forged)
    vault.put_new(f"{done.key.replace('/segments/', '/repair/').removesuffix('.zip')}-9.zip", false)
    found = restored(vault, tmp_path / "again")
    assert found.problems == () and len(found.remarks) == is_damaged
    assert blobs(tmp_path / "again") == blobs(archive.root)


def shipped_rows(vault: FolderVault, key: str) -> str:
    """Return the key of the segment's repair, if it has one, else its own."""
    found = list(Path(vault.url).rglob(f"repair/{Path(key).stem}-1.zip"))
    return found[0].relative_to(vault.url).as_posix() if found else key


def test_one_file_of_a_covered_segment_is_read_from_its_repair(aged: Aged, vault: FolderVault) -> None:
    """Although the other version of the segment can be read, and has a file under this path."""
    entry = aged.add(days_ago=30)
    (done,) = Shipping(aged.archive, vault, limit_bytes=400_000).ship_all()
    cover(Path(vault.url, done.key))
    assert verified(aged.archive, vault, repairs=True)[0] == []
    expected = restored_source(aged, aged.archive, entry.archive_id)
    with borrowed(aged.archive, entry.archive_id, entry.source_archived_path, vault=vault) as found:
        assert restored_source(aged, found, entry.archive_id) == expected


def test_the_readme_uses_repairs(archive: Archive, vault: FolderVault, tmp_path: Path) -> None:
    """With standard tools alone, in a copy of the vault; of several repairs the newest, and none of what is whole."""
    keys = [each.key for each in shipped(archive, vault, limit_bytes=3000)]
    large = sorted(Path(vault.url, archive.description.archive_uuid, "blobs").iterdir())[0]
    Path(vault.url, keys[2]).unlink()
    spoil(Path(vault.url, keys[1]))
    first = Repairing(archive, vault).repair_segment(keys[1])
    overwrite(Path(vault.url, first.stored.key), b"x")
    overwrite(large, b"x")
    assert verified(archive, vault, repairs=True)[0] == []
    shipped(archive, vault, limit_bytes=3000)
    copy = tmp_path / "copy"
    shutil.copytree(vault.url, copy)
    before = contents(vault)
    false = [
        copy / names.repair_key(keys[0], 7),
        copy / names.large_repair_key(archive.description.archive_uuid, large.stem, 7),
    ]
    for each in false:
        each.parent.mkdir(exist_ok=True)
        shutil.copy(copy / first.stored.key.replace("-1.zip", "-2.zip"), each)
    unpacked = ByReadme(copy, archive.description.archive_uuid, tmp_path / "by-readme")
    unpacked.repairs()
    assert unpacked.blobs() == blobs(archive.root)
    assert unpacked.rows_by_sqlite3() == rows(archive.root) == unpacked.rows_by_python()
    assert contents(vault) == before


@pytest.mark.parametrize("is_missing", [True, False])
def test_a_large_file_is_stored_again(archive: Archive, vault: FolderVault, tmp_path: Path, is_missing: bool) -> None:
    """Under its own key if that is free, else beside it."""
    shipped(archive, vault, limit_bytes=1500)
    large = sorted(Path(vault.url, archive.description.archive_uuid, "blobs").iterdir())[0]
    content = large.read_bytes()
    if is_missing:
        large.unlink()
    else:
        overwrite(large, content[:-1] + b"x")
    assert any(large.name in each and "--repair" in each for each in verified(archive, vault)[0])
    problems, repaired = verified(archive, vault, repairs=True)
    assert problems == [] and len(repaired) == 1
    beside = list(Path(vault.url).rglob("blobs/repair/*.gz"))
    assert ([large.read_bytes()] if is_missing else [each.read_bytes() for each in beside]) == [content]
    assert len(beside) == (0 if is_missing else 1)
    done = restored(vault, tmp_path / "again")
    assert done.problems == () and blobs(tmp_path / "again") == blobs(archive.root)


@pytest.mark.parametrize("size", [3000, 9000])
def test_what_was_found_damaged_is_confirmed_only_once_repaired(aged: Aged, vault: FolderVault, size: int) -> None:
    """Its entries are not purged before that (invariant 13), whether in a segment or an object of its own."""
    entry = aged.add(days_ago=30, size=size)
    progress.require(aged.archive, vault.url)
    shipping = Shipping(aged.archive, vault, limit_bytes=5000)
    list(shipping.ship_all())
    shipping.confirm()
    content = (aged.archive.root / entry.source_archived_path).read_bytes()
    (harmed,) = [path for path, each in contents(vault).items() if content in each]
    overwrite(harmed, contents(vault)[harmed].replace(content, content[:-9] + b"x" * 9))
    batch = Batch(converter_name="c", reason=PurgeReason.MANUAL, archive_ids=[entry.archive_id])
    assert verified(aged.archive, vault)[0]
    assert progress.is_confirmation_due(aged.archive) and purge(aged.archive, batch).entries == 0
    shipping.confirm()
    assert purge(aged.archive, batch).entries == 0
    (made,) = Repairing(aged.archive, vault).repair_noted()
    assert list(Repairing(aged.archive, vault).repair_noted()) == []
    aside = Path(vault.url, made).rename(Path(vault.url, "aside"))
    shipping.confirm()
    assert purge(aged.archive, batch).entries == 0
    aside.rename(Path(vault.url, made))
    shipping.confirm()
    assert purge(aged.archive, batch).entries == 1


def test_an_object_that_is_whole_again_counts_again(archive: Archive, vault: FolderVault) -> None:
    """A disk that could not be read for a while leaves nothing behind."""
    key = shipped(archive, vault)[1].key
    path = Path(vault.url, key)
    content = path.read_bytes()
    for take_back in (lambda: verified(archive, vault), lambda: list(Repairing(archive, vault).repair_noted())):
        spoil(path)
        verified(archive, vault)
        assert damage.known(archive, vault.url) == {key: None}
        overwrite(path, content)
        take_back()
        assert damage.known(archive, vault.url) == {} and not list(Path(vault.url).rglob("repair/*"))


def test_a_history_that_was_altered_repairs_nothing(archive: Archive, vault: FolderVault) -> None:
    """A repair has the events of the segment, or is not made."""
    done = shipped(archive, vault)[1]
    spoil(Path(vault.url, done.key))
    other = replace(done.segment, hash="0" * 64)
    archive.write(lambda tx: vault_segments.add(tx, vault.url, exporting.chain_of(tx) or "", other))
    with pytest.raises(AnotherHistory, match="does not have its events"):
        Repairing(archive, vault).repair_segment(done.key)


@pytest.mark.parametrize("harm", [spoil, cut, cover, Path.unlink])
def test_a_catalog_that_forgot_notes_the_repair(
    archive: Archive, vault: FolderVault, harm: Callable[[Path], None]
) -> None:
    """With the checksum of the segment, and the repair: then the vault confirms it."""
    done = shipped(archive, vault)
    harm(Path(vault.url, done[1].key))
    made = Repairing(archive, vault).repair_segment(done[1].key)
    chain = progress.chain_of(archive) or ""
    progress.forget(archive, vault.url, chain)
    damage.clear(archive, vault.url, done[1].key)
    found = list(Finding(archive, vault).unnoted(chain))
    assert [each.sha256 for each in found] == [each.segment.sha256 for each in done]
    assert damage.known(archive, vault.url) == {done[1].key: made.known}
    progress.require(archive, vault.url)
    assert Shipping(archive, vault).confirm() == done[-1].segment.last


@pytest.mark.parametrize("is_forgotten", [False, True])
def test_a_repair_of_a_segment_whose_checksum_nobody_knows_is_restored(
    archive: Archive, vault: FolderVault, tmp_path: Path, is_forgotten: bool
) -> None:
    """Also once a segment follows, which cannot name the checksum: the damaged one counts as repaired."""
    *noted, newest = shipped(archive, vault, limit_bytes=3000)
    chain = progress.chain_of(archive) or ""

    def forget() -> None:
        """Have the catalog know all segments but the newest, as an older copy of it does."""
        progress.forget(archive, vault.url, chain)
        for each in noted:
            archive.write(lambda tx, each=each: vault_segments.add(tx, vault.url, chain, each.segment))  # type: ignore[misc]

    forget()
    cut(Path(vault.url, newest.key))
    assert verified(archive, vault, repairs=True)[0] == []
    if is_forgotten:
        forget()
    hold(archive, "later")
    shipped(archive, vault, limit_bytes=3000)
    assert restored(vault, tmp_path / "new").problems == ()
