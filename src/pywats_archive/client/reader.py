"""The half of the client that finds and reads entries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from pywats_archive.archive import arguments
from pywats_archive.archive.core import Archive, EntryDetails
from pywats_archive.client.archives import OpenArchives
from pywats_archive.client.contents import ArchivedFile, Reading, opened
from pywats_archive.config.outline import StationOutline
from pywats_archive.errors import UnknownConverter, UsageError, did_you_mean
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.query import MOST_CHOSEN, EntryFilter, Page
from pywats_archive.models.retention.policy import EVERY_OTHER
from pywats_archive.models.time import utc_now

if TYPE_CHECKING:
    from pywats_archive.client.contents import FromVault
    from pywats_archive.client.restoring import Restored
    from pywats_archive.models.operation.whereabouts import Whereabouts


class EntryReader:
    """Finds entries over all archives of a station, and reads and restores what they hold."""

    _archives: OpenArchives
    _station: StationOutline | None
    actor: str
    """The name that the history has for whoever uses this client."""

    def find(
        self, wanted: EntryFilter | None = None, *, limit: int = 100, offset: int = 0, after: str | None = None
    ) -> Page[ArchiveEntry]:
        """Return a page of the entries that match, in stable order, behind ``offset`` of them or behind ``Page.next``."""
        wanted = arguments.entry_filter(wanted or EntryFilter())
        limit, offset = arguments.whole(limit, "limit", least=1), arguments.whole(offset, "offset")
        position = None if after is None else arguments.text(after, "after", most=100_000)
        return self._archives.find(wanted, limit=limit, offset=offset, after=position)

    def pages(
        self, wanted: EntryFilter | None = None, *, limit: int = 500, after: str | None = None
    ) -> Iterator[Page[ArchiveEntry]]:
        """Yield the entries that match page by page, behind ``Page.next`` of an earlier page if ``after`` has it."""
        limit = arguments.whole(limit, "limit", least=1)
        page = self.find(wanted, limit=limit, after=after)
        yield page
        while page.next:
            page = self.find(wanted, limit=limit, after=page.next)
            yield page

    def entries(self, wanted: EntryFilter | None = None, *, after: str | None = None) -> Iterator[ArchiveEntry]:
        """Stream all entries that match, over all archives, in stable order; those added meanwhile may be missing.

        ``after`` begins behind ``Page.next`` of an earlier page.
        """
        for page in self.pages(wanted, after=after):
            yield from page.items

    def resolve(self, text: str, *, newest: bool = False) -> str:
        """Return the id of the entry that ``text`` names: an id or a part of one, a serial number, a path or a file name.

        UnknownEntry if there is none. UsageError lists several; of one serial number or file, the ``newest`` may do.
        """
        return self._archives.resolve(arguments.text(text, "text"), newest=newest)

    def details(self, archive_id: str) -> EntryDetails:
        """Return one entry with its conversions, reports and events; UnknownEntry when no archive has it."""
        return self._archives.holder(archive_id).details(archive_id)

    def restore(
        self,
        archive_ids: Sequence[str],
        folder: Path | str,
        *,
        actor: str | None = None,
        even_damaged: bool = False,
        reports: bool = False,
    ) -> tuple[Restored, ...]:
        """Restore sources into ``folder``; a failure is returned with its reason and does not stop the others.

        What was purged, or is missing or damaged, comes from the vault, if the configuration names one.
        ``even_damaged`` restores the readable part of a damaged source, as NAME.damaged; ``reports`` each report too, beside
        the source.
        UnknownEntry comes before anything is written.
        """
        from pywats_archive.client.restoring import Restoring

        target = arguments.path(folder, "folder")
        holders = [(each, self._archives.holder(each)) for each in arguments.texts(archive_ids, "archive_ids")]
        how = Restoring(
            actor or self.actor, even_damaged=even_damaged, reports=reports, vault_of=self._vault_of_station
        )
        return tuple(how.restore(archive, archive_id, target) for archive_id, archive in holders)

    def _vault_of_station(self) -> FromVault | None:
        """Return how to read an entry from the vault; None if the configuration names none. ConfigError if it is invalid."""
        return None

    def export(self, wanted: EntryFilter | None = None, *, actor: str | None = None) -> Iterator[bytes]:
        """Stream a zip of the entries that match: sources, companions, reports, and ``manifest.json`` with checksums.

        Memory is bounded, and no file is made. What cannot be read is named in the manifest. UsageError comes first, if more
        than ``MOST_CHOSEN`` entries match.
        """
        from pywats_archive.client.export.entries import export

        chosen = self.chosen(wanted)
        return export(self._archives.holder, chosen, actor=actor or self.actor, now=utc_now())

    def chosen(self, wanted: EntryFilter | None = None) -> tuple[str, ...]:
        """Return the ids of all entries that match; UsageError if there are more than ``MOST_CHOSEN``."""
        found = tuple(entry.archive_id for entry in islice(self.entries(wanted), MOST_CHOSEN + 1))
        if len(found) > MOST_CHOSEN:
            raise UsageError(f"more than {MOST_CHOSEN:,} entries match; narrow the dates")
        return found

    def open_source(self, archive_id: str, *, actor: str | None = None) -> ArchivedFile:
        """Return a source (of a folder, its tar) as a file to read; the last ``read`` raises BlobDamaged if it is damaged.

        One that was purged, or is missing, comes from the vault, if the configuration names one; ``vault`` says so. Close it.
        """
        from pywats_archive.archive.restore import content

        by = actor or self.actor
        return self._opened(
            archive_id,
            lambda archive: content.source_chunks(archive, archive_id, actor=by),
            lambda archive: archive.entry(archive_id).source_archived_path,
        )

    def open_companion(self, archive_id: str, name: str, *, actor: str | None = None) -> ArchivedFile:
        """Return a companion as a file to read, as ``open_source`` does."""
        from pywats_archive.archive.restore import content

        by = actor or self.actor
        return self._opened(
            archive_id,
            lambda archive: content.companion_chunks(archive, archive_id, name, actor=by),
            lambda archive: content.companion_named(archive.entry(archive_id), name).archived_path,
        )

    def open_report(
        self, archive_id: str, number: int = 1, *, actor: str | None = None, attachment: int | None = None
    ) -> ArchivedFile:
        """Return the exact JSON of a report as ``open_source`` does, counted from 1 in the order of ``details``.

        The history has who read the report, or which ``attachment`` of it.
        """
        from pywats_archive.archive.restore import content

        by = actor or self.actor
        return self._opened(
            archive_id,
            lambda archive: content.read_report(archive, archive_id, number, actor=by, attachment=attachment),
            lambda archive: content.report_numbered(archive, archive_id, number).archived_path,
        )

    def _opened(self, archive_id: str, read: Reading, path_of: Callable[[Archive], str]) -> ArchivedFile:
        holder = self._archives.holder(arguments.text(archive_id, "archive_id"))
        return opened(holder, archive_id, read, path_of, self._vault_of_station)

    def where_is(self, text: str) -> Whereabouts:
        """Find a source by path, name or serial number, over all archives."""
        return self._archives.where_is(arguments.of_kind(text, "text", str))

    def converters(self) -> tuple[str, ...]:
        """Return the names of all converters that the configuration or an archive knows, in order."""
        known = {name for archive in self._archives.all for name in archive.converter_names()}
        policies = (policy for archive in self._archives.all for policy in archive.policies.all_own())
        known |= {policy.converter_name for policy in policies if policy.converter_name != EVERY_OTHER}
        known |= {section.name for section in self._station.converters} if self._station else set()
        return tuple(sorted(known))

    def converter_named(self, text: str) -> str:
        """Return the name of the converter with this name; in any case, if only one matches. UnknownConverter if none does."""
        known = self.converters()
        alike = [name for name in known if isinstance(text, str) and name.casefold() == text.casefold()]
        if text in alike or len(alike) == 1:
            return text if text in alike else alike[0]
        raise UnknownConverter(_unknown(text, known))

    def require_converter(self, name: str) -> None:
        """Raise UnknownConverter, with the names there are, unless the configuration or an archive knows ``name``."""
        known = self.converters()
        if name not in known:
            raise UnknownConverter(_unknown(name, known))


def _unknown(name: str, known: Sequence[str]) -> str:
    listed = ", ".join(f"'{each}'" for each in known) or "none"
    return f"no converter is called '{name}'; {did_you_mean(name, known)}there are {listed}"
