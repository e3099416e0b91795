"""Hostile bags: each is one clear error, and the archive stays as it was."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.command import command
from tests.filled import fill

from pywats_archive import BagRefused, Client
from pywats_archive.archive.core import Archive
from pywats_archive.client.importing.bag import checking, files, records

MANIFEST = "manifest-sha256.txt"
Spoil = Callable[[Path], None]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a bag, and an empty archive."""
    fill(tmp_path)
    with Client([tmp_path / "archive"]) as client:
        client.export_bag(tmp_path / "bag")
        client.export_bag(tmp_path / "bag.zip")
    Archive.open(tmp_path / "other", create=True, own=True).close()
    return tmp_path


def refuses(root: Path, name: str) -> str:
    """Require that the import is one error, and that nothing is in the archive or outside of it."""
    before = {path for path in root.rglob("*") if "other" not in path.parts}
    answer = command("import", root / name, "--archive", root / "other")
    assert answer.returncode == 1 and answer.stderr.count("\n") == 1, (answer.stdout, answer.stderr)
    assert "Traceback" not in answer.stderr and len(answer.stderr) < 600
    with Client([root / "other"]) as client:
        assert client.find().total == 0 and not [each for each in client.verify() if each.problem]
    assert {path for path in root.rglob("*") if "other" not in path.parts} == before
    assert not list((root / "other").glob("sources/**/*.gz"))
    return answer.stderr


def record_of(bag: Path) -> Path:
    return sorted(bag.glob("data/*/*/entry.json"))[0]


def sealed(bag: Path) -> None:
    """Write both manifests anew, as a careful attacker does."""
    lines = [_line(path, bag) for path in sorted(bag.glob("data/**/*")) if path.is_file()]
    (bag / MANIFEST).write_text("".join(lines))
    tags = [path for path in sorted(bag.iterdir()) if path.is_file() and not path.name.startswith("tagmanifest")]
    (bag / "tagmanifest-sha256.txt").write_text("".join(_line(path, bag) for path in tags))


def _line(path: Path, bag: Path) -> str:
    return f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(bag).as_posix()}\n"


def written(name: str, text: str) -> Spoil:
    def spoil(bag: Path) -> None:
        (bag / name).write_text(text)

    return spoil


def recorded(text: str) -> Spoil:
    def spoil(bag: Path) -> None:
        record_of(bag).write_text(text)
        sealed(bag)

    return spoil


def edited(change: Callable[[dict[str, object]], object]) -> Spoil:
    def spoil(bag: Path) -> None:
        path = record_of(bag)
        fields = json.loads(path.read_bytes())
        change(fields)
        path.write_text(json.dumps(fields))
        sealed(bag)

    return spoil


def listed(line: str) -> Spoil:
    def spoil(bag: Path) -> None:
        with (bag / MANIFEST).open("a") as stream:
            stream.write(line)
        (bag / "tagmanifest-sha256.txt").unlink()

    return spoil


def _change(bag: Path) -> None:
    path = next(bag.glob("data/*/*/source/*.csv"))
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def _link(bag: Path) -> None:
    path = next(bag.glob("data/*/*/source/*.csv"))
    content = path.read_bytes()
    (bag.parent / "elsewhere").write_bytes(content)
    path.unlink()
    path.symlink_to(bag.parent / "elsewhere")


SUM = "0" * 64
SPOILT: dict[str, tuple[Spoil, str]] = {
    "changed": (_change, "is not what its manifest says"),
    "missing": (lambda bag: next(bag.glob("data/*/*/source/*.csv")).unlink(), "is missing"),
    "more": (written("data/more", "x"), "is in no manifest"),
    "link": (_link, "is a link"),
    "up": (listed(f"{SUM}  data/../../../etc/passwd\n"), "no path of a bag"),
    "absolute": (listed(f"{SUM}  /etc/passwd\n"), "no path of a bag"),
    "drive": (listed(f"{SUM}  C:/Windows/win.ini\n"), "no path of a bag"),
    "backslash": (listed(f"{SUM}  data/..\\..\\x\n"), "no path of a bag"),
    "beside": (listed(f"{SUM}  bagit.txt\n"), "not below data"),
    "encoded": (listed(f"{SUM}  data/%0A..\n"), "no path of a bag"),
    "no line": (listed("what is this\n"), "none of a manifest"),
    "long line": (listed("x" * 20_000_000), "far too long"),
    "fetch": (written("fetch.txt", "http://h 1 data/x\n"), "fetch.txt"),
    "version": (written("bagit.txt", "BagIt-Version: 9\n"), "names no version of BagIt"),
    "report": (written("report.html", "PASSED"), "report.html"),
    "no record": (recorded("[]"), "no record of an entry"),
    "deep": (recorded("[" * 200_000), "no record of an entry"),
    "id": (edited(lambda fields: fields["entry"].update(archive_id="../../x")), "no record of an entry"),  # type: ignore[attr-defined]
    "uuid": (edited(lambda fields: fields.update(archive_uuid="../x")), "no record of an entry"),
    "checksum": (edited(lambda fields: fields["entry"].update(source_checksum="sha256:" + "1" * 64)), "no record"),  # type: ignore[attr-defined]
    "companion": (
        edited(lambda fields: fields["entry"]["companions"][0].update(name="../../x")),  # type: ignore[index]
        "no record of an entry",
    ),
    "level": (edited(lambda fields: fields["entry"].update(compression_level=99)), "no record of an entry"),  # type: ignore[attr-defined]
    "size": (edited(lambda fields: fields["entry"].update(source_size_bytes=-5)), "has another size"),  # type: ignore[attr-defined]
    "size of a report": (edited(lambda fields: fields["reports"][0].update(size_bytes=1)), "has another size"),  # type: ignore[index]
    "size of a file": (edited(lambda fields: fields["files"][0].update(size_bytes=5)), "not in the manifest"),  # type: ignore[index]
    "number": (edited(lambda fields: fields["conversions"][0].update(attempt=2**63)), "too great"),  # type: ignore[index]
    "no offset": (edited(lambda fields: fields["entry"].update(created_at="2026-01-01T00:00:00")), "its times"),  # type: ignore[attr-defined]
    "before year 1": (
        edited(lambda fields: fields["conversions"][0].update(started_at="0001-01-01T00:00:00+14:00")),  # type: ignore[index]
        "no record of an entry",
    ),
    "file": (edited(lambda fields: fields["files"][0].update(path="manifest.json")), "not in the manifest"),  # type: ignore[index]
}


@pytest.mark.posix("symbolic links, and names that Windows cannot have")
@pytest.mark.parametrize("name", SPOILT)
def test_a_hostile_folder_is_refused(root: Path, name: str) -> None:
    """Whatever is wrong with a bag, it is said in one line, and nothing is imported."""
    spoil, said = SPOILT[name]
    spoil(root / "bag")
    assert said in refuses(root, "bag")


def _zip_with(root: Path, name: str, content: bytes, *, mode: int = 0o100644) -> None:
    with zipfile.ZipFile(root / "bag.zip", "a", zipfile.ZIP_DEFLATED) as packed:
        info = zipfile.ZipInfo(name)
        info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, mode << 16
        packed.writestr(info, content)


@pytest.mark.parametrize("name", ["../evil", "/evil", "bag/data/../../evil", "bag\\evil", "bag/data/evil\n"])
def test_a_zip_with_a_path_that_leads_out_is_refused(root: Path, name: str) -> None:
    """Paths are checked before a byte is read."""
    _zip_with(root, name, b"evil")
    assert "no path of a bag" in refuses(root, "bag.zip") or "in no manifest" in refuses(root, "bag.zip")


def test_a_zip_with_a_link_is_refused(root: Path) -> None:
    """A member that is a symbolic link is none of a bag's."""
    _zip_with(root, "bag/data/link", b"/etc/passwd", mode=stat.S_IFLNK | 0o777)
    assert "is a link" in refuses(root, "bag.zip")


def test_a_zip_bomb_is_refused(root: Path) -> None:
    """A zip that unpacks to far more than its size is refused before it is unpacked."""
    _zip_with(root, "bag/data/bomb", b"\0" * 200_000_000)
    assert "times its size" in refuses(root, "bag.zip")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_that_unpacks_no_piece_at_a_time_is_refused(root: Path, method: int) -> None:
    """A megabyte of bzip2 can fill the memory at once, whatever size its member claims."""
    with zipfile.ZipFile(root / "bag.zip", "a", method) as packed:
        packed.writestr("bag/data/more", b"x" * 1000)
    assert "in another way than by deflate" in refuses(root, "bag.zip")


def test_a_record_that_changes_after_the_check_is_not_imported(root: Path) -> None:
    """What is read into the archive is what was checked, also if somebody replaces it in between."""
    bag = root / "bag"
    with files.opened(bag) as found, checking.checked(found, bag, on_file=lambda number: None) as whole:
        path = record_of(bag)
        path.write_bytes(path.read_bytes().replace(b'"SN0', b'"SN9'))
        with pytest.raises(BagRefused, match="was changed after"):
            records.read(whole, path.relative_to(bag).as_posix())


def test_a_damaged_zip_is_refused(root: Path) -> None:
    """Changed bytes within a member, a cut end, or no zip at all: one line each."""
    whole = (root / "bag.zip").read_bytes()
    for content in (whole[:2000] + os.urandom(200) + whole[2200:], whole[:-300], b"no zip", b""):
        (root / "bag.zip").write_bytes(content)
        refuses(root, "bag.zip")


def test_what_is_no_bag_is_wrong_use_or_one_error(root: Path) -> None:
    """A folder without bagit.txt, a file that is not there, and options that do not go together."""
    assert "--done" in refuses(root, "archive")
    for words, code in (
        (["import", root / "nothing"], 1),
        (["import"], 2),
        (["import", root / "bag", "--done", root, "--converter", "C"], 2),
        (["import", "--done", root], 2),
    ):
        answer = command(*words, "--archive", root / "other")
        assert answer.returncode == code and answer.stderr.count("\n") == 1, answer.stderr
    full = command("import", root / "bag", "--archive", root / "bag")
    assert full.returncode == 2 and "not empty" in full.stderr


def test_a_record_may_not_fill_the_memory(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record of more than 64 MB is refused while it is read."""
    monkeypatch.setattr(records, "MOST_BYTES", 1000)
    with Client([root / "other"]) as client, pytest.raises(BagRefused, match="has more than"):
        client.import_bag(root / "bag")
