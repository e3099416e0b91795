"""Sessions: who is signed in, until when. Only the hash of a session's secret is kept."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pywats_archive.errors import ConfigError
from pywats_archive.models.time import Clock, utc_now
from pywats_archive.web.access.shared_file import SharedFile

SESSION_FILE = "pywats-archive-web-sessions.json"
MOST_OF_A_USER = 50
_SECRET_BYTES = 32
_ID_LENGTH = 12
_NOTES = 12
"""How many times within the idle time a use is written down."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """A person who is signed in."""

    user: str
    began_at: datetime
    seen_at: datetime
    """About when it was used last."""
    ends_at: datetime
    address: str = ""
    """The network address that signed in."""
    mark: str = ""
    """The mark of the user's password and role then; empty if the station's token signed in."""
    token_mark: str = ""
    """The mark of the station's token, if that signed in."""
    session_id: str = ""
    """A name for the session that reveals nothing of its secret."""


class Sessions:
    """The sessions of one station, kept in a file so that a restart signs nobody out."""

    def __init__(
        self, folder: Path, *, length: timedelta, idle: timedelta | None = None, clock: Clock = utc_now
    ) -> None:
        """A session ends ``length`` after its beginning, and earlier once nobody has used it for ``idle``."""
        self._length = length
        self._idle = length if idle is None else idle
        self._now = clock
        self._file = SharedFile(
            folder / SESSION_FILE,
            decode=_decoded,
            encode=_encoded,
            advice="remove the file, and everybody signs in again",
        )

    def begin(self, user: str, *, address: str = "", mark: str = "", token_mark: str = "") -> str:
        """Sign a person in; return the secret for the browser's cookie. Of many sessions of a user, the oldest end."""
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        key, now = _hash(secret), self._now()
        with self._file.changing() as known:
            own = [each for each, session in known.items() if session.user == user and bool(session.mark) == bool(mark)]
            ended = [each for each, session in known.items() if not self._holds(session)]
            for over in {*ended, *own[: max(0, len(own) + 1 - MOST_OF_A_USER)]}:
                del known[over]
            known[key] = Session(
                user=user,
                began_at=now,
                seen_at=now,
                ends_at=now + self._length,
                address=address,
                mark=mark,
                token_mark=token_mark,
                session_id=key[:_ID_LENGTH],
            )
        return secret

    def find(self, secret: str | None) -> Session | None:
        """Return the session that a cookie names; None if there is none, or it has ended."""
        session = self._file.records.get(_hash(secret)) if secret else None
        return session if session and self._holds(session) else None

    def use(self, secret: str) -> Session | None:
        """Return the session that a cookie names, and note now and then that it is used, as far as that is possible."""
        session, now = self.find(secret), self._now()
        if session and now - session.seen_at >= self._idle / _NOTES:
            with suppress(ConfigError), self._file.changing(patience_s=0) as known:
                if _hash(secret) in known:
                    known[_hash(secret)] = replace(session, seen_at=now)
        return session

    def end(self, secret: str | None) -> Session | None:
        """Sign a person out; return the session that ended, None if there was none."""
        session = self.find(secret)
        if session:
            self._end({_hash(secret or "")})
        return session

    def end_those_of(self, user: str, session_id: str | None = None) -> int:
        """End all sessions of a user, or one of them; return how many ended."""
        ended = {
            key
            for key, each in self._file.records.items()
            if each.user == user and each.mark and session_id in (None, each.session_id)
        }
        if ended:
            self._end(ended)
        return len(ended)

    def of(self, user: str) -> tuple[Session, ...]:
        """Return the sessions of a user that still hold, oldest first."""
        held = (each for each in self._file.records.values() if each.user == user and each.mark and self._holds(each))
        return tuple(sorted(held, key=lambda each: each.began_at))

    def _end(self, keys: set[str]) -> None:
        with self._file.changing() as known:
            for key in keys:
                known.pop(key, None)

    def _holds(self, session: Session) -> bool:
        now = self._now()
        return session.ends_at > now and session.seen_at + self._idle > now


def _decoded(kept: dict[str, Any]) -> Session:
    ends_at = datetime.fromisoformat(kept["ends_at"])
    return Session(
        user=str(kept["user"]),
        began_at=datetime.fromisoformat(kept.get("began_at", kept["ends_at"])),
        seen_at=datetime.fromisoformat(kept.get("seen_at", kept["ends_at"])),
        ends_at=ends_at,
        address=str(kept.get("address", "")),
        mark=str(kept.get("mark", "")),
        token_mark=str(kept.get("token_mark", "")),
        session_id=str(kept.get("session_id", "")),
    )


def _encoded(session: Session) -> dict[str, Any]:
    moments = ("began_at", "seen_at", "ends_at")
    return asdict(session) | {name: getattr(session, name).isoformat() for name in moments}


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
