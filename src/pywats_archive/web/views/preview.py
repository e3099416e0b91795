"""A source as a person can look at it: text, a table, or bytes."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass

from pywats_archive.web.views.words import visible

WINDOW = 64_000
"""The bytes of a source that its page shows; the whole is one click away."""
_ROWS, _COLUMNS, _CELL = 200, 60, 200
_DELIMITERS = ",;\t"
_HEX_BYTES = 2048


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """The beginning of a source."""

    kind: str
    """``text``, ``table`` or ``bytes``."""
    lines: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    encoding: str = ""
    is_cut: bool = False
    """Whether the source has more than is shown."""


def preview(name: str, content: bytes, *, is_cut: bool) -> Preview:
    """Return the preview of the first bytes of a source."""
    encoding, text = _decoded(content, is_cut=is_cut)
    if text is None:
        return Preview(
            kind="bytes", lines=tuple(_dump(content[:_HEX_BYTES])), is_cut=is_cut or len(content) > _HEX_BYTES
        )
    if name.lower().endswith((".csv", ".tsv")) and (rows := _rows(text)):
        return Preview(kind="table", rows=rows, encoding=encoding, is_cut=is_cut or text.count("\n") > len(rows))
    lines = tuple(visible(line, most=2000) for line in text.splitlines())
    return Preview(kind="text", lines=lines, encoding=encoding, is_cut=is_cut)


def _decoded(content: bytes, *, is_cut: bool) -> tuple[str, str | None]:
    """Return the encoding and the text; no text if it is none. A window may end inside a character."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16", content.decode("utf-16", "replace")
    if b"\0" in content:
        return "", None
    try:
        return "UTF-8", codecs.getincrementaldecoder("utf-8-sig")().decode(content, final=not is_cut)
    except UnicodeDecodeError:
        return "Windows-1252", content.decode("cp1252", "replace")


def _rows(text: str) -> tuple[tuple[str, ...], ...]:
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    if not first.count(delimiter):
        return ()
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        rows = [row[:_COLUMNS] for _, row in zip(range(_ROWS), reader)]  # noqa: B905 (the shorter one ends)
    except csv.Error:
        return ()
    return tuple(tuple(visible(cell, most=_CELL) for cell in row) for row in rows)


def _dump(content: bytes) -> list[str]:
    lines = []
    for at in range(0, len(content), 16):
        piece = content[at : at + 16]
        shown = "".join(chr(b) if 32 <= b < 127 else "." for b in piece)
        lines.append(f"{at:08x}  {piece.hex(' '):<47}  {shown}")
    return lines
