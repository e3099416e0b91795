"""What every export of a bag does: record it, write entries, count them, and complete the bag with its tag files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from pywats_archive.archive.access import recording
from pywats_archive.archive.core import Archive
from pywats_archive.archive.restore import exporting
from pywats_archive.client.export.bag.container import Container
from pywats_archive.client.export.bag.order import Order, asked
from pywats_archive.client.export.bag.page.figures import Figures
from pywats_archive.client.export.bag.payload import Payload
from pywats_archive.client.export.bag.signing import Signing, signing
from pywats_archive.client.export.bag.tags import Tags
from pywats_archive.client.export.bag.work import Line
from pywats_archive.errors import UnknownEntry
from pywats_archive.models.bag.outcome import Exported, NotExported
from pywats_archive.portable.placing import whole_path

_MOST_PROBLEMS = 1_000
Holder = Callable[[str], Archive]


class Bagging:
    """Writes the entries and the tag files of one bag."""

    def __init__(
        self, order: Order, archives: Sequence[Archive], holder: Holder, *, config: Path | None, actor: str
    ) -> None:
        """``config``: beside which the signing key lies."""
        self._order = order
        self._archives = archives
        self._holder = holder
        self._config = config
        self._actor = actor
        self._problems: list[NotExported] = []

    def _record_entries(self, archive_ids: Iterable[str]) -> None:
        """Record the export of entries, before their bytes are read."""
        for archive in self._archives:
            mine = [each for each in archive_ids if archive.has(each)]
            exporting.record_export(archive, mine, self._to, actor=self._actor)

    @property
    def _to(self) -> dict[str, str | bool]:
        """Where the bag goes, and why, as the history has it."""
        order = self._order
        place = str(order.target) if order.is_download else whole_path(order.target)
        details: dict[str, str | bool] = {"to": place}
        details |= {"downloaded": True} if order.is_download else {}
        return details | ({"reason": order.reason} if order.reason else {})

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

    def _complete(
        self, container: Container, figures: Figures, lines: Callable[[], Iterator[Line]], now: datetime
    ) -> Exported:
        """Write the tag files, and record the whole bag with its checksum."""
        signed = signing(self._archives, self._config, actor=self._actor)
        key = signed if isinstance(signed, Signing) else None
        tags = Tags(container, key, now=now)
        sha256 = tags.write(self._head(now), figures, lambda: (line for line in lines() if line["row"] is not None))
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
        for archive in self._archives:
            exporting.record_bag(archive, answer, self._to, actor=self._actor)
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
