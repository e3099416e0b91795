"""Companions: which files beside a source are read with it."""

from __future__ import annotations

import errno
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.archive.restore.unpack import members
from pywats_archive.archive.sources import leaving, reading
from pywats_archive.blobs.reading import measure
from pywats_archive.config.companions import COMPANION_NAMES
from pywats_archive.models.entry import Companion

_SPECIAL = str.maketrans({"[": "[[]", "*": "[*]", "?": "[?]"})


def by_rules(source: Path, rules: Collection[str]) -> tuple[Path, ...]:
    """Find the files beside ``source`` that ``rules`` name, sorted; ``{stem}`` and ``{name}`` stand for the source's.

    A rule is a glob relative to the source's folder; what it finds outside that folder does not count.
    """
    if not rules:
        return ()
    folder = source.parent
    found = {path for rule in rules for path in _matches(folder, _pattern(rule, source)) if _counts(path, source)}
    return tuple(sorted(found))


def beside(source: Path, opened: Iterable[str]) -> tuple[Path, ...]:
    """Return the files that a converter opened in the source's folder or deeper."""
    return tuple(sorted({path for path in map(Path, opened) if _counts(path, source)}))


def _matches(folder: Path, pattern: str) -> list[Path]:
    """Return the matches; none for a pattern that is longer than any name can be."""
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
    """Return the files that a converter opened beside ``source`` through a link: they are elsewhere."""
    beside_it = (path for path in map(Path, opened) if _is_beside(path, source))
    return tuple(sorted({path for path in beside_it if _leads_elsewhere(path, source)}))


def _counts(path: Path, source: Path) -> bool:
    return (
        _is_beside(path, source)
        and not leaving.is_private(path.name)
        and path.is_file()
        and not _leads_elsewhere(path, source)
    )


def _is_beside(path: Path, source: Path) -> bool:
    inside = path.is_relative_to(source.parent) and ".." not in PurePath(path).parts
    within_source = path == source or path.is_relative_to(source)
    return inside and not within_source


def _leads_elsewhere(path: Path, source: Path) -> bool:
    """Whether a file, or a folder between the source's folder and it, is a link or a junction to another place."""
    if path.is_symlink():
        return True
    if path.parent == source.parent:
        return False
    return path.parent.resolve() != source.parent.resolve() / path.parent.relative_to(source.parent)


def is_same(path: Path, companion: Companion) -> bool:
    """Whether a file has the bytes of an archived companion; SourceVanished, StorageError or OSError if it cannot be read."""
    return reading.checksum(path) == companion.checksum


def listed(archive: Archive, path: str, chunks: Iterator[bytes], metadata: Mapping[str, Any]) -> Iterator[Companion]:
    """Stream the files of a companions blob with content ``chunks``, each with its size and checksum."""
    for name, content in _files(archive, path, chunks, metadata):
        found = measure(content)
        yield Companion(
            name=name,
            archived_path=path,
            size_bytes=found.size_bytes,
            checksum=found.checksum,
            found_by=str(metadata["found_by"]),
        )


def _files(
    archive: Archive, path: str, chunks: Iterator[bytes], metadata: Mapping[str, Any]
) -> Iterator[tuple[str, Iterator[bytes]]]:
    if layout.is_one_companion(path):
        yield str(metadata["name"]), chunks
        return
    for member, content in members(chunks, of=archive.root / path):
        if content is not None:
            yield member.name, content
