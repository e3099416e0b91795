"""Settings in JSON: what holds, what a change would write, and the change itself."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

from pywats_archive.models.operation.capacity import ExpectedLoad
from pywats_archive.models.settings.changes import FolderVerdict, SavedSettings, SettingsPlan
from pywats_archive.models.settings.converters import ConverterSettings
from pywats_archive.models.settings.installation import Installation
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.api.asked import api_router
from pywats_archive.web.station import station_of, user_of

router = api_router(needs(Action.READ), prefix="/settings")


class PlannedSettings(BaseModel):
    """The archive keys of a converter that are to be set."""

    model_config = ConfigDict(extra="forbid")

    converter_name: str
    values: dict[str, Any] = Field(default_factory=dict)


class WantedLoad(BaseModel):
    """A converter, and the compression level that it is to have."""

    model_config = ConfigDict(extra="forbid")

    converter_name: str
    level: int = Field(default=6, ge=1, le=9)


class WantedSettings(PlannedSettings):
    """The same, to be written."""

    checksum: str
    """That of the plan: if the file has another one by now, the change is refused."""


class ArchiveFolder(BaseModel):
    """A folder that an archive is to have."""

    model_config = ConfigDict(extra="forbid")

    archive_folder: str = Field(min_length=1, max_length=4000)


@router.get("")
def settings(request: Request) -> tuple[ConverterSettings, ...]:
    """Return what holds for each converter, and where each value comes from."""
    return station_of(request).client.settings.converters()


@router.get("/places")
def places(request: Request) -> dict[str, str]:
    """Return where the files of the station are."""
    return {name: str(path) for name, path in station_of(request).client.settings.places().items()}


@router.get("/installation")
def installation(request: Request) -> Installation:
    """Return versions and licences."""
    return station_of(request).client.installation()


@router.post("/plan", dependencies=[needs(Action.PREVIEW)])
def plan(request: Request, wanted: PlannedSettings) -> SettingsPlan:
    """Return what setting these keys would write, and what is wrong with them; changes nothing."""
    return station_of(request).client.settings.plan(wanted.converter_name, wanted.values)


@router.post("", dependencies=[needs(Action.SETTINGS)])
def save(request: Request, wanted: WantedSettings) -> SavedSettings:
    """Set the keys in the configuration; 409 if the file changed since the plan."""
    found = station_of(request).client.settings
    return found.save(wanted.converter_name, wanted.values, checksum=wanted.checksum, actor=user_of(request))


@router.post("/folder", dependencies=[needs(Action.SETTINGS)])
def examine(request: Request, wanted: ArchiveFolder) -> FolderVerdict:
    """Return what a folder can guarantee for an archive."""
    return station_of(request).client.settings.examine(wanted.archive_folder)


@router.post("/load", dependencies=[needs(Action.SETTINGS)])
def expected(request: Request, wanted: WantedLoad) -> ExpectedLoad | None:
    """Return the load that the files of the last week predict; None if there was none."""
    return station_of(request).client.settings.expected(wanted.converter_name, level=wanted.level)
