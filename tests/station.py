"""A station for tests: a configuration, watch folders, converters, a loopback server, and the service over them."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from pywats_archive.archive.core import Archive, EntryDetails
from pywats_archive.archive.repair.recover import recover
from pywats_archive.demo.server import WatsServer
from pywats_archive.integrity.verify import verify
from pywats_archive.models.arrival import Arrival
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.operation.integrity import Thoroughness
from pywats_archive.models.query import EntryFilter
from pywats_archive.pipeline.idle import RunOutcome
from pywats_archive.pipeline.service import Service, Settings
from tests.patience import PATIENCE_S as PATIENCE_S  # noqa: PLC0414 (beside wait_for)

CONVERTER = """
import json, os, sys, time
from datetime import timedelta
from pywats_client.converters.file_converter import FileConverter
from pywats_client.converters.folder_converter import FolderConverter
from pywats_client.converters.models import *

def report(sn, **more):
    return {"type": "T", "id": None, "pn": "P1", "sn": sn, "rev": "A", "processCode": 10, "result": "P",
            "machineName": "M", "location": "L", "purpose": "T", "start": "2026-02-13T10:00:00+00:00",
            "root": {"name": "Main", "steps": [{"name": "s"}]}, **more}

class Any(FileConverter):
    name = property(lambda self: "Any")
    version = property(lambda self: "3.2.1")
    file_patterns = property(lambda self: ["*"])
    arguments_schema = property(lambda self: {
        "greeting": ArgumentDefinition(arg_type=ArgumentType.STRING, default="hello"),
        "password": ArgumentDefinition(arg_type=ArgumentType.PASSWORD)})
    def convert(self, source, context):
        return self.outcome(source, context)
    def outcome(self, source, context):
        found = report(source.path.stem[:40].encode("ascii", "replace").decode())
        return ConverterResult.success_result(report={k: v for k, v in found.items() if v is not None})
"""
"""A user's converter file; tests append their own classes to it."""

FOLDERS = """
class Folders(FolderConverter):
    name = property(lambda self: "Folders")
    def convert(self, source, context):
        files = sorted(p for p in source.folder_path.iterdir() if p.suffix == ".txt")
        body = report(source.folder_path.name, misc=",".join(f"{p.name}={p.read_text()}" for p in files))
        return ConverterResult.success_result(report={k: v for k, v in body.items() if v is not None})
"""
"""A converter of folders to be appended; its report tells their text files."""


_POLL_S = 0.25 if sys.platform == "win32" else 0.05
"""Under Wine, looking whether it came to pass takes time from what is waited for."""


class Station:
    """One configuration with one archive. ``add`` converters, ``drop`` files, ``run`` until idle or ``serve``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.archive_root = root / "archive"
        self.server = WatsServer(strict=True)
        self.sections: list[dict[str, Any]] = []
        self.keys: dict[str, Any] = {}
        """Keys of the whole station, beside the server's."""
        (root / "converters").mkdir(parents=True)
        self.code("")

    def code(self, extra: str) -> None:
        """Write the station's converter file."""
        (self.root / "converters" / "own.py").write_text(CONVERTER + extra, encoding="utf-8")

    def add(self, name: str, module_path: str = "own.Any", **keys: Any) -> Path:
        """Add a converter; gives its watch folder."""
        watch = self.root / name / "watch"
        watch.mkdir(parents=True, exist_ok=True)
        section = {"name": name, "module_path": module_path, "watch_folder": f"{name}/watch", "archive_enabled": True}
        self.sections.append({**section, "settle_seconds": 0.3, "retry_delay_seconds": 0, **keys})
        return watch

    def write_config(self) -> Path:
        """Write the configuration as pyWATS does."""
        path = self.root / "config.json"
        fields = {"service_address": self.server.address, "api_token": "dGVzdDp0ZXN0", "station_name": "TEST"}
        path.write_text(json.dumps({**fields, **self.keys, "converters": self.sections}), encoding="utf-8")
        return path

    def run(self, **settings: Any) -> RunOutcome:
        """Run the service until nothing waits."""
        return Service(Settings(config_path=self.write_config(), processes=1, until_idle=True, **settings)).run()

    @contextmanager
    def serving(self) -> Any:
        """Run the service in a thread meanwhile."""
        service = Service(Settings(config_path=self.write_config(), processes=1))
        thread = threading.Thread(target=service.run)
        thread.start()
        try:
            yield service
        finally:
            service.stop()
            thread.join()

    def archive(self) -> Archive:
        """Open the archive for reading; the caller closes it."""
        return Archive.open(self.archive_root)

    def entries(self, **wanted: Any) -> tuple[ArchiveEntry, ...]:
        """Give the entries, oldest first."""
        if not (self.archive_root / "archive.json").exists():
            return ()
        with self.archive() as archive:
            return archive.find(EntryFilter(newest_first=False, **wanted), limit=10_000).items

    def entry(self) -> ArchiveEntry:
        """Give the only entry."""
        (only,) = self.entries()
        return only

    def details(self) -> EntryDetails:
        """Give the only entry with its history."""
        with self.archive() as archive:
            return archive.details(self.entry().archive_id)

    def arrivals(self) -> tuple[Arrival, ...]:
        """Give the ledger; empty while there is no archive."""
        if not (self.archive_root / "metadata.db").exists():
            return ()
        with self.archive() as archive, archive.read() as db:
            from pywats_archive.catalog import arrivals  # noqa: PLC0415

            db.exec_driver_sql("BEGIN")  # one state of the ledger: the service may forget a row between two queries
            numbers = db.exec_driver_sql("SELECT arrival_id FROM arrivals ORDER BY arrival_id").scalars().all()
            found = tuple(arrivals.get(db, number) for number in numbers)
            db.exec_driver_sql("COMMIT")
            return found

    def names(self, folder: str) -> list[str]:
        """List a folder of the station, files and folders by name; empty when it is not there."""
        path = self.root / folder
        return sorted(item.name for item in path.iterdir()) if path.is_dir() else []

    def __enter__(self) -> Station:
        self.server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.close()


def wait_for(condition: Callable[[], Any], *, timeout_s: float = PATIENCE_S) -> Any:
    """Wait until ``condition`` gives something true; gives that."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(_POLL_S)
    raise AssertionError("it did not come to pass in time")


def wait_for_event(lines: Sequence[Any], event: str) -> None:
    """Wait until a line of the log that is captured tells of ``event``."""
    wait_for(lambda: event in {line["event"] for line in lines})


def check_sound(root: Path) -> None:
    """Check an archive as a whole: nothing left to recover, and nothing that ``verify`` finds."""
    if not (root / "archive.json").exists():
        return
    assert not list(root.rglob("*.part"))
    with Archive.open(root, own=True) as archive:
        found = recover(archive)
        assert not found.found_anything, found
    with Archive.open(root) as archive:
        assert [checked.problem for checked in verify(archive, Thoroughness()) if checked.problem] == []


def block_today(root: Path) -> Path:
    """Make the archive fail as a full disk does: a file lies where its sources' folder is to be."""
    blocked = root / "sources"
    if blocked.is_dir():
        blocked.rename(root / "sources-before")
    blocked.write_bytes(b"")
    return blocked
