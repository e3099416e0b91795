"""Whether a service works on an archive, as far as the archive's folder shows."""

from __future__ import annotations

from dataclasses import dataclass, field
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
    def severity(self) -> int:
        """How much it needs a person, from 0 for a running service to 4 for one that died."""
        order = (type(self).RUNNING, type(self).STARTING, type(self).STOPPED, type(self).STALLED, type(self).DIED)
        return order.index(self)

    @property
    def is_working(self) -> bool:
        """Whether sources are processed, or soon will be."""
        return self in (ServiceState.RUNNING, ServiceState.STARTING)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pulse:
    """The station at a glance."""

    state: ServiceState
    """The state of its services: the worst one, if there are several."""
    alerts: int
    """Number of open alerts on record."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoteAuthor:
    """The process that left a note in an archive."""

    process: int
    computer: str
    since: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerContact:
    """How a service stands with the server."""

    address: str
    """Without credentials."""
    has_answered: bool = False
    """Whether the server accepted or refused a report since the service started."""
    trouble: str | None = None
    """What is wrong with the server or the connection; None if its last answer was about a report."""
    since: datetime | None = None
    """Since when."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceFacts:
    """What a service says about itself."""

    version: str | None = None
    account: str | None = None
    """The account that it runs as."""
    log: Path | None = None
    """Its log file, if it writes one."""
    server: ServerContact | None = None
    patterns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By converter: the patterns that its code declares."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Beat:
    """The last sign of a service's main loop; ``by.since`` is when that loop began."""

    by: NoteAuthor
    at: datetime
    facts: ServiceFacts = ServiceFacts()
    stopped_at: datetime | None = None
    """When it stopped in order; None while it runs, or if it died."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceStatus:
    """The service of one archive."""

    root: Path
    """Folder of the archive."""
    state: ServiceState
    """State of the service."""
    process: int | None = None
    """Its process id."""
    computer: str | None = None
    """Name of its computer."""
    since: datetime | None = None
    """Since when it owns the archive, or its main loop runs."""
    last_sign: datetime | None = None
    """When its main loop gave its last sign, by the clock of its computer."""
    stopped_at: datetime | None = None
    """When the last service stopped in order; None if one runs, if it died, or if that is not recorded."""
    version: str | None = None
    """The version of the service, or of the last one; None if that is not recorded, as for ``account`` and ``log``."""
    account: str | None = None
    """The account that it runs as."""
    log: Path | None = None
    """Its log file, if it writes one."""
    server: ServerContact | None = None
    """How it stands with the server."""


def service_status(
    root: Path, *, is_owned: bool, owner: NoteAuthor | None, beat: Beat | None, computer: str, now: datetime
) -> ServiceStatus:
    """Conclude the service's state from an archive's files; ``now`` is the time on ``computer``, which asks.

    The lock is decisive: the owner of an archive lives. The age of a sign is only known on the same computer, and a clock
    that was set back since does not make a service count as stalled.
    """
    lives = beat if beat and not beat.stopped_at else None
    known = lives and owner and (lives.by.process, lives.by.computer) == (owner.process, owner.computer)
    if not is_owned:
        state = ServiceState.DIED if lives else ServiceState.STOPPED
    elif not (known and lives):
        state = ServiceState.STARTING
    elif lives.by.computer == computer and now - lives.at > STALLED_AFTER:
        state = ServiceState.STALLED
    else:
        state = ServiceState.RUNNING
    sign = lives if state is not ServiceState.STARTING else None
    who = sign.by if sign else owner if is_owned else None
    last = None if state is ServiceState.STARTING else beat
    facts = last.facts if last else ServiceFacts()
    return ServiceStatus(
        root=root,
        state=state,
        process=who.process if who else None,
        computer=who.computer if who else None,
        since=who.since if who else None,
        last_sign=sign.at if sign else None,
        stopped_at=last.stopped_at if last else None,
        version=facts.version,
        account=facts.account,
        log=facts.log,
        server=facts.server if sign else None,
    )
