"""Files of the archive that another program changes, adds, removes or exchanges."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

from pywats_archive.archive.anchors.making import make
from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import reports
from pywats_archive.blobs.header import read_label
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.query import EntryFilter
from tests.anchored import signer_of
from tests.forged import forge
from tests.proof.case import Case, K, case
from tests.proof.place import Place, add_up, bound_and_chained, chained, relabelled, remove, sql, write

_COPY = "a copy of the catalog"
_KINDS = {
    "a source": "sources/**/*.csv.gz",
    "a folder": "sources/**/[0-9]*[0-9a-f].tar.gz",
    "companions": "sources/**/*.companions.tar.gz",
    "a report": "reports/**/*.json.gz",
    "the code of a converter": "converters/*.gz",
    "the record of an imported entry": "imported/**/*.json.gz",
    _COPY: "backups/*.gz",
}
_UNCOMPARED = "What the catalog has too is compared; this field is read only by `rebuild`"


def damaged() -> Iterator[Case]:
    """Yield the cases of damaged blobs of each kind."""
    for name, pattern in _KINDS.items():
        header = K.HEADER_DAMAGED if pattern.startswith(("sources", "reports")) else K.BLOB_DAMAGED
        yield case("a byte of the content of a blob changed", _flip(pattern, -20), K.BLOB_DAMAGED, part=name)
        yield case("a byte of the header of a blob changed", _flip(pattern, 40), header, part=name)
        yield case("a blob cut short", _shorten(pattern), K.BLOB_DAMAGED, part=name)
        if name != _COPY:
            yield case("a blob removed", remove(pattern), K.BLOB_MISSING, part=name)
    replaced = "The service removes old copies itself; `doctor` and the alert `backup.failed` say when one is due"
    yield case("a blob removed", remove(_KINDS[_COPY]), part=_COPY, remark=replaced)


def exchanged() -> Iterator[Case]:
    """Yield the cases of blobs that are sound in themselves."""
    yield case("a blob added", _copy, K.BLOB_UNKNOWN)
    yield case("another file added", _strange, K.BLOB_UNKNOWN)
    yield case("a source replaced by another one of the archive", _exchange, K.CHECKSUM_MISMATCH)
    for key in ("original_path", "converter_name", "mtime_ns"):
        act = _relabel("sources/**/*.csv.gz", key)
        yield case("a header rewritten and sealed again", act, K.HEADER_DAMAGED, part=f"`{key}`")
    yield case(
        "a header rewritten and sealed again",
        _relabel(_KINDS["a report"], "report_id"),
        K.HEADER_DAMAGED,
        part="`report_id`",
    )
    for key in ("archived_at", "converter_version"):
        act = _relabel("sources/**/*.csv.gz", key)
        yield case("a header rewritten and sealed again", act, part=f"`{key}`", remark=_UNCOMPARED)
    yield case("the name in a header changed, and the header sealed again", _rename, remark=_UNCOMPARED)
    yield case(
        "a source forged, with header and row made to agree",
        _forge(sql),
        K.RECORD_ALTERED,
        K.ROW_ALTERED,
        K.SUM_ALTERED,
    )
    yield case(
        "a source forged, with header, row and history made to agree, and the chain recomputed",
        _forge(_in_history),
        also=(K.HISTORY_ALTERED,),
    )
    yield case(
        "an entry removed, with its rows, events and blobs, and the chain recomputed",
        _without_trace,
        also=(K.HISTORY_CUT,),
    )
    yield case(
        "the history changed, the chain recomputed, and the anchor left in the header of a later report",
        _with_carrier,
        K.HISTORY_ALTERED,
    )


def _flip(pattern: str, at: int) -> Callable[[Place], None]:
    def act(place: Place) -> None:
        path = place.blob(pattern)
        content = bytearray(path.read_bytes())
        content[at] ^= 0x10
        write(path, bytes(content))

    return act


def _shorten(pattern: str) -> Callable[[Place], None]:
    def act(place: Place) -> None:
        path = place.blob(pattern)
        write(path, path.read_bytes()[:-9])

    return act


def _copy(place: Place) -> None:
    path = place.blob(_KINDS["a source"])
    shutil.copy(path, path.with_name(path.name.replace(".csv", ".txt")))


def _strange(place: Place) -> None:
    (place.blob(_KINDS["a source"]).parent / "notes.docx").write_bytes(b"?")


def _exchange(place: Place) -> None:
    first, second = sorted(place.root.glob(_KINDS["a source"]))[:2]
    write(first, second.read_bytes())


def _relabel(pattern: str, key: str) -> Callable[[Place], None]:
    def act(place: Place) -> None:
        path = place.blob(pattern)
        with path.open("rb") as stream:
            value = read_label(stream, path).metadata[key]
        relabelled(path, {key: value - 1 if isinstance(value, int) else _another(value)})

    return act


def _another(text: str | None) -> str:
    return f"{text[:-1]}0" if text and text[-1] != "0" else f"{(text or 'x')[:-1]}1"


def _rename(place: Place) -> None:
    relabelled(place.blob(_KINDS["a source"]), {}, name="XX0.csv")


def _forge(manipulation: Callable[..., Callable[[Place], None]]) -> Callable[[Place], None]:
    """Return the manipulation that puts other content under the same id, with a header and a row that fit."""
    return lambda place: manipulation(forge(place.root, place.blob(_KINDS["a source"])))(place)


def _in_history(statement: str) -> Callable[[Place], None]:
    """Return the manipulation that runs a statement on an entry, and gives its history the checksum of its row."""
    archive_id = statement.rpartition("'")[0].rpartition("'")[2]

    def act(place: Place) -> None:
        with place.catalog() as db:
            db.execute(statement)
            add_up(db)
            (checksum,) = db.execute(
                "SELECT source_checksum FROM archive_entries WHERE archive_id = ?", (archive_id,)
            ).fetchone()
            changed = "UPDATE events SET details = json_set(details, '$.checksum', ?) WHERE archive_id = ? AND kind = ?"
            db.execute(changed, (checksum, archive_id, "source.archived"))
        bound_and_chained()(place)

    return act


def _without_trace(place: Place) -> None:
    archive_id = place.blob(_KINDS["a source"]).name[:24]
    with place.catalog() as db:
        db.execute(
            "DELETE FROM entry_text WHERE rowid = (SELECT entry_no FROM archive_entries WHERE archive_id = ?)",
            (archive_id,),
        )
        for table in ("arrivals", "run_items", "reports", "conversions", "archive_entries", "events"):
            db.execute(f"DELETE FROM {table} WHERE archive_id = ?", (archive_id,))
        add_up(db)
    for path in place.root.rglob(f"{archive_id}*"):
        path.unlink()
    bound_and_chained()(place)


def _with_carrier(place: Place) -> None:
    with Archive.open(place.root, own=True) as archive:
        make(archive, signer_of(place.key_folder / "archive"))
        entry = archive.find(EntryFilter(status=ConversionStatus.SUCCESS)).items[0]
        reports.add_report(archive, entry.archive_id, b'{"id": "0e7b5a84-0f5b-44f4-8e2e-2d0a4a6f4b01"}')
    chained("UPDATE events SET actor = 'nobody' WHERE sequence = 2")(place)
