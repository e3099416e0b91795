"""The diagnosis of a station: its folders are examined, and everything beside them is checked at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import chain
from pathlib import Path

from pywats_archive.config import StationConfig
from pywats_archive.conversion.pool.main_script import require_guard
from pywats_archive.conversion.pool.processes import ConverterProcesses
from pywats_archive.doctor.examination import Examination, examine_archive, examine_station
from pywats_archive.doctor.exposed import exposed
from pywats_archive.doctor.in_time import InTime
from pywats_archive.doctor.station import (
    alerts,
    anchors,
    archives,
    converters,
    encryption,
    rights,
    server,
    vault,
    versions,
)
from pywats_archive.doctor.station.checks import CheckLevel, StationCheck, Topic
from pywats_archive.doctor.trials import Means, reason
from pywats_archive.host.own_service import own_service
from pywats_archive.host.settings.doubtful import doubtful
from pywats_archive.models.operation.service import ServiceStatus

_Checks = Callable[[], Iterable[StationCheck]]
_Work = tuple[Topic, str, _Checks]


def of_station(
    station: StationConfig, *, away: Mapping[Path, str] | None = None, is_quick: bool = False
) -> Examination:
    """Examine the folders of a configuration and check everything else that its service needs.

    ``away`` are unavailable archives. ``is_quick`` leaves out the network and the slow trials of the disks. UsageError if the
    processes that load the converters would run the calling script again.
    """
    require_guard()
    means = Means(is_quick=is_quick)
    roots = [root for root in station.archive_roots() if root not in (away or {})]
    with ConverterProcesses(converters.process_count(station)) as processes:
        works = _works(station, roots, processes, is_quick=is_quick)
        checking, looking = _begun(works, means.limit_s), _services_of(roots, means.limit_s)
        found = examine_station(station, means, away=away)
        checks, (services,) = tuple(chain.from_iterable(checking.results())), looking.results()
    warned, revealed, other = doubtful(station), exposed(station), own_service()
    return replace(
        found,
        warnings=(*warned, *revealed),
        other_service=other,
        is_served=any(each.state.is_working for each in services),
        checks=(
            *rights.check_configuration(station, warned),
            *rights.check_secrets(station, revealed),
            *checks,
            versions.check_versions(),
            *archives.check_services(services),
            *_of_other_service(other),
        ),
    )


def of_archive(root: Path, *, is_quick: bool = False) -> Examination:
    """Examine the folder of one archive, or of a future archive."""
    means = Means(is_quick=is_quick)
    unlimited = {root.absolute(): (0.0,)}  # min_free_gb is a key of the configuration, which is unknown here
    works: list[_Work] = [
        (Topic.ARCHIVE, str(root), partial(archives.check_archives, unlimited)),
        (Topic.ALERT, "", partial(alerts.check_alerts, tuple(unlimited))),
    ]
    checking = _begun(works, means.limit_s)
    looking = _services_of([root], means.limit_s)
    found = examine_archive(root, means)
    (services,) = looking.results()
    return replace(
        found,
        is_served=any(each.state.is_working for each in services),
        checks=(
            *chain.from_iterable(checking.results()),
            versions.check_versions(),
            *archives.check_services(services),
        ),
    )


def _works(
    station: StationConfig, roots: Sequence[Path], processes: ConverterProcesses, *, is_quick: bool
) -> list[_Work]:
    works: list[_Work] = [
        (Topic.CONVERTER, each.name, partial(_one, partial(converters.check_converter, each, station, processes)))
        for each in converters.enabled(station)
    ]
    asked: _Checks = partial(_left_out, Topic.SERVER) if is_quick else partial(server.check_server, station.server)
    wishes = {root: station.min_free_gb(root) for root in roots}
    interval = timedelta(hours=station.anchor_interval_hours)
    works += [
        (Topic.ANCHORS, str(each), partial(anchors.check_folder, each, tuple(wishes), interval))
        for each in station.anchor_folders
    ]
    if wishes and not station.anchor_folders:
        works.append((Topic.ANCHORS, "", partial(_one, anchors.without_folders)))
    if station.vault.vault_url:
        tried: _Checks = partial(vault.check_vault, station.vault, roots)
        works.append((Topic.VAULT, station.vault.vault_url, partial(_left_out, Topic.VAULT) if is_quick else tried))
    works += [
        (Topic.ENCRYPTION, "", partial(encryption.check_encryption, station, tuple(wishes))),
        (Topic.ALERT, "", partial(alerts.check_alerts, tuple(wishes))),
    ]
    return [*works, (Topic.SERVER, "", asked), (Topic.ARCHIVE, "", partial(archives.check_archives, wishes))]


def _begun(works: Iterable[_Work], limit_s: float) -> InTime[tuple[StationCheck, ...]]:
    each = tuple(works)
    late = [(_failed(topic, subject, f"no answer within {limit_s:g} s"),) for topic, subject, _ in each]
    return InTime([partial(_answer, work) for work in each], late, limit_s=limit_s)


def _services_of(roots: Sequence[Path], limit_s: float) -> InTime[tuple[ServiceStatus, ...]]:
    return InTime([partial(archives.service_statuses, roots)], [()], limit_s=limit_s)


def _answer(work: _Work) -> tuple[StationCheck, ...]:
    topic, subject, checks = work
    try:
        return tuple(checks())
    except Exception as exc:
        return (_failed(topic, subject, f"could not be checked ({reason(exc)})"),)


def _one(check: Callable[[], StationCheck]) -> tuple[StationCheck, ...]:
    return (check(),)


def _left_out(topic: Topic) -> tuple[StationCheck, ...]:
    return (StationCheck(topic=topic, level=CheckLevel.SKIPPED, seen="left out by --quick or --offline"),)


def _failed(topic: Topic, subject: str, seen: str) -> StationCheck:
    return StationCheck(topic=topic, subject=subject, level=CheckLevel.FAILED, seen=seen)


def _of_other_service(warning: str | None) -> tuple[StationCheck, ...]:
    return (StationCheck(topic=Topic.SERVICE, level=CheckLevel.WARNING, seen=warning),) if warning else ()
