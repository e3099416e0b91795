"""The alerts that are open in the station's archives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from pywats_archive.archive.alerts import open_alerts
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.layout import DESCRIPTION
from pywats_archive.doctor.station.checks import CheckLevel, StationCheck, Topic
from pywats_archive.errors import ArchiveError
from pywats_archive.models.operation.statistics import OpenAlert, each_once
from pywats_archive.models.time import utc_now
from pywats_archive.words.alerts import sentence

_ADVICE = "mend the cause; the service clears the alert when it next finds all well"


def check_alerts(roots: Sequence[Path]) -> Iterator[StationCheck]:
    """Yield a warning for each open alert, as of when the service last ran, or that none is open."""
    found, read = list[OpenAlert](), 0
    for root in roots:
        if (root / DESCRIPTION).exists():
            with (
                suppress(ArchiveError),
                Archive.open(root) as archive,
            ):  # another check names an archive that does not open
                found += open_alerts(archive)
                read += 1
    now = utc_now()
    for alert in each_once(found):
        seen = sentence(alert, now=now)
        yield StationCheck(topic=Topic.ALERT, subject=alert.name, level=CheckLevel.WARNING, seen=seen, advice=_ADVICE)
    if not found and read:
        yield StationCheck(topic=Topic.ALERT, seen="none is open")
    elif not read:
        yield StationCheck(topic=Topic.ALERT, level=CheckLevel.SKIPPED, seen="not known: no archive could be read")
