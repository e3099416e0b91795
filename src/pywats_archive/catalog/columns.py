"""Column types that read well with sqlite3 alone: moments as fixed-width ISO text, values as JSON, any file name as text."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

from pywats_archive.models.time import UTC


def moment_to_text(moment: datetime) -> str:
    """Write a moment as ``YYYY-MM-DDTHH:MM:SS.ffffff+00:00``, which sorts by time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def path_to_text(path: str) -> str:
    """Write a path so that a database can hold it: proper text as it is, anything else as a JSON string.

    A name whose bytes are not UTF-8 has lone surrogates, which JSON escapes; what begins with a quotation mark is JSON.
    """
    try:
        path.encode()
    except UnicodeEncodeError:
        return json.dumps(path)
    return json.dumps(path) if path.startswith('"') else path


def text_to_path(text: str) -> str:
    """Read what ``path_to_text`` wrote."""
    return str(json.loads(text)) if text.startswith('"') else text


class Moment(TypeDecorator[datetime]):
    """An aware moment, in UTC."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else moment_to_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


class PathText(TypeDecorator[str]):
    """A path of either operating system, whatever bytes its name has."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else path_to_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else text_to_path(value)


class Json(TypeDecorator[Any]):
    """A JSON value, ASCII, compact."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, separators=(",", ":"))

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class Day(TypeDecorator[date]):
    """A date, as ``YYYY-MM-DD``."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: date | None, dialect: Dialect) -> str | None:
        return None if value is None else value.isoformat()

    def process_result_value(self, value: Any, dialect: Dialect) -> date | None:
        return None if value is None else date.fromisoformat(value)
