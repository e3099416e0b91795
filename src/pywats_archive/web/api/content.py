"""Sources as downloads, whole or a range."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BufferedIOBase
from itertools import chain
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from pywats_archive.errors import UsageError
from pywats_archive.models.entry import ArchiveEntry, SourceKind
from pywats_archive.web.views.document.attachments import image_type

_CHUNK = 1 << 18
_SANDBOX = "sandbox; default-src 'none'"
_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{1,18})?")


def attachment_response(name: str, content: bytes) -> Response:
    """Return a file of a report: an image that browsers show as such, all else as a download."""
    kind = image_type(content)
    headers = {"content-security-policy": _SANDBOX}
    if kind is None:
        headers["content-disposition"] = _download(name)
    return Response(content, media_type=kind or "application/octet-stream", headers=headers)


def image_response(content: BufferedIOBase) -> Response:
    """Return an image as such; UsageError if browsers do not show it."""
    pieces = _whole(content)
    first = next(pieces, b"")
    kind = image_type(first)
    if kind is None:
        content.close()
        raise UsageError("the source is no image; download it")
    shown = chain([first], pieces)
    return StreamingResponse(shown, media_type=kind, headers={"content-security-policy": _SANDBOX})


def download_response(content: BufferedIOBase, name: str) -> Response:
    """Return bytes as a download."""
    headers = {"content-disposition": _download(name), "content-security-policy": _SANDBOX}
    return StreamingResponse(_begun(_whole(content)), media_type="application/octet-stream", headers=headers)


def report_response(content: BufferedIOBase) -> Response:
    """Return the JSON of a report."""
    return StreamingResponse(_begun(_whole(content)), media_type="application/json")


def source_response(content: BufferedIOBase, entry: ArchiveEntry, asked: str | None) -> Response:
    """Return a source as a download; ``asked`` is the Range header, of which one range from a start is served.

    A damaged source has no end: the connection breaks, so that nobody takes what was sent for the whole.
    """
    name = entry.source_original_path.replace("\\", "/").rpartition("/")[2]
    if entry.source_kind is SourceKind.FOLDER:
        name += ".tar"
    headers = {
        "content-disposition": _download(name),
        "content-security-policy": _SANDBOX,
        "accept-ranges": "bytes" if entry.source_kind is SourceKind.FILE else "none",
    }
    size, match = entry.source_size_bytes, _RANGE.fullmatch(asked or "")
    if match is None or entry.source_kind is not SourceKind.FILE:
        return StreamingResponse(_begun(_whole(content)), media_type="application/octet-stream", headers=headers)
    start, end = int(match[1]), min(int(match[2] or size - 1), size - 1)
    if start >= size or end < start:
        content.close()
        return Response(status_code=416, headers={"content-range": f"bytes */{size}"})
    headers |= {"content-range": f"bytes {start}-{end}/{size}", "content-length": str(end - start + 1)}
    pieces = _slice(content, start, end - start + 1, is_last=end == size - 1)
    return StreamingResponse(_begun(pieces), 206, media_type="application/octet-stream", headers=headers)


def _download(name: str) -> str:
    return f"attachment; filename*=UTF-8''{quote(name.encode('utf-8', 'replace'), safe='')}"


def _begun(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Read the first piece now: what is damaged there is an error, and no answer that ends early."""
    return chain([next(pieces, b"")], pieces)


def _whole(content: BufferedIOBase) -> Iterator[bytes]:
    with content:
        while piece := content.read(_CHUNK):
            yield piece


def _slice(content: BufferedIOBase, start: int, length: int, *, is_last: bool) -> Iterator[bytes]:
    """Yield a range; one that goes to the end is whole only after the bytes were found to be those that were archived."""
    with content:
        while start and (skipped := content.read(min(start, _CHUNK))):
            start -= len(skipped)
        held = b""
        while length and (piece := content.read(min(length, _CHUNK))):
            length -= len(piece)
            if held:
                yield held
            held = piece
        if is_last:
            content.read(1)
        yield held
