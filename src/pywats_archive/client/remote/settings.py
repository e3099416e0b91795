"""The settings of a station over the network."""

from __future__ import annotations

from pathlib import Path

from pywats_archive.client.remote.calls import asked, value_of
from pywats_archive.client.remote.wire import Wire
from pywats_archive.client.settings.station import StationSettings
from pywats_archive.models.operation.capacity import ExpectedLoad
from pywats_archive.models.settings.changes import FolderVerdict, SavedSettings, SettingsPlan
from pywats_archive.models.settings.converters import ConverterSettings


class RemoteSettings(StationSettings):
    """``Client.settings`` of a station over the network."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    converters = asked(StationSettings.converters, "GET /settings", tuple[ConverterSettings, ...])
    places = asked(StationSettings.places, "GET /settings/places", dict[str, Path])
    plan = asked(StationSettings.plan, "POST /settings/plan", SettingsPlan)
    save = asked(StationSettings.save, "POST /settings", SavedSettings)
    examine = asked(StationSettings.examine, "POST /settings/folder", FolderVerdict)

    def expected(self, converter_name: str, *, level: int = 6) -> ExpectedLoad | None:
        """Return the load that the files of the last week predict; None if there is none."""
        found = self._wire.ask("POST", "/settings/load", body={"converter_name": converter_name, "level": level})
        return None if found is None else value_of(self._wire, ExpectedLoad, found)
