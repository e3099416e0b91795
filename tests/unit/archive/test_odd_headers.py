"""Blobs whose headers say what no catalog can hold: recovery, rebuilding and verifying go on without them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.archive.repair.rebuild import rebuild
from pywats_archive.archive.repair.recover import recover
from pywats_archive.archive.sources import ingest
from pywats_archive.blobs.header import Label
from pywats_archive.integrity.verify import verify
from pywats_archive.models.operation.integrity import Thoroughness
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.time import LAST_NS

ODD: dict[str, dict[str, Any]] = {
    "size": {"size_bytes": 2**80},
    "level": {"compression_level": 2**70},
    "name": {"converter_name": None},
    "moment": {"archived_at": "yesterday"},
    "kind": {"source_kind": ["file"]},
    "path": {"original_path": {"no": "path"}},
    "time": {"mtime_ns": "late"},
}


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """An archive with two good entries, and between them one odd blob of each kind that no row names."""
    with Archive.open(tmp_path / "archive", create=True, own=True) as made:
        _good(made, tmp_path / "first.log")
        for what in ODD.values():
            _odd(made, what)
        _good(made, tmp_path / "last.log")
        yield made


def test_an_odd_header_keeps_no_blob_from_being_recovered(archive: Archive) -> None:
    """What makes no sense is named and left where it is; what an older version dated beyond 2262 comes back (invariant 5)."""
    path = _odd(archive, {"mtime_ns": LAST_NS + 5})
    recovery = recover(archive)
    assert recovery.entries == (path,) and len(recovery.damaged) == len(ODD)
    assert archive.find(EntryFilter()).total == 3
    assert archive.find(EntryFilter()).items[0].source_mtime_ns == LAST_NS
    assert [checked.problem for checked in verify(archive, Thoroughness()) if checked.problem] == []


def test_an_odd_header_keeps_no_entry_out_of_a_rebuilt_catalog(archive: Archive) -> None:
    """Each is a problem of its own; all else is taken in, in whatever batch it stood (invariant 6)."""
    _odd(archive, {"mtime_ns": LAST_NS + 5})
    archive.close()
    rebuilt = rebuild(archive.root)
    assert rebuilt.entries == 3 and len(rebuilt.problems) == len(ODD)
    with Archive.open(archive.root) as made:
        assert made.find(EntryFilter()).total == 3


def test_a_blob_that_cannot_be_read_now_is_looked_at_again(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stops no recovery, and the next one takes it in (invariant 5)."""
    path, label = _odd(archive, {}), archive.blobs.label

    def refused(asked: str) -> Label:
        if asked == path:
            raise PermissionError(13, "Permission denied")
        return label(asked)

    monkeypatch.setattr(archive.blobs, "label", refused)  # who tests as root is refused nothing
    assert recover(archive).unread == (path,)
    monkeypatch.undo()
    assert recover(archive).entries == (path,)


def _good(archive: Archive, path: Path) -> None:
    path.write_bytes(path.name.encode())
    ingest.archive_source(archive, ingest.NewSource(path=path, converter_name="c"))


def _odd(archive: Archive, what: dict[str, Any]) -> str:
    """Write a source's blob whose header says something else; returns its path."""
    moment = archive.now()
    archive_id = archive.claim_id(moment, "a" * 64)

    def naming(content: Any) -> tuple[str, Label]:
        metadata = {
            "kind": "source",
            "archive_id": archive_id,
            "source_kind": "file",
            "converter_name": "c",
            "converter_version": None,
            "original_path": f"/watch/{archive_id}.log",
            "sha256": content.sha256,
            "size_bytes": content.size_bytes,
            "mtime_ns": 5,
            "archived_at": moment.isoformat(),
            "compression_level": 6,
            **what,
        }
        return layout.source_path(archive_id, "x.log"), Label(original_name="x.log", mtime_s=0, metadata=metadata)

    blob = archive.blobs.write(
        [b"odd"],
        folder=layout.day_folder(layout.SOURCES, archive_id),
        draft=lambda: Label(original_name="x.log", mtime_s=0, metadata={}),
        naming=naming,
        level=6,
    )
    archive.blobs.sync_name(blob)
    return blob.path
