"""The places of blobs: what the archive itself names is one, and nothing that leads elsewhere is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_archive.archive.folder import layout
from pywats_archive.blobs.place import is_of_entry, require_no_link, require_shape
from pywats_archive.blobs.store import BlobStore
from pywats_archive.errors import BlobOutside
from pywats_archive.portable import files

ID = "20260213143022123_a3f2d9"
DAY = "sources/2026/02/13"
ROOT = Path("/archive")


@given(name=st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1), number=st.integers(1, 10**6))
def test_every_path_that_the_archive_gives_is_a_place(name: str, number: int) -> None:
    """Whatever a source is called and however many reports it has, its blobs can be opened again."""
    paths = (
        layout.source_path(ID, name),
        layout.folder_path(ID),
        layout.companions_path(ID, number),
        layout.report_path(ID, number),
    )
    for path in paths:
        assert require_shape(path, ROOT) == path.rpartition("/")[0]
        assert is_of_entry(path, ID) and not is_of_entry(path, ID[:-1] + "0")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../outside.gz",
        "metadata.db",
        "archive.json",
        f"{DAY}/../../../../{ID}.gz",
        f"{DAY}/{ID}/../../x.gz",
        f"sources/2026/02/14/{ID}.csv.gz",
        f"./{DAY}/{ID}.csv.gz",
        f"other/2026/02/13/{ID}.csv.gz",
        f"{DAY}/{ID}.csv",
        f"{DAY}/{ID}.csv.gz\n",
        f"{DAY}/{ID}.a\\..\\..\\x.gz",
        f"{DAY}/{ID}.csv:stream.gz",
        f"{DAY}/{ID}.\0.gz",
        f"{DAY}/x.gz",
        "converters/../x.py.gz",
        "converters/" + "a" * 63 + ".py.gz",
        "converters/" + "a" * 64 + ".sh.gz",
    ],
)
def test_what_leads_elsewhere_is_no_place(path: str) -> None:
    """A path of another shape is refused, whoever wrote it into the catalog."""
    with pytest.raises(BlobOutside, match="is not the place of a blob"):
        require_shape(path, ROOT)
    assert not is_of_entry(path, ID)


@pytest.mark.skipif(files.WINDOWS, reason="links need rights there")
@pytest.mark.parametrize("linked", ["sources", "sources/2026", DAY, f"{DAY}/{ID}.csv.gz"])
def test_no_link_on_the_way_is_followed(tmp_path: Path, linked: str) -> None:
    """A folder of the archive, or a blob, that is a link to elsewhere is neither read nor removed nor written into."""
    root, outside = tmp_path / "archive", tmp_path / "outside"
    target = (
        outside / f"{DAY}/{ID}.csv.gz"[len(linked) :].lstrip("/") if not linked.endswith(".gz") else outside / "file"
    )
    target.parent.mkdir(parents=True)
    target.write_bytes(b"not ours")
    (target.parent / ".1-1.part").write_bytes(b"not ours")
    (root / linked).parent.mkdir(parents=True)
    (root / linked).symlink_to(target if linked.endswith(".gz") else outside)
    store, path = BlobStore(root), f"{DAY}/{ID}.csv.gz"
    for use in (store.read_header, store.disk_size, store.remove_if_empty, lambda p: list(store.read(p))):
        with pytest.raises(BlobOutside, match="is a link"):
            use(path)
    if not linked.endswith(".gz"):
        assert store.is_linked([path]) and list(store.paths(DAY)) == []
        store.remove_temporary(DAY, report=lambda path: None)
        with pytest.raises(BlobOutside):
            store.remove_durably([path])
        with pytest.raises(OSError, match="is a link"), store.files.temporary(DAY):
            raise AssertionError("a file was opened there")
    assert sorted(p.name for p in target.parent.iterdir()) == sorted([".1-1.part", target.name])


def test_an_archive_may_be_reached_by_a_link(tmp_path: Path) -> None:
    """Only what lies below the archive's own folder counts; that itself, and what is above it, may be links."""
    (tmp_path / "real" / DAY).mkdir(parents=True)
    if not files.WINDOWS:
        (tmp_path / "linked").symlink_to(tmp_path / "real")
        require_no_link(tmp_path / "linked", f"{DAY}/{ID}.csv.gz")
    require_no_link(tmp_path / "real", f"{DAY}/{ID}.csv.gz")


def test_a_junction_is_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows' junctions count, by the tag that says that a name stands for another; deduplicated files do not."""

    class Status:
        st_mode = tmp_path.stat().st_mode
        st_reparse_tag = 0xA000_0003

    with monkeypatch.context() as patched:  # pytest removes its folders before it undoes other patches
        patched.setattr(os, "lstat", lambda path: Status)
        assert files.is_link(tmp_path, windows=True)
        Status.st_reparse_tag = 0x8000_0013
        assert not files.is_link(tmp_path, windows=True)
