"""Events of the history that another program changes, adds or removes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

from pywats_archive.archive.core import Archive
from pywats_archive.archive.repair.rebuild import Rebuilding, rebuild
from pywats_archive.catalog import tables
from tests.proof.case import Case, K, case
from tests.proof.place import Place, chained, sql
from tests.proof.rows import PASSED

_LAST = "(SELECT max(sequence) FROM events)"
_MIDDLE = "(SELECT min(sequence) FROM events WHERE bound_rows IS NULL)"
_LAST_BINDING = "(SELECT max(sequence) FROM events WHERE bound_rows IS NOT NULL)"
_COLUMNS = "sequence, kind, at, archive_id, actor, details, previous_hash, hash"
_MOVED = (
    "UPDATE events SET details = details || ',' || bound_rows, bound_rows = NULL WHERE sequence = "
    "(SELECT max(sequence) FROM events WHERE bound_rows IS NOT NULL)"
)


def broken() -> Iterator[Case]:
    """Yield what breaks the chain."""
    for column in (each.name for each in tables.events.columns):
        change = "sequence + 1000" if column == "sequence" else "'altered'"
        act = sql(f"UPDATE events SET {column} = {change} WHERE sequence = {_MIDDLE}")
        yield case("a value of `events` changed", act, K.CHAIN_BROKEN, part=f"`{column}`")
    yield case("an event removed", sql(f"DELETE FROM events WHERE sequence = {_MIDDLE}"), K.CHAIN_BROKEN)
    copied = (
        f"SELECT sequence + 1, kind, at, archive_id, actor, details, hash, hash FROM events WHERE sequence = {_LAST}"
    )
    yield case(
        "an event added with a hash that does not fit", sql(f"INSERT INTO events ({_COLUMNS}) {copied}"), K.CHAIN_BROKEN
    )
    yield case("digests of an event moved into its details", sql(_MOVED), K.CHAIN_BROKEN, K.ROW_ALTERED)


def cut() -> Iterator[Case]:
    """Yield what leaves a chain that is whole."""
    yield case(
        "the newest events cut off, and the rows left as they are",
        _without_notes(f"DELETE FROM events WHERE sequence >= {_LAST_BINDING}"),
        K.ROW_ALTERED,
        also=(K.HISTORY_CUT,),
    )
    yield case(
        "the newest event cut off, which binds no row",
        _without_notes(f"DELETE FROM events WHERE sequence = {_LAST}"),
        also=(K.HISTORY_CUT,),
    )
    yield case("all events removed", _without_notes("DELETE FROM events"), K.ROW_UNRECORDED, also=(K.HISTORY_CUT,))
    yield case(
        "an event edited, and the chain recomputed",
        chained("UPDATE events SET actor = 'nobody' WHERE sequence = 2"),
        also=(K.HISTORY_ALTERED,),
    )
    yield case(
        "an event removed, and the chain recomputed",
        chained(f"DELETE FROM events WHERE sequence = {_MIDDLE}"),
        also=(K.HISTORY_CUT,),
    )
    yield case(
        "an event edited and the chain recomputed, with the archive's own `anchors.log` left",
        _edited_with_notes,
        K.HISTORY_ALTERED,
    )


def older() -> Iterator[Case]:
    """Yield the cases of older copies."""
    yield case("an older `metadata.db` restored", _older_catalog, also=(K.HISTORY_CUT,))
    yield case("the whole archive replaced by an older copy", _older_archive, also=(K.HISTORY_CUT,))
    yield case("a change hidden by `rebuild`, the former history kept", _rebuilt, also=(K.HISTORY_REPLACED,))


def appended() -> Iterator[Case]:
    """Yield the case of an event that the program itself appends."""
    yield case(
        "a value changed, and an event added that binds the row, as the program adds it",
        _by_program,
        remark="The event has a later number than the anchor. Compare rows with a copy of the catalog from before it",
    )


def _without_notes(statement: str) -> Callable[[Place], None]:
    """Return the manipulation that also removes the archive's own anchors."""

    def act(place: Place) -> None:
        sql(statement)(place)
        place.without_notes()

    return act


def _edited_with_notes(place: Place) -> None:
    notes = (place.root / "anchors.log").read_bytes()
    chained("UPDATE events SET actor = 'nobody' WHERE sequence = 2")(place)
    (place.root / "anchors.log").write_bytes(notes)


def _older_catalog(place: Place) -> None:
    (place.root / "metadata.db").write_bytes((place.older / "metadata.db").read_bytes())
    place.without_notes()


def _older_archive(place: Place) -> None:
    place.root.rename(place.base / "newer")
    shutil.copytree(place.older, place.root)


def _rebuilt(place: Place) -> None:
    sql(*PASSED)(place)
    for copy in (place.root / "backups").iterdir():
        copy.unlink()
    rebuild(place.root, Rebuilding(actor="test"))
    place.without_notes()


def _by_program(place: Place) -> None:
    with Archive.open(place.root, own=True) as archive:
        archive.write(lambda tx: [tx.exec_driver_sql(each) for each in PASSED])
