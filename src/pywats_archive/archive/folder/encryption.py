"""Whether an archive is encrypted; the code for that is imported only if it is."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pywats_archive.archive.folder.description import Description, Recipients, describe, read_description
from pywats_archive.blobs.store import BlobStore
from pywats_archive.errors import NotEncrypted
from pywats_archive.models.step import OnStep
from pywats_archive.models.time import Clock

if TYPE_CHECKING:
    from filelock import FileLock


def described(root: Path, *, create: bool, clock: Clock, keys: Path | None, encrypt: bool) -> Description:
    """Return an archive's description; see ``describe``. With ``encrypt``, NotEncrypted if it is there in clear.

    The recipients of a new encrypted archive are in the folder ``keys``.
    """
    if encrypt:
        require_encrypted(root)
    return describe(root, create=create, clock=clock, recipients=_recipients(keys) if encrypt else tuple)


def require_encrypted(root: Path) -> None:
    """Raise NotEncrypted if there is an archive in clear."""
    if (found := read_description(root)) and not found.recipients:
        raise NotEncrypted(f"{root}: was created without encryption; set archive_folder to a new folder")


def _recipients(keys: Path | None) -> Recipients:
    from pywats_archive.archive.folder.keys import new_recipients  # noqa: PLC0415 (see above)

    return partial(new_recipients, keys)


def blobs_of(
    root: Path,
    description: Description,
    keys: Path | None,
    lock: FileLock | None,
    *,
    on_step: OnStep,
    require_root: Callable[[], None],
) -> BlobStore:
    """Return the blobs of an archive; ``keys`` is the folder with the files of keys.

    ConfigError for the owner, who has a ``lock``, if the public keys cannot be used, or no known key opens new blobs. Readers
    may lack the right to read them.
    """
    if not description.recipients:
        return BlobStore(root, on_step=on_step, require_root=require_root)
    from pywats_archive.archive.folder.keys import Keyring  # noqa: PLC0415 (see above)
    from pywats_archive.blobs.encryption.store import EncryptedBlobs  # noqa: PLC0415

    keyring = Keyring(root=root, folder=keys, described=description.recipients)
    if lock:
        keyring.require_readable()  # now: afterwards every source would fail, or could not be read
    return EncryptedBlobs(root, keyring, on_step=on_step, require_root=require_root)
