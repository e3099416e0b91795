"""How a WATS server treats a report: who may send it, what must be in it, and the answer."""

from __future__ import annotations

import base64
import binascii
import threading
import uuid
from typing import Any

import orjson

from pywats_archive.demo.faults import Reply

REQUIRED = ("id", "type", "pn", "sn", "rev", "processCode", "result", "machineName", "location", "purpose")
"""What WATS requires of every report; beside these ``start`` or ``startUTC``, and ``root`` or, of a repair, ``uur``."""

VERSION = "0.0 (simulated)"


class Reception:
    """Accepts reports and keeps each as it was received, byte for byte, by its id; safe to use from many threads."""

    def __init__(self, *, token: str | None, strict: bool) -> None:
        self._token = token
        self._strict = strict
        self._received: dict[str, list[bytes]] = {}
        self._mutex = threading.Lock()

    @property
    def received(self) -> dict[str, list[bytes]]:
        """Return a copy of the reports that were kept so far, in the order of arrival."""
        with self._mutex:
            return {report_id: list(bodies) for report_id, bodies in self._received.items()}

    def take(self, body: bytes, authorization: str, *, stores: bool = True) -> Reply:
        """Evaluate one request and keep its report if it is valid, unless ``keep`` is off."""
        if not self._may_send(authorization):
            return _refusal(401, "Authorization has been denied for this request.")
        try:
            report = orjson.loads(body)
        except orjson.JSONDecodeError as exc:
            return _refusal(400, f"The body is not JSON: {exc}")
        if not isinstance(report, dict):
            return _refusal(400, f"The report is a {type(report).__name__}, not an object")
        missing = missing_fields(report) if self._strict else []
        if missing:
            return _refusal(400, f"The report lacks what WATS requires: {', '.join(missing)}")
        report_id = str(report.get("id") or uuid.uuid4())
        if stores:
            with self._mutex:
                self._received.setdefault(report_id, []).append(body)
        return Reply(status=200, body=orjson.dumps([{"ID": report_id}]))

    def look_up(self, report_id: str, authorization: str) -> Reply:
        """Return the latest report with this id."""
        if not self._may_send(authorization):
            return _refusal(401, "Authorization has been denied for this request.")
        kept = self.received.get(report_id)
        return Reply(status=200, body=kept[-1]) if kept else _refusal(404, f"There is no report {report_id}")

    def tell_version(self, authorization: str) -> Reply:
        """Return the version of this server."""
        if not self._may_send(authorization):
            return _refusal(401, "Authorization has been denied for this request.")
        return Reply(status=200, body=orjson.dumps(VERSION))

    def _may_send(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "basic" or not _is_base64(token):
            return False
        return self._token is None or token.strip() == self._token


def missing_fields(report: dict[str, Any]) -> list[str]:
    """Return the fields that WATS requires and the report lacks, in WATS' words."""
    missing = [name for name in REQUIRED if report.get(name) in (None, "")]
    if not (report.get("start") or report.get("startUTC")):
        missing.append("start or startUTC")
    body = "uur" if report.get("type") == "R" else "root"
    if not isinstance(report.get(body), dict):
        missing.append(body)
    return missing


def _is_base64(token: str) -> bool:
    try:
        return bool(base64.b64decode(token.strip(), validate=True))
    except binascii.Error:
        return False


def _refusal(status: int, message: str) -> Reply:
    return Reply(status=status, body=orjson.dumps({"Message": message}))
