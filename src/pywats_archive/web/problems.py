"""Answers in JSON, and errors as problem details (RFC 9457): the one place that gives an error its HTTP status."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

from pywats_archive import errors
from pywats_archive.redaction import redacted

MEDIA_TYPE = "application/problem+json"
_TEXT = {"type": "string"}
_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {"type": _TEXT, "title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT, "kind": _TEXT},
}
DESCRIBED: dict[int | str, dict[str, Any]] = {
    "default": {"description": "What went wrong, and what to do.", "content": {MEDIA_TYPE: {"schema": _SCHEMA}}}
}
"""The answers of every place of the API that are errors."""
_STATUS: tuple[tuple[type[errors.ArchiveError], int], ...] = (
    (errors.UnknownEntry, 404),
    (errors.UnknownRun, 404),
    (errors.UnknownUser, 404),
    (errors.UnknownConverter, 404),
    (errors.NotAllowed, 403),
    (errors.NeedsConfirmation, 409),
    (errors.ComplianceRefused, 409),
    (errors.AlreadyDone, 409),
    (errors.ConfigChanged, 409),
    (errors.UsageError, 422),
    (errors.BlobMissing, 410),
    (errors.BlobLocked, 423),
    (errors.ArchiveInUse, 409),
    (errors.ArchiveAway, 503),
    (errors.TooManyAtOnce, 503),
    (errors.TooSlow, 503),
    (errors.VaultAway, 503),
    (errors.VaultRefused, 503),
    (errors.KeyMissing, 410),
    (errors.DiskFull, 507),
    (errors.ArchiveError, 500),
)
"""The first class that an error is one of decides."""


class Json(JSONResponse):
    """JSON in ASCII: a name that is not UTF-8 has characters that no other encoding holds."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, separators=(",", ":")).encode("ascii")


def status_of(error: errors.ArchiveError) -> int:
    """Return the HTTP status of an error."""
    return next(status for kind, status in _STATUS if isinstance(error, kind))


def parts_of(error: errors.ArchiveError) -> tuple[str, str]:
    """Return what happened, and what to do if the message says so."""
    happened, _, advice = " ".join(redacted(str(error)).split()).partition("; ")
    return happened, advice


def problem(status: int, title: str, detail: str = "", *, kind: str | None = None) -> JSONResponse:
    """Return a problem document; ``kind`` is the error's class."""
    body: dict[str, object] = {"type": "about:blank", "title": title or HTTPStatus(status).phrase, "status": status}
    if detail:
        body["detail"] = detail
    if kind:
        body["kind"] = kind
    return JSONResponse(body, status_code=status, media_type=MEDIA_TYPE)


def problem_of(error: errors.ArchiveError) -> JSONResponse:
    """Return the problem document of an error."""
    happened, advice = parts_of(error)
    return problem(status_of(error), happened, advice, kind=type(error).__name__)
