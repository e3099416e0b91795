"""The operation: a scratch station archives, is killed, recovers, restores, holds and purges, and finds what is changed."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from pywats_archive.demo.comparison import is_of, missing_sources
from pywats_archive.demo.drops import Drop, ordinary_drops
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.portable import names
from pywats_archive.qualification.protocol import Finding, Step, failed, judged, passed
from pywats_archive.qualification.scratch import ScratchStation, wait_until

_FILES = 12
_RESTORED = 3
_LISTED = 3
Change = Callable[[Path], None]


@dataclass(kw_only=True)
class Operation:
    """The steps at one scratch station; each builds on those before."""

    station: ScratchStation
    _drops: list[Drop] = field(default_factory=list)

    def steps(self) -> Iterator[Step]:
        """Yield the steps in their order."""
        yield Step(
            "archive and convert", "each file is archived bit for bit, converted, and its report accepted", self._run
        )
        yield Step("kill and recover", "after kill -9 of a busy service no file is missing or there twice", self._kill)
        yield Step("verify", "verify reads every file and finds nothing", lambda: self._verified(self.station.archive))
        yield Step("restore", "a restored file is the file that was dropped, bit for bit", self._restore)
        yield Step("hold", "a purge removes no entry that is held", self._hold)
        yield Step("purge", "a purge removes the files of an entry, and its record and history stay", self._purge)
        yield Step("audit trail", "restores, holds and purges are on record with the account", self._audited)
        for name, change in CHANGES.items():
            yield Step(f"found: {name}", "verify finds the change", lambda change=change: self._found(change))  # type: ignore[misc]
        yield Step(
            "verify after all", "the archive itself is sound in the end", lambda: self._verified(self.station.archive)
        )

    def _run(self) -> Finding:
        self._drop()
        done = self.station.command("run", "--until-idle", "--config", self.station.config)
        return judged(
            self._faults(done.returncode), f"{len(self._drops)} files of {len(self._converters())} converters"
        )

    def _kill(self) -> Finding:
        before = len(self.station.entries())
        service = self.station.started("run", "--config", self.station.config)
        try:
            self._drop()
            is_busy = wait_until(lambda: len(self.station.entries()) > before)
        finally:
            service.kill()
            service.wait()
        at_kill = len(self.station.entries())
        done = self.station.command("run", "--until-idle", "--config", self.station.config)
        faults = ["" if is_busy else "the service archived nothing within a minute", *self._faults(done.returncode)]
        return judged(faults, f"killed with {at_kill} of {len(self._drops)} files archived; all there afterwards")

    def _drop(self) -> None:
        drops = ordinary_drops(len(self._drops) + 1, _FILES, first=len(self._drops))
        self._drops += drops
        self.station.drop(drops)

    def _converters(self) -> set[str]:
        return {each.converter for each in self._drops}

    def _faults(self, exit_code: int) -> Iterator[str]:
        """Yield what differs from what was dropped and sent."""
        if exit_code:
            yield f"run --until-idle ended with {exit_code}"
        entries = self.station.entries()
        if len(entries) != len(self._drops):
            yield f"{len(entries)} entries of {len(self._drops)} files"
        with self.station.client() as client:
            yield from missing_sources(client, entries, self._drops)
            for entry in entries:
                if entry.conversion_status.value != "SUCCESS":
                    yield f"{entry.archive_id}: {entry.conversion_status.value}"
                for report in client.details(entry.archive_id).reports:
                    arrived = self.station.server.received.get(report.report_id, [])
                    if not any(is_of(report.checksum, body) for body in arrived):
                        yield f"{entry.archive_id}: the server does not have report {report.report_id}"

    def _verified(self, archive: Path) -> Finding:
        document = self.station.document("verify", "--archive", archive)
        problems = [str(each["message"]) for each in document["problems"]]
        return judged(problems[:_LISTED], f"{document['checked']} files checked")

    def _restore(self) -> Finding:
        entries = self.station.entries()[:_RESTORED]
        for number, entry in enumerate(entries):
            to = self.station.base / "restored" / str(number)
            (done,) = self.station.document("restore", entry.archive_id, "--to", to, "--archive", self.station.archive)[
                "restored"
            ]
            wanted = next(each for each in self._drops if each.name == Path(done["path"]).name)
            if Path(done["path"]).read_bytes() != wanted.content:
                return failed(f"{entry.archive_id}: differs from {wanted.name}")
        return passed(f"{len(entries)} files restored and compared")

    def _hold(self) -> Finding:
        entry, here = self._first(), ("--archive", self.station.archive)
        self.station.document("hold", "add", entry.archive_id, "--reason", "qualification", *here)
        purged = self.station.document("purge", entry.archive_id, "--yes", *here)
        now = self._first()
        is_kept = now.purged_at is None and (self.station.archive / now.source_archived_path).exists()
        self.station.document("hold", "release", entry.archive_id, *here)
        return judged(["" if is_kept else f"{entry.archive_id} was purged: {purged}"], f"{entry.archive_id} was kept")

    def _purge(self) -> Finding:
        entry, here = self._first(), ("--archive", self.station.archive)
        self.station.document("purge", entry.archive_id, "--yes", *here)
        shown = self.station.document("show", entry.archive_id, *here)
        is_gone = not (self.station.archive / entry.source_archived_path).exists()
        kinds = [each["kind"] for each in shown["events"]]
        faults = [
            "" if is_gone else f"{entry.source_archived_path} is still there",
            "" if shown["purged_at"] else "the record does not say that it was purged",
            ""
            if "entry.purged" in kinds and "source.archived" in kinds
            else f"its history has only {', '.join(kinds)}",
        ]
        return judged(faults, f"{entry.archive_id} was purged; its record has {len(kinds)} events")

    def _audited(self) -> Finding:
        found = self.station.document("audit", "--archive", self.station.archive)["events"]
        kinds = {each["kind"] for each in found if each["actor"].startswith("os:")}
        missing = {"source.restored", "hold.added", "hold.released", "entry.purged"} - kinds
        return judged([f"not on record: {each}" for each in sorted(missing)], f"{len(found)} events")

    def _first(self) -> ArchiveEntry:
        return self.station.entries()[0]

    def _found(self, change: Change) -> Finding:
        """Make a change in a copy of the archive, with full rights, and let ``verify`` find it."""
        copy = self.station.base / "changed"
        shutil.copytree(self.station.archive, copy)
        try:
            change(copy)
            document = self.station.document("verify", "--archive", copy)
        finally:
            names.remove_tree(copy)
        problems = [str(each["message"]) for each in document["problems"]]
        return passed("; ".join(problems[:_LISTED])) if problems else failed("verify found nothing")


def _sql(*statements: str) -> Change:
    """Return a change that restores the triggers: a missing one would be found whatever the statements did."""

    def change(root: Path) -> None:
        with closing(sqlite3.connect(root / "metadata.db")) as db:
            triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for name, _ in triggers:
                db.execute(f'DROP TRIGGER "{name}"')
            for statement in statements:
                if not db.execute(statement).rowcount:
                    raise ValueError(f"changed nothing: {statement}")
            for _, definition in triggers:
                db.execute(definition)
            db.commit()

    return change


def _blob(kind: str) -> Change:
    def change(root: Path) -> None:
        path = max((root / kind).rglob("*.gz"))
        content = bytearray(path.read_bytes())
        content[-9] ^= 1
        path.chmod(0o600)
        path.write_bytes(content)

    return change


def _removed(root: Path) -> None:
    path = max((root / "sources").rglob("*.gz"))
    names.unlink(path)


_LAST_ENTRY = "(SELECT max(archive_id) FROM archive_entries)"
CHANGES: dict[str, Change] = {
    "a byte of a source changed": _blob("sources"),
    "a byte of a report changed": _blob("reports"),
    "a source removed": _removed,
    "an event edited": _sql("UPDATE events SET actor = 'nobody' WHERE sequence = 3"),
    "an event removed": _sql("DELETE FROM events WHERE sequence = 3"),
    "a status edited": _sql(
        f"UPDATE archive_entries SET conversion_status = 'FAILED' WHERE archive_id = {_LAST_ENTRY}"
    ),
    "a result edited": _sql(
        f"UPDATE reports SET result = 'Failed' WHERE archive_id = {_LAST_ENTRY} AND result <> 'Failed'"
    ),
    "a conversion removed": _sql(f"DELETE FROM conversions WHERE archive_id = {_LAST_ENTRY}"),
    "a purge forgotten": _sql("UPDATE archive_entries SET purged_at = NULL WHERE purged_at IS NOT NULL"),
}
"""Manipulations with full rights; each in a copy of its own."""
