"""Checking the blobs that belong to no entry's row: code of converters, records of imported entries, copies of the catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

from pywats_archive.archive.copies import checking as copies
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.archive.imported import origin
from pywats_archive.archive.results import codes
from pywats_archive.models.operation.integrity import Checked, Problem, ProblemKind

_CODE = "replays with this original converter are skipped"
_BACKUP = "the history names it, and it is missing; restore it from a backup"


def check_loose(archive: Archive, is_whole: Callable[[str], bool]) -> Iterator[Checked]:
    """Yield each such blob with its fault, and those that the history names and that are missing.

    Of the copies of the catalog, only those that ``is_whole`` selects are read whole.
    """
    of_code = ((path, fault and f"{fault}; {_CODE}") for path, fault in codes.check_all(archive))
    for path, fault in chain(of_code, origin.check_all(archive), copies.check_all(archive.root, is_whole)):
        yield Checked(problem=_problem(ProblemKind.BLOB_DAMAGED, path, fault) if fault else None, blobs=1)
    for path in chain(codes.recorded(archive), origin.recorded(archive)):
        if not (archive.root / path).exists():
            yield Checked(problem=_problem(ProblemKind.BLOB_MISSING, path, f"{archive.root / path}: {_BACKUP}"))


def count(root: Path) -> int:
    """Count these blobs."""
    return sum(
        1 for folder in (layout.CONVERTERS, layout.ORIGINS, layout.BACKUPS) for _ in (root / folder).rglob("*.gz*")
    )


def _problem(kind: ProblemKind, path: str, message: str) -> Problem:
    return Problem(kind=kind, path=path, message=message)
