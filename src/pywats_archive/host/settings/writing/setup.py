"""The set-up of a station in its configuration: planned first, then written."""

from __future__ import annotations

import codecs
import difflib
import hashlib
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pywats_archive.config import StationConfig
from pywats_archive.config.edited import extended
from pywats_archive.errors import ConfigError, UsageError
from pywats_archive.host.settings.configfile import check_document
from pywats_archive.host.settings.document import parse_object, read_content, register_secrets
from pywats_archive.host.settings.state_file import CONVERTERS, recall
from pywats_archive.host.settings.writing.replacing import changed_meanwhile, replace_keeping, sole_writer
from pywats_archive.host.settings.writing.sections import is_new, new_section
from pywats_archive.models.settings.setup import SavedSetup, SetupAnswers, SetupPlan
from pywats_archive.portable import names
from pywats_archive.portable.private import create_private
from pywats_archive.redaction import redacted

_STATION_KEYS = ("service_address", "api_token", "station_name", "converters_folder", "anchor_folders")
_SECRET = re.compile(r"token|password|secret|auth_value|webhook\w*url", re.IGNORECASE)
_MASK = "********"
_CONTEXT = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedSetup:
    """A plan with the bytes that it writes and the station that they make; both have secrets, and stay in this program."""

    plan: SetupPlan
    station: StationConfig
    content: bytes


def plan_setup(path: Path, answers: SetupAnswers) -> PlannedSetup:
    """Plan to set up a station in a configuration, which need not exist yet; changes nothing.

    A converter that the file has already, archived, with the same code and watch folder, stays as it is. UsageError if an
    answer contradicts the file, or if such a converter is not archived; ConfigError if the file, or an answer, is invalid.
    """
    path = path.absolute()
    return planned_setup(read_content(path) if os.path.lexists(path) else None, path, answers)


def planned_setup(content: bytes | None, path: Path, answers: SetupAnswers) -> PlannedSetup:
    """Plan a set-up from the bytes of the present configuration; None if there is no file."""
    before = {} if content is None else parse_object(content, path)
    register_secrets({**before, "api_token": answers.api_token, "service_address": answers.service_address})
    present = None if content is None else check_document(path, before)
    values = dict(_new_values(before, path, answers))
    remembered = recall(path, CONVERTERS)
    sections = [
        new_section(path, each, remembered.get(each.name, {}))
        for each in answers.converters
        if is_new(present, path, each)
    ]
    written = _written(content, before, values, sections)
    after = parse_object(written, path)
    station = check_document(path, after)
    added = [str(each["name"]) for each in sections]
    plan = SetupPlan(
        path=path,
        is_new=content is None,
        checksum="" if content is None else _checksum(content),
        added=tuple(added),
        present=tuple(each.name for each in station.converters if each.name not in added),
        folders=tuple(_missing_watch_folders(station, {each.name for each in answers.converters})),
        lines=tuple(_difference(before, after)),
    )
    return PlannedSetup(plan=plan, station=station, content=written)


def make_setup(planned: PlannedSetup) -> SavedSetup:
    """Write a planned set-up durably, with the watch folders; if that fails, or is interrupted, nothing of it is left.

    The folders stay too if the file is already in place. ConfigChanged if the file is not the planned one.
    """
    made: list[Path] = []
    try:
        for folder in (planned.plan.path.parent, *planned.plan.folders):
            _make(folder, made)
        saved = _create(planned) if planned.plan.is_new else _change(planned)
    except BaseException as exc:
        for folder in () if _is_in_place(planned) else reversed(made):
            with suppress(OSError):
                names.rmdir(folder)
        if isinstance(exc, OSError):
            raise ConfigError(f"{exc.filename}: cannot be created ({exc.strerror or exc}); check its folder") from exc
        raise
    return saved


def _make(folder: Path, made: list[Path]) -> None:
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir()
        made.append(each)


def _is_in_place(planned: PlannedSetup) -> bool:
    """Return whether the configuration has the planned content."""
    try:
        return read_content(planned.plan.path).split() == planned.content.split()
    except ConfigError:
        return False


def _create(planned: PlannedSetup) -> SavedSetup:
    """Create the configuration, which this account alone may read: it has the token."""
    path, shared = planned.plan.path, list[OSError]()
    create_private(path, planned.content.decode("ascii").rstrip(), on_shared=shared.append)
    if not _is_in_place(planned):
        raise changed_meanwhile(path)
    return SavedSetup(
        former=None, folders=planned.plan.folders, shared=str(shared[0].strerror or shared[0]) if shared else None
    )


def _change(planned: PlannedSetup) -> SavedSetup:
    path = planned.plan.path
    real = path.resolve()
    if planned.plan.is_empty:
        return SavedSetup(former=None, folders=planned.plan.folders)
    with sole_writer(path, real):
        content = read_content(real)
        if _checksum(content) != planned.plan.checksum:
            raise changed_meanwhile(path)
        former = replace_keeping(path, real, before=content, after=planned.content)
    return SavedSetup(former=former, folders=planned.plan.folders)


def _new_values(before: Mapping[str, Any], path: Path, answers: SetupAnswers) -> Iterator[tuple[str, Any]]:
    folder = before.get("converters_folder") or "converters"
    for key in _STATION_KEYS:
        wanted, present = getattr(answers, key), before.get(key)
        wanted = list(wanted) if isinstance(wanted, tuple) else wanted
        is_same_folder = key == "converters_folder" and path.parent / str(wanted) == path.parent / str(folder)
        if not wanted or wanted == present or is_same_folder:
            continue
        if present not in (None, "", []):
            raise UsageError(f"{path}: {key} is set already, to another value; init changes nothing that is set")
        yield key, wanted


def _written(
    content: bytes | None, before: Mapping[str, Any], values: Mapping[str, Any], sections: Sequence[Mapping[str, Any]]
) -> bytes:
    if content is None or not before:
        return (json.dumps({**values, "converters": sections}, indent=2) + "\n").encode("ascii")
    mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    try:
        return mark + extended(content.decode("utf-8-sig"), values, sections).encode()
    except UnicodeEncodeError as exc:
        raise UsageError("a name or a folder has bytes that are not text; choose another one") from exc


def _missing_watch_folders(station: StationConfig, wanted: Collection[str]) -> Iterator[Path]:
    """Yield the watch folders to create; one of another converter may be on a share that is not mounted."""
    named = (each.watch_folder for each in station.converters if each.name in wanted and each.watch_folder)
    return (folder for folder in dict.fromkeys(map(Path, named)) if not folder.exists())


def _difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Yield what changes, of both documents written alike and with their secrets masked."""
    old, new = (json.dumps(_masked(each), indent=2, ensure_ascii=False).splitlines() for each in (before, after))
    lines = difflib.unified_diff(old if before else [], new, n=_CONTEXT, lineterm="")
    return (redacted(line) for line in lines if not line.startswith(("---", "+++", "@@")))


def _masked(value: Any, key: str = "") -> Any:
    if key == "arguments" and isinstance(value, dict):
        return dict.fromkeys(value, _MASK)
    if isinstance(value, dict):
        return {name: _masked(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_masked(each) for each in value]
    return _MASK if value and _SECRET.search(key) else value


def _checksum(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
