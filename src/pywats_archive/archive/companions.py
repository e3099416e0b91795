"""Companions: which files beside a source are read with it."""

from __future__ import annotations

import errno
from collections.abc import Collection, Iterable
from pathlib import Path, PurePath

from pywats_archive.archive import sources
from pywats_archive.blobs.store import measure
from pywats_archive.config import COMPANION_NAMES
from pywats_archive.models.entry import Companion

_SPECIAL = str.maketrans({"[": "[[]", "*": "[*]", "?": "[?]"})


def by_rules(source: Path, rules: Collection[str]) -> tuple[Path, ...]:
    """Find the files beside ``source`` that ``rules`` name, sorted; ``{stem}`` and ``{name}`` stand for its own.

    A rule is a glob relative to the source's folder; what it finds outside that folder does not count.
    """
    if not rules:
        return ()
    folder = source.parent
    found = {path for rule in rules for path in _matches(folder, _pattern(rule, source)) if _counts(path, source)}
    return tuple(sorted(found))


def beside(source: Path, opened: Iterable[str]) -> tuple[Path, ...]:
    """Keep of the files that a converter opened those that lie beside ``source`` or deeper."""
    return tuple(sorted({path for path in map(Path, opened) if _counts(path, source)}))


def _matches(folder: Path, pattern: str) -> list[Path]:
    """What matches; nothing for a pattern that is longer than any name can be."""
    try:
        return list(folder.glob(pattern))
    except OSError as exc:
        if exc.errno != errno.ENAMETOOLONG:
            raise
        return []


def _pattern(rule: str, source: Path) -> str:
    names = {"{stem}": source.stem.translate(_SPECIAL), "{name}": source.name.translate(_SPECIAL)}
    return COMPANION_NAMES.sub(lambda found: names.get(found[0], found[0][0]), rule)


def through_links(source: Path, opened: Iterable[str]) -> tuple[Path, ...]:
    """Return of the files that a converter opened those beside ``source`` that a link leads to: they lie elsewhere."""
    beside_it = (path for path in map(Path, opened) if _is_beside(path, source))
    return tuple(sorted({path for path in beside_it if _leads_elsewhere(path, source)}))


def _counts(path: Path, source: Path) -> bool:
    return _is_beside(path, source) and path.is_file() and not _leads_elsewhere(path, source)


def _is_beside(path: Path, source: Path) -> bool:
    inside = path.is_relative_to(source.parent) and ".." not in PurePath(path).parts
    within_source = path == source or path.is_relative_to(source)
    return inside and not within_source


def _leads_elsewhere(path: Path, source: Path) -> bool:
    """Whether a file, or a folder between a source's own and it, is a link or a junction: no file of the station is meant."""
    if path.is_symlink():
        return True
    if path.parent == source.parent:
        return False
    return path.parent.resolve() != source.parent.resolve() / path.parent.relative_to(source.parent)


def is_same(path: Path, companion: Companion) -> bool:
    """Tell whether a file has the bytes of an archived companion; SourceVanished, StorageError or OSError when unread."""
    return measure(sources.read_file(path)).checksum == companion.checksum
