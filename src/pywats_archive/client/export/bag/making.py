"""An export into a folder or a file, from beginning to end: choose, write, and give the whole bag its name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from itertools import islice
from typing import Any

from pywats_archive.client.export.bag.bagging import Bagging
from pywats_archive.client.export.bag.container import Container, FolderContainer, ZipContainer
from pywats_archive.client.export.bag.order import asked
from pywats_archive.client.export.bag.page.figures import Figures
from pywats_archive.client.export.bag.payload import Payload
from pywats_archive.client.export.bag.work import Work
from pywats_archive.errors import StorageError, UsageError
from pywats_archive.models.bag.outcome import Exported, NotExported

_AT_ONCE = 50
"""Entries in one step that a kill loses."""
OnProgress = Callable[[int], None]


class Making(Bagging):
    """Makes one bag."""

    def make(self, ids: Iterator[str], now: datetime, *, on_progress: OnProgress) -> Exported:
        """Make the bag, or go on with one that an earlier call began; UsageError if its name is taken."""
        try:
            return self._make(ids, now, on_progress)
        except OSError as exc:
            raise StorageError(
                f"{self._order.target}: cannot be written ({exc.strerror or exc}); call the command again to go on"
            ) from exc

    def _make(self, ids: Iterator[str], now: datetime, on_progress: OnProgress) -> Exported:
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
            on_progress(number)
            payload, rest = Payload(container=container, order=self._order), islice(work.chosen(), number, None)
            while batch := list(islice(rest, _AT_ONCE)):
                self._write(work, payload, figures, batch)
                on_progress(len(batch))
            return self._finish(work, container, figures, now)

    def _container(self, work: Work) -> Container:
        if self._order.is_zip:
            states = (line["state"] for line in work.lines() if line["state"])
            return ZipContainer.resumed(work.content, self._order.name, states)
        return FolderContainer(work.content)

    def _write(self, work: Work, payload: Payload, figures: Figures, batch: list[str]) -> None:
        self._record_entries(batch)
        lines = [self._line(payload, archive_id) for archive_id in batch]
        lines[-1]["state"] = payload.container.sync()
        work.append(lines)
        for line in lines:
            self._count(figures, line)

    def _finish(self, work: Work, container: Container, figures: Figures, now: datetime) -> Exported:
        answer = self._complete(container, figures, work.lines, now)
        container.close()
        try:
            work.finish(asdict(answer))
        except FileExistsError as exc:
            raise UsageError(
                f"{self._order.target}: exists by now, and nothing is overwritten; choose another name"
            ) from exc
        work.remove()
        return answer


def _exported(answer: dict[str, Any]) -> Exported:
    problems = tuple(NotExported(**each) for each in answer["problems"])
    return Exported(**{**answer, "problems": problems})
