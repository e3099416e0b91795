"""AsyncClient: the client for programs with an event loop."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from pywats_archive.client.api import Client
from pywats_archive.client.face import Face, awaited, passed_on, streamed
from pywats_archive.client.settings.station import StationSettings
from pywats_archive.client.vault.station import StationVault
from pywats_archive.errors import UsageError
from pywats_archive.retention.station import StationRetention


class AsyncRetention(Face[StationRetention]):
    """The methods of ``Client.retention``, awaitable."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def _inner(self) -> StationRetention:
        return self._client.retention

    policies = awaited(StationRetention.policies)
    policy = awaited(StationRetention.policy)
    set_policy = awaited(StationRetention.set_policy)
    reset_policy = awaited(StationRetention.reset_policy)
    effects = awaited(StationRetention.effects)
    preview = streamed(StationRetention.preview)
    plans = awaited(StationRetention.plans)
    enforce = awaited(StationRetention.enforce)
    clocks = awaited(StationRetention.clocks)
    confirm_clock = awaited(StationRetention.confirm_clock)
    preview_named = streamed(StationRetention.preview_named)
    purge_named = awaited(StationRetention.purge_named)
    finish_unfinished = awaited(StationRetention.finish_unfinished)
    history = awaited(StationRetention.history)
    hold = awaited(StationRetention.hold)
    release = awaited(StationRetention.release)
    holds = awaited(StationRetention.holds)
    approvals = awaited(StationRetention.approvals)
    approve = awaited(StationRetention.approve)


class AsyncSettings(Face[StationSettings]):
    """The methods of ``Client.settings``, awaitable."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def _inner(self) -> StationSettings:
        return self._client.settings

    converters = awaited(StationSettings.converters)
    places = awaited(StationSettings.places)
    plan = awaited(StationSettings.plan)
    save = awaited(StationSettings.save)
    examine = awaited(StationSettings.examine)
    expected = awaited(StationSettings.expected)


class AsyncVault(Face[StationVault]):
    """The methods of ``Client.vault``, awaitable."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def _inner(self) -> StationVault:
        return self._client.vault

    init = awaited(StationVault.init)
    status = awaited(StationVault.status)
    push = awaited(StationVault.push)
    verify = awaited(StationVault.verify)
    restore = awaited(StationVault.restore)


class AsyncClient(Face[Client]):
    """The methods of ``Client``, awaitable; open it with ``async with``.

    ``on_progress`` is called from worker threads. Streams of values are read with ``async for``. What ``open_source``,
    ``open_companion`` and ``open_report`` return is a file that blocks: read it in a worker thread.
    """

    def __init__(
        self,
        archives: Path | str | Sequence[Path | str],
        *,
        actor: str | None = None,
        token: str | None = None,
        ca_file: Path | str | None = None,
    ) -> None:
        """As ``Client``; the archives are opened by ``async with``."""
        self._open: Callable[[], Client] = lambda: Client(archives, actor=actor, token=token, ca_file=ca_file)
        self._client: Client | None = None

    @classmethod
    def from_config(cls, path: Path | str, *, actor: str | None = None, opens_archives: bool = True) -> AsyncClient:
        """As ``Client.from_config``; the archives are opened by ``async with``."""
        client = cls((), actor=actor)
        client._open = lambda: Client.from_config(path, actor=actor, opens_archives=opens_archives)
        return client

    async def __aenter__(self) -> AsyncClient:
        self._client = await to_thread(self._open)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await to_thread(self._inner().close)

    def _inner(self) -> Client:
        if self._client is None:
            raise UsageError("the client is not open; use it within 'async with'")
        return self._client

    @property
    def retention(self) -> AsyncRetention:
        """Policies, purges and holds, over all archives."""
        return AsyncRetention(self._inner())

    @property
    def settings(self) -> AsyncSettings:
        """The settings of the converters: read, planned and changed in the configuration."""
        return AsyncSettings(self._inner())

    @property
    def vault(self) -> AsyncVault:
        """The vault to which the station copies its archives."""
        return AsyncVault(self._inner())

    @property
    def actor(self) -> str:
        """The name that the history has for whoever uses this client."""
        return self._inner().actor

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders of the archives."""
        return self._inner().roots

    @property
    def config(self) -> Path | None:
        """The configuration that the client was opened with; None if it cannot replay."""
        return self._inner().config

    get_archive_entries = passed_on(Client.get_archive_entries)
    get_archive_statistics = passed_on(Client.get_archive_statistics)
    reprocess_archives = passed_on(Client.reprocess_archives)
    get_retention_policy = passed_on(Client.get_retention_policy)
    update_retention_policy = passed_on(Client.update_retention_policy)

    open_new = awaited(Client.open_new)
    find = awaited(Client.find)
    pages = streamed(Client.pages)
    entries = streamed(Client.entries)
    resolve = awaited(Client.resolve)
    details = awaited(Client.details)
    restore = awaited(Client.restore)
    export = streamed(Client.export)
    chosen = awaited(Client.chosen)
    export_bag = awaited(Client.export_bag)
    stream_bag = streamed(Client.stream_bag)
    open_source = awaited(Client.open_source)
    open_companion = awaited(Client.open_companion)
    open_report = awaited(Client.open_report)
    where_is = awaited(Client.where_is)
    converters = awaited(Client.converters)
    converter_named = awaited(Client.converter_named)
    require_converter = awaited(Client.require_converter)
    statistics = awaited(Client.statistics)
    status = awaited(Client.status)
    growth = awaited(Client.growth)
    received = awaited(Client.received)
    pulse = awaited(Client.pulse)
    failure_reasons = awaited(Client.failure_reasons)
    conversion_times = awaited(Client.conversion_times)
    findings = awaited(Client.findings)
    record_event = awaited(Client.record_event)
    acknowledge = awaited(Client.acknowledge)
    events = awaited(Client.events)
    audit = streamed(Client.audit)
    audit_page = awaited(Client.audit_page)
    watchers_of = awaited(Client.watchers_of)
    services = awaited(Client.services)
    verify = streamed(Client.verify)
    anchor = awaited(Client.anchor)
    request_time_stamp = awaited(Client.request_time_stamp)
    add_time_stamp = awaited(Client.add_time_stamp)
    count_files = awaited(Client.count_files)
    rebuild = awaited(Client.rebuild)
    preview_import = awaited(Client.preview_import)
    import_done = awaited(Client.import_done)
    import_bag = awaited(Client.import_bag)
    preview_erasure = awaited(Client.preview_erasure)
    erase = awaited(Client.erase)

    runs = awaited(Client.runs)
    run = awaited(Client.run)
    run_progress = awaited(Client.run_progress)
    is_replaying = awaited(Client.is_replaying)
    changes = streamed(Client.changes)
    compare_reports = awaited(Client.compare_reports)
    replay = awaited(Client.replay)
    estimate_replay = awaited(Client.estimate_replay)
    archive_of = awaited(Client.archive_of)
    replayable = awaited(Client.replayable)
    plan_run = awaited(Client.plan_run)
    resume_run = awaited(Client.resume_run)
    cancel_run = awaited(Client.cancel_run)
    roll_back_run = awaited(Client.roll_back_run)
