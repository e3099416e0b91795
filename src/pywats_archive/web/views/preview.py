"""A source as a person can look at it: text, a table, a tree, a picture, or bytes."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass, replace

from pywats_archive.web.views.document.attachments import image_type
from pywats_archive.web.views.tree import Node, tree
from pywats_archive.web.views.words import visible

WINDOW = 64_000
"""The bytes of a source that its page shows as text; the whole is one click away."""
KINDS = ("text", "bytes")
"""The ways to look at any source."""
_ROWS, _COLUMNS, _CELL = 200, 60, 200
_DELIMITERS = ",;\t"
_HEX_BYTES = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """Some bytes of a source, and where they are."""

    name: str
    content: bytes
    at: int = 0
    size: int
    """Of the whole source, in bytes."""
    mark: bytes = b""
    """The first bytes of the source, which tell its encoding."""

    @property
    def is_whole(self) -> bool:
        """Whether these are all bytes of the source."""
        return self.at == 0 and len(self.content) >= self.size


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """A part of a source."""

    kind: str
    """``text``, ``table``, ``tree``, ``image`` or ``bytes``."""
    lines: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    tree: Node | None = None
    encoding: str = ""
    at: int = 0
    shown: int = 0
    """The bytes that are shown; 0 for the first rows of a longer table."""
    size: int
    """Of the whole source, in bytes."""

    @property
    def is_cut(self) -> bool:
        """Whether the source has more than is shown."""
        return self.at > 0 or self.shown < self.size

    @property
    def next(self) -> int | None:
        """Where the next part begins; None behind the last one."""
        return self.at + self.shown if 0 < self.shown < self.size - self.at else None

    @property
    def previous(self) -> int | None:
        """Where the part before begins; None at the beginning."""
        return max(0, self.at - max(self.shown, 1)) if self.at else None


def preview(window: Window, *, kind: str = "") -> Preview:
    """Return the preview of a part of a source; ``kind`` wants text or bytes, whatever it is."""
    content, at, size = window.content, window.at, window.size
    if kind == "" and at == 0 and image_type(content):
        return Preview(kind="image", shown=size, size=size)
    encoding, text = ("", None) if kind == "bytes" else _decoded(window, is_forced=kind == "text")
    if text is None:
        dumped = content[:_HEX_BYTES]
        return Preview(kind="bytes", lines=tuple(_dump(dumped, at)), at=at, shown=len(dumped), size=size)
    if kind == "" and at == 0:
        if window.name.lower().endswith((".csv", ".tsv")) and (rows := _rows(text[:WINDOW])):
            is_all = window.is_whole and text.count("\n") <= len(rows)
            return Preview(kind="table", rows=rows, encoding=encoding, shown=size if is_all else 0, size=size)
        if window.is_whole and (found := tree(text)):
            return Preview(kind="tree", tree=found, encoding=encoding, shown=size, size=size)
    if len(content) > WINDOW:
        return preview(replace(window, content=content[:WINDOW]), kind="text")
    lines = tuple(visible(line, most=2000) for line in text.splitlines())
    return Preview(kind="text", lines=lines, encoding=encoding, at=at, shown=len(content), size=size)


def _decoded(window: Window, *, is_forced: bool) -> tuple[str, str | None]:
    """Return the encoding and the text; no text if it is none. A window may begin and end inside a character."""
    content, is_end = window.content, window.at + len(window.content) >= window.size
    if (window.mark or content).startswith((b"\xff\xfe", b"\xfe\xff")):
        little = (window.mark or content).startswith(b"\xff\xfe")
        text = content.decode("utf-16-le" if little else "utf-16-be", "replace")
        return "UTF-16", text.removeprefix("\ufeff")
    if b"\0" in content and not is_forced:
        return "", None
    inner = content.lstrip(bytes(range(0x80, 0xC0))) if window.at else content
    try:
        return "UTF-8", codecs.getincrementaldecoder("utf-8-sig")().decode(inner, final=is_end)
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


def _dump(content: bytes, start: int) -> list[str]:
    lines = []
    for at in range(0, len(content), 16):
        piece = content[at : at + 16]
        shown = "".join(chr(b) if 32 <= b < 127 else "." for b in piece)
        lines.append(f"{start + at:08x}  {piece.hex(' '):<47}  {shown}")
    return lines
