from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from pywats_archive.catalog import engine, entries, entry_pages
from pywats_archive.catalog.engine import HEAD, Catalog
from pywats_archive.errors import CatalogError, NewerFormat
from pywats_archive.models.query import EntryFilter

from . import made

pytestmark = pytest.mark.migrated


def has_it_open(path: Path) -> bool:
    folder = Path("/proc/self/fd")
    return any(str(path) in os.readlink(link) for link in folder.iterdir() if link.is_symlink())  # noqa: PTH115


needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are listed in /proc alone")


def test_settings_are_durable(catalog: Catalog) -> None:
    """Every connection has a write-ahead log, full syncs, foreign keys and patience."""
    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}
    for name, value in expected.items():
        with catalog.read() as db:
            assert db.exec_driver_sql(f"PRAGMA {name}").scalar() == value
        assert catalog.write(lambda tx, name=name: tx.exec_driver_sql(f"PRAGMA {name}").scalar()) == value  # type: ignore[misc]


def test_a_check_sees_what_changed_since_an_earlier_one(catalog: Catalog) -> None:
    """A sound catalog is called sound though its full-text index has grown meanwhile; SQLite 3.45, as on Windows, errs."""
    for number in (1, 2):
        assert catalog.faults(thorough=True) == ()
        catalog.write(lambda tx, number=number: entries.add(tx, made.entry(number)))  # type: ignore[misc]
    assert (catalog.faults(thorough=False), catalog.faults(thorough=True)) == ((), ())


@pytest.mark.skipif(os.name != "posix", reason="this way to lock a database is POSIX'")
def test_without_a_write_ahead_log_a_commit_is_as_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a share gives no WAL, a commit still outlives a power cut, and the catalog says what is different there."""
    given = engine._uri
    monkeypatch.setattr(engine, "_uri", lambda path: f"{given(path)}&vfs=unix-dotfile")  # SQLite has no WAL over it
    catalog = Catalog.open(tmp_path / "metadata.db")
    try:
        assert catalog.waits_for_readers
        catalog.write(lambda tx: entries.add(tx, made.entry(1)))
        expected = {"journal_mode": "delete", "synchronous": 3, "foreign_keys": 1, "busy_timeout": 30_000}
        for name, value in expected.items():
            with catalog.read() as db:
                assert db.exec_driver_sql(f"PRAGMA {name}").scalar() == value, name
        with catalog.read() as db:
            assert entries.has(db, made.entry(1).archive_id)
    finally:
        catalog.close()


def test_a_database_without_a_journal_is_refused() -> None:
    """What a crash would damage is not used (invariant 5): the error names the database, and the connection is closed."""
    connection = sqlite3.connect(":memory:")
    with pytest.raises(CatalogError, match=r"metadata\.db.*'memory'"):
        engine._set_pragmas(Path("metadata.db"), connection)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX'")
def test_only_the_owner_may_read(catalog: Catalog) -> None:
    """The database and its log are readable for their owner alone."""
    catalog.write(lambda tx: entries.add(tx, made.entry(1)))
    for suffix in ("", "-wal", "-shm"):
        assert Path(f"{catalog.path}{suffix}").stat().st_mode & 0o777 == 0o600


@needs_proc
def test_closing_leaves_nothing_open(tmp_path: Path) -> None:
    """After close no connection remains, whoever read and wrote before; closing again is harmless."""
    path = tmp_path / "metadata.db"
    catalog = Catalog.open(path)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda n: catalog.write(lambda tx: entries.add(tx, made.entry(n))), range(8)))
        list(threads.map(lambda n: _has(catalog, n), range(8)))
    assert has_it_open(path)
    with catalog.read():
        catalog.close()
    catalog.close()
    assert not has_it_open(path)
    assert [file.name for file in tmp_path.iterdir()] == ["metadata.db"]


def _has(catalog: Catalog, number: int) -> bool:
    with catalog.read() as db:
        return entries.has(db, made.entry(number).archive_id)


def test_a_closed_catalog_says_so(catalog: Catalog) -> None:
    """Writing to a closed catalog is a CatalogError, not a foreign one."""
    catalog.close()
    with pytest.raises(CatalogError, match="closed"):
        catalog.write(lambda tx: None)


@pytest.mark.parametrize("name", ["metadata.db", "q?mode=ro", "100%20 #1", "ünïcode \u2713"])
def test_any_folder_will_do(tmp_path: Path, name: str) -> None:
    """A database in a folder of any name is made there and found again."""
    if os.name == "nt" and "?" in name:
        pytest.skip("Windows has no such name")
    folder = tmp_path / name
    folder.mkdir()
    for number in (1, 2):
        catalog = Catalog.open(folder / "metadata.db")
        catalog.write(lambda tx, number=number: entries.add(tx, made.entry(number)))  # type: ignore[misc]
        catalog.close()
    assert [file.name for file in folder.iterdir()] == ["metadata.db"]
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    "content", [b"not a database, but long enough to be one" * 200, b"SQLite format 3\0" + b"\x01" * 8_000]
)
def test_what_is_no_database_is_named(tmp_path: Path, content: bytes) -> None:
    """A file that is no database, or a damaged one, is told with its path and what to do, and left as it is."""
    path = tmp_path / "metadata.db"
    path.write_bytes(content)
    with pytest.raises(CatalogError, match=r"is damaged .*: run 'pywats-archive rebuild'") as caught:
        Catalog.open(path)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == content
    if Path("/proc/self/fd").exists():
        assert not has_it_open(path)


def test_damage_inside_is_told_when_it_is_read(tmp_path: Path) -> None:
    """A page that is damaged later is a CatalogError when reading meets it."""
    path = tmp_path / "metadata.db"
    catalog = Catalog.open(path)
    catalog.write(lambda tx: [entries.add(tx, made.entry(n)) for n in range(500)])
    catalog.close()
    content = bytearray(path.read_bytes())
    content[8_192:] = b"\xa5" * (len(content) - 8_192)
    path.write_bytes(content)
    with pytest.raises(CatalogError, match="damaged"):
        catalog = Catalog.open(path)
        try:
            with catalog.read() as db:
                list(entry_pages.iterate(db, EntryFilter()))
        finally:
            catalog.close()


def test_a_newer_catalog_is_refused(tmp_path: Path) -> None:
    """Tables of a later version are refused, not guessed, and stay as they are."""
    path = tmp_path / "metadata.db"
    Catalog.open(path).close()
    _run(path, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(NewerFormat, match=r"9999.*update pywats-archive") as caught:
        Catalog.open(path)
    assert str(path) in str(caught.value)
    if Path("/proc/self/fd").exists():
        assert not has_it_open(path)


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    """A sound database that is none of ours gets no table of ours."""
    path = tmp_path / "metadata.db"
    _run(path, "CREATE TABLE photos (name)")
    with pytest.raises(CatalogError, match="another program's"):
        Catalog.open(path)
    assert _run(path, "SELECT name FROM sqlite_master") == [("photos",)]


def test_a_folder_in_its_place_is_named(tmp_path: Path) -> None:
    """A database that cannot be made is a CatalogError with its path."""
    with pytest.raises(CatalogError, match="cannot be opened"):
        Catalog.open(tmp_path)
    with pytest.raises(CatalogError, match="nowhere"):
        Catalog.open(tmp_path / "nowhere" / "metadata.db")


@pytest.mark.long
def test_several_processes_may_make_it_at_once(tmp_path: Path) -> None:
    """Processes that open a new catalog at the same moment all get it."""
    path = tmp_path / "metadata.db"
    script = (
        "import sys, pathlib; from pywats_archive.catalog.engine import HEAD, Catalog; "
        "sys.stdin.read(1); Catalog.open(pathlib.Path(sys.argv[1])).close()"
    )
    command = [sys.executable, "-c", script, str(path)]
    running = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
    errors = [process.communicate(b"x")[1] for process in running]
    assert errors == [b""] * 4
    assert _run(path, "SELECT version_num FROM alembic_version") == [(HEAD,)]


def test_one_that_is_being_made_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another connection writes the beginning of a new catalog SQLite refuses the journal mode at once: asked again."""
    this, other = (sqlite3.connect(tmp_path / "metadata.db", isolation_level=None) for _ in range(2))
    other.execute("BEGIN IMMEDIATE")
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        other.rollback()

    monkeypatch.setattr(engine, "time", SimpleNamespace(monotonic=time.monotonic, sleep=wait))
    engine._set_journal_mode(this)
    assert len(waited) == 1
    assert this.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    this.close()
    other.close()


def _run(path: Path, sql: str) -> list[tuple[object, ...]]:
    raw = sqlite3.connect(path)
    with raw:
        rows = raw.execute(sql).fetchall()
    raw.close()
    return rows
