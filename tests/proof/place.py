"""The archive of a station with an anchor elsewhere, and what somebody with all rights does to it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from pywats_archive import Client
from pywats_archive.archive import backups
from pywats_archive.archive.anchors.making import make
from pywats_archive.archive.copies.making import Target, Wanted
from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import codes
from pywats_archive.archive.sources import ingest
from pywats_archive.blobs.header import Label, encode, read_label
from pywats_archive.catalog import events
from pywats_archive.catalog.binding.bound import BOUND
from pywats_archive.catalog.binding.digests import RowDigest
from pywats_archive.errors import ArchiveError
from pywats_archive.integrity.anchors import AnchorPlaces
from pywats_archive.integrity.verify import verify
from pywats_archive.models.code import ConverterCode
from pywats_archive.models.operation.integrity import Thoroughness
from tests.anchored import signer_of
from tests.filled import ROWS_OF_EVERY_TABLE, fill

REFUSED = "refused"
"""Found instead of problems if no command opens the archive."""
_SUMMED = (
    "source_size_bytes",
    "compressed_size_bytes",
    "disk_size_bytes",
    "all_reports",
    "all_reports_size_bytes",
    "all_reports_compressed_bytes",
)
"""The columns of entries that ``entry_figures`` holds sums of, in the order of its own."""


@dataclass(frozen=True)
class Place:
    """A station: its archive, an older copy of that, and a folder elsewhere with an anchor."""

    base: Path
    older: Path
    """A copy of the whole archive, from before a hold and the anchor."""

    @property
    def root(self) -> Path:
        """The archive."""
        return self.base / "archive"

    @property
    def key_folder(self) -> Path:
        """The folder with the signing key of the station."""
        return self.older.parent / "station"

    @property
    def share(self) -> Path:
        """The folder elsewhere."""
        return self.base / "share"

    def blob(self, pattern: str) -> Path:
        """Return the first file in the archive that this pattern matches; a manipulation may write to it."""
        path = sorted(self.root.rglob(pattern))[0]
        path.chmod(0o600)
        return path

    @contextmanager
    def catalog(self) -> Iterator[sqlite3.Connection]:
        """Open the catalog with all rights: without its triggers, which are there again afterwards."""
        with closing(sqlite3.connect(self.root / "metadata.db")) as db:
            triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for name, _ in triggers:
                db.execute(f"DROP TRIGGER {name}")
            yield db
            for _, text in triggers:
                db.execute(text)
            db.commit()

    def raw(self, *statements: str) -> None:
        """Run statements on the catalog, with its triggers."""
        with closing(sqlite3.connect(self.root / "metadata.db")) as db:
            for statement in statements:
                db.execute(statement)
            db.commit()

    def without_notes(self) -> None:
        """Remove what the archive itself notes of its anchors."""
        (self.root / "anchors.log").unlink()


def make_place(base: Path) -> Place:
    """Make the archive of a station, with a row in every table, a blob of each kind, and an anchor."""
    place = Place(base / "station", base / "older")
    place.base.mkdir()
    place.share.mkdir()
    fill(place.base)
    with Archive.open(place.root, own=True) as archive:
        archive.write(lambda tx: [tx.exec_driver_sql(statement) for statement in ROWS_OF_EVERY_TABLE])
        code = ConverterCode(files={"own.py": b"class C: pass\n"}, class_name="C")
        codes.store(archive, code, version="1", distribution=None)
        wanted = Wanted(archive_uuid=archive.description.archive_uuid, at=archive.now())
        backups.make(archive, [Target(place=each) for each in backups.places(archive, None)], wanted)
    _bring_in(place)
    shutil.copytree(place.root, place.older)
    with Archive.open(place.root, own=True) as archive:
        hold = (
            "UPDATE archive_entries SET hold_reason = 'recall', held_by = 'q', held_at = created_at WHERE entry_no = 1"
        )
        archive.write(lambda tx: tx.exec_driver_sql(hold))
        make(archive, signer_of(place.root), folders=[place.share])
    return place


def _bring_in(place: Place) -> None:
    """Import an entry from a bag of another archive."""
    other, bag = place.base / "other", place.base / "bag"
    other.mkdir()
    (other / "elsewhere.csv").write_bytes(b"from another station")
    with Archive.open(other / "archive", create=True, own=True) as archive:
        ingest.archive_source(archive, ingest.NewSource(path=other / "elsewhere.csv", converter_name="C"))
    with Client([other / "archive"]) as client:
        client.export_bag(bag)
    with Client([place.root]) as client:
        client.import_bag(bag)


def copied(place: Place, base: Path) -> Place:
    """Copy a station's archive, without what it reserves, and the folder elsewhere."""
    copy = Place(base, place.older)
    for folder in ("archive", "share"):
        shutil.copytree(place.base / folder, base / folder, ignore=shutil.ignore_patterns("reserve"))
    return copy


def found(place: Place, *, with_anchor: bool, how: Thoroughness) -> frozenset[str]:
    """Verify the archive; returns the kinds of the problems."""
    named = (place.share,) if with_anchor else ()
    try:
        with Archive.open(place.root) as archive:
            checks = list(verify(archive, how, AnchorPlaces(named=named)))
    except ArchiveError:
        return frozenset({REFUSED})
    return frozenset(each.problem.kind.value for each in checks if each.problem)


def sql(*statements: str) -> Callable[[Place], None]:
    """Return the manipulation that runs these statements on the catalog."""

    def act(place: Place) -> None:
        with place.catalog() as db:
            for statement in statements:
                db.execute(statement)

    return act


def chained(*statements: str) -> Callable[[Place], None]:
    """Return the manipulation that runs statements, computes the chain anew, and removes the archive's own anchors."""

    def act(place: Place) -> None:
        with place.catalog() as db:
            for statement in statements:
                db.execute(statement)
            _chain(db)
        place.without_notes()

    return act


def bound_and_chained(*statements: str) -> Callable[[Place], None]:
    """Return the manipulation that also puts the digests of the changed rows into the events that bind them."""

    def act(place: Place) -> None:
        with place.catalog() as db:
            for statement in statements:
                db.execute(statement)
            _bind(db)
            _chain(db)
        place.without_notes()

    return act


def add_up(db: sqlite3.Connection) -> None:
    """Write the sums that the triggers keep as if the rows had always been as they are now."""
    db.execute("DELETE FROM entry_figures")
    sums = ", ".join(f"sum({name})" for name in _SUMMED)
    db.execute(
        "INSERT INTO entry_figures SELECT converter_name, substr(archive_id, 1, 8), CASE WHEN purged_at IS NULL THEN "
        f"conversion_status ELSE 'PURGED' END, count(*), count(warnings), {sums} FROM archive_entries GROUP BY 1, 2, 3"
    )
    if not db.execute("SELECT 1 FROM arrivals").fetchone():
        db.execute("DELETE FROM arrival_figures")


def _bind(db: sqlite3.Connection) -> None:
    """Let the last event that binds each row have the digest of the row as it is now."""
    last: dict[tuple[str, str], tuple[int, str | None]] = {}
    bound = db.execute("SELECT sequence, bound_rows FROM events WHERE bound_rows IS NOT NULL ORDER BY 1").fetchall()
    history = {sequence: orjson.loads(rows) for sequence, rows in bound}
    for sequence, tables in history.items():
        last |= {(name, key): (sequence, digest) for name, rows in tables.items() for key, digest in rows.items()}
    now = {
        (table.name, table.key_text(row[: len(table.key)])): RowDigest(table)(row[len(table.key) :])
        for table in BOUND
        for row in db.execute(f"SELECT {', '.join((*table.key, *table.columns))} FROM {table.name}")
    }
    for (name, key), (sequence, _) in last.items():
        history[sequence][name][key] = now.get((name, key))
    for sequence, tables in history.items():
        db.execute("UPDATE events SET bound_rows = ? WHERE sequence = ?", (orjson.dumps(tables).decode(), sequence))


def _chain(db: sqlite3.Connection) -> None:
    """Compute the chain anew."""
    previous = events.FIRST_HASH
    for number, (sequence, *columns) in enumerate(db.execute(events.whole_story(db)).fetchall(), start=1):
        row = (number, *columns[:-2])
        hash_ = events._hash(previous, row)
        values = (number, previous, hash_, sequence)
        db.execute("UPDATE events SET sequence = ?, previous_hash = ?, hash = ? WHERE sequence = ?", values)
        previous = hash_


def write(path: Path, content: bytes) -> None:
    """Put other bytes in the place of a file."""
    path.chmod(0o600)
    path.write_bytes(content)


def relabelled(path: Path, facts: Mapping[str, Any], name: str | None = None) -> None:
    """Give a blob a header with other facts, sealed as the program seals it, with the same length."""
    with path.open("rb") as stream:
        label = read_label(stream, path)
        body = stream.read() if stream.seek(label.header_bytes) else b""
        stream.seek(10)
        length = int.from_bytes(stream.read(2), "little") - 4
    made = Label(original_name=name or label.original_name, mtime_s=label.mtime_s, metadata={**label.metadata, **facts})
    assert label.body_crc32 is not None
    write(path, encode(made, body_crc32=label.body_crc32, json_bytes=length) + body)


def remove(pattern: str) -> Callable[[Place], None]:
    """Return the manipulation that removes the first file that this pattern matches."""
    return lambda place: place.blob(pattern).unlink()
