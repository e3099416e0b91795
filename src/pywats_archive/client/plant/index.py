"""``Plant``: the index over the vault of all stations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pywats_archive.archive import arguments
from pywats_archive.client.plant.state import SILENT_AFTER, PlantState, checked
from pywats_archive.errors import ArchiveError, UnknownEntry, UsageError
from pywats_archive.models.plant.entry import PlantEntry, PlantEntryDetails, PlantFilter
from pywats_archive.models.plant.figures import PlantFigures
from pywats_archive.models.plant.station import PlantIndexed, PlantStations
from pywats_archive.models.query import Page

if TYPE_CHECKING:
    from pywats_archive.client.restoring import Restored
    from pywats_archive.models.operation.integrity import OnProgress
    from pywats_archive.plant.searching import Index

Answer = TypeVar("Answer")
_LISTED = 10


class Plant:
    """The index in a folder; each call opens it as it is then. Needs ``pywats-archive[plant]``."""

    def __init__(self, index: Path | str) -> None:
        self._folder = Path(index).absolute()

    def update(
        self, url: str | None = None, *, config: Path | None = None, on_progress: OnProgress | None = None
    ) -> PlantIndexed:
        """Add what is new in the vault, and create the index if there is none; durable once this returns.

        ``url``: by default ``vault_url`` of ``config``, whose other keys are used too. ``on_progress`` gets the number of
        segments. A segment that cannot be read is a problem in the result. ArchiveInUse if another process fills the index.
        """
        from pywats_archive.client.vault.station import settings_of
        from pywats_archive.plant import stations
        from pywats_archive.plant.indexing import Indexing
        from pywats_archive.vault.opening import open_vault

        vault = open_vault(settings_of(config, url), tries_again=True)
        done = Indexing(self._folder, vault).run(on_progress)
        return self._asked(lambda index: stations.indexed(self._folder, done, index.entries))

    def find(self, wanted: PlantFilter, *, limit: int = 100, offset: int = 0) -> Page[PlantEntry]:
        """Return a page of the entries that match."""
        return self.read(lambda state: state.find(wanted, limit=limit, offset=offset))

    def entries(self, wanted: PlantFilter, *, limit: int | None = None, offset: int = 0) -> list[PlantEntry]:
        """Return all entries that match, or some of them."""
        from pywats_archive.plant.searching import every

        asked, offset = checked(wanted), arguments.whole(offset, "offset")
        most = None if limit is None else arguments.whole(limit, "limit", least=1)
        return self._asked(lambda index: every(index, asked, limit=most, offset=offset))

    def details(self, named: str, *, station: str | None = None) -> PlantEntryDetails:
        """Return the newest entry that an id, the end of one, or a serial number names, with its reports; or UnknownEntry."""
        from pywats_archive.plant.searching import details

        return self._asked(lambda index: details(index, _resolved(index, named, station, newest=True)))

    def statistics(self, wanted: PlantFilter, *, by: str = "converter") -> PlantFigures:
        """Return how often conversions and units fail, by station, and ``converter`` or ``part``; of the entries that match."""
        return self.read(lambda state: state.statistics(wanted, by=by))

    def restore(
        self, named: Iterable[str], to: Path, *, station: str | None = None, config: Path | None = None
    ) -> list[Restored]:
        """Restore sources from the vault, with their companions; each outcome is a value. Nothing is replaced.

        Each name is an id, the end of one, or a serial number that one entry has. ``config`` has the keys of the vault, and
        beside it are those of encrypted archives. The station records nothing of it.
        """
        from pywats_archive.client.restoring import Restored
        from pywats_archive.client.vault.station import settings_of
        from pywats_archive.plant.restoring import restore
        from pywats_archive.vault.opening import open_vault

        names = list(dict.fromkeys(named))
        entries, url = self._asked(
            lambda index: ([_resolved(index, each, station, newest=False) for each in names], index.manifest.vault)
        )
        vault = open_vault(settings_of(config, url), tries_again=True)
        found = []
        for entry in entries:
            try:
                path = restore(vault, entry, to, keys=config.parent if config else None)
                found.append(Restored(archive_id=entry.archive_id, path=path, is_on_record=False))
            except ArchiveError as exc:
                found.append(Restored(archive_id=entry.archive_id, error=str(exc), is_on_record=False))
        return found

    def stations(self, *, silent_after: timedelta = SILENT_AFTER) -> PlantStations:
        """Return how far the vault has each archive, its problems, and its converters."""
        return self.read(lambda state: state.stations(silent_after=silent_after))

    def read(self, question: Callable[[PlantState], Answer], *, within_s: float | None = None) -> Answer:
        """Ask several things of one state of the index, whoever fills it meanwhile; TooSlow after ``within_s`` seconds.

        A question may be asked twice.
        """
        return self._asked(lambda index: question(PlantState(index)), within_s=within_s)

    def _asked(self, question: Callable[[Index], Answer], *, within_s: float | None = None) -> Answer:
        from pywats_archive.plant.searching import asked

        return asked(self._folder, question, within_s=within_s)


def _resolved(index: Index, named: str, station: str | None, *, newest: bool) -> PlantEntry:
    """Return the entry that a text names; UnknownEntry, or UsageError if several are named and not the newest one is wanted."""
    from pywats_archive.plant.searching import named_by

    found = named_by(index, named, station, limit=_LISTED + 1)
    if not found:
        raise UnknownEntry(f"{named}: the index has no such entry; 'plant search' finds ids")
    if len(found) > 1 and not newest:
        known = ", ".join(f"{each.archive_id} of {each.station}" for each in found[:_LISTED])
        raise UsageError(f"{named}: names several entries: {known}; name one id, and its station with --station")
    return found[0]
