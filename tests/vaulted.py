"""The contents of an archive, and what the README of a vault gets out of its segments without this program."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.catalog.binding.bound import BOUND
from pywats_archive.vault.folder import FolderVault

Row = dict[str, Any]
Rows = dict[str, list[Row]]
"""By table, in an order of their own."""
_OF_THE_MOMENT = ("clock", "alerts")
"""Tables that change by themselves."""


def rows(root: Path) -> Rows:
    """Return every row that people rely on, and the history, as the segments write them."""
    with closing(sqlite3.connect(root / "metadata.db")) as db:
        db.row_factory = sqlite3.Row
        tables = [*(table.name for table in BOUND), "events"]
        return _rows((name, dict(row)) for name in tables for row in db.execute(f"SELECT * FROM {name}"))


def copied(archive: Archive, folder: Path) -> Path:
    """Copy an open archive as it is now; returns the folder of the copy."""
    shutil.copytree(archive.root, folder, ignore=shutil.ignore_patterns("*-wal", "*-shm", ".lock", ".owner"))
    with closing(sqlite3.connect(archive.catalog.path)) as db, closing(sqlite3.connect(folder / "metadata.db")) as to:
        db.backup(to)
    return folder


def blobs(root: Path) -> dict[str, bytes]:
    """Return the content of every blob, by its path in the archive."""
    found = (path for top in ("sources", "reports", "converters", "imported") for path in (root / top).rglob("*.gz"))
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


class Counted:
    """A vault that counts its requests."""

    def __init__(self, vault: FolderVault) -> None:
        self._vault = vault
        self.url = vault.url
        self.requests = 0

    def __getattr__(self, name: str) -> Any:
        self.requests += 1
        return getattr(self._vault, name)


class ByReadme:
    """Follows the README of a vault word by word, for the only history of an archive, into a folder of its own."""

    def __init__(self, vault: Path, archive_uuid: str, folder: Path) -> None:
        (first,) = (vault / archive_uuid).glob("*/segments/000000000001.zip")
        self._vault = vault
        self._chain = first.parents[1]
        self._folder = folder
        self._text = (vault / "README.txt").read_text(encoding="ascii")

    def repairs(self) -> None:
        """Put the repairs in their places, in a copy of the vault."""
        self._run(self._example("    ls -vr <archive>/<chain>/repair/*.zip"))

    def blobs(self) -> dict[str, bytes]:
        """Unpack the segments, and the files that are too large for one."""
        self._folder.mkdir()
        self._run(self._example("    for z in $(ls -r <archive>/<chain>/segments/*.zip); do unzip -qn"))
        self._run(self._example('    for z in <archive>/<chain>/segments/*.zip; do unzip -p "$z" segment.json'))
        return blobs(self._folder)

    def original(self, path: str) -> tuple[str, bytes]:
        """Unpack one blob by gzip; returns the name and the content of the file in it."""
        command = self._example("    gzip -dkN").partition(" #")[0]
        before = set((self._folder / path).parent.iterdir())
        self._run(re.sub(r"NEW-FOLDER/\S+", f"NEW-FOLDER/{path}", command))
        (made,) = set((self._folder / path).parent.iterdir()) - before
        content = made.read_bytes()
        made.unlink()
        return made.name, content

    def rows_by_sqlite3(self) -> Rows:
        """Make the table of all rows by sqlite3 alone."""
        self._run(self._example('    for z in $(ls -r <archive>/<chain>/segments/*.zip); do unzip -p "$z" rows'))
        self._run(self._example('    sqlite3 NEW-FOLDER/rows.db ".mode'))
        listed = json.loads(
            self._run("sqlite3 -json NEW-FOLDER/rows.db 'select tab, state from newest where state is not null'")
        )
        return _rows((each["tab"], json.loads(each["state"])) for each in listed)

    def unpurged_by_sqlite3(self) -> list[str]:
        """Return what the example query prints."""
        return self._run(self._example('    sqlite3 NEW-FOLDER/rows.db "select')).splitlines()

    def rows_by_python(self) -> Rows:
        """Make a database by the program in the page."""
        program = self._example("    import glob")
        code = "\n".join(line[4:] for line in program.splitlines())
        subprocess.run(["python3", "-I", "-c", self._named(code)], cwd=self._vault, check=True)
        with closing(sqlite3.connect(self._folder / "metadata.db")) as db:
            db.row_factory = sqlite3.Row
            tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return _rows((name, dict(row)) for name in tables for row in db.execute(f"SELECT * FROM {name}"))

    def _example(self, begins: str) -> str:
        """Return the paragraph that begins so."""
        at = self._text.index(f"\n{begins}") + 1
        return self._text[at : self._text.index("\n\n", at)]

    def _run(self, command: str) -> str:
        """Run a command in the folder of the vault; returns what it prints, which is no error."""
        words = ["sh", "-c", self._named(command)]
        ended = subprocess.run(words, cwd=self._vault, check=False, text=True, capture_output=True)
        assert ended.stderr == "", ended
        return ended.stdout

    def _named(self, text: str) -> str:
        """Put the names of this history in."""
        names = {"<archive>": self._chain.parent.name, "<chain>": self._chain.name, "NEW-FOLDER": str(self._folder)}
        for placeholder, name in names.items():
            text = text.replace(placeholder, name)
        return text


def _rows(found: Iterable[tuple[str, Mapping[str, Any]]]) -> Rows:
    sorted_rows: Rows = {}
    for table, row in found:
        if table not in _OF_THE_MOMENT:
            values = {name: _value(row[name]) for name in sorted(row) if row[name] is not None and name != "_key"}
            sorted_rows.setdefault(table, []).append(values)
    return {table: sorted(each, key=_place) for table, each in sorted(sorted_rows.items())}


def _place(row: Row) -> tuple[int, str]:
    return row.get("sequence", 0), repr(row)


def _value(value: Any) -> Any:
    """Return a value as the segments write it."""
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, str) and value.startswith('{"bytes"'):
        return json.loads(value)
    return value
