"""The id of an entry: ``{UTC YYYYMMDDHHMMSSmmm}_{first 6 hex of the source's SHA-256}``."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

from pywats_archive.models.time import UTC

ARCHIVE_ID_LENGTH = 24
_PATTERN = re.compile(r"\d{17}_[0-9a-f]{6}")


def archive_id(moment: datetime, sha256_hex: str) -> str:
    """Return the id of an entry archived at ``moment`` (UTC, to the millisecond) with this source checksum."""
    time = f"{moment.hour:02}{moment.minute:02}{moment.second:02}{moment.microsecond // 1000:03}"
    return f"{day_text(moment)}{time}_{sha256_hex[:6]}"


def day_text(day: date) -> str:
    """Return a day as ids begin, ``YYYYMMDD``; in half of strftime's time."""
    return f"{day.year:04}{day.month:02}{day.day:02}"


def is_archive_id(text: str) -> bool:
    """Whether ``text`` has the form of an archive id."""
    return _PATTERN.fullmatch(text) is not None


def id_in(path: str) -> str:
    """Return the id that the name of a blob begins with; of any other name, a text that is no id."""
    return path.rpartition("/")[2][:ARCHIVE_ID_LENGTH]


def day_of(archive_id: str) -> date:
    """Return the day (UTC) in an archive id: when its source was received."""
    return date(int(archive_id[:4]), int(archive_id[4:6]), int(archive_id[6:8]))


def moment_of(archive_id: str) -> datetime:
    """Return the moment in an archive id, to the millisecond."""
    stamp = datetime.strptime(archive_id[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    return stamp + timedelta(milliseconds=int(archive_id[14:17]))
