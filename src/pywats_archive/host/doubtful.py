"""What a configuration says that can hardly be meant: it is used as it is, and a person is warned."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePath

from pywats_archive.config import ConverterConfig, StationConfig

_SEVERAL = re.compile(r"[*?][^;,|]*[;,|]\s*[*?.]")
_REGULAR = re.compile(r"\\[.dwsS]|\.\+|^\^|\$$|^\.\*.|\(.*\|.*\)")
_BRACES = re.compile(r"\{[^{}]*,[^{}]*\}")
_EXTENSION = re.compile(r"\.?[A-Za-z0-9]{1,5}")


def doubtful(station: StationConfig) -> tuple[str, ...]:
    """Return a line for each thing that can hardly be meant, with what to write instead."""
    return tuple(_of_station(station))


def _of_station(station: StationConfig) -> Iterator[str]:
    used = [each for each in station.converters if each.enabled]
    if used and not any(each.archive_enabled for each in used):
        yield "no converter has archive_enabled: nothing is archived; set it to true for each that is to be"
    for each in used:
        for told in _of_converter(each):
            yield f"converter '{each.name}': {told}"


def _of_converter(config: ConverterConfig) -> Iterator[str]:
    if config.converter_type == "file":
        yield from _of_patterns("file_patterns", config.file_patterns)
    if config.converter_type == "folder":
        yield from _of_patterns("folder_patterns", config.folder_patterns)
    for key in ("watch_folder", "done_folder", "error_folder", "pending_folder", "archive_folder"):
        if any(part != part.strip() for part in PurePath(getattr(config, key)).parts):
            yield f"{key} = {getattr(config, key)!r}: a name in it begins or ends with a space"
    if config.append_fault:
        yield f"append has no effect: {config.append_fault}"
    for rule in config.archive_companions:
        if ".." in PurePath(rule).parts:
            yield f"archive_companions has {rule!r}, which leaves the source's folder: nothing there counts as a companion"


def _of_patterns(key: str, patterns: Sequence[str]) -> Iterator[str]:
    for pattern in patterns:
        told = next((told for is_so, told in _PATTERNS if is_so(pattern)), None)
        if told and (key == "file_patterns" or told is not _NAME_ALONE):
            yield f"{key} has {pattern!r}: {told.format(_meant(pattern))}"


_NAME_ALONE = "it matches a file of this very name alone; write '*.{}' for all with this ending"
_PATTERNS: tuple[tuple[Callable[[str], bool], str], ...] = (
    (lambda pattern: not pattern.strip(), "it matches nothing; take it out"),
    (
        lambda pattern: pattern != pattern.strip(),
        "it begins or ends with a space, and matches names alone that do so too; take it out",
    ),
    (
        lambda pattern: _SEVERAL.search(pattern) is not None,
        "it is one pattern, which hardly any name matches; write each as its own",
    ),
    (
        lambda pattern: "/" in pattern,
        "it matches nothing, for it is compared with names alone; leave out the folders",
    ),
    (
        lambda pattern: _REGULAR.search(pattern) is not None,
        "it looks like a regular expression, and is compared as '*' and '?' say; write such as '*.csv'",
    ),
    (
        lambda pattern: _BRACES.search(pattern) is not None,
        "braces stand for themselves here; write each choice as a pattern of its own",
    ),
    (lambda pattern: _EXTENSION.fullmatch(pattern) is not None, _NAME_ALONE),
)
"""What a pattern looks like, the first that holds, and what to say of it."""


def _meant(pattern: str) -> str:
    return pattern.lstrip(".")
