"""A signed request to an S3 server, for what an administrator does with a bucket (AWS, "Signature Version 4")."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import datetime, timezone
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from tests.patience import PATIENCE_S
from tests.seaweed import Seaweed, secret
from tests.station import wait_for

_LOCK = b"""<ObjectLockConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><ObjectLockEnabled>Enabled\
</ObjectLockEnabled><Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>1</Days></DefaultRetention></Rule>\
</ObjectLockConfiguration>"""


def create_locked_bucket(server: Seaweed, name: str) -> None:
    """Create a bucket whose objects nobody can remove for a day."""
    _done(server, "PUT", f"/{name}", headers={"x-amz-bucket-object-lock-enabled": "true"})
    checksum = base64.b64encode(hashlib.md5(_LOCK, usedforsecurity=False).digest()).decode()
    _done(server, "PUT", f"/{name}", query="object-lock=", body=_LOCK, headers={"content-md5": checksum})
    wait_for(lambda: _asked(server, "PUT", f"/{name}/first", body=b"x").is_success)  # it gets room on the disk now


def cover(server: Seaweed, place: str, content: bytes) -> None:
    """Store an object at ``/bucket/key`` without a condition, as whoever has a key may do; an older version stays."""
    _done(server, "PUT", place, body=content)


def remove(server: Seaweed, place: str) -> None:
    """Remove the object at ``/bucket/key``."""
    _done(server, "DELETE", place)


def versions_of(server: Seaweed, place: str) -> list[str]:
    """Return the versions of the object at ``/bucket/key``, the newest first."""
    bucket, _, key = place.removeprefix("/").partition("/")
    listed = _done(server, "GET", f"/{bucket}", query=f"prefix={quote(key, safe='')}&versions=").text
    return re.findall(r"<Version>.*?<VersionId>(.*?)</VersionId>", listed, re.DOTALL)


def version(server: Seaweed, place: str, version_id: str) -> bytes:
    """Return the content of a version."""
    return _done(server, "GET", place, query=f"versionId={version_id}").content


def is_removal_refused(server: Seaweed, place: str, version_id: str) -> bool:
    """Whether not even an administrator can remove a version."""
    answer = _asked(server, "DELETE", place, query=f"versionId={version_id}")
    return answer.status_code == HTTPStatus.FORBIDDEN


def _done(server: Seaweed, method: str, path: str, **more: Any) -> httpx.Response:
    return _asked(server, method, path, **more).raise_for_status()


def _asked(
    server: Seaweed,
    method: str,
    path: str,
    *,
    query: str = "",
    body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    checksum = hashlib.sha256(body).hexdigest()
    host = server.endpoint.rpartition("/")[2]
    sent = {**(headers or {}), "host": host, "x-amz-content-sha256": checksum, "x-amz-date": stamp}
    names = ";".join(sorted(sent))
    request = "\n".join([method, path, query, *(f"{name}:{sent[name]}" for name in sorted(sent)), "", names, checksum])
    scope = f"{stamp[:8]}/us-east-1/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{secret('admin')}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    sent["authorization"] = f"AWS4-HMAC-SHA256 Credential=admin/{scope}, SignedHeaders={names}, Signature={signature}"
    return httpx.request(method, f"{server.endpoint}{path}?{query}", content=body, headers=sent, timeout=PATIENCE_S)
