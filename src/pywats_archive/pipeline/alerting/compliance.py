"""What a configuration says against the rules of a compliant archive: it has no effect, and is an alert."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.config import ConverterConfig, StationConfig
from pywats_archive.errors import ArchiveError
from pywats_archive.host.settings import state_file
from pywats_archive.host.settings.neighbours import real
from pywats_archive.models.retention.compliance import ARCHIVING, Rule
from pywats_archive.models.retention.configured import CONFIGURATION
from pywats_archive.pipeline.alerting.alerts import OVERRULED, Alerts

_PARTS = state_file.COMPLIANT, state_file.COMPLIANT_FOLDERS


@dataclass(frozen=True, kw_only=True, slots=True)
class Overruled:
    """The keys of a converter that have no effect, since its archive is compliant."""

    converter_name: str
    root: Path
    """The compliant archive."""
    keys: Mapping[str, Any]
    """What the configuration says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Remembered:
    """The compliant archives that were used when last seen."""

    by_name: Mapping[str, str]
    by_folder: Mapping[str, str]

    def root_of(self, converter: ConverterConfig) -> Path | None:
        """Return the archive of a converter, or of its watch folder: a converter that is renamed keeps its folder."""
        found = self.by_name.get(converter.name) or self.by_folder.get(_folder(converter))
        return Path(found) if found else None

    def __contains__(self, root: Path) -> bool:
        return str(root) in {*self.by_name.values(), *self.by_folder.values()}


def complied(station: StationConfig) -> tuple[StationConfig, tuple[Overruled, ...]]:
    """Return the configuration under the rules of compliant archives, and the values that they overrule.

    A converter whose archive is compliant goes on archiving: that loses nothing, and a converter that stopped would leave
    its sources to whoever empties the watch folder. An archive that is away counts as what it was when last seen.
    """
    by_name, by_folder = (state_file.recall(station.path, part) for part in _PARTS)
    known = _Remembered(by_name=by_name, by_folder=by_folder)
    converters, overruled = [], []
    for converter in station.converters:
        keys = {key: getattr(converter, key) for key, value in ARCHIVING.items() if getattr(converter, key) != value}
        root = _compliant_root(station, converter, known) if keys and converter.enabled else None
        if root is None:
            converters.append(converter)
            continue
        folder = {} if root == station.archive_root(converter) else {"archive_folder": str(root)}
        converters.append(converter.model_copy(update={**ARCHIVING, **folder}))
        overruled.append(Overruled(converter_name=converter.name, root=root, keys=keys))
    return station.model_copy(update={"converters": tuple(converters)}), tuple(overruled)


def remember(config_path: Path, converter: ConverterConfig, root: Path) -> None:
    """Remember that a converter, and its watch folder, have a compliant archive; durable."""
    state_file.remember(config_path, state_file.COMPLIANT, {converter.name: str(root)})
    if folder := _folder(converter):
        state_file.remember(config_path, state_file.COMPLIANT_FOLDERS, {folder: str(root)})


def report(station: StationConfig, overruled: Iterable[Overruled], archives: Iterable[Archive], alerts: Alerts) -> None:
    """Raise what a configuration says against the rules, and record it in the archives; clear what it no longer says."""
    opened = {archive.root: archive for archive in archives}
    found: dict[str, dict[str, str]] = {}
    for each in overruled:
        found[each.converter_name] = {"reason": _reason(each.root, Rule.ARCHIVING, each.keys)}
        if not _is_open(alerts, each.converter_name):
            _record(opened.get(each.root), Rule.ARCHIVING, converter_name=each.converter_name, keys=dict(each.keys))
    for archive in _taken_back(station, opened):
        subject = str(archive.root)
        found[subject] = {"reason": _reason(archive.root, Rule.SETTING, {"compliance": False})}
        if not _is_open(alerts, subject):
            _record(archive, Rule.SETTING, keys={"compliance": False})
    alerts.sync(OVERRULED, found)


def _compliant_root(station: StationConfig, converter: ConverterConfig, known: _Remembered) -> Path | None:
    own = station.archive_root(converter)
    if _is_compliant(station, own, known):
        return own
    return None if converter.archive_enabled else known.root_of(converter)


def _is_compliant(station: StationConfig, root: Path, known: _Remembered) -> bool:
    """Whether an archive is compliant, or will be once the converter that says so has started."""
    using = [each for each in station.converters if each.archive_enabled and station.archive_root(each) == root]
    if any(each.enabled and each.compliance for each in using):
        return True
    try:
        if not (root / layout.DESCRIPTION).exists():
            return root in known
        with Archive.open(root) as archive:
            return archive.is_compliant
    except (ArchiveError, OSError):  # a share that fails has other errors than one that is away
        return root in known


def _folder(converter: ConverterConfig) -> str:
    """Return the watch folder as it is remembered; empty for a scheduled converter, which has none."""
    return str(real(converter.watch_folder)) if converter.watch_folder else ""


def _taken_back(station: StationConfig, opened: Mapping[Path, Archive]) -> Iterator[Archive]:
    """Yield the compliant archives that converters use, of which none says so."""
    for root in station.archive_roots():
        using = [each for each in station.converters if each.enabled and station.archive_root(each) == root]
        if root in opened and using and opened[root].is_compliant and not any(each.compliance for each in using):
            yield opened[root]


def _reason(root: Path, rule: Rule, keys: Mapping[str, Any]) -> str:
    said = ", ".join(f"{key} {str(value).lower()}" for key, value in keys.items())
    return f"{root} is a compliant archive: {rule.sentence}; {said} in config.json has no effect, correct it there"


def _is_open(alerts: Alerts, subject: str) -> bool:
    return any(each.name == OVERRULED and each.subject == subject for each in alerts.open)


def _record(archive: Archive | None, rule: Rule, **details: Any) -> None:
    with suppress(ArchiveError):
        if archive:
            archive.compliance.record_refusal(rule, actor=CONFIGURATION, details=details)
