"""A report: one output document of a conversion, and its submission to the server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Any
from uuid import UUID


class SubmissionState(str, Enum):
    """The state of a report's submission."""

    WAITING = "WAITING"
    """In the outbox: durable here, not yet accepted."""
    ACCEPTED = "ACCEPTED"
    """The server returned its id."""
    REFUSED = "REFUSED"
    """The server does not accept it as it is; it stays in the archive, and a person must act."""
    WITHHELD = "WITHHELD"
    """Not to be sent, for example of a replay without submission."""


class UnitResult(str, Enum):
    """Whether a unit passed its test; apart from whether the conversion of its log succeeded."""

    PASSED = "PASSED"
    DONE = "DONE"
    FAILED = "FAILED"
    TERMINATED = "TERMINATED"
    ERROR = "ERROR"

    @classmethod
    def read(cls, text: str | None) -> UnitResult | None:
        """Return the result in a report, a letter or a word; None if it is none that WATS has (WSJF, ``result``)."""
        word = (text or "").strip().upper()
        return next((each for each in cls if word and word in (each.value, each.value[0])), None)


def word_of(result: str | None) -> str:
    """Return the result in a report as a word: ``Passed`` for ``P``."""
    known = UnitResult.read(result)
    return known.value.capitalize() if known else str(result)


def is_same_verdict(one: str | None, other: str | None) -> bool:
    """Whether two results are the same: ``P`` and ``Passed`` are."""
    return (one is None) == (other is None) and word_of(one) == word_of(other)


_WORST_FIRST = tuple(reversed(UnitResult))


def worst(results: Iterable[UnitResult | None]) -> UnitResult | None:
    """Return the worst of several results; None if none of them is known."""
    known = set(results)
    return next((each for each in _WORST_FIRST if each in known), None)


LONGEST_ID = 1000
"""Of a report's id and of a converter's version, in characters: both are in the headers of blobs, which hold 65,531 bytes."""
NEVER_SENT = "a crash came before it could be sent"
"""Why a report of an unrecorded conversion is withheld."""
FOLLOWED = "the catalog was lost, and a later report that may have been sent takes its place"
"""Why a report that waited in a copy of the catalog is withheld."""
ROLLED_BACK = "its run was rolled back"
"""Why a report is withheld whose run was rolled back after the copy of the catalog was made."""
GONE = "the catalog was lost, and its document is gone: it may have been sent"
"""Why a report is withheld that waited in a copy of the catalog, and whose blob is not there."""
IMPORTED = "imported: it was made before its source was archived"
"""Why an imported report is withheld."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportSummary:
    """The fields of a document that people search a report by; None if it lacks one."""

    own_id: str | None
    serial_number: str | None
    part_number: str | None
    process: str | None
    result: str | None
    start_time: str | None

    @property
    def fault(self) -> str | None:
        """Why no report of this kind can be archived; None if it can."""
        if self.own_id is None or len(self.own_id) <= LONGEST_ID:
            return None
        return f"its id has {len(self.own_id):,} characters, and may have {LONGEST_ID:,}: {self.own_id[:40]!a}…"


def summarize(fields: Mapping[str, Any]) -> ReportSummary:
    """Return the summary of a report's JSON object, under WATS' own names or pyWATS' older ones."""
    return ReportSummary(
        own_id=_own_id(fields),
        serial_number=_text(fields, "sn", "serialNumber"),
        part_number=_text(fields, "pn", "partNumber"),
        process=_text(fields, "processCode", "processName"),
        result=_text(fields, "result"),
        start_time=_text(fields, "start", "startUTC"),
    )


def _own_id(fields: Mapping[str, Any]) -> str | None:
    """Return the id in a document; an id of zeros and separators only is none."""
    own = _text(fields, "id")
    return own if own and own.strip("0{}()- \t\r\n") else None


@lru_cache(maxsize=1024)
def id_key(report_id: str) -> str:
    """Return an id in comparable form: a GUID may be written in several ways."""
    try:
        return UUID(report_id.strip()).hex
    except ValueError:
        return report_id.strip().casefold()


def spellings(report_id: str) -> tuple[str, ...]:
    """Return the spellings of an id: a GUID in capitals or not, in braces, without dashes."""
    try:
        guid = UUID(report_id.strip())
    except ValueError:
        return (report_id,)
    plain = (str(guid), guid.hex, f"{{{guid}}}")
    return tuple(dict.fromkeys((report_id, *plain, *(each.upper() for each in plain))))


def _text(fields: Mapping[str, Any], *names: str) -> str | None:
    return next((str(fields[name]) for name in names if fields.get(name) not in (None, "")), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """One archived report of an entry."""

    archive_id: str
    """Its entry."""
    ordinal: int
    """1 for the first report of a conversion."""
    conversion_id: int | None = None
    """The conversion that made it; None after a rebuild of the catalog."""
    report_id: str
    """The id under which the server has it, or gets it."""
    archived_path: str
    """The blob, relative to the archive."""
    checksum: str
    """``sha256:<hex>`` of the exact JSON."""
    size_bytes: int
    """Size of the report."""
    compressed_size_bytes: int
    """Size of the blob."""
    serial_number: str | None = None
    """Serial number of the unit."""
    part_number: str | None = None
    """Part number of the unit."""
    process: str | None = None
    """Test operation, as code or name."""
    result: str | None = None
    """Result of the unit, as the document has it."""
    start_time: str | None = None
    """As the document has it."""
    submission_state: SubmissionState = SubmissionState.WAITING
    """State of its submission."""
    tries: int = 0
    """How often it was sent."""
    last_error: str | None = None
    """Why it is not accepted, or was withheld."""
    next_try_at: datetime | None = None
    """When it is sent next."""
    accepted_at: datetime | None = None
    """When the server accepted it."""
    verified_at: datetime | None = None
    """When its blob was last read back."""
    disk_size_bytes: int = 0
    """What the file system allots for its blob."""

    @property
    def may_be_sent(self) -> bool:
        """Whether the server may have it under its id, or gets it.

        It has none that it refused at the first try, nor one that was never to be sent and has no reason for being withheld.
        A report without a conversion and without a crash comes from a rebuilt catalog: it may have been sent.
        """
        if self.submission_state is SubmissionState.REFUSED:
            return self.tries > 1
        if self.submission_state is not SubmissionState.WITHHELD or self.tries:
            return True
        return self.last_error != NEVER_SENT and (self.conversion_id is None or self.last_error is not None)

    @property
    def is_sending_unknown(self) -> bool:
        """Whether only a lost catalog knew if it was sent; it may be what the server has under its id."""
        if self.submission_state is not SubmissionState.WITHHELD:
            return False
        is_adopted = self.conversion_id is None and self.last_error is None
        return is_adopted or self.last_error in (FOLLOWED, GONE, ROLLED_BACK)

    @property
    def may_be_there(self) -> bool:
        """Whether the server may have the report without a record of it here: it was imported, or the catalog was lost."""
        is_imported = self.submission_state is SubmissionState.WITHHELD and self.last_error == IMPORTED
        return is_imported or self.is_sending_unknown


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A report that the server refused, or does not accept, of the conversion that its entry shows."""

    converter_name: str
    archive_id: str
    reason: str
    """The server's words."""
