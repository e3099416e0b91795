"""The journal of an erasure: a file in the archive that says what a crash interrupted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.blobs.durable import replace_lines
from pywats_archive.errors import StorageError


@dataclass(frozen=True, kw_only=True, slots=True)
class Erasing:
    """How entries are to be erased."""

    reason: str
    actor: str
    texts: tuple[str, ...] = ()
    """Texts that the entries do not have in their rows, such as the name of an operator."""
    logs: tuple[Path, ...] = ()
    """The log files of services."""
    backup_folder: Path | None = None
    """Where copies of the catalog are, beside those in the archive."""
    mount_points: Mapping[str, str] = field(default_factory=dict)
    """By watch folder, where its disk or share is mounted; not in the journal."""

    @property
    def without_texts(self) -> Erasing:
        """The same, once no row has the texts any longer."""
        return replace(self, texts=(), logs=())


UNKNOWN = Erasing(reason="unknown", actor="service")


def write(archive: Archive, how: Erasing) -> None:
    """Write the journal, durably; StorageError."""
    line = json.dumps(
        {
            "reason": how.reason,
            "actor": how.actor,
            "texts": how.texts,
            "logs": [str(each) for each in how.logs],
            "backup_folder": str(how.backup_folder) if how.backup_folder else None,
        }
    )
    try:
        replace_lines(archive.blobs.files, layout.ERASING, [line.encode("ascii")])
    except OSError as exc:
        why = f"cannot be written ({exc.strerror or exc}); nothing more is erased"
        raise StorageError(f"{archive.root / layout.ERASING}: {why}") from exc


def read(root: Path) -> Erasing | None:
    """Return what the journal says; None without a journal, or with an unreadable one."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads((root / layout.ERASING).read_bytes())
        folder: str | None = found["backup_folder"]
        logs: Sequence[str] = found["logs"]
        return Erasing(
            reason=str(found["reason"]),
            actor=str(found["actor"]),
            texts=tuple(map(str, found["texts"])),
            logs=tuple(map(Path, logs)),
            backup_folder=Path(folder) if folder else None,
        )
    return None


def remove(archive: Archive) -> None:
    """Remove the journal, durably; idempotent. OSError."""
    for failure in archive.blobs.files.remove_all([layout.ERASING]).values():
        raise failure
