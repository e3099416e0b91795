"""The settings of converters as the Settings page shows them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from pywats_archive.models.operation.service import ServiceState, ServiceStatus
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.models.settings.converters import ConverterSettings, SettingOrigin
from pywats_archive.redaction import redacted
from pywats_archive.web.views.words import visible
from pywats_archive.words.purges import limits

_STATES = {
    ServiceState.RUNNING: ("The service works on this archive", "good"),
    ServiceState.STARTING: ("The service starts", "warn"),
    ServiceState.STALLED: ("The service does not respond", "bad"),
    ServiceState.DIED: ("The service died", "bad"),
    ServiceState.STOPPED: ("No service runs", "warn"),
}
_POST_ACTIONS = {
    "move": "moved to Done",
    "delete": "removed",
    "zip": "zipped to Done",
    "keep": "left in the watch folder",
    "archive": "removed; the archive has the only copy",
}
_SECRET = "not shown: it may be a secret"  # noqa: S105 (words)


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingRow:
    """One key with its value, and where that comes from."""

    key: str
    value: str
    origin: str
    is_default: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ConverterCard:
    """What holds for one converter."""

    name: str
    is_enabled: bool
    is_archived: bool
    archive: str
    archive_origin: str
    watch_folder: str
    after_success: str
    policy: str
    policy_address: str
    wizard_address: str
    service: str
    tone: str
    rows: tuple[SettingRow, ...]
    arguments: tuple[tuple[str, str], ...]


def card(
    found: ConverterSettings, *, config_name: str, policy: RetentionPolicy | None, service: ServiceStatus | None
) -> ConverterCard:
    """Return the card of a converter; ``policy`` is the one in force, if its archive knows the converter."""
    words = origins(config_name)
    rows = tuple(
        SettingRow(
            key=each.key,
            value=text(each.value),
            origin=words[each.origin],
            is_default=each.origin is SettingOrigin.DEFAULT,
        )
        for each in found.settings
    )
    named = {row.key: row for row in rows}
    state, tone = _STATES[service.state] if service else ("There is no archive yet", "plain")
    is_archived = bool(found.value("archive_enabled"))
    return ConverterCard(
        name=found.name,
        is_enabled=bool(found.value("enabled")),
        is_archived=is_archived,
        archive=str(found.archive),
        archive_origin=named["archive_folder"].origin,
        watch_folder=str(found.value("watch_folder")),
        after_success=_POST_ACTIONS.get(str(found.value("post_action")), ""),
        policy=limits(policy) if policy else "that of the configuration, once the service archives the first file",
        policy_address=f"/retention/policy?{query(converter=found.name)}" if policy else "",
        wizard_address=f"/settings/wizard/folder?{query(converter=found.name)}",
        service=state if is_archived else "The archive is off: files are converted and sent, but not archived",
        tone=tone if is_archived else "warn",
        rows=rows,
        arguments=tuple((each.name, text(each.value) if each.is_shown else _SECRET) for each in found.arguments),
    )


def origins(config_name: str) -> Mapping[SettingOrigin, str]:
    """Return where a value comes from, in words."""
    return {
        SettingOrigin.CONFIGURATION: config_name,
        SettingOrigin.STATE_FILE: "pywats-archive.json",
        SettingOrigin.DEFAULT: "default",
    }


def policies_by(found: Iterable[tuple[str, RetentionPolicy]]) -> dict[tuple[str, str], RetentionPolicy]:
    """Return policies by their archive and converter."""
    return {(archive, policy.converter_name): policy for archive, policy in found}


def text(value: Any) -> str:
    """Return a value as the configuration writes it, a text without quotes, and nothing secret."""
    whole = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return visible(redacted(whole)) or "-"


def query(**fields: str) -> str:
    """Return the query string of an address."""
    return urlencode(fields, errors="replace")


def places(found: Mapping[str, Path], services: Iterable[ServiceStatus]) -> tuple[tuple[str, str], ...]:
    """Return where the files of a station are, its archives and logs among them."""
    each = [(name, str(path)) for name, path in found.items()]
    for service in services:
        each.append(("Archive", str(service.root)))
        each += [("Log of the service", str(service.log))] if service.log else []
    return tuple(dict.fromkeys(each))
