"""Open alerts as sentences."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from datetime import datetime

from pywats_archive.models.operation.statistics import OpenAlert
from pywats_archive.words.sizes import human_size
from pywats_archive.words.text import printable
from pywats_archive.words.times import brief

_SENTENCES = {
    "vault.failed": "The archive {subject} is not copied to the vault",
    "vault.late": "The vault does not have the latest events of the archive {subject}",
    "timestamp.failed": "The history of {subject} gets no time stamp",
    "anchor.failed": "No signed head of the history could be written to {subject}",
    "archive.away": "The archive {subject} is unavailable",
    "archive.damaged": "An archived file has changed or cannot be read: {subject}",
    "archive.failing": "Sources of {subject} cannot be archived",
    "archive.not_read_back": "The archive {subject} was not read back within {verify_interval_days} days",
    "archive.unnamed": "The configuration no longer lists the archive {subject}, in which something waits",
    "backup.failed": "The catalog could not be copied to {subject} for more than a day",
    "clock.wrong": "The clock of this computer differs from that of {subject}",
    "compliance.overruled": "The configuration of {subject} is against the rules of a compliant archive",
    "config.rejected": "The changed configuration {subject} cannot be used; the last good one stays in force",
    "converter.failing": "Many conversions of {subject} failed within an hour",
    "converter.gone": "Sources of {subject} are unfinished, and no such converter is configured",
    "converter.unavailable": "The code of the converter {subject} cannot be loaded",
    "disk.filling": "The disk of {subject} will be full in {days} days",
    "disk.full": "The disk of {subject} is full",
    "disk.low": "The disk of {subject} is low on free space",
    "ledger.damaged": "Rows of the ledger of {subject} are invalid",
    "note.untrusted": "A folder in Done was not left by this station: {subject}",
    "pending.forgotten": "Files in Pending are in no ledger, so nothing retries them: {subject}",
    "policy.differs": "The configuration of {subject} has another limit than its policy",
    "reports.overdue": "A report of {subject} has been tried for a day, and the server does not accept it",
    "reports.refused": "The server refused reports of {subject}",
    "reports.unsendable": "Waiting reports in {subject} cannot be read",
    "retention.clock": "Nothing is purged from {subject} because of its age: the clock is in doubt",
    "retention.held_back": "Nothing is purged from {subject}: damage is open",
    "retention.needs_confirmation": "The policy of {subject} would purge much at once; check it, then run 'purge'",
    "retention.not_removed": "Files of purged entries cannot be removed from {subject}",
    "server.away": "The server {subject} accepts no reports",
    "server.unauthorised": "The server {subject} rejects the station's credentials",
    "service.not_running": "No service works on {subject}",
    "service.unexpected": "A part of the service fails for {subject}",
    "size.80_percent": "The archive of {subject} has reached 80 % of its size limit",
    "size.95_percent": "The archive of {subject} has reached 95 % of its size limit",
    "size.limit_not_met": "The archive of {subject} is above its size limit, and nothing more can be purged",
    "source.empty": "Empty sources lie in {subject}",
    "source.open": "A program has had sources in {subject} open for more than an hour",
    "source.stuck": "Sources of {subject} are done and cannot leave their folder",
    "source.unexpected": "Sources of {subject} fail with an unexpected error",
    "source.written_late": "A program wrote to a source in {subject} after it was archived",
    "watch.away": "The watch folder {subject} is unavailable",
    "watch.taken": "Another service owns the watch folder {subject}",
    "watch.unreadable": "The watch folder {subject} cannot be listed",
    "web.unavailable": "The web pages of {subject} are not served",
    "workers.unavailable": "No converter process can be started",
}
_DETAILS = {
    "archive_id": "for example 'pywats-archive show {}'",
    "converter": "converter {}",
    "first": "for example {}",
    "message": "{}",
    "path": "for example {}",
    "reason": "{}",
    "see": "see {}",
}
"""How details are written; the others are written with their names."""
_LAST = ("archive_id", "see")


def sentence(alert: OpenAlert, *, now: datetime) -> str:
    """Return an alert as one line; an unknown one has its name as the sentence."""
    template = _SENTENCES.get(alert.name, f"{alert.name}: {{subject}}")
    known = {name: str(value) for name, value in alert.details.items()}
    named = {name for _, name, _, _ in string.Formatter().parse(template) if name}
    said = template.format_map(_Known({**known, "subject": alert.subject}))
    rest = "; ".join(_details({name: value for name, value in known.items() if name not in named}))
    line = f"{said}{f': {rest}' if rest else ''} ({alert.name}, since {brief(alert.raised_at, now=now)})"
    return printable(line)


class _Known(dict[str, str]):
    """Values by name; one that an alert of an earlier version does not have is a dash."""

    def __missing__(self, name: str) -> str:
        return "-"


def _details(known: Mapping[str, str]) -> Iterable[str]:
    for name in sorted(known, key=lambda each: each in _LAST):
        value = known[name]
        if name in _DETAILS:
            yield _DETAILS[name].format(value)
        elif name.endswith("_bytes") and value.lstrip("-").isdigit():
            yield f"{name.removesuffix('_bytes').replace('_', ' ')} {human_size(int(value))}"
        else:
            yield f"{name.replace('_', ' ')} {value}"
