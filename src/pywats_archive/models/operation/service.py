"""Whether a service works on an archive, as far as the archive's folder shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path

STALLED_AFTER = timedelta(minutes=2)
"""A main loop gives a sign every few seconds; a long listing, a slow share or a new configuration may take longer."""


class ServiceState(str, Enum):
    """The state of an archive's service."""

    RUNNING = "running"
    """It owns the archive, and its main loop gives signs."""
    STARTING = "starting"
    """A process owns the archive and gave no sign yet: a starting service, or another program, such as ``rebuild``."""
    STALLED = "stalled"
    """It owns the archive, and its main loop has given no sign for ``STALLED_AFTER``."""
    DIED = "died"
    """Nobody owns the archive, and the last service did not stop in order."""
    STOPPED = "stopped"
    """Nobody owns the archive."""

    @property
    def is_working(self) -> bool:
        """Whether sources are processed, or soon will be."""
        return self in (ServiceState.RUNNING, ServiceState.STARTING)


@dataclass(frozen=True, kw_only=True, slots=True)
class NoteAuthor:
    """The process that left a note in an archive."""

    process: int
    computer: str
    since: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Beat:
    """The last sign of a service's main loop; ``by.since`` is when that loop began."""

    by: NoteAuthor
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceStatus:
    """The service of one archive."""

    root: Path
    state: ServiceState
    process: int | None = None
    computer: str | None = None
    since: datetime | None = None
    """Since when it owns the archive, or its main loop runs."""
    last_sign: datetime | None = None
    """When its main loop gave its last sign, by the clock of its computer."""


def service_status(
    root: Path, *, is_owned: bool, owner: NoteAuthor | None, beat: Beat | None, computer: str, now: datetime
) -> ServiceStatus:
    """Conclude the service's state from an archive's files; ``now`` is the time on ``computer``, which asks.

    The lock is decisive: the owner of an archive lives. The age of a sign is only known on the same computer, and a clock
    that was set back since does not make a service count as stalled.
    """
    known = beat and owner and (beat.by.process, beat.by.computer) == (owner.process, owner.computer)
    if not is_owned:
        state = ServiceState.DIED if beat else ServiceState.STOPPED
    elif not (known and beat):
        state = ServiceState.STARTING
    elif beat.by.computer == computer and now - beat.at > STALLED_AFTER:
        state = ServiceState.STALLED
    else:
        state = ServiceState.RUNNING
    is_beat = beat is not None and state is not ServiceState.STARTING
    who = beat.by if beat and is_beat else owner if is_owned else None
    return ServiceStatus(
        root=root,
        state=state,
        process=who.process if who else None,
        computer=who.computer if who else None,
        since=who.since if who else None,
        last_sign=beat.at if beat and is_beat else None,
    )
