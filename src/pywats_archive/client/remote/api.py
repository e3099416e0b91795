"""RemoteClient: ``Client`` over the network."""

from __future__ import annotations

import os
from asyncio import to_thread
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pywats_archive.archive.core import EntryDetails
from pywats_archive.client.api import Client
from pywats_archive.client.contents import ArchivedFile, stream
from pywats_archive.client.remote.calls import asked, streamed, value_of
from pywats_archive.client.remote.downloads import download
from pywats_archive.client.remote.fields import filled, filter_fields, given
from pywats_archive.client.remote.on_station import OnStation
from pywats_archive.client.remote.replays import RemoteReplays
from pywats_archive.client.remote.retention import RemoteRetention
from pywats_archive.client.remote.settings import RemoteSettings
from pywats_archive.client.remote.vault import RemoteVault
from pywats_archive.client.remote.wire import TOKEN, Wire
from pywats_archive.client.restoring import Restored
from pywats_archive.client.status import StationStatus
from pywats_archive.config.outline import StationOutline
from pywats_archive.errors import UsageError
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.event import AuditPage, EventPage, RecordedEvent
from pywats_archive.models.operation.growth import Growth
from pywats_archive.models.operation.integrity import Checked, Finding, Thoroughness
from pywats_archive.models.operation.replay import ReplayRequest, ReprocessingResult
from pywats_archive.models.operation.replay_mode import ReplayMode
from pywats_archive.models.operation.service import Pulse, ServiceStatus
from pywats_archive.models.operation.statistics import ArchiveStatistics
from pywats_archive.models.operation.status import VanishedSource
from pywats_archive.models.operation.trends import ConversionTimes, FailureReason
from pywats_archive.models.operation.whereabouts import Watcher, Whereabouts
from pywats_archive.models.query import EntryFilter, Page

if TYPE_CHECKING:
    from pywats_archive.reprocessing.runner import OnProgress


class RemoteClient(RemoteReplays, OnStation, Client):
    """The methods of ``Client`` over the network: ``Client("https://…", token=…)`` is one."""

    def __init__(
        self,
        archives: Path | str | Sequence[Path | str],
        *,
        station: StationOutline | None = None,
        actor: str | None = None,
        token: str | None = None,
        ca_file: Path | str | None = None,
    ) -> None:
        """Ask the station at an address who it is; StationAway if none answers."""
        if station is not None or actor is not None:
            raise UsageError("station, actor: not over the network; leave them out")
        self._wire = Wire(str(archives), token=token or os.environ.get(TOKEN), ca_file=ca_file)
        try:
            place = self._wire.ask("GET", "/station")
            self._roots = tuple(map(Path, place["archives"]))
            self._config = Path(place["config"]) if place["config"] else None
            self.actor = str(place["actor"])
        except (KeyError, TypeError) as exc:
            raise self._wire.unclear(repr(exc)) from exc
        except BaseException:
            self._wire.close()
            raise

    def open_new(self) -> None:
        """Ask again which archives the station has."""
        place = self._wire.ask("GET", "/station")
        self._roots = tuple(map(Path, place["archives"]))

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders of the archives, on the station."""
        return self._roots

    @property
    def config(self) -> Path | None:
        """The configuration, on the station; None if it cannot replay."""
        return self._config

    @property
    def retention(self) -> RemoteRetention:
        """Policies, purges and holds, over all archives."""
        return RemoteRetention(self._wire)

    @property
    def settings(self) -> RemoteSettings:
        """The settings of the converters: read, planned and changed in the configuration."""
        return RemoteSettings(self._wire)

    @property
    def vault(self) -> RemoteVault:
        """The vault to which the station copies its archives."""
        return RemoteVault(self._wire)

    find = asked(Client.find, "GET /entries", Page[ArchiveEntry])
    resolve = asked(Client.resolve, "GET /resolve", str)
    details = asked(Client.details, "GET /entries/{archive_id}", EntryDetails)
    restore = asked(Client.restore, "POST /restore", tuple[Restored, ...])
    where_is = asked(Client.where_is, "GET /where-is", Whereabouts)
    converters = asked(Client.converters, "GET /converters", tuple[str, ...])
    statistics = asked(Client.statistics, "GET /statistics", ArchiveStatistics)
    status = asked(Client.status, "GET /status", StationStatus)
    pulse = asked(Client.pulse, "GET /pulse", Pulse)
    growth = asked(Client.growth, "GET /growth", Growth)
    received = asked(Client.received, "GET /received", dict[str, int])
    failure_reasons = asked(Client.failure_reasons, "GET /failure-reasons", tuple[FailureReason, ...])
    conversion_times = asked(Client.conversion_times, "GET /conversion-times", tuple[ConversionTimes, ...])
    findings = asked(Client.findings, "GET /integrity/findings", tuple[Finding, ...])
    events = asked(Client.events, "GET /events", EventPage)
    audit = streamed(Client.audit, "GET /audit", RecordedEvent)
    audit_page = asked(Client.audit_page, "GET /audit/page", AuditPage)
    watchers_of = asked(Client.watchers_of, "GET /watchers", tuple[Watcher, ...])
    services = asked(Client.services, "GET /services", tuple[ServiceStatus, ...])
    count_files = asked(Client.count_files, "GET /integrity/files", int)

    def acknowledge(
        self, names: str | Sequence[str], *, reason: str | None = None, actor: str | None = None
    ) -> tuple[VanishedSource, ...]:
        """Record that a person knows of sources that vanished; return these sources."""
        values = given(Client.acknowledge, (names,), {"reason": reason, "actor": actor})
        body = {**values, "names": [names] if isinstance(names, str) else list(names)}
        found = self._wire.ask("POST", "/vanished/acknowledge", body=body)
        return value_of(self._wire, tuple[VanishedSource, ...], found)

    def verify(
        self,
        thoroughness: Thoroughness | None = None,
        *,
        anchors: Sequence[Path | str] = (),
        tsa_certificates: Sequence[Path | str] = (),
    ) -> Iterator[Checked]:
        """Check every archive on the station; yield each file as it was checked. UsageError for files, which are here."""
        if anchors or tsa_certificates:
            raise UsageError("verify: anchors and certificates cannot be sent to the station; use the command there")
        how = thoroughness or Thoroughness()
        for each in self._wire.lines("POST", "/integrity/verify", body=how):
            yield value_of(self._wire, Checked, each)

    def open_source(self, archive_id: str, *, actor: str | None = None) -> ArchivedFile:
        """Return a source (of a folder, its tar) as a file to read; the last ``read`` raises BlobDamaged if it is damaged."""
        path = filled("/entries/{archive_id}/source", given(Client.open_source, (archive_id,), {"actor": actor}))
        return stream(download(self._wire, path))

    def open_companion(self, archive_id: str, name: str, *, actor: str | None = None) -> ArchivedFile:
        """Return a companion as a file to read, as ``open_source`` does."""
        values = given(Client.open_companion, (archive_id, name), {"actor": actor})
        path = filled("/entries/{archive_id}/companion", values)
        return stream(download(self._wire, path, {"name": name}))

    def open_report(
        self, archive_id: str, number: int = 1, *, actor: str | None = None, attachment: int | None = None
    ) -> ArchivedFile:
        """Return the exact JSON of a report as a file to read, counted from 1 in the order of ``details``."""
        values = given(Client.open_report, (archive_id, number), {"actor": actor, "attachment": attachment})
        return stream(iter([self._wire.read("GET", filled("/entries/{archive_id}/reports/{number}", values))]))

    def export(self, wanted: EntryFilter | None = None, *, actor: str | None = None) -> Iterator[bytes]:
        """Stream a zip of the entries that match, as the station packs it."""
        given(Client.export, (), {"actor": actor})
        with self._wire.opened("GET", "/export", query=filter_fields(wanted or EntryFilter())) as response:
            yield from response.iter_bytes()

    def stream_bag(
        self,
        name: str,
        wanted: EntryFilter | None = None,
        *,
        sources: bool = True,
        reports: bool = True,
        reason: str | None = None,
        actor: str | None = None,
    ) -> Iterator[bytes]:
        """Stream the bag ``name`` of the entries that match as a zip, as the station makes it."""
        what = {"sources": sources, "reports": reports, "reason": reason}
        body = given(Client.stream_bag, (name,), {**what, "actor": actor})
        with self._wire.opened("POST", "/bag", query=filter_fields(wanted or EntryFilter()), body=body) as response:
            yield from response.iter_bytes()

    async def reprocess_archives(
        self,
        converter_name: str,
        from_date: date | datetime,
        to_date: date | datetime,
        use_current_converter: bool = True,
        use_current_parameters: bool = True,
        submit_to_server: bool = False,
        progress_callback: OnProgress | None = None,
        *,
        dry_run: bool = False,
        mode: ReplayMode = ReplayMode.ALL,
        reason: str | None = None,
    ) -> ReprocessingResult:
        """Replay a converter's entries of a range, both ends inclusive; a date as the end means all of that day."""
        wanted = EntryFilter(converter_name=converter_name, from_date=from_date, to_date=to_date)
        request = ReplayRequest(
            dry_run=dry_run,
            use_current_converter=use_current_converter,
            use_current_parameters=use_current_parameters,
            submit_to_server=submit_to_server,
            reason=reason,
        )
        run_id = await to_thread(self.plan_run, wanted, request, mode=mode)
        return await to_thread(self.resume_run, run_id, on_progress=progress_callback)

    def close(self) -> None:
        """End the connection; idempotent."""
        self._wire.close()
