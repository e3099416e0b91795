"""The id of each new report: that of the report it continues, else its own, else one that is new in its entry. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import count

from pywats_archive.models.pairing import Keys, Link, New, Pair
from pywats_archive.models.report import ReportSummary, id_key

_SPARE_IDS = uuid.UUID("6a2f3b0e-5d0c-4c1e-9b57-0f6a9d1c7e21")
"""Namespace of the ids given to reports without one: uuid5 of archive id and a number, the ordinal if that is free."""

_SPARE_VERSION = 5
"""The version of such an id, a UUID made from a name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """The id of a new report."""

    pair: Pair
    report_id: str
    is_ours: bool = False
    """Whether the id was made here, so that no other source has it."""
    warning: str | None = None


def as_new(summaries: Sequence[ReportSummary]) -> tuple[New, ...]:
    """Return the reports of a conversion as tests that can be compared with earlier ones."""
    return tuple(
        New(ordinal=ordinal, keys=Keys.of(each), own_id=each.own_id) for ordinal, each in enumerate(summaries, 1)
    )


def identities(
    archive_id: str,
    documents: Sequence[bytes],
    summaries: Sequence[ReportSummary],
    pairs: Sequence[Pair],
    *,
    taken: Collection[str],
    new_ids: bool,
) -> tuple[Identity, ...]:
    """Return the ids of a conversion's reports; ``taken`` are those of the entry's reports. Idempotent without ``new_ids``."""
    in_use = {id_key(each) for each in taken}
    given: dict[str, tuple[int, bytes]] = {}
    found = []
    for pair, body, summary in zip(pairs, documents, summaries, strict=True):
        named = _named(archive_id, pair, body, summary.own_id, given, in_use, new_ids=new_ids)
        in_use.add(id_key(named.report_id))
        given.setdefault(id_key(named.report_id), (pair.ordinal, body))
        found.append(named)
    return tuple(found)


def _named(
    archive_id: str,
    pair: Pair,
    body: bytes,
    own_id: str | None,
    given: dict[str, tuple[int, bytes]],
    in_use: Collection[str],
    *,
    new_ids: bool,
) -> Identity:
    if new_ids:
        return Identity(pair=pair, report_id=str(uuid.uuid4()), is_ours=True)
    if pair.link is Link.SAME and pair.report_id:
        return Identity(pair=pair, report_id=pair.report_id)
    first, its_body = given.get(id_key(own_id), (0, b"")) if own_id else (0, b"")
    if own_id and (id_key(own_id) not in in_use or its_body == body):  # the same document twice is one report
        return Identity(pair=pair, report_id=own_id)
    warning = (
        f"report {pair.ordinal} has the id of report {first} ({own_id}): it was given another one" if first else None
    )
    spare = spare_id(archive_id, pair.ordinal, in_use)
    return Identity(pair=pair, report_id=spare, is_ours=True, warning=warning)


def spare_id(archive_id: str, ordinal: int, in_use: Collection[str]) -> str:
    """Return an id for a report without one; ``in_use`` are keys of ids (``id_key``). The same values give the same id."""
    spares = (str(uuid.uuid5(_SPARE_IDS, f"{archive_id}/{number}")) for number in count(ordinal))
    return next(each for each in spares if id_key(each) not in in_use)


def may_be_spare(report_id: str) -> bool:
    """Whether an id is of the kind that reports without one get."""
    try:
        return uuid.UUID(report_id).version == _SPARE_VERSION
    except ValueError:
        return False
