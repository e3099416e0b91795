"""The words of actions over many entries; pure."""

from __future__ import annotations

from pywats_archive.web.bulk.choice import Choice, PurgeChoice
from pywats_archive.web.jobs.actions import Bulk
from pywats_archive.web.jobs.running import Job
from pywats_archive.words.sizes import human_size
from pywats_archive.words.text import counted

VERBS = {
    Bulk.RESTORE: ("Restore", "restored"),
    Bulk.HOLD: ("Hold", "held"),
    Bulk.RELEASE: ("Release", "released"),
    Bulk.PURGE: ("Purge", "purged"),
}
EXPORT = "export"
RIGHTS = {"restore": "restore", "hold": "hold", "release": "hold", "purge": "purge"}
"""What a person must be allowed to do."""


def entries(number: int) -> str:
    """Return a number of entries in words."""
    return f"{number:,} {'entry' if number == 1 else 'entries'}"


def sources(choice: Choice) -> str:
    """Return the number of sources and their size."""
    return f"{counted(choice.entries - choice.purged, 'source')}, {human_size(choice.source_size_bytes)}"


def notes(action: str, choice: Choice) -> tuple[str, ...]:
    """Return what an action cannot do for some of the entries."""
    found = []
    if choice.purged:
        was = "was" if choice.purged == 1 else "were"
        found.append(f"{entries(choice.purged)} {was} purged: only the record is kept, which cannot be changed.")
    if action == Bulk.HOLD.value and choice.held:
        found.append(f"{entries(choice.held)} {_is(choice.held)} held already. The present reason is kept.")
    if action == Bulk.RELEASE.value and choice.held < choice.entries:
        free = choice.entries - choice.held
        found.append(f"{entries(free)} {_is(free)} not held.")
    return tuple(found)


def purge_notes(choice: PurgeChoice) -> tuple[str, ...]:
    """Return which entries stay, and why."""
    return tuple(f"{entries(number)} {_is(number)} {why}, and will stay." for why, number in choice.kept.items())


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def heading(job: Job) -> str:
    """Return the title of a job."""
    return f"{VERBS[job.action][0]} {entries(job.total)}"


def outcome(job: Job) -> str:
    """Return what a job did so far, in one sentence."""
    done = f"{job.done:,} of {entries(job.total)} {VERBS[job.action][1]}"
    left = f", {job.left:,} not" if job.left else ""
    if job.ended_at is None:
        return f"{done}{left} so far"
    rest = job.total - job.done - job.left
    stopped = f"; stopped before {entries(rest)}" if rest and not job.error else ""
    failed = f"; {entries(rest)} not tried: {job.error}" if job.error else ""
    return f"{done}{left}{stopped}{failed}"


def tone(job: Job) -> str:
    """Return how a job looks."""
    if job.error:
        return "bad"
    return "good" if job.is_complete and not job.left else "warn"
