"""The keys of an encrypted archive: who may open new blobs, and the secret keys of this station.

They are in files beside the configuration, in age's own form: never in the folder of the archive.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pywats_archive.blobs.encryption.age import MOST_RECIPIENTS
from pywats_archive.blobs.encryption.keys import Identity, Recipient
from pywats_archive.config.keys import IDENTITY_FILE, IDENTITY_VARIABLE, RECIPIENTS_FILE
from pywats_archive.errors import BlobLocked, ConfigError
from pywats_archive.models.settings.setup import EncryptionKeys
from pywats_archive.portable.event_log import warn
from pywats_archive.portable.files import read_small
from pywats_archive.portable.private import create_private


@dataclass(frozen=True, kw_only=True)
class Keyring:
    """The keys for the archive at ``root``; ``folder`` is that of the configuration, if one is known."""

    root: Path
    folder: Path | None
    described: tuple[str, ...]
    """The recipients that the archive was created with."""

    @cached_property
    def recipients(self) -> tuple[Recipient, ...]:
        """Those in the file of public keys, else those that the archive names; ConfigError if one is invalid."""
        own = self._beside / RECIPIENTS_FILE
        return read_recipients(own) if own.exists() else _recipients(self.described, self.root)

    @property
    def places(self) -> tuple[Path, ...]:
        """The files that may have a secret key."""
        named = os.environ.get(IDENTITY_VARIABLE)
        return (*((Path(named),) if named else ()), self._beside / IDENTITY_FILE)

    @property
    def _beside(self) -> Path:
        """The folder with the files of keys: that of the configuration; without one, that which contains the archive."""
        return self.folder or self.root.parent

    def require_readable(self) -> None:
        """Raise ConfigError unless new blobs can be opened with a key here; without any, with a key of the archive's creation.

        Blobs for unknown keys alone could never be read again.
        """
        try:
            known = {each.recipient for each in self.identities()}
            whose = f"the keys here ({', '.join(map(str, self.places))})"
        except BlobLocked:
            known = set(_recipients(self.described, self.root))
            whose = "the keys that the archive was created with, and no secret key is here"
        if known.isdisjoint(self.recipients):
            raise ConfigError(
                f"{self._beside / RECIPIENTS_FILE}: has none of {whose}, so new entries of {self.root} could not be read; "
                f"restore the key files from a backup"
            )

    def identities(self) -> tuple[Identity, ...]:
        """Return the secret keys; BlobLocked if there is none that can be used now."""
        try:
            return self._found
        except FileNotFoundError as exc:
            looked = " and ".join(map(str, self.places))
            raise BlobLocked(
                f"{self.root}: is encrypted, and its key is not here ({looked}); restore the key, or set "
                f"{IDENTITY_VARIABLE} to a file with the recovery key"
            ) from exc

    def forget(self) -> None:
        """Read the secret keys again the next time: the right one may be there by then."""
        self.__dict__.pop("_found", None)

    @cached_property
    def _found(self) -> tuple[Identity, ...]:
        found = tuple(identity for path in self.places for identity in _identities(path))
        if not found:
            raise FileNotFoundError
        return found


def create_keys(folder: Path) -> EncryptionKeys:
    """Create the keys of a station beside its configuration, unless it has some; durable once this returns.

    ConfigError if they cannot be written, or if only one of the two files is there.
    """
    identity_file, recipients_file = folder / IDENTITY_FILE, folder / RECIPIENTS_FILE
    if identity_file.exists() and recipients_file.exists():
        return EncryptionKeys(identity_file=identity_file, recipients_file=recipients_file, recovery_key=None)
    if identity_file.exists() or recipients_file.exists():
        missing = recipients_file if identity_file.exists() else identity_file
        raise ConfigError(f"{missing}: is missing, though the station has other keys; restore the file from a backup")
    station, recovery = Identity.generate(), Identity.generate()
    own = (f"# key of this station; its public key is {station.recipient}", station.secret_text())
    both = ("# this station", str(station.recipient), "# the recovery key", str(recovery.recipient))
    try:
        create_private(identity_file, "\n".join(own), on_shared=lambda error: _warn_of_others(identity_file, error))
        create_private(recipients_file, "\n".join(both), on_shared=lambda error: None)
    except OSError as exc:
        raise ConfigError(
            f"{folder}: the keys cannot be created ({exc.strerror or exc}); check the folder and its rights"
        ) from exc
    return EncryptionKeys(
        identity_file=identity_file, recipients_file=recipients_file, recovery_key=recovery.secret_text()
    )


def _warn_of_others(path: Path, error: OSError) -> None:
    warn("key.not_private", path=str(path), reason=error.strerror or str(error))


def new_recipients(folder: Path | None) -> tuple[str, ...]:
    """Return the recipients of a new archive; ConfigError unless there are two: one key alone is lost with its station."""
    path = folder / RECIPIENTS_FILE if folder else None
    if path is None or not path.exists():
        raise ConfigError(f"{path or RECIPIENTS_FILE}: is missing; 'pywats-archive init --encrypt' creates the keys")
    found = tuple(map(str, read_recipients(path)))
    Keyring(root=path.parent, folder=folder, described=found).require_readable()
    if len(found) < 2:
        raise ConfigError(
            f"{path}: names only one key, so entries could not be read without this station; add another key"
        )
    return found


def read_recipients(path: Path) -> tuple[Recipient, ...]:
    """Return the public keys in a file, each once; ConfigError if it cannot be read, has none, or too many."""
    try:
        found = tuple(dict.fromkeys(_recipients(tuple(_lines(path)), path)))
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read ({exc.strerror or exc}); check its rights") from exc
    if not found:
        raise ConfigError(f"{path}: names no recipient; restore the file from a backup")
    if len(found) > MOST_RECIPIENTS:
        raise ConfigError(f"{path}: names {len(found)} keys; at most {MOST_RECIPIENTS} are possible, so remove some")
    return found


def _recipients(texts: Sequence[str], of: Path) -> tuple[Recipient, ...]:
    try:
        return tuple(map(Recipient.parse, texts))
    except ValueError as exc:
        raise ConfigError(f"{of}: a recipient is invalid ({exc}); it looks like 'age1...'") from exc


def _identities(path: Path) -> Iterator[Identity]:
    """Stream the secret keys in a file; BlobLocked if it cannot be used. Archiving goes on without them."""
    try:
        for line in _lines(path):
            yield Identity.parse(line)
    except FileNotFoundError:
        return
    except OSError as exc:
        raise BlobLocked(f"{path}: the key cannot be read ({exc.strerror or exc}); check its rights") from exc
    except ValueError as exc:
        raise BlobLocked(f"{path}: holds no valid key ({exc}); restore the file from a backup") from exc


def _lines(path: Path) -> Iterator[str]:
    """Stream the lines of a file of keys that are neither empty nor a comment; OSError."""
    text = read_small(path).decode("ascii", errors="replace")
    return (line for each in text.splitlines() if (line := each.strip()) and not line.startswith("#"))
