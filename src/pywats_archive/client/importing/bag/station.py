"""The part of the client that imports bags."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pywats_archive.archive import arguments
from pywats_archive.archive.folder.layout import DESCRIPTION
from pywats_archive.client.archives import OpenArchives
from pywats_archive.errors import NeedsConfirmation, UsageError
from pywats_archive.words.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from pywats_archive.models.bag.outcome import ImportedBag


class BagImports:
    """Brings entries of other archives into one of this station; none of their reports is ever sent."""

    _archives: OpenArchives
    actor: str
    """The name of this client's user in the history."""

    def import_bag(
        self,
        bag: Path | str,
        archive: Path | str | None = None,
        *,
        preview: bool = False,
        confirmed: bool = False,
        on_file: Callable[[int], None] = lambda number: None,
        on_progress: Callable[[int], None] = lambda number: None,
    ) -> ImportedBag:
        """Import a bag that was exported elsewhere, a folder or a zip, into an archive; works beside the service.

        The whole bag is checked against its manifests first: BagRefused leaves the archive as it is. An entry keeps its id; one
        that is there already is left as it is, so that an import can be repeated, also after a kill. ``preview`` only checks
        and counts. ``on_file`` is called for each file that was checked, ``on_progress`` with the entries just imported.
        NeedsConfirmation if the policy here would purge some of them at once because of their age, unless ``confirmed``.
        """
        from pywats_archive.client.importing.bag import checking, files, running

        path = arguments.path(bag, "bag").absolute()
        target = self._archives.only(None if archive is None else arguments.path(archive, "archive"))
        with files.opened(path) as found, checking.checked(found, path, on_file=on_file) as whole:
            expected = running.preview(target, whole)
            if preview:
                return expected.answer(target, whole, is_preview=True)
            if expected.too_old and not confirmed:
                raise NeedsConfirmation(too_old(str(target.root), expected.too_old))
            done = running.run(target, whole, self.actor, on_progress)
            done.too_old = expected.too_old
            return done.answer(target, whole, is_preview=False)


def is_without_archive(folder: Path) -> bool:
    """Whether a new archive can be created in a folder: it is missing or empty; UsageError if only other files are there."""
    if (folder / DESCRIPTION).exists():
        return False
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder}: is not empty, and holds no archive; name a new folder, or an archive")
    return True


def preview_new(bag: Path, folder: Path, *, on_file: Callable[[int], None]) -> ImportedBag:
    """Check a bag whole, and count what an import into a new archive would do; nothing is written in its folder."""
    from pywats_archive.archive.core import Archive
    from pywats_archive.client.importing.bag import checking, files, running
    from pywats_archive.portable.scratch import Scratch

    path = bag.absolute()
    with (
        files.opened(path) as found,
        checking.checked(found, path, on_file=on_file) as whole,
        Scratch().folder() as scratch,
        Archive.open(scratch, create=True, own=True) as empty,
    ):
        return replace(running.preview(empty, whole).answer(empty, whole, is_preview=True), archive=str(folder))


def create_archive(folder: Path) -> None:
    """Create an archive in a folder that is missing or empty."""
    from pywats_archive.archive.core import Archive

    Archive.open(folder, create=True, own=True).close()


def steps(bag: Path, *, preview: bool) -> int:
    """Return how often an import calls ``on_file``, and unless it is a preview counts an entry for ``on_progress``."""
    from pywats_archive.client.importing.bag import files

    with files.opened(bag) as found:
        return sum(
            1 + (not preview and name.endswith("/entry.json")) for name in found.names() if name.startswith("data/")
        )


def too_old(archive: str, entries: int) -> str:
    """Return the warning that an import brings so many entries which the policy of the archive would purge soon."""
    be = "is" if entries == 1 else "are"
    return (
        f"{archive}: {counted(entries, 'entry', 'entries')} of the bag {be} older than the policy here keeps, and "
        "would be purged soon, since the age counts from the first archiving; raise the limit with 'pywats-archive policy "
        "set', or confirm it"
    )
