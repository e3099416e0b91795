"""The client over the network, against the pages of a real archive: the same answers, errors and bytes as beside it."""

from __future__ import annotations

import asyncio
import random
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.filled import fill
from tests.web_server import Pages, pages

from pywats_archive import (
    AsyncClient,
    BlobDamaged,
    Client,
    EntryFilter,
    EventFilter,
    RetentionPolicy,
    StationAway,
    Thoroughness,
    UsageError,
)
from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import ingest

NEWEST = "SN1-again"
ASKED: dict[str, Callable[[Client], Any]] = {
    "find": lambda c: c.find(EntryFilter(converter_name="C"), limit=2, offset=1),
    "find after": lambda c: c.find(limit=2, after=c.find(limit=2).next),
    "find wrong": lambda c: c.find(EntryFilter(status="odd")),  # type: ignore[arg-type]
    "find text": lambda c: c.find(EntryFilter(text="SN0")),
    "entries": lambda c: list(c.entries()),
    "resolve": lambda c: c.resolve("SN0"),
    "resolve none": lambda c: c.resolve("nobody; has this"),
    "details": lambda c: c.details(c.resolve(NEWEST)),
    "details none": lambda c: c.details("../../etc/passwd"),
    "where_is": lambda c: c.where_is("SN0.csv"),
    "watchers_of": lambda c: c.watchers_of("/somewhere/file.csv"),
    "converters": lambda c: c.converters(),
    "converter_named": lambda c: c.converter_named("c"),
    "require_converter": lambda c: c.require_converter("CC"),
    "statistics": lambda c: (c.statistics("C").total_entries, c.statistics().by_converter),
    "statistics none": lambda c: c.statistics("CC"),
    "status": lambda c: (c.status(days=2).waiting, c.status().accounts, c.status().agrees),
    "pulse": lambda c: c.pulse(),
    "growth": lambda c: c.growth("C"),
    "received": lambda c: c.received(hours=2),
    "failure_reasons": lambda c: c.failure_reasons(days=3, limit=2),
    "conversion_times": lambda c: c.conversion_times(),
    "findings": lambda c: c.findings(),
    "acknowledge": lambda c: c.acknowledge("7", reason="known"),
    "events": lambda c: c.events(EventFilter(kinds=("source", "conversion.recorded")), limit=3),
    "events after": lambda c: c.events(after=c.events().positions).events,
    "services": lambda c: c.services(),
    "verify": lambda c: list(c.verify()),
    "verify quickly": lambda c: list(c.verify(Thoroughness(quick=True))),
    "count_files": lambda c: c.count_files(),
    "roots": lambda c: c.roots,
    "config": lambda c: c.config,
    "runs": lambda c: c.runs(limit=3),
    "run none": lambda c: c.run(3),
    "changes none": lambda c: c.changes(3),
    "is_replaying": lambda c: c.is_replaying(c.roots[0]),
    "no such archive": lambda c: c.is_replaying("/elsewhere"),
    "compare_reports": lambda c: c.compare_reports(c.resolve(NEWEST), 1, c.resolve("SN0"), 1),
    "replayable": lambda c: c.replayable(EntryFilter(converter_name="C"), limit=2),
    "archive_of": lambda c: c.archive_of([c.resolve("SN0")]),
    "open_source": lambda c: c.open_source(c.resolve("SN0")).read(),
    "open_source of a folder": lambda c: c.open_source(c.resolve("folder")).read(),
    "open_source none": lambda c: c.open_source("none"),
    "open_source not kept": lambda c: c.open_source(c.resolve("GONE")),
    "open_companion": lambda c: c.open_companion(c.resolve("SN0"), "SN0.extra").read(),
    "open_companion none": lambda c: c.open_companion(c.resolve("SN0"), "../a b"),
    "open_report": lambda c: c.open_report(c.resolve(NEWEST), 3).read(),
    "open_report none": lambda c: c.open_report(c.resolve(NEWEST), 9),
    "policies": lambda c: c.retention.policies(),
    "policy": lambda c: c.retention.policy("*"),
    "policy none": lambda c: c.retention.policy("CC"),
    "effects": lambda c: c.retention.effects(RetentionPolicy(converter_name="C", max_size_gb=1e-6)),
    "set_policy": lambda c: c.retention.set_policy(
        RetentionPolicy(converter_name="C", max_size_gb=1e-6, purge_unsubmitted=True)
    ),
    "preview": lambda c: list(c.retention.preview()),
    "plans": lambda c: c.retention.plans("C"),
    "preview_named": lambda c: list(c.retention.preview_named([c.resolve("SN0")])),
    "preview_named none": lambda c: list(c.retention.preview_named(["none"])),
    "purge_named none": lambda c: c.retention.purge_named(["none"]),
    "history": lambda c: c.retention.history(),
    "settings": lambda c: c.settings.converters(),
    "holds": lambda c: c.retention.holds(),
    "release": lambda c: c.retention.release([c.resolve("SN0")]),
    "finish_unfinished": lambda c: c.retention.finish_unfinished(),
    "clocks": lambda c: [(each.archive, each.doubt) for each in c.retention.clocks()],
    "get_archive_entries": lambda c: asyncio.run(c.get_archive_entries("C", limit=2)),
    "get_retention_policy": lambda c: asyncio.run(c.get_retention_policy("C")),
}
"""Questions to both; what they change, they change twice."""


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


def answer(client: Client, question: Callable[[Client], Any]) -> Any:
    """Return the answer, or the kind and the text of the error."""
    try:
        return question(client)
    except Exception as exc:
        return type(exc), str(exc)


@pytest.mark.parametrize("name", ASKED)
def test_the_same_answer_from_afar(served: Pages, root: Path, name: str) -> None:
    """A value of the same type, or an error of the same class with the same text."""
    with Client(root) as here, Client(served.address, token=served.token) as there:
        expected, found = answer(here, ASKED[name]), answer(there, ASKED[name])
        assert (type(found), found) == (type(expected), expected)


def test_what_it_does_is_done_there(served: Pages, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Holds, restores and policies are those of the station, under the name of whoever the token belongs to."""
    monkeypatch.setenv("PYWATS_ARCHIVE_TOKEN", served.token)
    with Client(root) as here, Client(served.address) as there:
        entry = here.resolve("SN0")
        there.retention.hold([entry], "an audit; of ours")
        assert [(each.archive_id, each.hold_reason) for each in here.retention.holds()] == [
            (entry, "an audit; of ours")
        ]
        there.retention.release([entry])
        (restored,) = there.restore([entry], "out", reports=True)
        assert (
            restored.path == root.parent / "restored" / "out" / "SN0.csv"
            and restored.path.is_file()
            and len(restored.reports) == 1
        )
        policy = RetentionPolicy(converter_name="C", retention_days=44)
        there.retention.set_policy(policy)
        assert here.retention.policy("C") == policy
        there.retention.reset_policy("C")
        with Client(root) as afterwards:
            assert afterwards.retention.policy("C").retention_days == 90
        done = {event.kind for event in here.details(entry).events if event.actor == there.actor}
        assert {"hold.added", "hold.released", "source.restored"} <= done
        for refused in (
            there.rebuild,
            there.reprocessing,
            lambda: there.doctor(archive=root),
            lambda: there.measure(root),
            lambda: there.restore([entry], tmp_path / "out"),
            lambda: there.restore([entry], "../out"),
            lambda: there.retention.hold([entry], "x", actor="somebody else"),
            lambda: there.services(now=here.find().items[0].conversion_timestamp),
            lambda: Client(served.address, actor="somebody else"),
            lambda: Client(served.address, token="x" * 43),
        ):
            with pytest.raises(UsageError) as found:
                refused()
            assert served.token not in str(found.value)


def test_the_example_of_the_documentation_runs(served: Pages) -> None:
    """As it is written, but for the address and the token."""
    page = Path(__file__).parents[2] / "docs" / "howto" / "another-computer.md"
    section = page.read_text(encoding="utf-8").partition("## Python")[2].partition("\n## ")[0]
    program = textwrap.dedent("\n".join(line for line in section.splitlines() if line[:4] in ("", "    ")))
    for written, here in (
        ("https://station7.example.com:8087", served.address),
        ('token="…"', f'token="{served.token}"'),
    ):
        assert written in program
        program = program.replace(written, here)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.endswith(" bytes\n")


def test_the_awaitable_client_from_afar(served: Pages, root: Path) -> None:
    """Its methods and streams are those over the network."""

    async def ask() -> None:
        async with AsyncClient(served.address, token=served.token) as client:
            found = [entry async for entry in client.entries()]
            with Client(root) as here:
                assert found == list(here.entries())
            assert (await client.find(limit=1)).total == len(found)
            assert len([each async for each in client.verify()]) > len(found)
            assert (await client.retention.policy("C")).retention_days == 90
            assert await client.get_archive_entries(limit=2) == found[:2]

    asyncio.run(ask())


@contextmanager
def cutting(to: str, *, after: int) -> Iterator[str]:
    """Pass a connection on, and break the first one after so many bytes of its answer."""
    port, broken = int(to.rpartition(":")[2]), threading.Event()

    def carry(source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(4096):
                if is_answer and not broken.is_set() and b"octet-stream" in piece:
                    broken.set()
                    send_some(source, target, piece)
                    break
                target.sendall(piece)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def send_some(source: socket.socket, target: socket.socket, piece: bytes) -> None:
        left = after
        while piece:
            target.sendall(piece)
            piece = source.recv(min(left, 4096)) if left else b""
            left -= len(piece)

    def accept() -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", port))
            for pair in ((near, far, False), (far, near, True)):
                threading.Thread(target=carry, args=pair, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert broken.is_set()
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("name", ["big.bin", "folder"])
def test_a_download_that_breaks_off_is_continued(tmp_path: Path, name: str) -> None:
    """The bytes are those of the source, each once."""
    fill(tmp_path)
    content = add_big(tmp_path)
    with pages(tmp_path / "archive") as served, Client(tmp_path / "archive") as here:
        entry = here.resolve(name)
        with (
            cutting(served.address, after=100_000 if name == "big.bin" else 500) as address,
            Client(address, token=served.token) as there,
            there.open_source(entry) as stream,
        ):
            found = stream.read()
        assert found == (content if name == "big.bin" else here.open_source(entry).read())


def test_a_damaged_source_has_no_end(tmp_path: Path) -> None:
    """The answer breaks off, the client raises what a local one raises, and the history says so (invariant 4)."""
    fill(tmp_path)
    add_big(tmp_path)
    blob = max((tmp_path / "archive" / "sources").rglob("*.gz"), key=lambda path: path.stat().st_size)
    blob.chmod(0o600)
    stored = bytearray(blob.read_bytes())
    stored[-5] ^= 1
    blob.write_bytes(stored)
    with pages(tmp_path / "archive") as served, Client(tmp_path / "archive") as here:
        entry = here.resolve("big.bin")
        with pytest.raises(BlobDamaged) as local, here.open_source(entry) as stream:
            stream.read()
        with Client(served.address, token=served.token) as there, there.open_source(entry) as stream:
            assert len(stream.read(400_000)) == 400_000
            with pytest.raises(BlobDamaged) as remote:
                stream.read()
        assert str(remote.value) == str(local.value)
        with served.api() as api, pytest.raises(httpx.RemoteProtocolError, match=r"peer closed|incomplete"):
            api.get(f"/api/v1/entries/{entry}/source")
        damages = [
            event.details.get("damage") for event in here.details(entry).events if event.kind == "source.restored"
        ]
        assert damages.count(str(local.value)) >= 3


def test_a_station_that_goes_away(tmp_path: Path) -> None:
    """Each later call says so."""
    fill(tmp_path)
    with pages(tmp_path / "archive") as served:
        there = Client(served.address, token=served.token)
        assert there.find().total == 5
    with there, pytest.raises(StationAway, match="pywats-archive web"):
        there.find()


def add_big(base: Path) -> bytes:
    """Archive a source that takes several pieces."""
    path = base / "big.bin"
    path.write_bytes(random.Random(3).randbytes(1_500_000))
    with Archive.open(base / "archive", own=True) as archive:
        ingest.archive_source(archive, ingest.NewSource(path=path, converter_name="C"))
    return path.read_bytes()
