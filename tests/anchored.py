"""An archive with an anchor, and what somebody with all rights does to its catalog."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from pywats_archive.archive.anchors.making import Made, make
from pywats_archive.archive.anchors.signing import Signer, load_signer
from pywats_archive.archive.core import Archive
from pywats_archive.archive.overview import history
from pywats_archive.catalog import events
from pywats_archive.integrity.anchors import AnchorPlaces
from pywats_archive.integrity.verify import verify
from pywats_archive.models.operation.integrity import Checked, ProblemKind, Thoroughness
from pywats_archive.models.time import Clock, utc_now
from pywats_archive.words.extent import extent

QUICK = Thoroughness(quick=True)


def signer_of(root: Path) -> Signer:
    """Return the signing key beside an archive; made at first."""
    return load_signer(root.parent)


def anchored(root: Path, *folders: Path, number: int = 1, clock: Clock = utc_now) -> Made:
    """Append events to the history of an archive, and sign it."""
    with Archive.open(root, create=True, own=True, clock=clock) as archive:
        for each in range(number):
            history.record(archive, "user.signed_in", {"number": each}, actor="test")
        return make(archive, signer_of(root), folders=folders)


def checks(root: Path, *named: Path, configured: Sequence[Path] = ()) -> list[Checked]:
    """Verify an archive, and compare it with these anchors."""
    with Archive.open(root) as archive:
        return list(verify(archive, QUICK, AnchorPlaces(named=named, configured=tuple(configured))))


def kinds(root: Path, *named: Path, configured: Sequence[Path] = ()) -> list[ProblemKind]:
    """Return the kinds of the problems that are found."""
    return [each.problem.kind for each in checks(root, *named, configured=configured) if each.problem]


def notes(root: Path, *named: Path, configured: Sequence[Path] = ()) -> list[str]:
    """Return the notes of a check."""
    return [each.note for each in checks(root, *named, configured=configured) if each.note]


def said(root: Path, *named: Path, configured: Sequence[Path] = ()) -> str:
    """Return what the command says of the history."""
    (history,) = [each.history for each in checks(root, *named, configured=configured) if each.history]
    return extent(history)


def tamper(root: Path, *statements: str, sql: Callable[[sqlite3.Connection], None] = lambda db: None) -> None:
    """Change a catalog without the triggers that protect it, then compute the chain anew."""
    with closing(sqlite3.connect(root / "metadata.db")) as db:
        triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            db.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            db.execute(statement)
        sql(db)
        _chain_anew(db)
        for _, text in triggers:
            db.execute(text)
        db.commit()


def _chain_anew(db: sqlite3.Connection) -> None:
    previous = events.FIRST_HASH
    rows = db.execute(events.whole_story(db)).fetchall()
    for *columns, _, _ in rows:
        chained = events._hash(previous, columns)
        values = (previous, chained, columns[0])
        db.execute("UPDATE events SET previous_hash = ?, hash = ? WHERE sequence = ?", values)
        previous = chained


def copy_of(root: Path, target: Path) -> Path:
    """Copy a closed catalog."""
    return Path(shutil.copy(root / "metadata.db", target))
