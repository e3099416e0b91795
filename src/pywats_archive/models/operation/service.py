"""Whether a service works on an archive, as far as the archive's folder says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path

STALLED_AFTER = timedelta(minutes=2)
"""A main loop gives a sign every few seconds; a long listing, a slow share or a new configuration may take a while."""


class ServiceState(str, Enum):
    """What is known of the service of an archive."""

    RUNNING = "running"
    """It owns the archive, and its main loop gives signs."""
    STARTING = "starting"
    """A process owns the archive and has given no sign: a service that starts, or something else, such as ``rebuild``."""
    STALLED = "stalled"
    """It owns the archive, and its main loop has given no sign for ``STALLED_AFTER``."""
    DIED = "died"
    """Nobody owns the archive, and the last service did not end in order."""
    STOPPED = "stopped"
    """Nobody owns the archive."""

    @property
    def is_working(self) -> bool:
        """Whether sources are taken, or soon will be."""
        return self in (ServiceState.RUNNING, ServiceState.STARTING)


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """Who left a note in an archive."""

    process: int
    computer: str
    since: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Beat:
    """The last sign of a service's main loop; ``by.since`` is when that began."""

    by: Signature
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceStatus:
    """The service of one archive."""

    root: Path
    state: ServiceState
    process: int | None = None
    computer: str | None = None
    since: datetime | None = None
    """When it began to own the archive, or its main loop to run."""
    last_sign: datetime | None = None
    """When its main loop gave its last sign, by the clock of its computer."""


def service_status(
    root: Path, *, is_owned: bool, owner: Signature | None, beat: Beat | None, computer: str, now: datetime
) -> ServiceStatus:
    """Judge what was found in an archive; ``now`` is the time on ``computer``, where this is asked.

    The lock counts most: who owns the archive lives. How old a sign is can be told on the same computer alone; a clock that
    was set back since makes no service stall.
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
