"""Column types that read well with sqlite3 alone: moments as fixed-width ISO text, values as JSON, any name as text."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

from pywats_archive.models.time import UTC
from pywats_archive.redaction import redacted, redacted_json

json_to_text = json.JSONEncoder(separators=(",", ":")).encode
"""Write a JSON value: ASCII, without spaces."""
canonical_json = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode
"""Write a JSON value in the one form that is hashed: ASCII, without spaces, the keys of each object sorted."""


def moment_to_text(moment: datetime) -> str:
    """Write a moment as ``YYYY-MM-DDTHH:MM:SS.ffffff+00:00``, which sorts by time."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return utc.isoformat(timespec="microseconds")


def text_to_moment(text: str) -> datetime:
    """Read what ``moment_to_text`` wrote; ValueError for a moment without its offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC")
    return moment


def path_to_text(path: str) -> str:
    """Return a path in a form that a database can hold: proper text as it is, anything else as a JSON string.

    A name that is not valid UTF-8 (POSIX) or UTF-16 (Windows) has lone surrogates, which JSON escapes. Text that begins with a
    quotation mark is JSON. Every path of an operating system comes back equal.
    """
    try:
        path.encode()
    except UnicodeEncodeError:
        return json.dumps(path)
    return json.dumps(path) if path.startswith('"') else path


def text_to_path(text: str) -> str:
    """Read what ``path_to_text`` wrote."""
    return str(json.loads(text)) if text.startswith('"') else text


class Written(TypeDecorator[Any]):
    """A value that is stored as text; the two functions never see None."""

    impl = Text
    cache_ok = True
    to_text: ClassVar[staticmethod[[Any], str]]
    from_text: ClassVar[staticmethod[[str], Any]]

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else type(self).to_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else type(self).from_text(value)


class Moment(Written):
    """An aware moment, in UTC."""

    cache_ok = True
    to_text = staticmethod(moment_to_text)
    from_text = staticmethod(text_to_moment)


class PathText(Written):
    """A path of either operating system, whatever bytes its name has."""

    cache_ok = True
    to_text = staticmethod(path_to_text)
    from_text = staticmethod(text_to_path)


class Json(Written):
    """A JSON value, ASCII, compact."""

    cache_ok = True
    to_text = staticmethod(json_to_text)
    from_text = staticmethod(json.loads)


class Message(Written):
    """Messages of people, programs and servers, without secrets."""

    cache_ok = True
    to_text = staticmethod(redacted)
    from_text = staticmethod(str)


def messages_to_text(o: Any) -> str:
    """Write a JSON value with such messages."""
    return redacted_json(o, json_to_text)


class MessagesJson(Json):
    """A JSON value with such messages."""

    cache_ok = True
    to_text = staticmethod(messages_to_text)


class Day(Written):
    """A date, as ``YYYY-MM-DD``."""

    cache_ok = True
    to_text = staticmethod(date.isoformat)
    from_text = staticmethod(date.fromisoformat)


class WholeNumber(Written):
    """An integer of any size, such as an inode number, which may need 64 bits without a sign, or more."""

    cache_ok = True
    to_text = staticmethod(str)
    from_text = staticmethod(int)
