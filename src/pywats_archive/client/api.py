"""The client: one API over all archives of a station, for programs, the command and the pages."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pywats_archive.archive import arguments
from pywats_archive.archive.folder.layout import DESCRIPTION
from pywats_archive.client.archives import OpenArchives, unavailable_archives
from pywats_archive.client.auditing.proof import Proof
from pywats_archive.client.auditing.trail import Auditing
from pywats_archive.client.erasing.station import Erasures
from pywats_archive.client.export.station import Exports
from pywats_archive.client.importing.bag.station import BagImports
from pywats_archive.client.importing.station import Imports
from pywats_archive.client.replays import Replays
from pywats_archive.client.vault.holding import Vaults
from pywats_archive.config.outline import StationOutline
from pywats_archive.errors import ArchiveError, UsageError
from pywats_archive.host.settings.outline import read_outline
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus
from pywats_archive.models.operation.replay_mode import ReplayMode
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.portable.user import current_actor

if TYPE_CHECKING:
    from pywats_archive.client.settings.station import StationSettings
    from pywats_archive.doctor.examination import Examination
    from pywats_archive.models.operation.capacity import Ratios
    from pywats_archive.models.operation.replay import ReprocessingResult
    from pywats_archive.models.operation.statistics import ArchiveStatistics
    from pywats_archive.models.settings.installation import Installation
    from pywats_archive.reprocessing.runner import OnProgress
    from pywats_archive.retention.station import StationRetention


_ADDRESSES = ("http://", "https://")


class Client(Vaults, Proof, Auditing, Replays, Exports, Imports, BagImports, Erasures):
    """Reads, restores and accounts for archives; beside a running service too. Close it, or use it as a context manager."""

    def __new__(cls, archives: Path | str | Sequence[Path | str] = (), **options: Any) -> Client:
        """Return a client, or one over the network if ``archives`` is an address."""
        if cls is Client and isinstance(archives, str) and archives.startswith(_ADDRESSES):
            remote = import_module("pywats_archive.client.remote.api")  # its client is a kind of this one
            made: Client = object.__new__(remote.RemoteClient)
            return made
        return object.__new__(cls)

    def __init__(
        self,
        archives: Path | str | Sequence[Path | str],
        *,
        station: StationOutline | None = None,
        actor: str | None = None,
        token: str | None = None,
        ca_file: Path | str | None = None,
    ) -> None:
        """Open the archive in this folder, or those in several; NotAnArchive names a folder without one.

        An address such as ``https://station.example:8087`` is that of a station's pages: the same methods then work over the
        network, with a ``token`` (or that in PYWATS_ARCHIVE_TOKEN), and ``ca_file`` for certificates of one's own.
        ``actor`` is the name that the history has for whoever uses this client: by default ``os:`` and the
        account, as for the command.
        One whose catalog is damaged can be verified and rebuilt; all else that needs it raises CatalogDamaged.
        """
        if token is not None or ca_file is not None:
            raise UsageError("token and ca_file belong to the address of a station, not to the folder of an archive")
        self.actor = current_actor() if actor is None else arguments.text(actor, "actor")
        self._station = station
        self._read_at = _stamp(station)
        self._archives = OpenArchives(
            arguments.paths(archives, "archives"), keys=station.path.parent if station else None
        )

    @classmethod
    def from_config(cls, path: Path | str, *, actor: str | None = None, opens_archives: bool = True) -> Client:
        """Open each archive of a configuration that exists; ArchiveAway names a known one that is missing.

        Without ``opens_archives`` none is opened, so that ``vault.restore`` works while the archive is lost.
        """
        station = read_outline(arguments.path(path, "path"))
        if not opens_archives:
            return cls([], station=station, actor=actor)
        for reason in unavailable_archives(station).values():
            raise reason
        roots = station.archive_roots(even_unused=True)  # an archive that was switched off still has its entries
        made = [root for root in roots if (root / DESCRIPTION).exists()]
        return cls(made, station=station, actor=actor)

    def open_new(self) -> None:
        """Read a configuration that changed again, and open its archives that were created since; else does nothing.

        A configuration that is invalid by now leaves the client as it is.
        """
        if self._station is None:
            return
        stamp = _stamp(self._station)
        if stamp != self._read_at:
            with suppress(ArchiveError):
                self._station = read_outline(self._station.path)
            self._read_at = stamp
        self._archives.open_new(self._station.archive_roots(even_unused=True))

    @staticmethod
    def doctor(
        *, config: Path | str | None = None, archive: Path | str | None = None, quick: bool = False
    ) -> Examination:
        """Test what the guarantees need in every folder of a configuration, or of one archive, and check all else.

        Of a configuration, each converter is loaded in a process of its own, and the server is asked whether it accepts the
        token. ``quick`` leaves out the network and the slow trials. Changes nothing, and waits about 40 s at most.
        UsageError unless one of the two is given.
        """
        if (config is None) == (archive is None):
            raise UsageError("doctor: pass either a configuration or an archive")
        from pywats_archive.doctor import diagnosis

        if config is not None:
            from pywats_archive.host.settings.configfile import read_station_config

            station = read_station_config(Path(config))
            away = {root: str(reason) for root, reason in unavailable_archives(station.outline()).items()}
            return diagnosis.of_station(station, away=away, is_quick=quick)
        return diagnosis.of_archive(Path(str(archive)), is_quick=quick)

    @staticmethod
    def installation() -> Installation:
        """Return the versions and licences of the program and of all that it needs."""
        from pywats_archive.client.settings.installation import installation

        return installation()

    @staticmethod
    def measure(folder: Path | str, *, level: int = 6) -> tuple[Ratios, float]:
        """Compress the files below a folder to measure the ratios; return them with the mean size in bytes."""
        from pywats_archive.archive import sampling

        return sampling.measure(Path(folder), level=level)

    async def get_archive_entries(
        self,
        converter_name: str | None = None,
        from_date: date | datetime | None = None,
        to_date: date | datetime | None = None,
        status: ConversionStatus | str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[ArchiveEntry]:
        """Return a page of entries, newest first; both dates inclusive, a date as the end means all of that day."""
        wanted = EntryFilter(
            converter_name=converter_name,
            from_date=None if from_date is None else arguments.first_moment(from_date, "from_date"),
            to_date=None if to_date is None else arguments.last_moment(to_date, "to_date"),
            status=None if status is None else arguments.choice(status, "status", ConversionStatus),
        )
        page = await to_thread(self.find, wanted, limit=limit, offset=offset)
        return list(page.items)

    async def get_archive_statistics(self, converter_name: str | None = None) -> ArchiveStatistics:
        """Return the statistics of all archives, or of one converter."""
        return await to_thread(self.statistics, converter_name)

    async def get_retention_policy(self, converter_name: str) -> RetentionPolicy:
        """Return a converter's policy; UnknownConverter lists the known converters."""
        return await to_thread(self.retention.policy, converter_name)

    async def update_retention_policy(self, policy: RetentionPolicy, *, confirmed: bool = False) -> None:
        """Set a converter's policy; ``*`` for all converters without their own. The dates of all entries follow.

        NeedsConfirmation when it would purge more than a fifth at once, unless ``confirmed``.
        """
        known = arguments.of_kind(policy, "policy", RetentionPolicy)
        await to_thread(self.retention.set_policy, known, confirmed=confirmed)

    @property
    def retention(self) -> StationRetention:
        """Policies, purges and holds, over all archives."""
        from pywats_archive.retention.station import StationRetention

        return StationRetention(self._archives.all, self.require_converter, self._required_vault, actor=self.actor)

    @property
    def settings(self) -> StationSettings:
        """The settings of the converters: read, planned and changed in the configuration."""
        from pywats_archive.client.settings.station import StationSettings

        return StationSettings(self.config, self._archives, actor=self.actor)

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
        root = await to_thread(self._archive_with, converter_name)
        return await self.reprocessing(root).reprocess_range(
            converter_name,
            from_date,
            to_date,
            use_current_converter,
            use_current_parameters,
            submit_to_server,
            progress_callback,
            dry_run=dry_run,
            mode=mode,
            reason=reason,
        )

    def _archive_with(self, converter_name: str) -> Path | None:
        """Return the archive that has a converter's entries; None if there is none, or not only one."""
        self.require_converter(converter_name)
        roots = [each.root for each in self._archives.all if converter_name in each.converter_names()]
        return roots[0] if len(roots) == 1 else None

    def close(self) -> None:
        """Close the archives; idempotent."""
        self._archives.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _stamp(station: StationOutline | None) -> tuple[int, int] | None:
    """Return time and size of a configuration; None without one."""
    with suppress(OSError):
        status = station.path.stat() if station else None
        return (status.st_mtime_ns, status.st_size) if status else None
    return None
