"""Which report in a Done folder belongs to which source, and what a policy purges after an import."""

from __future__ import annotations

import os
import zipfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from pywats_archive.client.importing import room
from pywats_archive.client.importing.items import Exact, Item, ItemKind, moment_of_ns, no_later, paired, report_stem
from pywats_archive.client.importing.zips import only_member
from pywats_archive.models.entry import SourceKind
from pywats_archive.models.file_stamp import FileStamp
from pywats_archive.models.retention.policy import RetentionPolicy

NOW = datetime(2026, 2, 13, tzinfo=timezone.utc)


def item(
    name: str, *, inside: str | None = None, is_exact: bool = True, report_id: str | None = None, checksum: str = ""
) -> Item:
    kind = ItemKind.ZIPPED if inside else ItemKind.REPORT if report_stem(name) else ItemKind.FILE
    return Item(
        path=Path("Done", name),
        kind=kind,
        look=(SourceKind.FILE, FileStamp.of(10, 1)),
        original_path=Path("Done", inside or name),
        own_time=NOW,
        exact=Exact(report_id=report_id or name, checksum=checksum) if is_exact else None,
    )


def pairs(*items: Item) -> dict[str, list[str]]:
    return {each.path.name: [report.path.name for report in each.reports] for each in paired(items)}


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("SN1.json", "SN1"),
        ("SN1.csv.JSON", "SN1.csv"),
        ("SN1.queued", "SN1"),
        ("SN1.pending.wsjf", "SN1"),
        ("SN1.csv", None),
        (".json", None),
    ],
)
def test_the_stem_of_a_report(name: str, stem: str | None) -> None:
    """The names of pyWATS' queues; any other file is no report by its name."""
    assert report_stem(name) == stem


def test_reports_belong_to_the_source_of_their_name() -> None:
    """By the whole name first, by the stem if only one source has it, also for a zipped source."""
    assert pairs(item("a.csv"), item("a.json")) == {"a.csv": ["a.json"]}
    assert pairs(item("a.csv"), item("a.txt"), item("a.csv.json")) == {"a.csv": ["a.csv.json"], "a.txt": []}
    assert pairs(item("a.csv.zip", inside="a.csv"), item("a.csv.json")) == {"a.csv.zip": ["a.csv.json"]}


def test_reports_with_one_id_beside_one_source() -> None:
    """The same document is taken once; another one with its id stays an item of its own."""
    first, same = (item(name, report_id="1", checksum="x") for name in ("a.json", "a.pending.json"))
    other = item("a.queued", report_id="1", checksum="y")
    assert pairs(item("a.csv"), first, same, other) == {"a.csv": ["a.json"], "a.queued": []}


def test_a_report_in_doubt_stays_on_its_own() -> None:
    """With two possible sources, without one, or if its bytes are not exactly the document."""
    assert pairs(item("a.csv"), item("a.txt"), item("a.json")) == {"a.csv": [], "a.json": [], "a.txt": []}
    assert pairs(item("a.csv"), item("b.json")) == {"a.csv": [], "b.json": []}
    assert pairs(item("a.csv"), item("a.json", is_exact=False)) == {"a.csv": [], "a.json": []}


def test_own_times() -> None:
    """A time from before 1970 is one, and a file from the future was made no later than now."""
    assert moment_of_ns(-1_500_000_000).isoformat() == "1969-12-31T23:59:58.500000+00:00"
    assert no_later(NOW + timedelta(days=9), NOW) == NOW
    assert no_later(NOW - timedelta(days=9), NOW) == NOW - timedelta(days=9)


def test_what_a_size_limit_purges_at_once() -> None:
    """Nothing if the import fits; else imported entries in proportion, unless the policy keeps young ones or everything."""
    policy = RetentionPolicy(converter_name="ICT", max_size_gb=1)
    assert room.purged_at_once(policy, None, entries=100, taken_bytes=10**9) == 0
    assert room.purged_at_once(policy, None, entries=100, taken_bytes=2 * 10**9) == 50
    young = RetentionPolicy(converter_name="ICT", max_size_gb=1, min_days=1)
    unlimited = RetentionPolicy(converter_name="ICT", max_size_gb=1, enabled=False)
    assert room.purged_at_once(young, None, entries=100, taken_bytes=2 * 10**9) == 0
    assert room.purged_at_once(unlimited, None, entries=100, taken_bytes=2 * 10**9) == 0


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_zip_is_kept_as_it_is(tmp_path: Path, method: int) -> None:
    """Whatever byte of its content is wrong: it is not taken for the file in it, and its reading is no error."""
    path = tmp_path / "SN1.csv.zip"
    with zipfile.ZipFile(path, "w", method) as made:
        made.writestr("SN1.csv", os.urandom(500) + b"x" * 500)
    whole = path.read_bytes()
    assert only_member(path)
    for at in range(60, 460, 50):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        assert only_member(path) is None, at


def test_what_unpacking_would_lose_keeps_a_zip_as_it_is(tmp_path: Path) -> None:
    """A comment, of the zip or of its file, and bytes before the file."""
    path = tmp_path / "SN1.csv.zip"
    for comments in ((b"a", b""), (b"", b"b"), (b"", b"")):
        with zipfile.ZipFile(path, "w") as made:
            made.comment, member = comments[0], zipfile.ZipInfo("SN1.csv", (2026, 2, 13, 14, 30, 22))
            member.comment = comments[1]
            made.writestr(member, b"content")
        assert (only_member(path) is None) is any(comments)
    path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())
    assert only_member(path) is None
