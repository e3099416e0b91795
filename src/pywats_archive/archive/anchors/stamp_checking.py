"""Checks the stored time stamps: each must be the one on record, of the anchor beside it, and signed."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from pywats_archive.archive.anchors.anchor import Anchor
from pywats_archive.archive.anchors.checking import AnchorChecks, Verdict
from pywats_archive.archive.anchors.folders import read_file
from pywats_archive.archive.anchors.making import STAMPED
from pywats_archive.archive.anchors.timestamps import (
    ANCHOR,
    ANSWER,
    FOLDER,
    check_authority,
    decoded,
    has_library,
    is_of,
)
from pywats_archive.archive.core import Archive
from pywats_archive.catalog import events
from pywats_archive.errors import UsageError
from pywats_archive.models.operation.integrity import Problem, ProblemKind
from pywats_archive.portable.files import read_small


@dataclass(frozen=True, kw_only=True, slots=True)
class StampShown:
    """A sound time stamp of an anchor that agrees with the history."""

    anchor: Anchor
    at: datetime
    """The time that the authority states."""
    where: str

    def __str__(self) -> str:
        moment = f"{self.at.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
        return f"event {self.anchor.event} at {moment} (time stamp {self.where})"


class StampChecks:
    """Checks the time stamps of one archive; keeps the newest one that is sound."""

    def __init__(self, archive: Archive, checks: AnchorChecks, authorities: Sequence[bytes]) -> None:
        """``authorities`` are certificates (PEM) to which each signature must lead; without any, its own is used."""
        self._archive = archive
        self._checks = checks
        self._authorities = authorities
        self._unread = 0
        """Number of time stamps that need the extra."""
        self.newest: StampShown | None = None

    def check(self) -> Iterator[Problem]:
        """Yield a problem for each time stamp in the archive that does not fit, or is gone."""
        recorded = self._recorded()
        folder = self._archive.root / FOLDER
        for name in recorded:
            if not (self._archive.root / name).is_file():
                message = "is on record and missing; restore it from a backup, or from your copy of the answer"
                yield self._problem(ProblemKind.STAMP_MISSING, self._archive.root / name, message)
        for path in sorted(folder.glob(f"*{ANSWER}")):
            yield from self._answer(path, recorded.get(path.relative_to(self._archive.root).as_posix()))

    def notes(self) -> Iterator[str]:
        """Yield notes on time stamps that could not be checked, a line each."""
        if self._unread:
            need = "this needs a further package; install 'pywats-archive[timestamps]'"
            yield f"{self._archive.root}: the contents of {self._unread} time stamps were not checked: {need}"

    def _recorded(self) -> dict[str, str]:
        """Return the SHA-256 of each answer by its file, as the history has them."""
        with self._archive.read() as db:
            found = events.without_archive_id(db, STAMPED)
        return {str(each.details.get("file")): str(each.details.get("sha256")) for each in found}

    def _answer(self, path: Path, recorded: str | None) -> Iterator[Problem]:
        try:
            answer = read_small(path)
        except OSError as exc:
            message = f"cannot be read ({exc.strerror or exc}); check the file and its rights"
            yield self._problem(ProblemKind.STAMP_DAMAGED, path, message)
            return
        if recorded is not None and not hmac.compare_digest(hashlib.sha256(answer).hexdigest(), recorded):
            message = "is not the answer that the history records; restore it from a backup"
            yield self._problem(ProblemKind.STAMP_DAMAGED, path, message)
            return
        beside = path.with_name("_".join(path.stem.split("_")[:2]) + ANCHOR)
        anchors = read_file(beside).anchors
        if len(anchors) != 1:
            message = f"has no anchor beside it ({beside.name}); restore it from a backup"
            yield self._problem(ProblemKind.STAMP_DAMAGED, path, message)
        elif not has_library():
            self._unread += 1
        else:
            yield from self._content(path, answer, anchors[0])

    def _content(self, path: Path, answer: bytes, anchor: Anchor) -> Iterator[Problem]:
        from pywats_archive.archive.anchors.cms import signature_fault  # noqa: PLC0415 (seldom needed)

        where = path.relative_to(self._archive.root).as_posix()
        verdict = self._checks.add(anchor, f"{self._archive.root}/{where}", is_outside=False)
        try:
            response = decoded(answer)
        except UsageError as exc:
            yield self._problem(ProblemKind.STAMP_DAMAGED, path, str(exc))
            return
        if not is_of(response.tst_info.message_imprint, anchor):
            yield self._problem(
                ProblemKind.STAMP_DAMAGED, path, "is not of the anchor beside it; compare with a backup"
            )
        elif fault := signature_fault(response):
            yield self._problem(ProblemKind.STAMP_DAMAGED, path, f"{fault}; restore it from a backup")
        elif fault := self._distrusted(response, anchor):
            yield self._problem(ProblemKind.STAMP_UNTRUSTED, path, fault)
        elif verdict is Verdict.AGREES and (self.newest is None or anchor.event > self.newest.anchor.event):
            self.newest = StampShown(anchor=anchor, at=response.tst_info.gen_time, where=where)

    def _distrusted(self, response: object, anchor: Anchor) -> str | None:
        """Return why the signature of an answer leads to no authority; None if it does, or none is named."""
        try:
            if self._authorities:
                check_authority(response, anchor, self._authorities)
        except UsageError as exc:
            return str(exc)
        return None

    @staticmethod
    def _problem(kind: ProblemKind, path: Path, message: str) -> Problem:
        return Problem(kind=kind, path=f"{FOLDER}/{path.name}", message=f"{path}: {message}")
