"""What is exported, and where to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pywats_archive.errors import UsageError
from pywats_archive.models.query import EntryFilter


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What is exported, and where to."""

    target: Path
    """The bag: a new folder, or a new file whose name ends with ``.zip``."""
    wanted: EntryFilter
    sources: bool = True
    """Whether the bytes of sources and companions are exported."""
    reports: bool = True
    """Whether the documents of reports are exported."""
    reason: str = ""
    """Why, for the history."""
    is_download: bool = False
    """Whether the bag is a download, so that ``target`` is only its name."""

    @property
    def is_zip(self) -> bool:
        """Whether the bag is a zip."""
        return self.target.suffix.lower() == ".zip"

    @property
    def name(self) -> str:
        """The name of the bag."""
        return self.target.stem if self.is_zip else self.target.name


def asked(order: Order, archives: list[str]) -> dict[str, Any]:
    """Return an order as JSON values, with the UUIDs of the archives."""
    from pydantic_core import to_jsonable_python

    return {
        "wanted": to_jsonable_python(order.wanted),
        "sources": order.sources,
        "reports": order.reports,
        "archives": archives,
    }


def require_same(begun: dict[str, Any], now: dict[str, Any], work: Path) -> None:
    """Raise UsageError unless both are one order; ``--since 2d`` means another moment at each call."""
    one, other = ({**each, "wanted": {**each["wanted"], "from_date": None}} for each in (begun, now))
    if one != other or (begun["wanted"]["from_date"] is None) != (now["wanted"]["from_date"] is None):
        raise UsageError(
            f"{work}: another export was begun here with other options; call that one again, choose another name, "
            "or remove this folder"
        )
