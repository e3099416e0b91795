"""Writes the files of an index: a batch of new rows, and merged files in the place of smaller ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from pywats_archive.models.step import OnStep
from pywats_archive.plant import manifest as manifests
from pywats_archive.plant import rows
from pywats_archive.plant.duck import WRITING, connected, copied, files_sql, text_sql
from pywats_archive.plant.manifest import MONTHS, TODAY, WORK, IndexFile, Manifest
from pywats_archive.plant.rows import IndexRow
from pywats_archive.plant.tables import ARCHIVE, ENTRIES, REPORTS, TABLES, IndexTable
from pywats_archive.portable import files, names

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_OF_TABLE = r"\d{8,}\.(?:entries|reports)\.parquet"
_LEFT = {
    TODAY: re.compile(rf"(?:tmp_)?{_OF_TABLE}"),
    MONTHS: re.compile(rf"(?:tmp_)?\d{{4}}-\d\d\.{_OF_TABLE}"),
    WORK: re.compile(r"(?:entries|reports)\.jsonl|duckdb_temp.*"),
}
"""The names of what a killed process may leave; anything else in these folders is not from here, and stays."""
_FORM = "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL {level}, ROW_GROUP_SIZE 50000, PARQUET_VERSION v2)"
_QUICK, _SMALL = 1, 9
"""Levels of zstd: for what is merged within a day, and for what stays."""


class Writing:
    """Writes into one index; a file counts once the manifest names it."""

    def __init__(self, folder: Path, *, on_step: OnStep, now: datetime) -> None:
        self._folder = folder
        self._work = folder / WORK
        self._on_step = on_step
        self._now = now

    def prepare(self, manifest: Manifest) -> None:
        """Create the folders, and remove what the manifest does not name: what a killed process left."""
        for name in _LEFT:
            (self._folder / name).mkdir(mode=0o700, exist_ok=True)
            manifests.follow_rights(self._folder / name, self._folder)
        self.remove_others(manifest)

    def remove_others(self, manifest: Manifest) -> None:
        """Remove files that the manifest does not name; one that a reader has open on Windows goes at the next run."""
        known = {each.name for each in manifest.files}
        self._on_step("remove")
        for name, left in _LEFT.items():
            for path in (self._folder / name).iterdir():
                if f"{name}/{path.name}" not in known and left.fullmatch(path.name) and not path.is_dir():
                    with suppress(PermissionError):
                        names.unlink(path, missing_ok=True)

    def batch(self, manifest: Manifest, found: Mapping[str, Sequence[IndexRow]]) -> Manifest:
        """Write rows into new files of ``today``: the newest state of each, compared with what the index has."""
        with connected(self._work, self._folder, settings=WRITING) as db:
            self._rank(db, manifest)
            for table in TABLES.values():
                if not found.get(table.name):
                    continue
                erases = any(row.get("erased") for row in found[table.name])
                self._load(db, table, found[table.name])
                known = [each.name for each in manifest.of(table.name)]
                query = self._newest(table, known)
                manifest = self.written(db, manifest, table, query, month="", erases=erases)
        return manifest

    def compact(self, manifest: Manifest) -> Manifest:
        """Write all files of ``today`` as one for each table."""
        with connected(self._work, self._folder, settings=WRITING) as db:
            self._rank(db, manifest)
            for table in TABLES.values():
                recent = manifest.of(table.name, "")
                if len(recent) > 1:
                    source = files_sql(self._folder, [each.name for each in recent])
                    query = table.newest_sql(f"(SELECT * FROM {source} JOIN ranks USING (chain))")
                    manifest = self.written(db, _without(manifest, recent), table, query, month="")
        return manifest

    def merge(self, manifest: Manifest) -> Iterator[Manifest]:
        """Bring ``today`` into the files of the months, a month after the other; yields the manifest after each."""
        recent = {table.name: manifest.of(table.name, "") for table in TABLES.values()}
        manifests.require_intact(self._folder, (each for several in recent.values() for each in several))
        with connected(self._work, self._folder, settings=WRITING) as db:
            self._rank(db, manifest)
            for month in self._months(db, recent):
                for table in TABLES.values():
                    manifest = self._month(db, manifest, table, recent[table.name], month)
                yield manifest
        yield _without(manifest, [each for several in recent.values() for each in several])

    def _month(
        self, db: DuckDBPyConnection, manifest: Manifest, table: IndexTable, recent: Sequence[IndexFile], month: str
    ) -> Manifest:
        """Write the file of a month again, unless nothing of it changed."""
        query = table.empty_sql()
        if recent:
            source = files_sql(self._folder, [each.name for each in recent])
            query = f"SELECT {table.names} FROM {source} WHERE {_within(month)}"
        db.execute(f"CREATE OR REPLACE TEMP TABLE fresh AS {query}")
        (changed,) = db.execute("SELECT count(*) FROM fresh").fetchone() or (0,)
        has_others = table is REPORTS and _has_several_histories(manifest)
        if not changed and not has_others:
            return manifest
        base = manifest.of(table.name, month)
        manifests.require_intact(self._folder, base)
        query = self._merged(table, [each.name for each in base])
        if has_others:
            query = self._of_counting_history(query, manifest, month)
        return self.written(db, _without(manifest, base), table, query, month=month)

    def _months(self, db: DuckDBPyConnection, recent: Mapping[str, Sequence[IndexFile]]) -> list[str]:
        listed = [each.name for several in recent.values() for each in several]
        if not listed:
            return []
        found = "SELECT DISTINCT strftime(make_timestamp(archived * 1000), '%Y-%m') FROM ({}) ORDER BY 1"
        parts = [f"SELECT archived FROM {files_sql(self._folder, [name])}" for name in listed]
        return [month for (month,) in db.execute(found.format(" UNION ALL ".join(parts))).fetchall()]

    def _rank(self, db: DuckDBPyConnection, manifest: Manifest) -> None:
        """Create the table of the histories, with their ranks."""
        oldest = datetime.min.replace(tzinfo=timezone.utc)
        ordered = sorted(manifest.chains, key=lambda each: (each.began or oldest, each.number))
        db.execute("CREATE TEMP TABLE ranks (chain UINTEGER, rank UINTEGER)")
        for rank, chain in enumerate(ordered):
            db.execute("INSERT INTO ranks VALUES (?, ?)", [chain.number, rank])

    def _load(self, db: DuckDBPyConnection, table: IndexTable, found: Sequence[IndexRow]) -> None:
        path = self._work / f"{table.name}.jsonl"
        with path.open("wb") as stream:
            stream.writelines(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in found)
        query, values = table.read_sql(path)
        db.execute(f"CREATE OR REPLACE TEMP TABLE fresh AS {query}", values)
        names.unlink(path)

    def _newest(self, table: IndexTable, known: Sequence[str]) -> str:
        """Return the query for the newest state of the fresh rows, which some files may have too."""
        states = f"SELECT {table.names} FROM fresh"
        if known:
            older = f"SELECT {table.names} FROM {files_sql(self._folder, known)}"
            states += f" UNION ALL {older} WHERE ({table.keys}) IN (SELECT {table.keys} FROM fresh)"
        return table.newest_sql(f"(SELECT states.*, rank FROM ({states}) states JOIN ranks USING (chain))")

    def _merged(self, table: IndexTable, base: Sequence[str]) -> str:
        newest = self._newest(table, base)
        if not base:
            return newest
        keys = f"SELECT {table.keys} FROM fresh"
        others = f"SELECT {table.names} FROM {files_sql(self._folder, base)} WHERE ({table.keys}) NOT IN ({keys})"
        return f"{others} UNION ALL {newest}"

    def _of_counting_history(self, query: str, manifest: Manifest, month: str) -> str:
        """Leave out reports of a history that another one replaced: that one has them under its own numbers."""
        entries = [each.name for each in manifest.of(ENTRIES.name, month)]
        if not entries:
            return query
        others = f"SELECT archived, tail, {ARCHIVE} AS archive, chain FROM {files_sql(self._folder, entries)}"
        return (
            f"SELECT {REPORTS.names} FROM ({query}) r WHERE NOT EXISTS (SELECT 1 FROM ({others}) e WHERE "
            f"(e.archived, e.tail, e.archive) = (r.archived, r.tail, r.chain >> {manifests.ARCHIVE_SHIFT}) "
            "AND e.chain <> r.chain)"
        )

    def written(
        self,
        db: DuckDBPyConnection,
        manifest: Manifest,
        table: IndexTable,
        query: str,
        *,
        month: str,
        erases: bool = False,
    ) -> Manifest:
        """Write the rows of a query into a new file, durably; returns the manifest with it."""
        number = f"{manifest.next_number:08}"
        name = f"{MONTHS}/{month}.{number}.{table.name}.parquet" if month else f"{TODAY}/{number}.{table.name}.parquet"
        path = self._folder / name
        form = _FORM.format(level=_SMALL if month else _QUICK)
        self._on_step("write")
        written = copied(db, f"COPY ({query} ORDER BY {table.order}) TO {text_sql(str(path))} {form}")
        self._on_step("fsync")
        files.sync_file(path)
        files.sync_folder(path.parent)
        manifests.follow_rights(path, self._folder)
        made = IndexFile(
            name=name,
            table=table.name,
            rows=written,
            month=month,
            made_at=self._now,
            erases=erases,
            size_bytes=path.stat().st_size,
            checksum=manifests.checksum_of(path),
        )
        following = manifest.next_number + 1
        if not written:
            return manifest.model_copy(update={"next_number": following})
        return manifest.model_copy(update={"files": (*manifest.files, made), "next_number": following})


def _without(manifest: Manifest, removed: Sequence[IndexFile]) -> Manifest:
    gone = {each.name for each in removed}
    return manifest.model_copy(update={"files": tuple(each for each in manifest.files if each.name not in gone)})


def _has_several_histories(manifest: Manifest) -> bool:
    archives = [each.archive for each in manifest.chains]
    return len(archives) > len(set(archives))


def _within(month: str) -> str:
    """Return the condition of the rows of a month."""
    year, number = int(month[:4]), int(month[5:])
    following = f"{year + number // 12:04}{number % 12 + 1:02}01"
    first = rows.milliseconds(f"{year:04}{number:02}01" + "0" * 9)
    return f"archived >= {first} AND archived < {rows.milliseconds(following + '0' * 9)}"
