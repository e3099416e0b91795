"""Whether each archive opens, whether a service works on it, and whether its disk holds what its policies keep."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pywats_archive.archive import figures
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.layout import DESCRIPTION
from pywats_archive.archive.liveness import heartbeat
from pywats_archive.config.free_space import least_free_bytes
from pywats_archive.doctor.station.checks import CheckLevel, StationCheck, Topic
from pywats_archive.doctor.station.space import Growth, check_space
from pywats_archive.errors import ArchiveError
from pywats_archive.models.operation.service import ServiceState, ServiceStatus
from pywats_archive.models.time import utc_now


@dataclass(frozen=True, kw_only=True, slots=True)
class _Opened:
    root: Path
    entries: int
    growths: tuple[Growth, ...]
    free_bytes: int
    least_free_bytes: int
    disk: int


def check_archives(min_free_gb: Mapping[Path, Sequence[float | None]]) -> tuple[StationCheck, ...]:
    """Open each archive that exists for reading, beside a running service too, and compare growth with free space.

    ``min_free_gb`` has each archive, with the values of the converters that use it.
    """
    checks: list[StationCheck] = []
    opened: list[_Opened] = []
    for root, wishes in min_free_gb.items():
        if not (root / DESCRIPTION).exists():
            continue
        try:
            opened.append(_open(root, wishes))
        except (ArchiveError, OSError) as exc:
            checks.append(StationCheck(topic=Topic.ARCHIVE, subject=str(root), level=CheckLevel.FAILED, seen=str(exc)))
        else:
            number = opened[-1].entries
            seen = f"opens, with {number:,} entr{'y' if number == 1 else 'ies'}"
            checks.append(StationCheck(topic=Topic.ARCHIVE, subject=str(root), seen=seen))
    return (*checks, *_space(opened))


def check_services(statuses: Sequence[ServiceStatus]) -> tuple[StationCheck, ...]:
    """Rate the service of each archive; one that is not running is no fault. Pure."""
    by_state = {(each.state, each.process): each for each in statuses}  # one service works on several archives
    return tuple(_service(each) for each in by_state.values())


def service_statuses(roots: Sequence[Path]) -> tuple[ServiceStatus, ...]:
    """Return whether a service works on each archive that exists."""
    return tuple(heartbeat.status_of(root, now=utc_now()) for root in roots if (root / DESCRIPTION).exists())


def _open(root: Path, min_free_gb: Sequence[float | None]) -> _Opened:
    with Archive.open(root) as archive:
        found = figures.statistics(archive)
        growths = []
        for each in found.by_converter:
            policy = archive.policies.effective(str(each.converter_name))
            growths.append(
                Growth(
                    bytes_per_day=each.bytes_per_day.get("7", 0),
                    disk_size_bytes=each.disk_size_bytes,
                    retention_days=policy.retention_days if policy.enabled else None,
                    max_size_bytes=policy.max_size_bytes if policy.enabled else None,
                )
            )
    disk = shutil.disk_usage(root)
    return _Opened(
        root=root,
        entries=found.total_entries,
        growths=tuple(growths),
        free_bytes=disk.free,
        least_free_bytes=least_free_bytes(disk.total, min_free_gb),
        disk=root.stat().st_dev,
    )


def _space(opened: Sequence[_Opened]) -> Iterator[StationCheck]:
    """Check each disk once, with all archives on it."""
    for disk in dict.fromkeys(each.disk for each in opened):
        here = [each for each in opened if each.disk == disk]
        growths = [growth for each in here for growth in each.growths]
        subject = ", ".join(str(each.root) for each in here)
        least = max(each.least_free_bytes for each in here)
        yield check_space(subject, growths, free_bytes=min(each.free_bytes for each in here), least_free_bytes=least)


def _service(status: ServiceStatus) -> StationCheck:
    who = f"process {status.process} on {status.computer}" if status.process else "a process"
    seen, level, advice = {
        ServiceState.RUNNING: (f"{who} is running", CheckLevel.OK, ""),
        ServiceState.STARTING: (f"{who} is starting, or another program writes to the archive", CheckLevel.OK, ""),
        ServiceState.STOPPED: ("no service is running", CheckLevel.OK, ""),
        ServiceState.STALLED: (f"{who} does not respond", CheckLevel.WARNING, "see its log, then start it again"),
        ServiceState.DIED: (
            "the last service ended without being stopped",
            CheckLevel.WARNING,
            "see its log, then start it again",
        ),
    }[status.state]
    return StationCheck(topic=Topic.SERVICE, level=level, seen=seen, advice=advice)
