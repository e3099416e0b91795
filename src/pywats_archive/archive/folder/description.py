"""archive.json and README.txt: an archive's format and identity."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pywats_archive.archive.folder import layout
from pywats_archive.errors import NewerFormat, NotAnArchive, StorageError
from pywats_archive.models.step import OnStep, no_step
from pywats_archive.models.time import Clock, utc_now
from pywats_archive.portable import files, names
from pywats_archive.portable.event_log import warn
from pywats_archive.portable.placing import write_file
from pywats_archive.portable.private import keep_private

FORMAT_VERSION = 1
"""The format of an archive without features."""
FEATURES_FORMAT = 2
"""The format of an archive with features. Versions that know only format 1 refuse it."""
COMPLIANCE = "compliance"
"""The feature of an archive to which the rules of the compliance edition apply."""
ENCRYPTION = "encryption"
"""The feature of an archive with encrypted blobs."""
FEATURES = frozenset({COMPLIANCE, ENCRYPTION})
"""The features that this version knows; an archive with another one is refused."""

_README = """\
This folder is an archive of test log files and of the reports made from them.

sources/YYYY/MM/DD/<id>.<ext>.gz   each source, compressed; "gzip -dkN FILE" restores it under its own name and
                                   time, "gzip -dc FILE > NAME" under any. A source that was a folder is a .tar.gz,
                                   and <id>.companions.tar.gz holds the files its converter reads beside it;
                                   <id>.companions.1.gz is a single one, which other entries may share (hard links).
reports/YYYY/MM/DD/<id>.json.gz    each report as the exact JSON that was sent; further ones are <id>.2.json.gz, ...
metadata.db                        an SQLite database: which converter, when, with what outcome. Try
                                   sqlite3 metadata.db "select archive_id, source_path, conversion_status
                                   from archive_entries"
archive.json                       the version of this format, and features that a program must know
reserve                            has no content: space that is released when the disk is full
imported/YYYY/MM/DD/*.json.gz      what an entry was in the archive that it was imported from
backups/                           copies of metadata.db, made daily and before a new version changes its tables
purged.log, set-back.log           the entries whose files a purge is removing, and the reports that were rolled back:
                                   a metadata.db that is rebuilt from the files alone needs to know both

Each .gz also has its metadata as JSON in its header (the extra field "PA" of RFC 1952), with the SHA-256 of
the original bytes. Days are UTC. The command "pywats-archive" reads, checks and restores all of this.
"""

_README_ENCRYPTED = """
The blobs are encrypted: each .gz is in a file .gz.age (https://age-encryption.org/v1). With a key,
"age -d -i KEYFILE FILE.gz.age > FILE.gz" decrypts one. The database is not encrypted.
"""
Recipients = Callable[[], Sequence[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Description:
    """Format version and identity of an archive."""

    format_version: int
    archive_uuid: str
    created_at: str
    features: frozenset[str] = frozenset()
    """What a version must know in order to work on the archive."""
    recipients: tuple[str, ...] = ()
    """The public keys that an encrypted archive was created with; empty if its blobs are not encrypted."""


def open_description(root: Path, *, clock: Clock, recipients: Recipients = tuple) -> Description:
    """Read archive.json, or create a new archive's; NewerFormat if this program is too old for it.

    ``recipients`` returns the public keys of a new archive; none, if it is not to be encrypted.
    """
    return read_description(root) or _create(root, clock, recipients())


def read_description(root: Path) -> Description | None:
    """Read archive.json; None if there is none, StorageError or NotAnArchive if it cannot be read."""
    path = root / layout.DESCRIPTION
    try:
        content = files.read_small(path)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise StorageError(f"{path}: cannot be read ({exc.strerror}); check the folder and its rights") from exc
    return _parse(content, path)


def described_by(fields: Mapping[str, Any], where: Path) -> Description:
    """Return the description that the fields of an archive.json are; errors as ``read_description``."""
    return _parse(json.dumps(fields).encode(), where)


def _parse(content: bytes, path: Path) -> Description:
    try:
        fields = json.loads(content)
        version = int(fields["format_version"])
        features = frozenset(map(str, fields.get("features", ())))
        recipients = tuple(map(str, fields[ENCRYPTION]["recipients"])) if ENCRYPTION in features else ()
        if ENCRYPTION in features and not recipients:
            raise ValueError("it names no recipient")
        described = Description(
            format_version=version,
            archive_uuid=str(fields["archive_uuid"]),
            created_at=str(fields["created_at"]),
            features=features,
            recipients=recipients,
        )
    except (ValueError, KeyError, TypeError) as exc:
        raise NotAnArchive(
            f"{path}: is not readable as an archive's description ({exc!r}); restore it from a backup"
        ) from exc
    if version > FEATURES_FORMAT:
        raise NewerFormat(
            f"{path}: format {version} is newer than {FEATURES_FORMAT}, the newest this version knows; update pywats-archive"
        )
    if unknown := described.features - FEATURES:
        raise NewerFormat(f"{path}: has the feature '{min(unknown)}', which this version lacks; update pywats-archive")
    return described


def add_feature(root: Path, feature: str, *, on_step: OnStep = no_step) -> None:
    """Add a feature to archive.json, durably; keys that this version does not know stay. StorageError if that fails."""
    path = root / layout.DESCRIPTION
    try:
        fields = json.loads(files.read_small(path))
        features = sorted({*fields.get("features", ()), feature})
        changed = {**fields, "format_version": FEATURES_FORMAT, "features": features}
        on_step("rename")
        partial = path.with_name(f".{path.name}.{os.getpid()}.part")
        files.replace_durably(path, (json.dumps(changed, indent=2) + "\n").encode(), partial=partial)
    except (OSError, ValueError, TypeError, AttributeError) as exc:
        raise StorageError(f"{path}: cannot be changed ({exc}); check the file and its rights") from exc


def _create(root: Path, clock: Clock, recipients: Sequence[str]) -> Description:
    try:
        _make_folder(root)
        strangers = [p.name for p in root.iterdir() if not p.name.startswith(".")]
        if layout.CATALOG in strangers or layout.SOURCES in strangers:
            raise NotAnArchive(f"{root}: archive.json is missing beside an archive's files; restore it from a backup")
        fields = {
            "format_version": FEATURES_FORMAT if recipients else FORMAT_VERSION,
            "archive_uuid": str(uuid.uuid4()),
            "created_at": clock().isoformat(timespec="seconds"),
            **({"features": [ENCRYPTION], ENCRYPTION: {"recipients": list(recipients)}} if recipients else {}),
        }
        _write_once(root, layout.README, _README + _README_ENCRYPTED if recipients else _README)
        _write_once(root, layout.DESCRIPTION, json.dumps(fields, indent=2) + "\n")
        files.sync_folder(root.parent)
    except OSError as exc:
        raise StorageError(
            f"{root}: no archive can be created here ({exc.strerror}); check the folder and its rights"
        ) from exc
    return _parse((root / layout.DESCRIPTION).read_bytes(), root / layout.DESCRIPTION)


def fields_of(root: Path) -> dict[str, Any]:
    """Return what ``archive.json`` has, also the fields that this version does not know."""
    return dict(json.loads(files.read_small(root / layout.DESCRIPTION)))


def recreate(root: Path, fields: Mapping[str, Any]) -> Description:
    """Write ``archive.json`` and ``README.txt`` of a known archive into an empty folder. Not durable yet."""
    content = (json.dumps(dict(fields), indent=2) + "\n").encode()
    found = _parse(content, root / layout.DESCRIPTION)
    _write_once(root, layout.README, _README + _README_ENCRYPTED if found.recipients else _README)
    _write_once(root, layout.DESCRIPTION, content.decode())
    return found


def _make_folder(root: Path) -> None:
    if root.exists():
        return
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        keep_private(root)
    except OSError as exc:
        warn("archive.not_private", root=str(root), reason=exc.strerror or str(exc))


def _write_once(root: Path, name: str, text: str) -> None:
    if not (root / name).exists():
        written = write_file([text.encode()], root, name, mtime_ns=int(os.stat(root).st_mtime_ns))  # noqa: PTH116
        if written.name != name:
            names.unlink(written)


def describe(
    root: Path, *, create: bool = False, clock: Clock = utc_now, recipients: Recipients = tuple
) -> Description:
    """Return an archive's description; NotAnArchive if there is none, unless ``create`` creates it."""
    if not create and not (root / layout.DESCRIPTION).exists():
        raise NotAnArchive(f"{root}: holds no archive; check the path, and whether its disk or share is mounted")
    return open_description(root, clock=clock, recipients=recipients)
