"""Searches every byte of a station's files for texts: what is compressed is unpacked, and databases are read page by page."""

from __future__ import annotations

import gzip
import io
import shutil
import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

_SQLITE = b"SQLite format 3\0"


def found_in(folder: Path, texts: Iterable[str]) -> list[str]:
    """Return each place below a folder that has one of the texts, in UTF-8 or UTF-16 and in any case."""
    wanted = [each.lower() for each in texts]
    forms = {text: [text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be")] for text in wanted}
    places = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        named = [(f"{name} (its name)", name.encode())]
        for where, content in [*named, *_unpacked(name, path.read_bytes())]:
            lower = content.rstrip(b"\0").lower() + b"\0"  # 16 MB of zeros take long to search
            places += [f"{where}: {text}" for text in wanted if any(form in lower for form in forms[text])]
    return places


def _unpacked(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    yield name, content
    if content.startswith(b"\x1f\x8b"):
        try:
            yield from _unpacked(f"{name} > gzip", gzip.decompress(content))
        except (OSError, EOFError, zlib.error):
            return
    elif content.startswith(b"PK\3\4"):
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for each in packed.namelist():
                yield f"{name} > {each}", each.encode()
                yield from _unpacked(f"{name} > {each}", packed.read(each))
    elif content.startswith(_SQLITE):
        yield f"{name} > words", "\n".join(_words(content)).encode()


def _words(content: bytes) -> list[str]:
    """Return the words of the full-text index, which stores a word without what it shares with the one before."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "copy.db")
        path.write_bytes(content)
        db = sqlite3.connect(path)
        try:
            db.execute("CREATE VIRTUAL TABLE temp.terms USING fts5vocab('main', 'entry_text', 'row')")
            return [term for (term,) in db.execute("SELECT term FROM temp.terms")]
        except sqlite3.DatabaseError:
            return []
        finally:
            db.close()


def copied(root: Path, to: Path) -> Path:
    """Copy a folder with its hard links as files of their own."""
    return Path(shutil.copytree(root, to, symlinks=True))
