"""A second person's approval in a compliant archive: requested, given and used, each as an event of the history."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import account
from pywats_archive.catalog import events
from pywats_archive.catalog.engine import Connection
from pywats_archive.errors import NeedsApproval, UsageError
from pywats_archive.models.event import Event
from pywats_archive.models.retention.compliance import APPROVED_WITHIN, Act, Approval, Rule, person_of

REQUESTED, GIVEN, USED = "approval.requested", "approval.given", "approval.used"


def require(archive: Archive, act: Act, subject: dict[str, Any], *, actor: str) -> None:
    """Use the approval of an act in a compliant archive; NeedsApproval, and a request, if there is none.

    An approval holds for one act, on exactly this subject, by the person who requested it. It is used before the act, so that
    a crash in between takes another approval and never lets one count twice.
    """
    if not archive.is_compliant:
        return
    account.require_owner(archive.root)
    if person_of(actor) is None:
        advice = f"'{actor}' names no person; sign in as a user, or use your own account"
        archive.compliance.refuse(Rule.APPROVAL, advice, actor=actor, act=act.value, subject=subject)
    known: dict[str, Any] = json.loads(json.dumps(subject, default=str))
    number = archive.write(lambda tx: _used_or_requested(tx, archive, act, known, actor))
    if number is not None:
        raise NeedsApproval(
            f"{archive.root}: is a compliant archive: {Rule.APPROVAL.sentence}; another person runs "
            f"'pywats-archive approve {number}' within an hour, then repeat this"
        )


def approve(archive: Archive, number: int, *, actor: str) -> Approval:
    """Approve a request; its own person is refused, on record. UsageError if there is no such request, or it expired."""
    account.require_owner(archive.root)
    with archive.read() as db:
        found = next((each for each in _requests(db, archive) if each.number == number), None)
    if found is None:
        raise UsageError(
            f"{archive.root}: no request {number} waits for an approval; 'pywats-archive approve' lists them"
        )
    person = person_of(actor)
    if person is None or person == person_of(found.requested_by):
        advice = f"{found.requested_by} requested {number}, and {actor} is not another person"
        archive.compliance.refuse(Rule.APPROVAL, advice, actor=actor, request=number)
    if found.approved_by is None:
        event = Event(kind=GIVEN, at=archive.now(), actor=actor, details={"request": number})
        archive.write(lambda tx: events.append(tx, event))
    return next(each for each in requests(archive) if each.number == number)


def requests(archive: Archive) -> tuple[Approval, ...]:
    """Return the requests of the last hour that are not used yet, oldest first."""
    with archive.read() as db:
        return tuple(_requests(db, archive))


def _used_or_requested(tx: Connection, archive: Archive, act: Act, subject: dict[str, Any], actor: str) -> int | None:
    """Use an approval; else return the number of the request for one, a new one if there is none."""
    mine = [each for each in _requests(tx, archive) if (each.act, each.subject) == (act, subject)]
    mine = [each for each in mine if person_of(each.requested_by) == person_of(actor)]
    for each in mine:
        if each.approved_by is not None:
            events.append(tx, Event(kind=USED, at=archive.now(), actor=actor, details={"request": each.number}))
            return None
    if mine:
        return mine[-1].number
    details = {"act": act.value, "subject": subject}
    return events.append(tx, Event(kind=REQUESTED, at=archive.now(), actor=actor, details=details)).sequence


def _requests(db: Connection, archive: Archive) -> Iterator[Approval]:
    """Yield the requests that are neither used nor expired."""
    now, used = archive.now(), {each.details.get("request") for each in events.without_archive_id(db, USED)}
    given = {each.details.get("request"): each for each in events.without_archive_id(db, GIVEN)}
    for each in events.without_archive_id(db, REQUESTED):
        if each.sequence in used or not _is_recent(each.at, now):
            continue
        approved = given.get(each.sequence)
        with suppress(ValueError, KeyError):
            yield Approval(
                number=each.sequence or 0,
                archive=str(archive.root),
                act=Act(each.details["act"]),
                subject=each.details["subject"],
                requested_by=each.actor,
                requested_at=each.at,
                approved_by=approved.actor if approved else None,
            )


def _is_recent(moment: datetime, now: datetime) -> bool:
    """Whether a request may still be approved and used; one from a clock that was set back later may not."""
    return moment <= now < moment + APPROVED_WITHIN
