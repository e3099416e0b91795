"""RFC 3161 time stamps of anchors: a request for an authority, and its answer, which may be carried by hand.

What is stamped is the content of an anchor's file: its line with a newline. Needs the extra ``timestamps``.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pywats_archive.archive.anchors.anchor import Anchor
from pywats_archive.archive.anchors.making import STAMPED, anchors_of
from pywats_archive.archive.core import Archive
from pywats_archive.catalog import events
from pywats_archive.catalog.engine import Connection
from pywats_archive.errors import StorageError, UsageError
from pywats_archive.models.event import Event
from pywats_archive.models.step import OnStep, no_step
from pywats_archive.portable.placing import write_file

FOLDER = "timestamps"
QUERY, ANSWER, ANCHOR = ".tsq", ".tsr", ".anchor"
_MOMENT = "%Y%m%dT%H%M%SZ"
_GRANTED = (0, 1)
"""granted, grantedWithMods (RFC 3161, 2.4.2)."""
_CAUSE = re.compile(r'data: "(?:Verify error: )?([^"]+)"')
"""The cause in an error of OpenSSL, as the library shows it."""
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """A request for a time stamp."""

    anchor: Anchor
    content: bytes
    """As it is sent (``.tsq``)."""
    nonce: int
    """A random number that the answer repeats."""


def query_for(anchor: Anchor) -> Query:
    """Return a request for a time stamp of an anchor."""
    library = _library()
    builder = library.TimestampRequestBuilder().data(content_of(anchor)).hash_algorithm(library.HashAlgorithm.SHA256)
    request = builder.nonce(nonce=True).cert_request(cert_request=True).build()
    return Query(anchor=anchor, content=bytes(request.as_bytes()), nonce=request.nonce)


def is_stored(archive: Archive, anchor: Anchor) -> bool:
    """Whether the archive has a time stamp of an anchor."""
    return (archive.root / FOLDER / f"{_name(anchor)}{ANSWER}").exists()


def newest_stamped(archive: Archive) -> datetime | None:
    """Return when the newest anchor that has a time stamp was made; None if none has one."""
    names = (path.name for path in (archive.root / FOLDER).glob(f"*{ANSWER}"))
    newest = max((name.partition("_")[0] for name in names), default="")
    with suppress(ValueError):
        return datetime.strptime(newest, _MOMENT).replace(tzinfo=timezone.utc)
    return None


def _name(anchor: Anchor) -> str:
    """Return the name of an anchor's files, without their suffix."""
    return f"{anchor.at:{_MOMENT}}_{anchor.event}"


def add_answer(
    archive: Archive,
    answer: bytes,
    *,
    roots: Sequence[bytes] = (),
    query: Query | None = None,
    actor: str = "service",
    on_step: OnStep = no_step,
) -> Stamped:
    """Store the answer of an authority (``.tsr``) if it is of an anchor that the archive notes, with an event.

    ``roots`` are certificates (PEM) that the caller trusts: the signature must lead to one of them; without any, it must be
    that of the certificate in the answer. With ``query``, the answer must be to that request, which is stored too. UsageError
    if the answer cannot be used, StorageError if it cannot be written.
    """
    from pywats_archive.archive.anchors.cms import signature_fault  # noqa: PLC0415 (seldom needed)

    response = decoded(answer)
    anchor = query.anchor if query else _anchor_of(archive, response.tst_info.message_imprint)
    require_of(response, anchor, query)
    if roots:
        check_authority(response, anchor, roots)
    elif fault := signature_fault(response):
        raise UsageError(f"the time stamp cannot be used: {fault}; ask the authority again")
    at = response.tst_info.gen_time
    files = {ANCHOR: content_of(anchor), **({QUERY: query.content} if query else {}), ANSWER: answer}
    try:
        path = _written(archive.root / FOLDER, anchor, files, mtime_ns=int(at.timestamp() * 1e9), on_step=on_step)
    except OSError as exc:
        message = f"{archive.root / FOLDER}: the time stamp cannot be written ({exc.strerror or exc}); check the disk"
        raise StorageError(message) from exc
    _record(archive, anchor, at, path, answer, actor=actor, is_checked=bool(roots))
    return Stamped(anchor=anchor, at=at, path=path, is_authority_checked=bool(roots))


def require_of(response: Any, anchor: Anchor, query: Query | None) -> None:
    """Raise UsageError unless an answer is of an anchor, and to a request."""
    if not is_of(response.tst_info.message_imprint, anchor) or (query and response.tst_info.nonce != query.nonce):
        raise UsageError("the time stamp is the answer to another request; ask the authority again")


def _written(folder: Path, anchor: Anchor, files: Mapping[str, bytes], *, mtime_ns: int, on_step: OnStep) -> Path:
    """Write the files of a time stamp, by suffix; returns the last one. The anchor is written once."""
    path = folder
    for suffix, content in files.items():
        if suffix != ANCHOR or not (folder / f"{_name(anchor)}{suffix}").exists():
            on_step("write_stamp")
            path = write_file([content], folder, f"{_name(anchor)}{suffix}", mtime_ns=mtime_ns)
    return path


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
        why = _CAUSE.findall(str(exc)) or [str(exc)]
        raise UsageError(
            f"the time stamp is not signed by a trusted authority ({why[0]}); check the certificate"
        ) from exc


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
