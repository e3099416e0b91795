"""The HTTP API against odd requests: ranges, unknown fields, extreme dates, large forms and slow clients."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.filled import fill
from tests.web_server import Pages, pages

from pywats_archive import Client
from pywats_archive.blobs.header import read_label


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with one of everything."""
    base = tmp_path_factory.mktemp("station")
    fill(base)
    return base / "archive"


@pytest.fixture(scope="module")
def served(root: Path) -> Iterator[Pages]:
    """Its pages."""
    with pages(root) as running:
        yield running


@pytest.fixture(scope="module")
def source(root: Path) -> tuple[str, bytes]:
    """Where a source of 4,000 bytes is, and its bytes."""
    with Client(root) as client:
        entry = client.resolve("SN0.csv")
        return f"/api/v1/entries/{entry}/source", client.open_source(entry).read()


@pytest.mark.parametrize(
    ("asked", "status", "first", "last"),
    [
        ("bytes=0-0", 206, 0, 0),
        ("bytes=10-19", 206, 10, 19),
        ("bytes=3999-", 206, 3999, 3999),
        ("bytes=0-99999999999", 206, 0, 3999),
        ("bytes=4000-", 416, 0, -1),
        ("bytes=999999999999999999-", 416, 0, -1),
        ("bytes=20-10", 416, 0, -1),
        ("bytes=0-,0-", 200, 0, 3999),
        ("bytes=" + ",".join(["0-"] * 1000), 200, 0, 3999),
        ("bytes=-5", 200, 0, 3999),
        ("bytes=1-2;", 200, 0, 3999),
        ("lines=1-2", 200, 0, 3999),
    ],
)
def test_a_range(served: Pages, source: tuple[str, bytes], asked: str, status: int, first: int, last: int) -> None:
    """One range is served, one behind the end is refused, and many at once, or odd ones, are the whole, once."""
    place, content = source
    with served.api() as api:
        answer = api.get(place, headers={"range": asked})
    assert (answer.status_code, answer.content) == (status, content[first : last + 1])
    if status == 206:
        assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(content)}"
    if status == 416:
        assert answer.headers["content-range"] == f"bytes */{len(content)}"


@pytest.mark.parametrize(
    "place",
    [
        "/api/v1/entries?statu=failed",
        "/api/v1/statistics?converter_name=C",
        "/api/v1/purges/plans?converters=C",
        "/api/v1/events?kind=alert",
        "/api/v1/clocks?x=1",
        "/api/v1/runs?statuss=failed",
        "/api/v1/entries/none/source?from_=0",
    ],
)
def test_an_unknown_field_is_refused(served: Pages, place: str) -> None:
    """A slip of the pen would match everything; the answer has the fields that there are."""
    with served.api() as api:
        answer = api.get(place)
        assert (answer.status_code, answer.json()["kind"]) == (422, "UsageError"), answer.text
        assert "is unknown" in answer.json()["title"]


def test_extreme_dates_and_numbers_are_no_unexpected_errors(served: Pages) -> None:
    """Neither the first nor the last day of the calendar, nor a number that no catalog can hold."""
    moments = ("0001-01-01", "9999-12-31", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "1969-12-31T23:59")
    with served.api() as api:
        for moment in moments:
            assert api.get("/api/v1/entries", params={"from": moment}).status_code == 200, moment
            assert api.get("/api/v1/entries", params={"to": moment}).status_code == 200, moment
            assert api.get("/api/v1/events", params={"since": moment}).status_code == 200, moment
        whole = api.get("/api/v1/entries", params={"from": moments[0], "to": moments[1]}).json()
        assert whole["total"] == 5
        for place in ("entries?offset=", "runs/", "events?limit=", "purges?limit=", "entries/x/reports/"):
            for number in (2**53 + 1, 2**64, 10**40):
                assert api.get(f"/api/v1/{place}{number}").status_code in (404, 422), place
        after = json.dumps({"/somewhere": 10**30})
        assert api.get("/api/v1/events", params={"after": after}).status_code == 422


def test_a_form_that_is_too_large_is_refused(served: Pages) -> None:
    """Ten megabytes are not read, whoever sends them."""
    with served.api() as api:
        for place in ("/api/v1/holds", "/api/v1/restore", "/api/v1/runs/plan", "/api/v1/purges/entries"):
            answer = api.post(place, content=b"x" * 10_000_000)
            assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
        assert api.get("/api/v1/clocks").status_code == 200


def test_slow_clients_keep_nobody_waiting(served: Pages) -> None:
    """Two hundred never end their request."""
    host, _, port = served.address.removeprefix("http://").partition(":")
    begun = f"POST /api/v1/holds HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {served.token}\r\n".encode()
    with ExitStack() as stack:
        for number in range(200):
            slow = stack.enter_context(socket.create_connection((host, int(port))))
            slow.sendall(begun if number % 2 else begun + b"Content-Length: 900000\r\n\r\n{")
        with served.api() as api:
            for _ in range(5):
                assert api.get("/api/v1/entries?limit=1").status_code == 200


def test_what_runs_code_or_writes_elsewhere_is_refused(served: Pages, root: Path) -> None:
    """No file of the station is run as a converter, and no source is restored outside of its folder."""
    with served.api() as api, Client(root) as client:
        entry = client.resolve("SN0")
        request = {"dry_run": True, "converter_file": str(root / "evil.py")}
        answer = api.post("/api/v1/runs/plan", json={"request": request, "archive_ids": [entry]})
        assert answer.status_code == 422 and "converter_file" in answer.json()["title"]
        for folder in (str(root), "/tmp", "..", "a/../..", "a\0b", ""):
            answer = api.post("/api/v1/restore", json={"archive_ids": [entry], "folder": folder})
            assert answer.status_code == 422, folder


def test_a_range_up_to_the_end_is_of_the_bytes_that_were_archived(tmp_path: Path) -> None:
    """Whoever puts a source together from ranges learns that it was exchanged, as with a whole one (invariant 4)."""
    fill(tmp_path)
    exchange(min((tmp_path / "archive" / "sources").rglob("*.csv.gz")))
    with pages(tmp_path / "archive") as served, Client(tmp_path / "archive") as client, served.api() as api:
        place = f"/api/v1/entries/{client.resolve('SN0.csv')}/source"
        answer = api.get(place, headers={"range": "bytes=0-3999"})
        assert (answer.status_code, answer.json()["kind"]) == (500, "BlobDamaged")


def exchange(path: Path) -> None:
    """Write another content of the same length into a blob, which is sound gzip."""
    with path.open("rb") as stream:
        head = read_label(stream, path).header_bytes
    content = gzip.decompress(path.read_bytes())[:-1] + b"y"
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = packer.compress(content) + packer.flush()
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:head] + packed + struct.pack("<II", zlib.crc32(content), len(content)))
