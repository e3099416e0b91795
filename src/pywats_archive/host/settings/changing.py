"""A change of a converter's archive keys in the configuration: planned first, then written."""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pywats_archive.config import ConverterConfig
from pywats_archive.config.edited import edited
from pywats_archive.config.keys import ARCHIVE_KEYS
from pywats_archive.errors import ConfigError, UnknownConverter, UsageError
from pywats_archive.host.settings import state_file
from pywats_archive.host.settings.configfile import check_document
from pywats_archive.host.settings.document import parse_object, read_content, sections_of
from pywats_archive.host.settings.writing.replacing import changed_meanwhile, replace_keeping, sole_writer
from pywats_archive.models.settings.changes import SavedSettings, SettingChange, SettingFault, SettingsPlan

_MISSING = object()
_WORDS = {
    **dict.fromkeys(("int_parsing", "int_type", "int_from_float"), "Must be a whole number"),
    **dict.fromkeys(("float_parsing", "float_type", "finite_number"), "Must be a number"),
    "greater_than": "Must be above {gt:g}",
    "greater_than_equal": "Must be at least {ge:g}",
    "less_than_equal": "Must be at most {le:g}",
    "literal_error": "Must be {expected}",
}
"""What is wrong with a value, by pydantic's kinds of errors."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedChange:
    """A plan with the bytes that it writes: they have the station's secrets, and stay in this program."""

    plan: SettingsPlan
    content: bytes


def planned(content: bytes, path: Path, converter_name: str, answers: Mapping[str, Any]) -> PlannedChange:
    """Plan to set archive keys of one converter in the bytes of a configuration; values may be texts, as a form has them.

    ConfigError if the configuration is invalid before the change already.
    """
    if unknown := sorted(set(answers) - set(ARCHIVE_KEYS)):
        raise UsageError(f"'{unknown[0][:80]}' is no archive key; there are {', '.join(ARCHIVE_KEYS)}")
    document = parse_object(content, path)
    check_document(path, document)
    section = _section(document, path, converter_name)
    plan = SettingsPlan(converter_name=converter_name, checksum=f"sha256:{hashlib.sha256(content).hexdigest()}")
    remembered = state_file.recall(path.absolute(), state_file.CONVERTERS)
    full = {key: value for key, value in state_file.completed(section, remembered).items() if value is not None}
    try:
        config = ConverterConfig.model_validate({**full, **answers})
    except ValidationError as exc:
        return _refused(plan, content, tuple(_faults(exc)))
    if answers.get("archive_folder") == "":
        return _refused(plan, content, (SettingFault(key="archive_folder", message="Name a folder"),))
    values = {key: getattr(config, key) for key in ARCHIVE_KEYS if key in answers}
    changed = {key: value for key, value in values.items() if section.get(key, _MISSING) != value}
    try:
        written = edited(content.decode("utf-8-sig"), converter_name, changed).encode()
    except UnicodeEncodeError:
        return _refused(plan, content, tuple(_unwritable(changed)))
    try:
        station = check_document(path, parse_object(written, path))
    except ConfigError as exc:
        key = "archive_folder" if {"archive_folder", "archive_enabled"} & changed.keys() else ""
        known = (f"{path.absolute()}: ", f"converter '{converter_name}': ", f"{key} = {changed.get(key)!r}: ")
        return _refused(plan, content, (SettingFault(key=key, message=_without(str(exc), known)),))
    after = station.converter(converter_name)
    assert after
    mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    done = SettingsPlan(
        converter_name=converter_name,
        checksum=plan.checksum,
        archive=station.archive_root(after),
        changes=tuple(
            SettingChange(key=key, before=section.get(key), after=value, is_new=key not in section)
            for key, value in changed.items()
        ),
    )
    return PlannedChange(plan=done, content=mark + written)


def plan_change(path: Path, converter_name: str, answers: Mapping[str, Any]) -> SettingsPlan:
    """Plan to set archive keys of one converter; changes nothing."""
    return planned(read_content(path), path, converter_name, answers).plan


def make_change(path: Path, converter_name: str, answers: Mapping[str, Any], *, checksum: str) -> SavedSettings:
    """Set archive keys of one converter, durably; a copy of the former file is kept beside it.

    ConfigChanged if the file is not the one with ``checksum``. ConfigError if a value cannot be used, or the file not be
    written.
    """
    real = path.resolve()
    with sole_writer(path, real):
        return _made(path, real, converter_name, answers, checksum)


def _made(path: Path, real: Path, converter_name: str, answers: Mapping[str, Any], checksum: str) -> SavedSettings:
    content = read_content(real)
    found = planned(content, path, converter_name, answers)
    if found.plan.checksum != checksum:
        raise changed_meanwhile(path)
    if found.plan.faults:
        raise ConfigError(
            "; ".join(f"{each.key}: {each.message}" if each.key else each.message for each in found.plan.faults)
        )
    if not found.plan.changes:
        return SavedSettings(changes=())
    former = replace_keeping(path, real, before=content, after=found.content)
    return SavedSettings(changes=found.plan.changes, former=former)


def _section(document: dict[str, Any], path: Path, converter_name: str) -> dict[str, Any]:
    for section in sections_of(document, path):
        if section.get("name") == converter_name:
            return section
    raise UnknownConverter(f"{path}: no converter is called '{converter_name}'")


def _refused(plan: SettingsPlan, content: bytes, faults: tuple[SettingFault, ...]) -> PlannedChange:
    refused = SettingsPlan(converter_name=plan.converter_name, checksum=plan.checksum, faults=faults)
    return PlannedChange(plan=refused, content=content)


def _faults(error: ValidationError) -> Iterator[SettingFault]:
    for fault in error.errors():
        words = _WORDS.get(fault["type"], "").format(**fault.get("ctx", {}))
        message = words or _without(fault["msg"], ("Value error, ", "Input "))
        yield SettingFault(key=str(fault["loc"][0]) if fault["loc"] else "", message=message)


def _unwritable(changed: Mapping[str, Any]) -> Iterator[SettingFault]:
    for key, value in changed.items():
        if re.search("[\ud800-\udfff]", json.dumps(value, ensure_ascii=False)):
            yield SettingFault(key=key, message="It has half of a surrogate pair; correct it")


def _without(text: str, known: Sequence[str]) -> str:
    """Return a message without the words in front that its reader knows."""
    for words in known:
        text = text.removeprefix(words)
    return text if "_" in text.split(" ")[0] else text[:1].upper() + text[1:]
