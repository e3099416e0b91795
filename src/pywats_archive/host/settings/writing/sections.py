"""The converters of a set-up: the section of a new one, and whether a present one is as it must be. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pywats_archive.config import ConverterConfig, StationConfig
from pywats_archive.config.converter import parse_converter
from pywats_archive.config.keys import ARCHIVE_KEYS
from pywats_archive.errors import UsageError
from pywats_archive.models.settings.setup import NewConverter

_NEEDED: Mapping[str, Any] = {"enabled": True, "archive_enabled": True, "archive_source_files": True}
"""The keys with which the files of a converter are archived."""


def new_section(path: Path, converter: NewConverter, remembered: Mapping[str, Any]) -> dict[str, Any]:
    """Return the section of a new converter, which takes over nothing silently from a former one of the same name.

    A key that is only ``remembered`` would apply again. So it is written with its default; a key without a fixed default is
    written as it is remembered, and is thereby shown.
    """
    section = converter.section()
    former = [key for key in ARCHIVE_KEYS if key in remembered and key not in section]
    if not former:
        return section
    config = parse_converter(section, file=path)
    policy = config.retention_policy()
    assert policy, "a new converter has retention keys"
    usual = {**config.model_dump(mode="json"), "failed_retention_days": policy.days_for(failed=True)}
    return {**section, **{key: remembered[key] if usual[key] is None else usual[key] for key in former}}


def is_new(before: StationConfig | None, path: Path, converter: NewConverter) -> bool:
    """Return whether no converter has this name; UsageError if one has, and differs or is not archived."""
    present = before.converter(converter.name) if before else None
    if before is None or present is None:
        return True
    if present.module_path != converter.module_path or not _is_same_folder(path, present, converter):
        raise UsageError(
            f"{path}: there is a converter '{converter.name}' already, with module_path '{present.module_path}' and "
            f"watch_folder '{present.watch_folder}'; choose another name"
        )
    for key, found, wanted in _differences(before, path, present, converter):
        means = "so its files are not archived" if key in _NEEDED else f"not {json.dumps(wanted)}"
        raise UsageError(
            f"{path}: converter '{converter.name}': {key} is {json.dumps(found)}, {means}, and init changes nothing that is "
            f"set; set {key} to {json.dumps(wanted)} in this converter's section of the file"
        )
    return False


def _is_same_folder(path: Path, present: ConverterConfig, converter: NewConverter) -> bool:
    """Whether both watch the same folder; a scheduled converter needs none."""
    if present.converter_type == "scheduled" and not present.watch_folder:
        return True
    return path.parent / present.watch_folder == path.parent / converter.watch_folder


def _differences(
    before: StationConfig, path: Path, present: ConverterConfig, converter: NewConverter
) -> Iterator[tuple[str, Any, Any]]:
    values = present.model_dump(mode="json")
    for key, wanted in _NEEDED.items():
        if values[key] != wanted:
            yield key, values[key], wanted
    for key in converter.given:
        found, wanted = values[key], getattr(converter, key)
        if key == "archive_folder":
            found, wanted = str(before.archive_root(present)), str(path.parent / wanted)
        if found != wanted:
            yield key, found, wanted
