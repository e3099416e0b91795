"""Turns rows of a segment into rows of the index; pure functions of values."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from pywats_archive.archive.replica.rows import Row, is_erased, path_of, rows_of
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.ids import is_archive_id
from pywats_archive.models.report import SubmissionState
from pywats_archive.models.time import UTC

ENTRIES, REPORTS = "entries", "reports"
_TABLES = {"archive_entries": ENTRIES, "reports": REPORTS}
_SHA256 = "sha256:"
_COPY = re.compile(r"\.(\d{1,9})\.json\.gz(?:\.age)?\Z")
_UUID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UPPER = str.maketrans({chr(each): chr(each - 32) for each in range(ord("a"), ord("z") + 1)})
"""As SQLite compares without regard to case: ASCII alone (sqlite.org/datatype3, NOCASE)."""
IndexRow = dict[str, Any]
MOST_CHARACTERS = 32_768
"""How much of a text an index has: a station's own texts are shorter."""
_MOST_WARNINGS = 1000
_END = "\N{INFORMATION SEPARATOR TWO}"
"""Stands after each warning."""
_MOST, _MOST_SMALL = 2**63 - 1, 2**32 - 1
"""The greatest numbers that the columns hold."""


def index_rows(
    lines: Iterable[bytes], *, chain: int, first: int, held: Collection[str]
) -> Iterator[tuple[str, IndexRow]]:
    """Yield the rows of a segment, each with its table.

    ``first`` is the segment's number, and ``held`` has the paths of the blobs that came with it. One of ``ODD_LINE`` if a
    line is not one that an archive writes.
    """
    for table, row in rows_of(lines, _TABLES):
        made = (_entry if table == "archive_entries" else _report)(row)
        path = str(row["archived_path"])
        made |= {"chain": chain, "version": first, **_key(row["archive_id"])}
        made |= {"held": first if path in held else None, "held_chain": chain if path in held else None}
        made["path"] = text_of(path_without_id(path, row["archive_id"]))
        yield _TABLES[table], made


def folded(text: str) -> str:
    """Return a serial or part number in the form in which it is compared."""
    return text.translate(_UPPER)


def path_without_id(path: str, archive_id: str) -> str:
    """Return the path of a blob in short: what follows the id in its name, or the whole path if it has another form."""
    top, _, name = path.rpartition("/")
    is_short = name.startswith(archive_id) and top.endswith(f"/{archive_id[:4]}/{archive_id[4:6]}/{archive_id[6:8]}")
    return name[len(archive_id) :] if is_short and top.count("/") == 3 else path


def whole_path(short: str, top: str, archive_id: str) -> str:
    """Return the path of a blob: the reverse of ``path_without_id``."""
    if not short or "/" in short:
        return short
    return f"{top}/{archive_id[:4]}/{archive_id[4:6]}/{archive_id[6:8]}/{archive_id}{short}"


def milliseconds(archive_id: str) -> int:
    """Return the moment in an id, in ms since 1970."""
    of_day = archive_id[8:17]
    seconds = (int(of_day[:2]) * 60 + int(of_day[2:4])) * 60 + int(of_day[4:6])
    return _day_ms(archive_id[:8]) + seconds * 1000 + int(of_day[6:])


def has_moment(archive_id: str) -> bool:
    """Whether a text in the form of an id names a moment that the index can hold: one in the years 1000 to 9998."""
    if not "1000" <= archive_id[:4] < "9999":
        return False
    try:
        return id_of(milliseconds(archive_id), int(archive_id[18:], 16)) == archive_id
    except ValueError:
        return False


def id_of(archived: int, tail: int) -> str:
    """Return the id of an entry by the columns of the index."""
    moment = _EPOCH + timedelta(milliseconds=archived)
    return f"{moment:%Y%m%d%H%M%S}{archived % 1000:03}_{tail:06x}"


def microseconds(moment: datetime) -> int:
    """Return a moment in µs since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(at: int) -> datetime:
    """Return the moment: the reverse of ``microseconds``."""
    return _EPOCH + timedelta(microseconds=at)


def _key(archive_id: Any) -> IndexRow:
    if not isinstance(archive_id, str) or not is_archive_id(archive_id):
        raise ValueError(f"{archive_id!r} is not an archive id")
    if not has_moment(archive_id):
        raise ValueError(f"{archive_id!r} names no moment")
    return {"archived": milliseconds(archive_id), "tail": int(archive_id[18:], 16)}


@lru_cache(maxsize=4096)
def _day_ms(day: str) -> int:
    moment = datetime(int(day[:4]), int(day[4:6]), int(day[6:8]), tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _entry(row: Row) -> IndexRow:
    folder, name = _split(path_of(row["source_path"]))
    checksum = str(row["source_checksum"])
    hexadecimal = checksum.removeprefix(_SHA256)
    is_sha256 = checksum.startswith(_SHA256) and len(hexadecimal) == 64 and hexadecimal.isalnum()
    return {
        "erased": is_erased(row),
        "converter": _text(row["converter_name"]),
        "converter_version": _text(row.get("converter_version")),
        "folder": folder,
        "name": name,
        "checksum": bytes.fromhex(hexadecimal).hex() if is_sha256 else None,
        "size": _number(row["source_size_bytes"]),
        "converted": _text_microseconds(row["conversion_timestamp"]),
        "status": ConversionStatus(row["conversion_status"]).value,
        "error": _text(row.get("conversion_error")),
        "reason": _text(row.get("failure_reason")),
        "duration": None if row.get("conversion_duration_ms") is None else _number(row["conversion_duration_ms"]),
        "warnings": "".join(_warnings(_listed(row.get("warnings")))) or None,
        "result": _text(row.get("result")),
        "serial": _text(row.get("serial_number")),
        "part": _text(row.get("part_number")),
        "reports": _number(row["report_count"], _MOST_SMALL),
        "first_copy": _copy(row["report_archived_path"]) if row.get("report_archived_path") else None,
        "companions": len(_listed(row.get("companions"))),
        "hold": _text(row.get("hold_reason")),
        "purged": _text_microseconds(row["purged_at"]) if row.get("purged_at") else None,
    }


def _report(row: Row) -> IndexRow:
    return {
        "number": _number(row["report_no"]),
        "ordinal": _number(row["ordinal"], _MOST_SMALL),
        "copy": _copy(row["archived_path"]),
        **_folded("serial", row.get("serial_number")),
        **_folded("part", row.get("part_number")),
        "process": _text(row.get("process")),
        "result": _text(row.get("result")),
        "started": _text(row.get("start_time")),
        **_report_id(_text(row["report_id"]) or ""),
        "submission": SubmissionState(row["submission_state"]).value,
    }


def _copy(path: Any) -> int:
    """Return the number of a report among those of its entry: that in the name of its blob."""
    found = _COPY.search(str(path))
    return int(found[1]) if found else 1


def _folded(name: str, value: Any) -> IndexRow:
    """Return a number in the form in which it is compared, and beside it as it was written, if that is another one."""
    text = _text(value)
    form = None if text is None else folded(text)
    return {name: form, f"{name}_written": text if text != form else None}


def _report_id(text: str) -> IndexRow:
    """Return an id as a number, which takes half the space; or as text, if it is written in another way."""
    is_plain = _UUID.fullmatch(text) is not None
    return {"report_id": text if is_plain else None, "report_id_written": None if is_plain else text}


def _warnings(found: Any) -> list[str]:
    if not isinstance(found, list):
        raise TypeError("the warnings are no list")
    texts = [text_of(str(each)).replace(_END, " ") for each in found[:_MOST_WARNINGS]]
    left = MOST_CHARACTERS
    kept = []
    for text in texts:
        kept.append(text[:left] + _END)
        left -= len(text)
        if left <= 0:
            break
    return kept


def warnings_of(text: str | None) -> tuple[str, ...]:
    """Return the warnings of an entry, which the index has as one text: DuckDB takes ten times as long to read lists."""
    return tuple(text.split(_END)[:-1]) if text else ()


def _listed(text: Any) -> Any:
    """Return the list that a column has as JSON; an empty one without it."""
    return json.loads(text) if text else []


def _number(value: Any, most: int = _MOST) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"{str(value)[:40]!r} is not a number of a catalog")
    return value


def _text_microseconds(text: Any) -> int:
    return microseconds(datetime.fromisoformat(text).astimezone(UTC))


def _split(path: str) -> tuple[str, str]:
    """Return the folder of a path, with its separator, and the name."""
    at = max(path.rfind("/"), path.rfind("\\")) + 1
    return _text(path[:at]) or "", _text(path[at:]) or ""


def _text(value: Any) -> str | None:
    if value is None or (
        type(value) is str and len(value) <= MOST_CHARACTERS and value.isascii() and "\0" not in value
    ):
        return value
    return text_of(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value))


def text_of(text: str) -> str:
    """Return a text as an index can hold it: without what no Parquet file can, and the beginning of one without end."""
    text = text[:MOST_CHARACTERS]
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
