"""The part of the client that imports Done folders."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pywats_archive.archive import arguments
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.layout import DESCRIPTION
from pywats_archive.client.archives import OpenArchives
from pywats_archive.config.outline import StationOutline
from pywats_archive.errors import NeedsConfirmation, UnknownConverter, UsageError
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.models.time import utc_now
from pywats_archive.words.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from pywats_archive.client.importing.survey import Survey
    from pywats_archive.config import ConverterConfig
    from pywats_archive.models.operation.importing import Imported, ImportPreview


class Imports:
    """Takes over what pyWATS left in Done folders: entries with their own times, which are never sent."""

    _station: StationOutline | None
    _archives: OpenArchives
    actor: str
    """The name that the history has for whoever uses this client."""

    def preview_import(self, folder: Path | str, converter_name: str, *, folders: bool | None = None) -> ImportPreview:
        """Return what ``import_done`` would do with a Done folder, and the room that it would take; writes nothing."""
        from pywats_archive.client.importing import previewing

        target = self._target(folder, converter_name, folders)
        archive = target.open(self._archives)
        policy = target.policy(archive)
        items = target.survey.items()
        return previewing.preview(
            archive, items, policy, root=target.root, folder=target.survey.folder, now=target.survey.now
        )

    def import_done(
        self,
        folder: Path | str,
        converter_name: str,
        *,
        folders: bool | None = None,
        confirmed: bool = False,
        on_progress: Callable[[int], None] = lambda number: None,
    ) -> Imported:
        """Archive the sources and reports in a Done folder of pyWATS as a converter's entries; works beside the service.

        Nothing in the folder is changed, and nothing is sent. What is archived already is left as it is, so that an import can
        be repeated, also after it was killed. ``folders``: each folder in it is one source; None: if the configuration says
        that the converter converts folders. ``on_progress`` is called with the number of items that were just looked at.
        NeedsConfirmation if the size limit of the policy would purge entries at once, unless ``confirmed``.
        """
        from pywats_archive.archive.imported.todo import Importing
        from pywats_archive.client.importing.running import Import, summed
        from pywats_archive.models.operation.importing import Imported
        from pywats_archive.portable.volumes import file_system

        target = self._target(folder, converter_name, folders)
        if not confirmed:
            expected = self.preview_import(folder, converter_name, folders=folders)
            if expected.purged_at_once:
                raise NeedsConfirmation(_too_large(expected))
        archive = self._created(target)
        system = file_system(target.survey.folder)
        done = Import(
            archive=archive,
            how=Importing(
                converter_name=target.name,
                compression_level=archive.policies.effective(target.name).compression_level,
                companion_rules=target.survey.companion_rules,
                actor=self.actor,
            ),
            is_remote=system is not None and system.is_remote,
            on_imported=on_progress,
        )
        start = Imported(
            archive=str(target.root),
            folder=str(target.survey.folder),
            converter_name=target.name,
            imported=0,
            reports=0,
            already_imported=0,
            disk_size_bytes=0,
            not_imported=(),
        )
        return summed(done.run(target.survey.items()), start)

    def _target(self, folder: Path | str, converter_name: str, folders: bool | None) -> _Target:
        where = arguments.path(folder, "folder").absolute()
        name = arguments.text(converter_name, "converter_name")
        if not where.is_dir():
            raise UsageError(f"{where}: is not a folder; name a Done folder of pyWATS")
        config, root = None, None
        if self._station is not None:
            config = self._config_named(name)
            root = next(self._station.archive_root(c) for c in self._station.converters if c.name == config.name)
        return _target(where, name, root or self._archives.only(None).root, config, folders, self._station)

    def _config_named(self, name: str) -> ConverterConfig:
        from pywats_archive.host.settings.configfile import read_station_config

        assert self._station is not None
        station = read_station_config(self._station.path)
        if (config := station.converter(name)) is None:
            known = ", ".join(each.name for each in station.converters)
            raise UnknownConverter(f"{station.path}: has no converter '{name}'; choose from {known}")
        return config

    def _created(self, target: _Target) -> Archive:
        """Return the archive, which is created if it does not exist yet, with the policy that is configured."""
        if not (target.root / DESCRIPTION).exists():
            keys = self._station.path.parent if self._station else None
            encrypt = bool(target.config and target.config.encryption)
            Archive.open(target.root, create=True, own=True, keys=keys, encrypt=encrypt).close()
        archive = target.open(self._archives)
        assert archive is not None
        if config := target.config:
            archive.policies.apply_configured(config.name, config.retention_policy(), config.retention_said())
        return archive


@dataclass(frozen=True, kw_only=True, slots=True)
class _Target:
    """What is imported, and where to."""

    name: str
    root: Path
    survey: Survey
    config: ConverterConfig | None

    def open(self, archives: OpenArchives) -> Archive | None:
        """Return the archive; None if it does not exist yet."""
        archives.open_new([self.root])
        return archives.only(self.root) if self.root in archives.roots else None

    def policy(self, archive: Archive | None) -> RetentionPolicy:
        """Return the policy that will apply to the entries."""
        configured = self.config.retention_policy() if self.config else None
        own = archive.policies.own(self.name) if archive else None
        effective = archive.policies.effective(self.name) if archive else RetentionPolicy(converter_name=self.name)
        return own or configured or effective


def _target(
    folder: Path,
    name: str,
    root: Path,
    config: ConverterConfig | None,
    folders: bool | None,
    station: StationOutline | None,
) -> _Target:
    from pywats_archive.client.importing.survey import Survey

    own = [root]
    for each in station.converters if station else ():
        own += [Path(place) for place in (each.watch_folder, each.error_folder, each.pending_folder) if place]
    left_out = frozenset(Path(os.path.realpath(place)) for place in own)
    here = Path(os.path.realpath(folder))
    if here in left_out or here.is_relative_to(os.path.realpath(root)):
        raise UsageError(f"{folder}: is a folder that the service uses itself; name a Done folder of pyWATS")
    survey = Survey(
        folder=folder,
        has_folders=(config is not None and config.converter_type == "folder") if folders is None else folders,
        companion_rules=config.companion_rules if config else (),
        left_out=left_out,
        now=utc_now(),
    )
    return _Target(name=config.name if config else name, root=root, survey=survey, config=config)


def _too_large(expected: ImportPreview) -> str:
    purged = counted(expected.purged_at_once, "entry", "entries")
    return (
        f"{expected.archive}: the import takes about {expected.estimated_disk_bytes / 1e9:.2f} GB, and the policy of "
        f"'{expected.converter_name}' keeps {expected.max_size_gb:g} GB: about {purged} would be purged at once, the oldest in "
        "the archive first; raise the limit with 'pywats-archive policy set', or confirm it"
    )
