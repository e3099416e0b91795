"""A signed request to an S3 server, for what an administrator does with a bucket (AWS, "Signature Version 4")."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime, timezone

import httpx

from tests.seaweed import Seaweed, secret

_LOCK = b"""<ObjectLockConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><ObjectLockEnabled>Enabled\
</ObjectLockEnabled><Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>1</Days></DefaultRetention></Rule>\
</ObjectLockConfiguration>"""


def create_locked_bucket(server: Seaweed, name: str) -> None:
    """Create a bucket whose objects nobody can remove for a day."""
    _put(server, f"/{name}", headers={"x-amz-bucket-object-lock-enabled": "true"})
    checksum = base64.b64encode(hashlib.md5(_LOCK, usedforsecurity=False).digest()).decode()
    _put(server, f"/{name}", query="object-lock=", body=_LOCK, headers={"content-md5": checksum})


def _put(server: Seaweed, path: str, *, query: str = "", body: bytes = b"", headers: dict[str, str]) -> None:
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    checksum = hashlib.sha256(body).hexdigest()
    host = server.endpoint.rpartition("/")[2]
    sent = {**headers, "host": host, "x-amz-content-sha256": checksum, "x-amz-date": stamp}
    names = ";".join(sorted(sent))
    request = "\n".join(["PUT", path, query, *(f"{name}:{sent[name]}" for name in sorted(sent)), "", names, checksum])
    scope = f"{stamp[:8]}/us-east-1/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{secret('admin')}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    sent["authorization"] = f"AWS4-HMAC-SHA256 Credential=admin/{scope}, SignedHeaders={names}, Signature={signature}"
    httpx.put(f"{server.endpoint}{path}?{query}", content=body, headers=sent).raise_for_status()
