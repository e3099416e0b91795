"""The note of a conversion whose source is not archived yet: a signed file in Done, beside the source.

Others may write to Done. A note is trusted only with a signature by this station's key, over its content, the name of its
folder and the checksum of its source; links on the way to it are not followed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pywats_archive.archive.sources import reading
from pywats_archive.host.settings.neighbours import real
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.conversion import ConversionResult, ConverterInfo
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.time import utc_now
from pywats_archive.portable import files

NOTE, SOURCE = "note.json", "source"
_SIGNATURE = "signature"
_READ_ONLY = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """A conversion whose source is not archived yet."""

    arrival_id: int | None = None
    converter_name: str = ""
    """The converter, since several may share a Done folder; empty if unknown: any of them archives the source."""
    original_path: str = ""
    size_bytes: int = 0
    mtime_ns: int = 0
    checksum: str = ""
    """Checksum of the parked source; empty in notes of earlier versions."""
    state: ArrivalState = ArrivalState.DONE
    status: ConversionStatus = ConversionStatus.PENDING
    error: str | None = None
    reports: tuple[str, ...] = ()
    """The documents that were sent."""
    warnings: tuple[str, ...] = ()
    converter_version: str = ""
    code_fingerprint: str = ""
    """Fingerprint of the code that converted it; there may be another version when the source is archived."""
    distribution: str | None = None
    converted_at: str = ""
    """When the converter was called, in ISO format; empty if unknown."""
    duration_ms: int = 0
    invalid: str = ""
    """Why the file is invalid, as after an edit or on a damaged disk; it is kept, since it contains reports."""
    link: str = ""
    """The folder, note or source that is a link, if any."""
    proof: Proof | None = field(default=None, repr=False)
    """The signature in the file; None when there is no file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """A signature, and the bytes that it signs."""

    signature: str
    signed: bytes


_NOTES = TypeAdapter(Note)
_NOT_WRITTEN = ("invalid", "link", "proof")


class Seal:
    """The station's key for notes; ``load`` reads it when needed.

    ``accepts_unsigned``: a person vouches for notes without a signature of this station.
    """

    def __init__(self, load: Callable[[], bytes], *, accepts_unsigned: bool = False) -> None:
        self._load = load
        self.accepts_unsigned = accepts_unsigned

    def of(self, signed: bytes) -> str:
        """Return the signature of a note's content."""
        return hmac.new(self._load(), b"pywats-archive note\0" + signed, hashlib.sha256).hexdigest()

    def fault(self, proof: Proof) -> str | None:
        """Return what is wrong with a signature."""
        if self.accepts_unsigned:
            return None
        if not proof.signature:
            return "it has no signature: an earlier version or somebody else wrote it"
        if not hmac.compare_digest(self.of(proof.signed).encode(), proof.signature.encode("utf-8", "replace")):
            return "its signature is not this station's: it was edited, or comes from another station"
        return None


def doubt(note: Note, watch_folder: str, seal: Seal) -> str | None:
    """Return why a note is not trusted, if so, and what to do."""
    if note.proof is None:  # there is no note, so nothing of it is used
        return None
    if fault := seal.fault(note.proof):
        return f"{fault}; if it is genuine, run once with --accept-notes"
    if note.original_path and real(os.path.dirname(note.original_path)) != real(watch_folder):  # noqa: PTH120
        return f"it names {note.original_path}, which is not in the watch folder {watch_folder}; put it back there"
    return None


def write(note: Note, folder: Path, seal: Seal) -> None:
    """Write a note, signed and durable, replacing an earlier one; OSError when that fails."""
    said = {key: value for key, value in asdict(note).items() if key not in _NOT_WRITTEN}
    content = json.dumps({**said, _SIGNATURE: seal.of(_signed(said, folder))}).encode("ascii")
    files.replace_durably(folder / NOTE, content, partial=partial_of(folder))


def partial_of(folder: Path) -> Path:
    """Return the temporary path under which a note is written."""
    return folder / f".{NOTE}.part"


def read(folder: Path) -> Note:
    """Read the note of a folder; if it is missing or empty, the source is archived without a conversion."""
    try:
        if link := next((each for each in (folder, folder / SOURCE, folder / NOTE) if _is_link(each)), None):
            return Note(link=str(link))
        text = _content(folder / NOTE)
        said = json.loads(text or b"{}")
    except FileNotFoundError:
        return Note()
    except (OSError, ValueError, RecursionError) as exc:
        return Note(invalid=str(exc))
    return _parsed(said, folder) if said != {} else Note()


def digest(source: Path) -> str:
    """Return the checksum of a source; for a folder, of the names and contents of its files, without their times."""
    if not source.is_dir():
        return reading.checksum(source)
    total = hashlib.sha256()
    for path in sorted(reading.files_of(source)):
        name = os.fsencode(path.relative_to(source).as_posix())
        total.update(b"%s\0%s\n" % (name, reading.checksum(path).encode()))
    return f"sha256:{total.hexdigest()}"


def result_of(note: Note) -> ConversionResult:
    """Return the conversion result in a note."""
    return ConversionResult(
        status=note.status,
        error=note.error,
        documents=tuple(text.encode() for text in note.reports),
        warnings=note.warnings,
        started_at=_moment(note.converted_at),
        duration_ms=note.duration_ms,
    )


def recorded(note: Note, today: ConverterInfo | None) -> ConversionResult:
    """Return the result for the archive, with the version of the converter that produced it.

    The code's files are not known if that version is not today's; the secret arguments are today's.
    """
    result = result_of(note)
    if today is None or note.code_fingerprint in ("", today.fingerprint):
        return result
    of_then = replace(
        today,
        version=note.converter_version,
        fingerprint=note.code_fingerprint,
        distribution=note.distribution,
        code_files=(),
    )
    return replace(result, converter=of_then)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return utc_now()


def _parsed(said: Any, folder: Path) -> Note:
    fields = said if isinstance(said, dict) else {}
    known = {key: value for key, value in fields.items() if key not in (_SIGNATURE, *_NOT_WRITTEN)}
    unsigned = {key: value for key, value in fields.items() if key != _SIGNATURE}
    proof = Proof(signature=str(fields.get(_SIGNATURE, "")), signed=_signed(unsigned, folder))
    try:
        return replace(_NOTES.validate_python(known if said is fields else said), proof=proof)
    except ValidationError as exc:
        faults = exc.errors(include_url=False, include_input=False)
        wrong = {fault["loc"][0] for fault in faults if fault["loc"]}
        sound = _NOTES.validate_python({key: value for key, value in known.items() if key not in wrong})
        where = ".".join(map(str, faults[0]["loc"])) or "the whole"
        return replace(sound, invalid=f"{where}: {faults[0]['msg']}", proof=proof)


def _signed(said: Mapping[str, Any], folder: Path) -> bytes:
    """Return the bytes to sign: the note's content, and the folder's name, so that a note is not valid in another folder."""
    return json.dumps([os.fsencode(folder.name).hex(), said], sort_keys=True, separators=(",", ":")).encode("ascii")


def _is_link(path: Path) -> bool:
    try:
        return files.is_link(path)
    except FileNotFoundError:
        return False


def _content(path: Path) -> bytes:
    descriptor = os.open(path, _READ_ONLY)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is not a file")
        return stream.read()
