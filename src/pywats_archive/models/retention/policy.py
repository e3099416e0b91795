"""A retention policy: how long, and how much, is kept."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any

EVERY_OTHER = "*"
"""Stands for a converter's name: the default policy, for all converters without their own."""
GB = 10**9
_MOST_DAYS = 36_500


@dataclass(frozen=True, kw_only=True, slots=True)
class RetentionPolicy:
    """How long, and how much, a converter's entries are kept; both limits apply. ValueError names an invalid value."""

    converter_name: str
    """The converter; ``*`` for all others."""
    retention_days: int = 90
    """Days since receipt; the entry is purged the day after."""
    max_size_gb: float = 10.0
    """1 GB = 10⁹ bytes of disk space, sources and reports together."""
    compression_level: int = 6
    """Compression level of new blobs, 1 (fast) to 9 (small)."""
    enabled: bool = True
    """False keeps everything."""
    failed_retention_days: int | None = None
    """The same for failed entries: never less; None for twice as long."""
    min_entries: int = 0
    """So many of the newest entries are always kept."""
    min_days: int = 0
    """Entries younger than this are never purged to meet the size limit."""
    purge_unsubmitted: bool = False
    """Also purge entries whose reports the server has not accepted."""

    def __post_init__(self) -> None:
        self._require("retention_days", 1, _MOST_DAYS)
        if self.failed_retention_days is not None and self.failed_retention_days < self.retention_days:
            raise ValueError(
                f"policy of '{self.converter_name}': failed_retention_days = {self.failed_retention_days}: failed "
                f"entries are kept as long as others at least; write {self.retention_days} or more"
            )
        self._require("compression_level", 1, 9)
        self._require("min_entries", 0, 10**12)
        self._require("min_days", 0, _MOST_DAYS)
        size = self.max_size_gb
        if not isinstance(size, int | float) or not 0 < size < math.inf:
            raise ValueError(f"policy of '{self.converter_name}': max_size_gb = {size!a}: must be above 0, and finite")

    def days_for(self, *, failed: bool) -> int:
        """Return how many days an entry is kept."""
        if not failed:
            return self.retention_days
        return (
            min(2 * self.retention_days, _MOST_DAYS)
            if self.failed_retention_days is None
            else self.failed_retention_days
        )

    def kept_until(self, received: date, *, failed: bool) -> date:
        """Return the last day (UTC) on which an entry's age keeps it."""
        return received + timedelta(days=self.days_for(failed=failed))

    @property
    def max_size_bytes(self) -> int:
        """The size limit in bytes."""
        return int(self.max_size_gb * GB)

    def as_details(self) -> dict[str, Any]:
        """Return every value but the name, as an event stores it."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name != "converter_name"}

    def _require(self, name: str, least: int, most: int) -> None:
        value = getattr(self, name)
        if not isinstance(value, int) or not least <= value <= most:
            fault = f"{name} = {value!a}: must be from {least} to {most}"
            raise ValueError(f"policy of '{self.converter_name}': {fault}")
