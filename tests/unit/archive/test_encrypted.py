"""An encrypted archive: whole with its key, safe without one, and closed to everybody else."""

from __future__ import annotations

import json
import os
import random
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.encrypted import encrypted, without_key, words_in
from tests.filled import fill
from tests.station import check_sound

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.keys import create_keys
from pywats_archive.archive.repair.rebuild import Rebuilding, rebuild
from pywats_archive.archive.repair.recover import recover
from pywats_archive.archive.restore.source import restore_source
from pywats_archive.archive.sources.ingest import NewSource, archive_source
from pywats_archive.blobs.encryption.keys import Identity
from pywats_archive.config.keys import IDENTITY_FILE, IDENTITY_VARIABLE, RECIPIENTS_FILE
from pywats_archive.errors import BlobLocked, ConfigError, NotEncrypted
from pywats_archive.integrity.verify import verify
from pywats_archive.models.operation.integrity import Problem, ProblemKind, Thoroughness
from pywats_archive.models.query import EntryFilter


def problems(root: Path, how: Thoroughness | None = None) -> list[Problem]:
    with Archive.open(root) as archive:
        return [each.problem for each in verify(archive, how or Thoroughness()) if each.problem]


def filled(folder: Path) -> tuple[Path, dict[str, bytes], str]:
    """An encrypted archive with one of everything; gives its folder, the content of its files, and the recovery key."""
    key = encrypted(folder)
    return folder / "archive", fill(folder), key


def lose_catalog(root: Path) -> None:
    for name in ("metadata.db", "metadata.db-wal", "metadata.db-shm"):
        (root / name).unlink(missing_ok=True)


def test_everything_works_with_the_key(tmp_path: Path) -> None:
    """Sources, companions, folders and reports come back; verify finds it sound; no content is in any blob (invariant 6)."""
    root, contents, _ = filled(tmp_path)
    with Archive.open(root, own=True) as archive:
        for archive_id, content in contents.items():
            assert restore_source(archive, archive_id, tmp_path / archive_id).read_bytes() == content
        for entry in archive.find(EntryFilter(), limit=100).items:
            for report in archive.reports_of(entry.archive_id):
                assert json.loads(archive.document(report))["sn"]
    assert problems(root) == []
    assert not words_in(
        root,
        b"companion 1",
        b"in a folder",
        b"x" * 50,
        b"original_path",
        b"converter_name",
        bytes(str(tmp_path), "ascii"),
    )
    check_sound(root)


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_secret_keys_are_for_one_account_alone(tmp_path: Path) -> None:
    """The secret key is 0600, outside of the archive, and the recovery key is in no file."""
    root, _, recovery = filled(tmp_path)
    assert stat.S_IMODE((tmp_path / IDENTITY_FILE).stat().st_mode) == 0o600
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if recovery.encode() in path.read_bytes()]
    secret = (tmp_path / IDENTITY_FILE).read_text().splitlines()[-1].encode()
    assert secret.startswith(b"AGE-SECRET-KEY-1")
    assert not [path for path in files if secret in path.read_bytes() and path.is_relative_to(root)]


def test_keys_are_created_once(tmp_path: Path) -> None:
    """A second call changes nothing; one lost file of the two is no reason for new keys."""
    assert create_keys(tmp_path).recovery_key
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert create_keys(tmp_path).recovery_key is None
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    (tmp_path / RECIPIENTS_FILE).unlink()
    with pytest.raises(ConfigError, match=r"recipients\.txt: is missing"):
        create_keys(tmp_path)


def test_an_archive_is_never_encrypted_for_one_key_alone(tmp_path: Path) -> None:
    """Without a second recipient a lost station would lose its archive, so nothing is created then."""
    root = tmp_path / "archive"
    with pytest.raises(ConfigError, match="init --encrypt"):
        Archive.open(root, create=True, own=True, keys=tmp_path, encrypt=True)
    create_keys(tmp_path)
    path = tmp_path / RECIPIENTS_FILE
    path.chmod(0o600)
    path.write_text("\n".join(path.read_text().splitlines()[:2]))
    with pytest.raises(ConfigError, match="only one key"):
        Archive.open(root, create=True, own=True, keys=tmp_path, encrypt=True)
    assert not root.exists()


def test_an_archive_in_clear_is_not_taken_for_an_encrypted_one(tmp_path: Path) -> None:
    """Where encryption is required, an archive without it is refused; an encrypted one needs no such requirement."""
    create_keys(tmp_path)
    Archive.open(tmp_path / "clear", create=True, own=True).close()
    with pytest.raises(NotEncrypted):
        Archive.open(tmp_path / "clear", create=True, own=True, keys=tmp_path, encrypt=True)
    assert json.loads((tmp_path / "clear/archive.json").read_text())["format_version"] == 1
    encrypted_root = tmp_path / "archive"
    Archive.open(encrypted_root, create=True, own=True, keys=tmp_path, encrypt=True).close()
    assert json.loads((encrypted_root / "archive.json").read_text())["format_version"] == 2
    with Archive.open(encrypted_root, own=True) as archive:
        (tmp_path / "a.log").write_bytes(b"a")
        entry = archive_source(archive, NewSource(path=tmp_path / "a.log", converter_name="C"))
        assert entry.source_archived_path.endswith(".log.gz.age")


def test_archiving_goes_on_without_the_secret_key(tmp_path: Path) -> None:
    """The public keys suffice to archive; reading says in one line what is missing, and works when the key is back."""
    root, contents, _ = filled(tmp_path)
    (tmp_path / "new.log").write_bytes(b"new")
    with without_key(tmp_path), Archive.open(root, own=True) as archive:
        recover(archive)
        entry = archive_source(archive, NewSource(path=tmp_path / "new.log", converter_name="C"))
        archive.blobs.check_encrypted(entry.source_archived_path)
        with pytest.raises(BlobLocked):
            archive.blobs.check(entry.source_archived_path, entry.source_checksum)
        with pytest.raises(BlobLocked, match=r"is encrypted, and its key is not here \(.*identity\.txt\); restore"):
            restore_source(archive, next(iter(contents)), tmp_path / "out")
        assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())
    with Archive.open(root, own=True) as archive:
        assert restore_source(archive, entry.archive_id, tmp_path / "out").read_bytes() == b"new"
    check_sound(root)


def test_damage_is_found_without_the_key(tmp_path: Path) -> None:
    """Verify finds a changed byte and a changed length by the encrypted bytes alone, and says that it saw no content."""
    root, _, _ = filled(tmp_path)
    with without_key(tmp_path):
        assert [each.kind for each in problems(root)] == [ProblemKind.KEY_MISSING]
        source, report = (next((root / top).rglob("*.gz.age")) for top in ("sources", "reports"))
        for path in (source, report):
            path.chmod(0o600)
        source.write_bytes(source.read_bytes()[:-1])
        with report.open("r+b") as file:
            file.seek(-30, os.SEEK_END)
            file.write(b"\0\0\0\0")
        found = {each.path: each.kind for each in problems(root)}
    expected = {path.relative_to(root).as_posix(): ProblemKind.BLOB_DAMAGED for path in (source, report)}
    assert found == {**expected, "archive.json": ProblemKind.KEY_MISSING}
    with_key = {each.path for each in problems(root)}
    assert with_key == set(expected)


def test_the_recovery_key_opens_the_archive_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On another computer, with the folder of the archive and the recovery key alone, everything is read."""
    (tmp_path / "station").mkdir()
    root, contents, recovery = filled(tmp_path / "station")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    root = root.rename(elsewhere / "archive")
    (tmp_path / "recovery.txt").write_text(f"# noted on paper\n{recovery}\n")
    archive_id, content = next(iter(contents.items()))
    with Archive.open(root) as archive, pytest.raises(BlobLocked):
        restore_source(archive, archive_id, tmp_path / "out")
    monkeypatch.setenv(IDENTITY_VARIABLE, str(tmp_path / "recovery.txt"))
    with Archive.open(root) as archive:
        assert restore_source(archive, archive_id, tmp_path / "out").read_bytes() == content
    assert problems(root) == []


def test_the_right_key_is_found_after_a_wrong_one(tmp_path: Path) -> None:
    """A key that was replaced by the right one works without a restart."""
    root, contents, _ = filled(tmp_path)
    archive_id, content = next(iter(contents.items()))
    with Archive.open(root) as archive:
        with without_key(tmp_path):
            (tmp_path / IDENTITY_FILE).write_text(Identity.generate().secret_text())
            with pytest.raises(BlobLocked, match="none of your keys opens it"):
                restore_source(archive, archive_id, tmp_path / "out")
            (tmp_path / IDENTITY_FILE).unlink()
        assert restore_source(archive, archive_id, tmp_path / "out").read_bytes() == content


def test_public_keys_matter_to_the_owner_alone(tmp_path: Path) -> None:
    """Who reads needs no public keys; the owner is told about invalid ones before a source comes, and archives nothing."""
    root, contents, _ = filled(tmp_path)
    path = tmp_path / RECIPIENTS_FILE
    path.chmod(0o600)
    path.write_text("age1nonsense")
    with pytest.raises(ConfigError, match=r"recipients\.txt: a recipient is invalid"):
        Archive.open(root, own=True, keys=tmp_path)
    with Archive.open(root, keys=tmp_path) as archive:
        assert restore_source(archive, next(iter(contents)), tmp_path / "out").exists()


@pytest.mark.parametrize("content", ["AGE-SECRET-KEY-1QQQ", "# nothing", "\x00\xff"])
def test_a_file_that_holds_no_key_says_so(tmp_path: Path, content: str) -> None:
    """A spoilt key is named, and stops no archiving."""
    root, contents, _ = filled(tmp_path)
    with without_key(tmp_path):
        (tmp_path / IDENTITY_FILE).write_text(content)
        with Archive.open(root, own=True) as archive:
            assert recover(archive).damaged == ()
            with pytest.raises(BlobLocked, match=r"identity\.txt"):
                restore_source(archive, next(iter(contents)), tmp_path / "out")
        (tmp_path / IDENTITY_FILE).unlink()
    check_sound(root)


def test_a_catalog_is_rebuilt_with_the_key_and_left_alone_without(tmp_path: Path) -> None:
    """Everything comes back from encrypted blobs; without the key the old catalog stays in place (invariant 6)."""
    root, contents, _ = filled(tmp_path)
    with Archive.open(root) as archive:
        before = archive.find(EntryFilter(), limit=100).total
    catalog = (root / "metadata.db").read_bytes()
    with without_key(tmp_path):
        with pytest.raises(BlobLocked):
            rebuild(root)
        assert (root / "metadata.db").read_bytes() == catalog
    lose_catalog(root)
    rebuilt = rebuild(root, Rebuilding(keys=tmp_path))
    assert rebuilt.problems == () and rebuilt.entries == before
    with Archive.open(root) as archive:
        for archive_id, content in contents.items():
            assert restore_source(archive, archive_id, tmp_path / archive_id).read_bytes() == content
    check_sound(root)


class _Crash(BaseException):
    """The process is gone."""


def _crash_before_the_row(step: str) -> None:
    if step == "begin":
        raise _Crash


def test_what_a_crash_left_waits_for_the_key(tmp_path: Path) -> None:
    """A finished blob without a row stays where it is until its key is back, and then gets its row (invariant 5)."""
    encrypted(tmp_path)
    root, source = tmp_path / "archive", NewSource(path=tmp_path / "a.log", converter_name="C")
    source.path.write_bytes(b"content")
    with Archive.open(root, own=True, on_step=_crash_before_the_row) as archive, pytest.raises(_Crash):
        archive_source(archive, source)
    with without_key(tmp_path), Archive.open(root, own=True) as archive:
        (unread,) = recover(archive).unread
        assert (root / unread).exists() and archive.find(EntryFilter()).total == 0
    with Archive.open(root, own=True) as archive:
        assert recover(archive).entries == (unread,)
        (entry,) = archive.find(EntryFilter()).items
        assert restore_source(archive, entry.archive_id, tmp_path / "out").read_bytes() == b"content"
    check_sound(root)


@pytest.mark.long
def test_a_thousand_real_and_generated_files(tmp_path: Path, samples: Path) -> None:
    """Real and generated files come back bit for bit after a rebuild without a catalog; none is in a blob (invariant 6)."""
    encrypted(tmp_path)
    root, rng = tmp_path / "archive", random.Random(3)
    paths = [path for path in sorted(samples.rglob("*")) if path.is_file() and path.stat().st_size < 2_000_000]
    for number in range(1000 - len(paths)):
        paths.append(tmp_path / f"generated {number}.log")
        paths[-1].write_bytes(b"generated line %d\n" % number + rng.randbytes(rng.randrange(20_000)))
    with Archive.open(root, own=True) as archive, ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda path: archive_source(archive, NewSource(path=path, converter_name="C")), paths))
    lose_catalog(root)
    assert rebuild(root, Rebuilding(keys=tmp_path)).entries == len(paths) == 1000
    with Archive.open(root) as archive:
        for entry, path in zip(made, paths, strict=True):
            again = archive.entry(entry.archive_id)
            assert (
                b"".join(archive.blobs.read_checked(again.source_archived_path, again.source_checksum))
                == path.read_bytes()
            )
    assert problems(root) == []
    lines = {line for path in paths[:80] for line in path.read_bytes().splitlines() if len(line) > 12}
    assert not words_in(root, *sorted(lines, key=len)[:: max(1, len(lines) // 50)])
