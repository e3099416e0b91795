"""Anchors from outside an archive, compared with its history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pywats_archive.archive.anchors.checking import AnchorChecks
from pywats_archive.archive.anchors.folders import AnchorFile, files_in, keys_in, newest_in, read_file
from pywats_archive.archive.anchors.making import anchors_of
from pywats_archive.archive.anchors.signing import is_signed
from pywats_archive.archive.anchors.stamp_checking import StampChecks
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.errors import StorageError
from pywats_archive.models.operation.integrity import Checked, HistoryChecked, Problem, ProblemKind
from pywats_archive.portable.files import read_small


@dataclass(frozen=True, kw_only=True, slots=True)
class AnchorPlaces:
    """The places of the anchors for a check."""

    named: tuple[Path, ...] = ()
    """Files and folders that a person named for this check: each must have an anchor of the archive."""
    configured: tuple[Path, ...] = ()
    """The folders of the configuration; one that is away is noted."""
    certificates: tuple[Path, ...] = ()
    """Files (PEM) with the certificates of the time stamp authorities that are trusted."""
    others: frozenset[str] = frozenset()
    """The uuids of other archives of the station: their anchors may be among these files."""
    keys: frozenset[str] = frozenset()
    """The ids of the public keys beside the configuration."""


def check_anchors(
    archive: Archive, places: AnchorPlaces, checks: AnchorChecks, covered: HistoryChecked
) -> Iterator[Checked]:
    """Compare the anchors in these places, and those that are noted in the archive, with its history.

    ``checks`` has the anchors from the blobs already. ``covered`` is yielded with the newest anchor that agrees.
    """
    for anchor in anchors_of(archive):
        checks.add(anchor, str(archive.root / layout.ANCHORS), is_outside=False)
    for named in places.named:
        yield from _named(archive, named, places.others, checks)
    for folder in places.configured:
        try:
            for uuid in sorted(checks.uuids):
                if (folder / uuid).exists() or not folder.is_dir():  # otherwise none was written yet
                    for file in files_in(folder / uuid):
                        yield from _file(file, frozenset(), checks)
            yield from _hidden(archive, folder, places, checks)
        except (StorageError, OSError) as exc:
            yield Checked(note=f"{archive.root}: the anchors in {folder} were not compared: {exc}")
    authorities, faults = _authorities(places.certificates)
    stamps = StampChecks(archive, checks, authorities)
    found = (*stamps.check(), *faults)
    yield from (Checked(problem=problem) for problem in (*checks.problems(), *found))
    yield from (Checked(note=note) for note in (*checks.notes(), *stamps.notes()))
    yield Checked(
        history=replace(
            covered,
            anchor=str(checks.newest) if checks.newest else None,
            anchors=checks.number_outside,
            stamped=str(stamps.newest) if stamps.newest else None,
            is_authority_known=bool(authorities),
        )
    )


def _hidden(archive: Archive, folder: Path, places: AnchorPlaces, checks: AnchorChecks) -> Iterator[Checked]:
    """Yield a problem for each archive in a folder that is none of the station's, and whose anchors have a key of this one.

    The history could have been recomputed under another uuid. Archives of other stations have keys of their own.
    """
    known, own_keys = checks.uuids | places.others, checks.keys | places.keys
    for other in sorted(folder.iterdir()):
        if other.name not in known and not own_keys.isdisjoint(keys_in(other)):
            newest = newest_in(folder, other.name)
            if newest and newest.key_id in own_keys and is_signed(newest):
                message = (
                    f"{other}: has anchors of this station's key, up to event {newest.event} of "
                    f"{newest.at:%Y-%m-%d %H:%M:%S} UTC, for an archive that the station does not have: {archive.root} may "
                    "have got another uuid and a recomputed history; if that archive was given up, move this folder elsewhere"
                )
                yield Checked(problem=_problem(ProblemKind.ANCHOR_FOREIGN, other, message))


def _authorities(paths: Sequence[Path]) -> tuple[list[bytes], list[Problem]]:
    """Read the certificates of trusted authorities; returns them, and a problem for each file that cannot be used."""
    from cryptography import x509  # noqa: PLC0415 (seldom needed)

    authorities, problems = [], []
    for path in paths:
        try:
            content = read_small(path)
            x509.load_pem_x509_certificates(content)
            authorities.append(content)
        except (OSError, ValueError) as exc:
            message = f"{path}: no certificate can be read from it ({exc}); name a PEM file of the time stamp authority"
            problems.append(_problem(ProblemKind.STAMP_UNTRUSTED, path, message))
    return authorities, problems


def _named(archive: Archive, named: Path, others: frozenset[str], checks: AnchorChecks) -> Iterator[Checked]:
    own = archive.description.archive_uuid
    found = False
    try:
        for file in files_in(named) if named.is_dir() else (read_file(named),):
            foreign = others if named.is_file() else {each.archive_uuid for each in file.anchors} - {own}
            found = found or file.fault is not None or any(each.archive_uuid not in foreign for each in file.anchors)
            yield from _file(file, frozenset(foreign), checks)
    except StorageError as exc:
        yield Checked(problem=_problem(ProblemKind.ANCHOR_DAMAGED, named, str(exc)))
        return
    if not found and not (named.is_file() and others):
        message = f"{named}: has no anchor of the archive {archive.root} ({own}); check the path"
        yield Checked(problem=_problem(ProblemKind.ANCHOR_FOREIGN, named, message))


def _file(file: AnchorFile, foreign: frozenset[str], checks: AnchorChecks) -> Iterator[Checked]:
    if file.fault:
        yield Checked(problem=_problem(ProblemKind.ANCHOR_DAMAGED, file.path, f"{file.path}: {file.fault}"))
    for anchor in file.anchors:
        if anchor.archive_uuid not in foreign:
            checks.add(anchor, str(file.path), is_outside=True)


def _problem(kind: ProblemKind, path: Path, message: str) -> Problem:
    return Problem(kind=kind, path=str(path), message=message)
