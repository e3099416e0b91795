"""RFC 3161 time stamps of anchors: a request for an authority, and its answer, which may be carried by hand.

What is stamped is the content of an anchor's file: its line with a newline. Needs the extra ``timestamps``.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pywats_archive.archive.anchors.anchor import Anchor
from pywats_archive.archive.anchors.making import anchors_of
from pywats_archive.archive.core import Archive
from pywats_archive.catalog import events
from pywats_archive.catalog.engine import Connection
from pywats_archive.errors import StorageError, UsageError
from pywats_archive.models.event import Event
from pywats_archive.portable.placing import write_file

FOLDER = "timestamps"
ANSWER, ANCHOR = ".tsr", ".anchor"
STAMPED = "anchor.timestamped"
_GRANTED = (0, 1)
"""granted, grantedWithMods (RFC 3161, 2.4.2)."""
_SHA256 = "2.16.840.1.101.3.4.2.1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stamped:
    """A time stamp of an anchor, as the archive keeps it."""

    anchor: Anchor
    at: datetime
    """The time that the authority states."""
    path: Path
    is_authority_checked: bool
    """Whether the signature was checked against a certificate that the caller trusts."""


def request_for(anchor: Anchor) -> bytes:
    """Return the request for a time stamp of an anchor (``.tsq``)."""
    library = _library()
    builder = library.TimestampRequestBuilder().data(content_of(anchor)).hash_algorithm(library.HashAlgorithm.SHA256)
    return bytes(builder.nonce(nonce=True).cert_request(cert_request=True).build().as_bytes())


def add_answer(archive: Archive, answer: bytes, *, roots: Sequence[bytes] = (), actor: str = "service") -> Stamped:
    """Store the answer of an authority (``.tsr``) if it is of an anchor that the archive notes, with an event.

    ``roots`` are certificates (PEM) that the caller trusts: the signature must lead to one of them; without any it is not
    checked. UsageError if the answer cannot be used, StorageError if it cannot be written.
    """
    response = decoded(answer)
    anchor = _anchor_of(archive, response.tst_info.message_imprint)
    if roots:
        check_authority(response, anchor, roots)
    at = response.tst_info.gen_time
    name = f"{anchor.at:%Y%m%dT%H%M%SZ}_{anchor.event}"
    mtime_ns = int(at.timestamp() * 1e9)
    try:
        if not (archive.root / FOLDER / f"{name}{ANCHOR}").exists():
            write_file([content_of(anchor)], archive.root / FOLDER, f"{name}{ANCHOR}", mtime_ns=mtime_ns)
        path = write_file([answer], archive.root / FOLDER, f"{name}{ANSWER}", mtime_ns=mtime_ns)
    except OSError as exc:
        message = f"{archive.root / FOLDER}: the time stamp cannot be written ({exc.strerror or exc}); check the disk"
        raise StorageError(message) from exc
    _record(archive, anchor, at, path, answer, actor=actor, is_checked=bool(roots))
    return Stamped(anchor=anchor, at=at, path=path, is_authority_checked=bool(roots))


def _record(
    archive: Archive, anchor: Anchor, at: datetime, path: Path, answer: bytes, *, actor: str, is_checked: bool
) -> None:
    details = {
        "event": anchor.event,
        "hash": anchor.hash,
        "time": at.isoformat(),
        "file": path.relative_to(archive.root).as_posix(),
        "sha256": hashlib.sha256(answer).hexdigest(),
        "is_authority_checked": is_checked,
    }

    def unit(tx: Connection) -> None:
        events.append(tx, Event(kind=STAMPED, at=archive.now(), actor=actor, details=details))

    archive.write(unit)


def decoded(answer: bytes) -> Any:
    """Return an answer as the library reads it. UsageError if it is none, or refuses."""
    try:
        response = _library().decode_timestamp_response(answer)
        if response.status not in _GRANTED:
            raise UsageError(f"the authority refused the time stamp ({'; '.join(response.status_string)}); ask again")
        response.tst_info.gen_time  # noqa: B018 (raises if there is none)
    except ValueError as exc:
        raise UsageError(f"this is no answer of a time stamp authority ({exc}); use its .tsr file") from exc
    return response


def _anchor_of(archive: Archive, imprint: Any) -> Anchor:
    if imprint.hash_algorithm.dotted_string != _SHA256:
        raise UsageError("the time stamp is not of a SHA-256; send a request that 'anchor --request' wrote")
    for anchor in anchors_of(archive):
        if is_of(imprint, anchor):
            return anchor
    raise UsageError(f"the time stamp is of none of the anchors of {archive.root}; use the answer to a request for it")


def is_of(imprint: Any, anchor: Anchor) -> bool:
    """Whether what was stamped is this anchor."""
    return hmac.compare_digest(hashlib.sha256(content_of(anchor)).digest(), imprint.message)


def check_authority(response: Any, anchor: Anchor, roots: Sequence[bytes]) -> None:
    """Raise UsageError unless the signature of an answer leads to one of these certificates (PEM)."""
    from cryptography import x509  # noqa: PLC0415 (seldom needed)

    library = _library()
    try:
        found = [each for root in roots for each in x509.load_pem_x509_certificates(root)]
        builder = library.VerifierBuilder(roots=list(dict.fromkeys(found)))
        builder.build().verify_message(response, content_of(anchor))
    except (library.VerificationError, ValueError) as exc:
        raise UsageError(f"the time stamp is not signed by a trusted authority ({exc}); check the certificate") from exc


def content_of(anchor: Anchor) -> bytes:
    """Return what is stamped: the content of the anchor's file."""
    return f"{anchor.line}\n".encode("ascii")


def has_library() -> bool:
    """Whether the extra ``timestamps`` is installed."""
    return find_spec("rfc3161_client") is not None


def _library() -> Any:
    try:
        import rfc3161_client  # noqa: PLC0415 (an extra)
    except ImportError as exc:
        raise UsageError("time stamps need a further package; install 'pywats-archive[timestamps]'") from exc
    return rfc3161_client
