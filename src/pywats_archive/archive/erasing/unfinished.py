"""Finishes an interrupted erasure at a start; what cannot be done now is logged, and tried again at the next one."""

from __future__ import annotations

from collections.abc import Callable

from pywats_archive.archive.core import Archive
from pywats_archive.archive.erasing import carrying_out
from pywats_archive.archive.folder import layout
from pywats_archive.errors import ArchiveError
from pywats_archive.portable.event_log import warn


def finish(archive: Archive) -> None:
    """Finish an erasure that was interrupted, as the owner of the archive."""
    if not (carrying_out.is_unfinished(archive) or (archive.root / layout.ERASING).exists()):
        return

    def act() -> carrying_out.Erased:
        with carrying_out.alone(archive):
            return carrying_out.finish(archive)

    _logged(archive, act)


def finish_alone(archive: Archive) -> None:
    """Finish an erasure, for a caller that holds the locks of ``alone`` already."""
    if carrying_out.is_unfinished(archive):
        _logged(archive, lambda: carrying_out.finish(archive))


def _logged(archive: Archive, act: Callable[[], carrying_out.Erased]) -> None:
    try:
        reason = next(iter(act().not_removed), None)
    except (ArchiveError, OSError) as exc:
        reason = str(exc)
    if reason:
        warn("erasure.not_finished", archive=str(archive.root), reason=reason)
