"""The files inside a report, and which of them a browser may show."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pywats_archive.web.views.words import visible

_MOST = 1000
_DEEPEST = 60
_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
)
"""The first bytes of the images that are shown; an SVG is a document with scripts, and only downloaded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """One file inside a report."""

    number: int
    """Counted from 1."""
    path: str
    """The path of its step, such as ``0.3.1``; empty if it belongs to the report."""
    step: str
    name: str
    content_type: str
    description: str
    size_bytes: int
    is_image: bool


def image_type(content: bytes) -> str | None:
    """Return the media type of an image that a browser may show, by its first bytes, whatever it is called."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _IMAGES if content.startswith(start)), None)


def attachments(report: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """Return the files of a report: those of the report first, then those of its steps in their order."""
    return tuple(_attachment(number, path, step, given) for number, (path, step, given) in enumerate(_given(report), 1))


def content_of(report: Mapping[str, Any], number: int) -> tuple[str, bytes] | None:
    """Return name and bytes of a file; None if the report has none of this number or its bytes cannot be read."""
    found = next((given for n, (_, _, given) in enumerate(_given(report), 1) if n == number), None)
    content = _decoded(found.get("data")) if found else None
    return None if found is None or content is None else (str(found.get("name") or "attachment"), content)


def _given(report: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    places = [("", "", each) for each in _members(report.get("binaryData"))]
    root = report.get("root")
    places += _of_steps(root, "", 0) if isinstance(root, Mapping) else []
    yield from places[:_MOST]


def _of_steps(step: Mapping[str, Any], path: str, depth: int) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    children = [each for key in ("steps", "stepResults") for each in _members(step.get(key))]
    for number, child in enumerate(children if depth < _DEEPEST else ()):
        place = f"{path}.{number}" if path else str(number)
        for given in (child.get("attachment"), child.get("binaryData")):
            for each in _members(given if isinstance(given, list) else [given]):
                yield place, visible(child.get("name") or ""), each
        yield from _of_steps(child, place, depth + 1)


def _attachment(number: int, path: str, step: str, given: Mapping[str, Any]) -> Attachment:
    content = _decoded(given.get("data"))
    return Attachment(
        number=number,
        path=path,
        step=step,
        name=visible(given.get("name") or f"attachment {number}", most=120),
        content_type=visible(given.get("contentType") or "", most=80),
        description=visible(given.get("description") or ""),
        size_bytes=len(content or b""),
        is_image=image_type(content or b"") is not None,
    )


def _members(given: object) -> list[Mapping[str, Any]]:
    return [each for each in given if isinstance(each, Mapping)] if isinstance(given, list) else []


def _decoded(data: object) -> bytes | None:
    if not isinstance(data, str):
        return None
    try:
        return base64.b64decode(data)
    except (binascii.Error, ValueError):
        return None
