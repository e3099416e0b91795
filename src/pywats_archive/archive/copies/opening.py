"""Opening the catalog of an archive: before its tables are changed, it is copied."""

from __future__ import annotations

from pathlib import Path

from pywats_archive.archive.copies.making import Target, Wanted, copy_catalog
from pywats_archive.archive.copies.place import in_archive
from pywats_archive.archive.folder import catalog_swap, layout
from pywats_archive.archive.folder.description import Description
from pywats_archive.catalog.engine import Catalog
from pywats_archive.models.step import OnStep
from pywats_archive.models.time import Clock
from pywats_archive.portable.event_log import warn


def open_catalog(path: Path, described: Description, clock: Clock, *, on_step: OnStep, for_writing: bool) -> Catalog:
    """Open the catalog of an archive as ``Catalog.open`` does; only a new archive, or a rebuild, may have an empty one."""

    def copy(catalog: Catalog) -> None:
        if path.name == layout.CATALOG:
            _copy_before_migration(
                catalog, Wanted(archive_uuid=described.archive_uuid, at=clock(), is_before_migration=True)
            )

    return Catalog.open(
        path,
        on_step=on_step,
        clock=clock,
        may_be_new=path.name != layout.CATALOG or not catalog_swap.has_blobs(path.parent),
        for_writing=for_writing,
        before_migration=copy,
    )


def _copy_before_migration(catalog: Catalog, wanted: Wanted) -> None:
    """Copy a catalog into its archive; if that fails, a warning is logged, since a migration that fails changes nothing."""
    root = catalog.path.parent
    for done in copy_catalog(catalog, [Target(place=in_archive(root))], wanted):
        if done.failure:
            warn("catalog.not_copied", archive=str(root), path=str(done.path), reason=done.failure)
