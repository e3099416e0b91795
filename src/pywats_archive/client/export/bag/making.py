"""An export from beginning to end: choose, write, and give the whole bag its name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any

from pywats_archive.archive.access import recording
from pywats_archive.archive.core import Archive
from pywats_archive.archive.restore import exporting
from pywats_archive.client.export.bag.container import Container, FolderContainer, ZipContainer
from pywats_archive.client.export.bag.order import Order, asked
from pywats_archive.client.export.bag.page.figures import Figures
from pywats_archive.client.export.bag.payload import Payload
from pywats_archive.client.export.bag.signing import Signing, signing
from pywats_archive.client.export.bag.tags import Tags
from pywats_archive.client.export.bag.work import Line, Work
from pywats_archive.errors import StorageError, UnknownEntry, UsageError
from pywats_archive.models.bag.outcome import Exported, NotExported

_AT_ONCE = 50
"""Entries in one step that a kill loses."""
_MOST_PROBLEMS = 1_000
Holder = Callable[[str], Archive]
OnProgress = Callable[[int], None]


class Making:
    """Makes one bag."""

    def __init__(
        self,
        order: Order,
        archives: Sequence[Archive],
        holder: Holder,
        *,
        config: Path | None,
        actor: str,
        on_progress: OnProgress,
    ) -> None:
        """``config``: beside which the signing key lies."""
        self._order = order
        self._archives = archives
        self._holder = holder
        self._config = config
        self._actor = actor
        self._on_progress = on_progress
        self._problems: list[NotExported] = []

    def make(self, ids: Iterator[str], now: datetime) -> Exported:
        """Make the bag, or go on with one that an earlier call began; UsageError if its name is taken."""
        try:
            return self._make(ids, now)
        except OSError as exc:
            raise StorageError(
                f"{self._order.target}: cannot be written ({exc.strerror or exc}); call the command again to go on"
            ) from exc

    def _make(self, ids: Iterator[str], now: datetime) -> Exported:
        with Work(self._order) as work:
            if os.path.lexists(self._order.target):
                if work.done:
                    answer = work.done
                    work.remove()
                    return _exported(answer)
                raise UsageError(
                    f"{self._order.target}: exists already, and nothing is overwritten; choose another name"
                )
            work.begin(asked(self._order, [each.description.archive_uuid for each in self._archives]), ids)
            if next(work.chosen(), None) is None:
                work.remove()
                raise UsageError("no entry matches; nothing was exported")
            figures = Figures()
            number = 0
            for line in work.lines():
                self._count(figures, line)
                number += 1
            container = self._container(work)
            work.cut()
            self._on_progress(number)
            self._write_rest(work, Payload(container=container, order=self._order), figures, number)
            return self._finish(work, container, figures, now)

    def _container(self, work: Work) -> Container:
        if self._order.is_zip:
            states = (line["state"] for line in work.lines() if line["state"])
            return ZipContainer(work.content, self._order.name, states)
        return FolderContainer(work.content)

    def _write_rest(self, work: Work, payload: Payload, figures: Figures, number: int) -> None:
        rest = islice(work.chosen(), number, None)
        while batch := list(islice(rest, _AT_ONCE)):
            for archive in self._archives:
                mine = [each for each in batch if archive.has(each)]
                exporting.record_export(archive, mine, str(self._order.target), actor=self._actor)
            lines = [self._line(payload, archive_id) for archive_id in batch]
            lines[-1]["state"] = payload.container.sync()
            work.append(lines)
            for line in lines:
                self._count(figures, line)
            self._on_progress(len(batch))

    def _line(self, payload: Payload, archive_id: str) -> Line:
        try:
            return {**payload.write(self._holder(archive_id), archive_id), "state": {}}
        except UnknownEntry:  # removed by a rebuild since it was chosen
            return {"row": None, "archive_id": archive_id, "state": {}}

    def _count(self, figures: Figures, line: Line) -> None:
        if line["row"] is None:
            self._problem(line["archive_id"], "entry", "is not in the archive any more")
            return
        figures.add(line)
        for each in line["files"]:
            if each.get("error"):
                self._problem(line["row"]["archive_id"], f"{each['kind']} {each['original']}", each["error"])

    def _problem(self, archive_id: str, file: str, reason: str) -> None:
        if len(self._problems) < _MOST_PROBLEMS:
            self._problems.append(NotExported(archive_id=archive_id, file=file, reason=reason))

    def _finish(self, work: Work, container: Container, figures: Figures, now: datetime) -> Exported:
        signed = signing(self._archives, self._config, actor=self._actor)
        key = signed if isinstance(signed, Signing) else None
        tags = Tags(container, key, now=now)
        sha256 = tags.write(
            self._head(now), figures, lambda: (line for line in work.lines() if line["row"] is not None)
        )
        container.close()
        answer = Exported(
            bag=str(self._order.target),
            entries=figures.entries,
            files=figures.files,
            size_bytes=figures.size_bytes,
            sha256=sha256,
            key=key.signer.key_id if key else None,
            unsigned_because=None if isinstance(signed, Signing) else signed,
            is_on_record=all(map(recording.is_possible, self._archives)),
            problems=tuple(self._problems),
        )
        try:
            work.finish(asdict(answer))
        except FileExistsError as exc:
            raise UsageError(
                f"{self._order.target}: exists by now, and nothing is overwritten; choose another name"
            ) from exc
        work.remove()
        return answer

    def _head(self, now: datetime) -> dict[str, Any]:
        asked_for = asked(self._order, [])["wanted"]
        if asked_for["archive_ids"] is not None:
            asked_for["archive_ids"] = f"{len(asked_for['archive_ids']):,} named entries"
        unasked = {"sort", "newest_first"}
        return {
            "format": "pywats-archive export",
            "version": 1,
            "name": self._order.name,
            "made_at": now.isoformat(),
            "made_by": self._actor,
            "program": f"pywats-archive {metadata.version('pywats-archive')}",
            "chosen": {name: value for name, value in asked_for.items() if value is not None and name not in unasked},
            "sources": self._order.sources,
            "reports": self._order.reports,
            "archives": [_archive(each) for each in self._archives],
        }


def _archive(archive: Archive) -> dict[str, Any]:
    head = exporting.head_of(archive)
    return {
        "uuid": archive.description.archive_uuid,
        "sequence": head.sequence if head else 0,
        "hash": head.hash if head else "",
    }


def _exported(answer: dict[str, Any]) -> Exported:
    problems = tuple(NotExported(**each) for each in answer["problems"])
    return Exported(**{**answer, "problems": problems})
