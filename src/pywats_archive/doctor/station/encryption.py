"""Whether archives are encrypted where the configuration requires it, and whether their keys are here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pywats_archive.archive.folder.description import read_description
from pywats_archive.config import StationConfig
from pywats_archive.config.keys import IDENTITY_FILE, RECIPIENTS_FILE
from pywats_archive.doctor.station.checks import CheckLevel, StationCheck, Topic
from pywats_archive.errors import ArchiveError

_CREATE = "run 'pywats-archive init --encrypt'"
_CATALOG = "their databases are not encrypted: keep archives and backups of databases on encrypted disks"


def check_encryption(station: StationConfig, roots: Sequence[Path]) -> Iterator[StationCheck]:
    """Yield a check for each archive that is encrypted, or must be; none where nothing is encrypted."""
    for root in roots:
        found, is_required = read_description(root), station.is_encrypted(root)
        if found and is_required and not found.recipients:
            seen = "was created without encryption, and the configuration requires it: the service does not start"
            yield _check(root, CheckLevel.FAILED, seen, "set archive_folder to a new folder")
        elif is_required or (found and found.recipients):
            yield _keys(station.path.parent, root, found.recipients if found else None)


def _keys(folder: Path, root: Path, described: tuple[str, ...] | None) -> StationCheck:
    identity, recipients = folder / IDENTITY_FILE, folder / RECIPIENTS_FILE
    try:
        number = _number_of_recipients(recipients, root, described)
    except ArchiveError as exc:
        return _check(root, CheckLevel.FAILED, f"must be encrypted: {exc}")
    if number < 2:
        seen = f"{recipients}: names only one key, so nothing can be read if it is lost"
        return _check(root, CheckLevel.WARNING, seen, "add the public key of a recovery key")
    if not identity.exists():
        seen = f"{identity}: the key is missing; sources are archived, but nothing that is archived can be read"
        return _check(root, CheckLevel.WARNING, seen, "restore the key from a backup, or use the recovery key")
    return _check(root, CheckLevel.OK, f"blobs are encrypted for {number} keys; {_CATALOG}")


def _number_of_recipients(path: Path, root: Path, described: tuple[str, ...] | None) -> int:
    """Return the number of public keys; ArchiveError unless they can be used."""
    from pywats_archive.archive.folder.keys import Keyring, read_recipients  # noqa: PLC0415 (needed for encrypted archives alone)

    if not path.exists():
        raise ArchiveError(f"{path}: is missing; restore the file from a backup, or for a new archive {_CREATE}")
    found = read_recipients(path)
    Keyring(root=root, folder=path.parent, described=described or tuple(map(str, found))).require_readable()
    return len(found)


def _check(root: Path, level: CheckLevel, seen: str, advice: str = "") -> StationCheck:
    return StationCheck(topic=Topic.ENCRYPTION, subject=str(root), level=level, seen=seen, advice=advice)
