"""An anchor as a value and as a line of text. Pure; knows no cryptography.

The line is ASCII: ``pywats-archive-anchor-1 archive=UUID event=N hash=HEX time=YYYY-MM-DDTHH:MM:SSZ key=BASE64
signature=BASE64``. ``key`` is the public key (Ed25519, SubjectPublicKeyInfo, DER). The signature is of the line's text before
`` signature=``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

FIRST_WORD = "pywats-archive-anchor-1"
SIGNATURE_BYTES = 64
PUBLIC_KEY_BYTES = 32
_DER = bytes.fromhex("302a300506032b6570032100")
"""The bytes before the 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo (RFC 8410)."""
_ID_DIGITS = 16
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_LINE = re.compile(
    re.escape(FIRST_WORD)
    + r"archive=([0-9a-f-]{36})event=([0-9]{1,19})hash=([0-9a-f]{64})time=([0-9TZ:-]{20})"
    + r"key=([A-Za-z0-9+/]{59}=)signature=([A-Za-z0-9+/]{86}==)"
)
"""A line without its blanks."""
_BLANKS = re.compile(r"[\s>]+")
"""Characters that mail programs add when they break or quote lines."""
MOST_EVENTS = 2**63 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Anchor:
    """A signed event number and hash of one archive."""

    archive_uuid: str
    event: int
    """The number of the event; 1 is the first."""
    hash: str
    """SHA-256 (hex) of the event, and so of all before it."""
    at: datetime
    """When it was signed, by the station's clock; to the second."""
    public_key: bytes
    """32 bytes, Ed25519."""
    signature: bytes
    """64 bytes, over ``signed``."""

    @property
    def signed(self) -> bytes:
        """The text that is signed."""
        return signed_text(self.archive_uuid, self.event, self.hash, self.at, self.public_key)

    @property
    def line(self) -> str:
        """The anchor as a line of text, without a line end."""
        return f"{self.signed.decode('ascii')} signature={base64.b64encode(self.signature).decode('ascii')}"

    @property
    def key_id(self) -> str:
        """The name of the public key."""
        return key_id(self.public_key)

    def carried(self) -> dict[str, Any]:
        """Return the short form for the header of a blob: without the archive, and with the id of the key."""
        signature = _base64(self.signature)
        at = f"{self.at.astimezone(timezone.utc):{_TIME}}"
        return {"event": self.event, "hash": self.hash, "time": at, "key": self.key_id, "signature": signature}


def signed_text(archive_uuid: str, event: int, hash_: str, at: datetime, public_key: bytes) -> bytes:
    """Return the text of an anchor that is signed."""
    moment, key = f"{at.astimezone(timezone.utc):{_TIME}}", _base64(_DER + public_key)
    return f"{FIRST_WORD} archive={archive_uuid} event={event} hash={hash_} time={moment} key={key}".encode("ascii")


def key_id(public_key: bytes) -> str:
    """Return the name of a public key: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public_key).hexdigest()[:_ID_DIGITS]


def anchors_in(text: str) -> Iterator[Anchor]:
    """Yield the anchors in a text, such as a log of anchors or a mail; their signatures are not checked."""
    for found in _LINE.finditer(_BLANKS.sub("", text)):
        if anchor := _anchor(*found.groups()):
            yield anchor


def from_carried(fields: Mapping[str, Any], archive_uuid: str, keys: Mapping[str, bytes]) -> Anchor | None:
    """Return the anchor in a blob's header; None if it is none, or no key of ``keys`` (by id) is its key."""
    public_key = keys.get(str(fields.get("key")))
    if public_key is None:
        return None
    key = _base64(_DER + public_key)
    event, hash_, at, signature = (str(fields.get(name)) for name in ("event", "hash", "time", "signature"))
    return _anchor(archive_uuid, event, hash_, at, key, signature)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _anchor(archive_uuid: str, event: str, hash_: str, at: str, key: str, signature: str) -> Anchor | None:
    try:
        der, signed = base64.b64decode(key, validate=True), base64.b64decode(signature, validate=True)
        anchor = Anchor(
            archive_uuid=archive_uuid,
            event=int(event),
            hash=hash_,
            at=datetime.strptime(at, _TIME).replace(tzinfo=timezone.utc),
            public_key=der[len(_DER) :],
            signature=signed,
        )
    except (ValueError, binascii.Error):
        return None
    is_whole = (
        [_base64(der), _base64(signed)] == [key, signature]
        and der.startswith(_DER)
        and len(anchor.public_key) == PUBLIC_KEY_BYTES
        and len(signed) == SIGNATURE_BYTES
        and re.fullmatch(r"[0-9a-f]{64}", hash_) is not None
        and 0 < anchor.event <= MOST_EVENTS
    )
    return anchor if is_whole else None
