"""Sources under private names: given their own names back when that is safe, and never sent twice."""

from __future__ import annotations

import errno
import shutil
import threading
import time
from pathlib import Path

import pytest
from tests.station import Station, wait_for

from pywats_archive.archive.sources import leaving
from pywats_archive.archive.sources.leaving import private_name, private_names
from pywats_archive.portable import files, names, volumes

pytestmark = pytest.mark.posix("renames files while others have them open")

OWN_IDS = """
class Own(Any):
    def outcome(self, source, context):
        import uuid
        body = report(source.path.read_text(), id=str(uuid.uuid4()))
        return ConverterResult.success_result(report={k: v for k, v in body.items() if v is not None})

class OwnFolder(FolderConverter):
    name = property(lambda self: "OwnFolder")
    def convert(self, source, context):
        import uuid
        body = report("SN1", id=str(uuid.uuid4()))
        return ConverterResult.success_result(report={k: v for k, v in body.items() if v is not None})
"""
"""Each conversion of a source makes another report id: a source that is converted twice is sent under two."""


@pytest.fixture
def own(station: Station) -> Station:
    """A station whose converter makes its own report ids."""
    station.code(OWN_IDS)
    return station


def sent(station: Station) -> int:
    return len(station.server.received)


def let_renames_change_inodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a rename to a private name change the inode number, and the file system say that it has no stable ones."""
    rename = names.rename

    def copied(source: Path | str, target: Path | str, **how: bool) -> None:
        source, target = Path(source), Path(target)
        if not leaving.is_private(target.name):
            rename(source, target, **how)
            return
        kept = source.parent.parent / f"kept {time.monotonic_ns()}"  # its number is not used again
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, target)
        rename(source, kept)

    monkeypatch.setattr(names, "rename", copied)
    monkeypatch.setattr(volumes, "file_system", lambda *_, **__: volumes.FileSystem(kind="vfat", mount_point="/"))


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_rename_that_changes_the_inode_is_no_other_source(
    own: Station, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """On FAT, without an archive: the source leaves, and its report is sent once (invariant 4)."""
    let_renames_change_inodes(monkeypatch)
    if kind == "file":
        watch = own.add("left", "own.Own", archive_enabled=False)
        (watch / "a.log").write_bytes(b"SN1")
    else:
        watch = own.add("left", "own.OwnFolder", converter_type="folder", archive_enabled=False)
        (watch / "a").mkdir()
        (watch / "a" / "0.txt").write_bytes(b"SN1")
        (watch / "a" / "COMPLETE.marker").touch()
    with own.serving():
        wait_for(lambda: sent(own))
        time.sleep(3)
    assert sent(own) == 1 and own.names("left/watch") == []


def test_another_folder_under_the_name_is_another_source_on_such_a_file_system_too(
    own: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files are not in the archive, so it is converted like any other."""
    watch = own.add("left", "own.OwnFolder", converter_type="folder")
    monkeypatch.setattr(volumes, "file_system", lambda *_, **__: volumes.FileSystem(kind="vfat", mount_point="/"))
    claim = leaving.claim

    def late(path: Path, private: Path) -> None:
        if not (own.root / "kept").exists():
            path.rename(own.root / "kept")
            folder_of(watch, b"SN2")
        claim(path, private)

    folder_of(watch, b"SN1")
    monkeypatch.setattr(leaving, "claim", late)
    own.run()
    assert sent(own) == 2
    assert [path.read_bytes() for path in own.root.glob("left/Done/*/0.txt")] == [b"SN2"]


def folder_of(watch: Path, content: bytes) -> None:
    (watch / "a").mkdir()
    (watch / "a" / "0.txt").write_bytes(content)
    (watch / "a" / "COMPLETE.marker").touch()


def left_after_sending(station: Station) -> Path:
    """Return the watch folder of a station whose source was sent, and was under its private name when it was killed."""
    watch = station.add("left", "own.Own", on_archive_error="continue")
    done = watch.parent / "Done"
    done.write_bytes(b"")  # no folder, so that the source cannot leave
    (watch / "a.log").write_bytes(b"UNIT0")
    station.run()
    done.unlink()
    (watch / "a.log").rename(private_name(watch / "a.log"))
    return watch


def test_a_watch_folder_that_was_renamed_meanwhile(own: Station) -> None:
    """The source is recognized under its private name in the folder's new place, and sent once (invariant 4)."""
    left_after_sending(own)
    (own.root / "left").rename(own.root / "moved")
    own.sections[0]["watch_folder"] = "moved/watch"
    own.run()
    own.run()
    assert sent(own) == 1 and own.names("moved/watch") == []


def test_nothing_is_given_back_while_the_archive_is_away(own: Station) -> None:
    """Only the ledger knows that the source was sent, so its name waits for the archive (invariant 4)."""
    watch = left_after_sending(own)
    private, hidden = private_name(watch / "a.log"), own.root / "hidden"
    private.rename(hidden)
    away = own.archive_root.rename(f"{own.archive_root}.away")
    with own.serving():
        time.sleep(2)
        hidden.rename(private)
        time.sleep(3)
    assert sent(own) == 1 and private.exists()
    away.rename(own.archive_root)
    own.run()
    assert sent(own) == 1 and own.names("left/watch") == []


def test_a_file_that_cannot_be_renamed_back_stops_no_other(own: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named once, and the other sources of the folder are processed."""
    watch = own.add("left", "own.Own")
    private_name(watch / "a.log").write_bytes(b"SN1")
    (watch / "b.log").write_bytes(b"SN2")
    rename = files.rename_exclusive

    def held(source: Path | str, target: Path | str, **how: bool) -> None:
        if leaving.is_private(Path(source).name):
            raise PermissionError(errno.EACCES, "held by another program", str(source))
        rename(source, target, **how)

    with monkeypatch.context() as patched:
        patched.setattr(files, "rename_exclusive", held)
        own.run()
    assert sent(own) == 1 and [each.path for each in own.arrivals()] == [str(watch / "b.log")]
    own.run()
    assert sent(own) == 2 and own.names("left/watch") == []


def test_what_waited_and_left_is_no_longer_named(own: Station) -> None:
    """``run --until-idle`` ends well once a source that waited for its name has left by another hand."""
    watch = own.add("left", "own.Own", settle_seconds=5)
    private = private_name(watch / "a.log")
    private.write_bytes(b"UNIT0")
    (watch / "a.log").write_bytes(b"UNIT1")
    another_hand = threading.Timer(2, private.unlink)
    another_hand.start()
    assert not own.run().waiting
    another_hand.join()
    assert sent(own) == 1 and own.names("left/watch") == []


def test_a_short_name_in_a_long_folder_gets_no_longer_one() -> None:
    """On Windows, where a checksum would be longer than the name that it stands for."""
    path = Path("C" * 237, "a.log")
    assert len(str(next(private_names(path, windows=True)))) < 260
