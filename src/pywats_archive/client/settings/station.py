"""The settings of a station's converters: read with the origin of each value, planned and changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pywats_archive.archive import arguments
from pywats_archive.client.archives import OpenArchives
from pywats_archive.errors import ArchiveError, UsageError
from pywats_archive.models.query import EntryFilter

if TYPE_CHECKING:
    from pywats_archive.archive.core import Archive
    from pywats_archive.config import ConverterConfig
    from pywats_archive.models.conversion import Conversion
    from pywats_archive.models.operation.capacity import ExpectedLoad
    from pywats_archive.models.settings.changes import FolderVerdict, SavedSettings, SettingsPlan
    from pywats_archive.models.settings.converters import ConverterArgument, ConverterSettings

CHANGED = "settings.changed"


class StationSettings:
    """Reads and changes the settings of a configuration; UsageError if the client was opened without one."""

    def __init__(self, config: Path | None, archives: OpenArchives, *, actor: str) -> None:
        self._path = config
        self._archives = archives
        self._actor = actor

    def converters(self) -> tuple[ConverterSettings, ...]:
        """Return what holds for each converter, in the order of the configuration; ConfigError if that is invalid."""
        from pywats_archive.host.settings.described import described

        station, found = described(self._config)
        configured = {each.name: each for each in station.converters}
        return tuple(replace(each, arguments=tuple(self._arguments(configured[each.name]))) for each in found)

    def places(self) -> dict[str, Path]:
        """Return where the files of the station are, by what they are; one that is not there yet too."""
        from pywats_archive.host.settings.configfile import read_station_config
        from pywats_archive.host.settings.key import KEY_FILE
        from pywats_archive.host.settings.state_file import FORMER, state_path

        station = read_station_config(self._config)
        return {
            "Configuration": station.path,
            "State file": state_path(station.path),
            "Key": station.path.parent / KEY_FILE,
            "Former configurations": station.path.resolve().parent / FORMER,
            "Code of converters": station.converters_folder,
        }

    def plan(self, converter_name: str, answers: Mapping[str, Any]) -> SettingsPlan:
        """Return what setting these archive keys of a converter would write; changes nothing.

        Values may be texts, as a form has them. What is wrong with a value is in ``SettingsPlan.faults``. ConfigError if the
        present configuration is invalid.
        """
        from pywats_archive.client.settings.compliance import faults
        from pywats_archive.host.settings.changing import plan_change

        plan = plan_change(self._config, arguments.text(converter_name, "converter_name"), answers)
        if broken := faults(plan, self._compliant(converter_name)):
            return replace(plan, archive=None, changes=(), faults=tuple(fault for _, fault in broken))
        return plan

    def save(
        self, converter_name: str, answers: Mapping[str, Any], *, checksum: str, actor: str | None = None
    ) -> SavedSettings:
        """Set archive keys of a converter in the configuration, durably; a running service uses them by itself.

        All else in the file stays as it is written, and a copy of the former file is kept. ``checksum`` is that of the plan:
        ConfigChanged if the file is another one by now. ConfigError if a value cannot be used, ComplianceRefused if a rule of
        the converter's compliant archive forbids it.
        """
        from pywats_archive.client.settings.compliance import require_allowed
        from pywats_archive.host.settings.changing import make_change, plan_change

        name = arguments.text(converter_name, "converter_name")
        if archive := self._compliant(name):
            require_allowed(plan_change(self._config, name, answers), archive, actor=actor or self._actor)
        saved = make_change(self._config, name, answers, checksum=arguments.text(checksum, "checksum"))
        if not saved.changes:
            return saved
        return replace(saved, unrecorded=self._recorded(name, saved, actor or self._actor))

    def examine(self, archive_folder: str) -> FolderVerdict:
        """Test what the guarantees need in a folder that an archive is to have, without the slow trials.

        A relative folder is relative to the configuration. Waits about 40 s at most.
        """
        from pywats_archive.doctor.diagnosis import of_archive
        from pywats_archive.models.settings.changes import FolderVerdict

        folder = self._config.absolute().parent / arguments.text(archive_folder, "archive_folder")
        (found,) = of_archive(folder, is_quick=True).folders
        return FolderVerdict(
            folder=folder,
            level=found.verdict.level.value,
            guarantee=found.verdict.guarantee,
            weaknesses=tuple((each.means, each.change) for each in found.verdict.advice),
        )

    def expected(self, converter_name: str, *, level: int = 6) -> ExpectedLoad | None:
        """Return the load that the files of the last week predict; None if there is none.

        Judged by the archive, else by the files that lie in the converter's folders: some of them are compressed, and nothing
        is changed.
        """
        from pywats_archive.client.settings import expected
        from pywats_archive.host.settings.configfile import read_station_config

        name = arguments.text(converter_name, "converter_name")
        found = expected.by_archives(self._archives.all, name)
        config = read_station_config(self._config).converter(name)
        return found or (expected.by_files(config, level=level) if config else None)

    @property
    def _config(self) -> Path:
        if self._path is None:
            raise UsageError("settings: there is no configuration; open the client with Client.from_config")
        return self._path

    def _compliant(self, name: str) -> Archive | None:
        """Return the archive of a converter, if it is compliant."""
        from pywats_archive.host.settings.configfile import read_station_config

        station = read_station_config(self._config)
        converter = station.converter(name)
        root = station.archive_root(converter) if converter else None
        return next((each for each in self._archives.all if each.root == root and each.is_compliant), None)

    def _recorded(self, name: str, saved: SavedSettings, actor: str) -> str | None:
        """Record a change in every archive that is the converter's, or has entries of it; return why that failed."""
        from pywats_archive.archive.overview import history
        from pywats_archive.host.settings.configfile import read_station_config

        changes = [{"key": each.key, "before": each.before, "after": each.after} for each in saved.changes]
        try:
            station = read_station_config(self._config)
            converter = station.converter(name)
            own = station.archive_root(converter) if converter and converter.archive_enabled else None
            for archive in self._archives.all:
                if archive.root == own or name in archive.converter_names():
                    history.record(archive, CHANGED, {"converter_name": name, "changes": changes}, actor=actor)
        except ArchiveError as exc:
            return str(exc)
        return None

    def _arguments(self, config: ConverterConfig) -> Iterator[ConverterArgument]:
        """Yield the arguments; a value is shown if the latest conversion recorded this very value in clear (invariant 10)."""
        from pywats_archive.host.settings.secrets import is_fingerprint
        from pywats_archive.models.settings.converters import ConverterArgument

        last = self._last_conversion(config.name) if config.arguments else None
        recorded = last.parameters if last and last.converter_class == config.module_path else {}
        for name, value in config.arguments.items():
            is_shown = value is not None and recorded.get(name) == value and not is_fingerprint(value)
            yield ConverterArgument(name=name, value=value if is_shown else None, is_shown=is_shown)

    def _last_conversion(self, name: str) -> Conversion | None:
        wanted = EntryFilter(converter_name=name)
        for archive in self._archives.all:
            for entry in archive.find(wanted, limit=1).items:
                if found := archive.last_conversion(entry.archive_id):
                    return found
        return None
