"""DuckDB as the index uses it: in memory up to a limit, the rest in a folder of its own; without extensions or a network."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pywats_archive.errors import ConfigError, StorageError, TooSlow

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_WILDCARD = re.compile(r"[*?\[]")
_AGAIN_S = 0.1
_SETTINGS = {
    "allow_community_extensions": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
_MOST_MEMORY = "1GB"
READING = {"memory_limit": "300MB"}
WRITING = {"memory_limit": "130MB", "threads": "1", "preserve_insertion_order": "false"}
"""One thread: each further one takes 150 MB for its part of a file, and more processor time in all. The order of the rows in a
file is that of its ORDER BY."""


@contextmanager
def connected(
    work: Path, folder: Path, *, settings: Mapping[str, str] = READING, within_s: float | None = None
) -> Iterator[DuckDBPyConnection]:
    """Open a connection for the index in ``folder``, which writes to ``work`` what exceeds its memory.

    ``settings``: ``READING``, or ``WRITING`` for what makes files. ConfigError without duckdb. Errors of DuckDB inside the
    block become StorageError; TooSlow once the block took longer than ``within_s``.
    """
    try:
        import duckdb  # noqa: PLC0415 (an extra that few computers need)
    except ImportError as exc:
        raise ConfigError("the index of a plant needs pywats-archive[plant]; install it") from exc
    db = duckdb.connect(":memory:", config={**_SETTINGS, **settings, "temp_directory": str(work)})
    try:
        db.execute("SET enable_progress_bar = false")
        db.execute("SET TimeZone = 'UTC'")
        with _Limit(db, within_s) as limit:
            yield db
    except duckdb.InterruptException as exc:
        if not limit.is_over:
            raise
        raise TooSlow(
            f"the search was stopped after {within_s:.0f} s; narrow it by dates, station or converter"
        ) from exc
    except duckdb.Error as exc:
        raise StorageError(
            f"{folder}: the index cannot be used ({_first_line(exc)}); free space on its disk, or remove the folder and make "
            "the index again with 'pywats-archive plant index'"
        ) from exc
    finally:
        db.close()


class _Limit:
    """Interrupts a connection once a time is over, again and again: a query that begins later is stopped too."""

    def __init__(self, db: DuckDBPyConnection, within_s: float | None) -> None:
        self._db = db
        self._within_s = within_s
        self._ended = threading.Event()
        self.is_over = False

    def __enter__(self) -> _Limit:
        if self._within_s is not None:
            self._thread = threading.Thread(target=self._watch, args=(self._within_s,), name="limit", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._within_s is not None:
            self._thread.join()

    def _watch(self, within_s: float) -> None:
        while not self._ended.wait(_AGAIN_S if self.is_over else within_s):
            self.is_over = True
            self._db.interrupt()


def copied(db: DuckDBPyConnection, copy: str) -> int:
    """Write a file by COPY; returns the number of its rows. If the memory is too small for that, it is made larger, once."""
    import duckdb  # noqa: PLC0415 (as above)

    try:
        found = db.execute(copy).fetchone()
    except duckdb.OutOfMemoryException:
        db.execute(f"SET memory_limit = '{_MOST_MEMORY}'")
        found = db.execute(copy).fetchone()
    return int(found[0]) if found else 0


def files_sql(folder: Path, names: Sequence[str]) -> str:
    """Return the SQL for some Parquet files as one table, with their paths as ``filename``."""
    listed = ", ".join(text_sql(pattern_of(folder / name)) for name in names)
    return f"read_parquet([{listed}], filename = true, hive_partitioning = false)"


def pattern_of(path: Path) -> str:
    """Return the pattern that finds one file alone: DuckDB takes each path for one."""
    return _WILDCARD.sub(r"[\g<0>]", path.as_posix())


def text_sql(text: str) -> str:
    """Write a text as SQL, where no parameter can be bound."""
    return "'" + text.replace("'", "''") + "'"


def rows(db: DuckDBPyConnection, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Return all rows of a query."""
    return db.execute(query, [_bindable(each) if isinstance(each, str) else each for each in values]).fetchall()


def _bindable(text: str) -> str:
    """Return a text as an index has it: a lone surrogate is written out there, as in the catalogs of stations."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
