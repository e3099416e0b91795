"""Every error this project raises on purpose.

ArchiveError                     exit 1
├── UsageError                   exit 2  the caller asked for something impossible
│   ├── ConfigError                      a configuration file or one of its values
│   ├── ConfigChanged                    somebody else changed the configuration meanwhile
│   ├── WrongAccount                     another account than the archive's would write into it
│   ├── NotAllowed                       a person's role does not allow it
│   ├── AlreadyDone                      an entry that its run has replayed already
│   ├── ComplianceRefused                a rule of a compliant archive forbids it
│   │   └── NeedsApproval                a second person has to approve it first
│   ├── NeedsConfirmation                a large purge that nobody has confirmed
│   ├── UnknownRun                       a number that no run has
│   ├── UnknownUser                      a name that no user of the pages has
│   ├── UnknownEntry                     an archive id that no entry has
│   └── UnknownConverter                 a converter name that no configuration has
├── StorageError                         bytes could not be written, read or trusted
│   ├── FolderAway                       a watch folder's disk or share is not there
│   │   └── FolderTaken                  another service owns it
│   ├── NoteUntrusted                    a note in Done that is not this station's: nothing is done with what it names
│   ├── DiskLow                          less free space than min_free_gb; new sources wait
│   ├── DiskFull                         there is no free space
│   ├── ArchiveAway                      the archive's disk or share is not there
│   │   └── AnotherArchive               another archive is in its place
│   ├── RetentionHeldBack                nothing may be purged now: damage is open, or the clock is wrong
│   ├── ArchiveInUse                     another process owns the archive
│   │   ├── PurgeRunning                 another purge is running
│   │   └── RunRunning                   another reprocessing is running
│   ├── BagRefused                       a bag that is damaged, altered or no bag
│   ├── NotAnArchive                     the folder holds no archive
│   ├── NotEncrypted                     an archive that must be encrypted, and is not
│   ├── NewerFormat                      written by a later version of this program
│   ├── AccessNotRecorded                nobody could say later who read it, and the configuration requires that
│   ├── BlobDamaged                      a blob does not match its checksum
│   │   └── BlobOutside                  a path that is not the place of a blob, or leads out of the archive
│   ├── BlobLocked                       a blob is encrypted, and none of the keys here opens it
│   ├── BlobMissing                      the catalog names a blob that is not there
│   ├── SourceOpen                       a program still has the source open for writing
│   ├── SourceChanged                    the source changed while it was read
│   └── SourceVanished                   the source was gone before it could be read
├── SourceKnown                          the source is one that is archived already, under another time, name or path
├── CatalogError                         the metadata database cannot be used
│   ├── CatalogFull                      it cannot grow: the disk is full
│   ├── CatalogRefused                   one value that it cannot hold; everything else continues
│   └── CatalogDamaged                   it is missing, empty or damaged; it can be rebuilt from the blobs
├── VaultError                           the vault cannot be used
│   ├── VaultAway                        it does not answer, or fails for now
│   ├── VaultRefused                     it refuses: a wrong key, or missing rights
│   ├── VaultClockOff                    it refuses because the clock of this computer is wrong
│   ├── KeyTaken                         it has an object under the key already
│   ├── KeyMissing                       it has no object under the key
│   ├── SegmentDamaged                   a segment in it cannot be read
│   └── AnotherHistory                   it has another history under the archive's name
├── TooManyAtOnce                        more sign-ins or downloads at once than are possible
├── TooSlow                              a search of a plant took longer than its time limit
├── NoTimeStamp                          a time stamp authority returned no time stamp
├── StationAway                          no station answers at an address
├── ServiceFailed                        an essential part of the service ended
├── SystemServiceFailed                  the system's service manager refused
├── ConversionInterrupted                a worker process was ended because the service stops
└── ConverterUnavailable                 the converter's code cannot be loaded
    └── WorkersUnavailable               no worker process can be started

Each message says what, where and what to do. The command prints it as one line and exits with
``exit_code``.
"""

from __future__ import annotations

from collections.abc import Iterable

from pywats_archive.errors.limits import TooManyAtOnce as TooManyAtOnce
from pywats_archive.errors.limits import TooSlow as TooSlow
from pywats_archive.errors.root import ArchiveError as ArchiveError
from pywats_archive.errors.vault import AnotherHistory as AnotherHistory
from pywats_archive.errors.vault import KeyMissing as KeyMissing
from pywats_archive.errors.vault import KeyTaken as KeyTaken
from pywats_archive.errors.vault import SegmentDamaged as SegmentDamaged
from pywats_archive.errors.vault import VaultAway as VaultAway
from pywats_archive.errors.vault import VaultClockOff as VaultClockOff
from pywats_archive.errors.vault import VaultError as VaultError
from pywats_archive.errors.vault import VaultRefused as VaultRefused


class UsageError(ArchiveError):
    """The request cannot be carried out as given."""

    exit_code = 2


class ConfigError(UsageError):
    """The configuration cannot be used."""


class ConfigChanged(UsageError):
    """The configuration was changed meanwhile; check the configuration, then try again."""


class WrongAccount(UsageError):
    """The archive belongs to another account; run the command as that account."""


class NotAllowed(UsageError):
    """Your role does not allow this; an admin can change your role."""


class AlreadyDone(UsageError):
    """A run has done this entry already."""


class NeedsConfirmation(UsageError):
    """More than a fifth would be purged at once; look at the preview, then confirm it."""


class ComplianceRefused(UsageError):
    """A rule of a compliant archive forbids this."""


class NeedsApproval(ComplianceRefused):
    """A second person has to approve this first."""


class UnknownRun(UsageError):
    """No run has this number; 'pywats-archive reprocess list' shows the runs."""


class UnknownUser(UsageError):
    """No user has this name; 'pywats-archive web users list' shows the users."""


class UnknownEntry(UsageError):
    """No entry has this archive id; 'pywats-archive list' shows the entries."""


class UnknownConverter(UsageError):
    """No converter has this name in the configuration."""


class StorageError(ArchiveError):
    """The archive's files cannot be written or read."""


class FolderAway(StorageError):
    """A watch folder is not there; mount its disk or share."""


class FolderTaken(FolderAway):
    """Another service owns this watch folder; stop that one, or watch another folder."""


class NoteUntrusted(StorageError):
    """A note in Done was not written by this station; the files that it names are left alone."""


class BagRefused(StorageError):
    """The bag is damaged or was altered; get it again from where it was made."""


class DiskLow(StorageError):
    """The disk is nearly full; new sources wait until there is space."""


class DiskFull(StorageError):
    """The disk is full; free some space, and waiting work resumes by itself."""


class ArchiveAway(StorageError):
    """The archive is not where it was; mount its disk or share."""


class AnotherArchive(ArchiveAway):
    """Another archive is in the place of this one; nothing is written into it."""


class RetentionHeldBack(StorageError):
    """Nothing is purged now: damage is open, or the clock is wrong."""


class ArchiveInUse(StorageError):
    """Another process owns this archive; stop it first."""


class PurgeRunning(ArchiveInUse):
    """A purge is running already; try again when it has ended."""


class RunRunning(ArchiveInUse):
    """A reprocessing is running already; wait for it, or cancel it."""


class Overtaken(StorageError):
    """Another conversion of the same entry was recorded meanwhile; nothing of this one is stored."""


class NotAnArchive(StorageError):
    """This folder holds no archive; check the path."""

    exit_code = 2


class NotEncrypted(StorageError):
    """The archive must be encrypted, and is not; name a new folder."""

    exit_code = 2


class NewerFormat(StorageError):
    """This archive was written by a newer version; update pywats-archive."""

    exit_code = 2


class AccessNotRecorded(StorageError):
    """The access cannot be recorded, and this archive requires that it is."""


class BlobDamaged(StorageError):
    """A blob does not match its checksum; nothing was restored from it."""


class BlobOutside(BlobDamaged):
    """A path is not a valid blob path; nothing is opened or removed there."""


class BlobLocked(StorageError):
    """A blob is encrypted, and none of the keys here opens it."""


class BlobMissing(StorageError):
    """A blob in the catalog is missing."""


class SourceChanged(StorageError):
    """The source changed while it was read; it is read again later."""


class SourceOpen(StorageError):
    """A program still has the source open for writing; it is moved once it is closed."""


class SourceVanished(StorageError):
    """The source was gone before it could be archived."""


class SourceKnown(ArchiveError):
    """The source is archived already; it is not converted again."""


class CatalogError(ArchiveError):
    """The metadata database cannot be used."""


class CatalogFull(CatalogError):
    """The metadata database cannot grow because the disk is full; free some space."""


class CatalogRefused(CatalogError):
    """The metadata database cannot hold a value; nothing of its transaction is stored."""


class CatalogDamaged(CatalogError):
    """The metadata database is damaged; run 'pywats-archive rebuild'."""


class ConverterUnavailable(ArchiveError):
    """The converter's code cannot be loaded; check module_path."""


class WorkersUnavailable(ConverterUnavailable):
    """No worker process can be started; sources wait."""


class NoTimeStamp(ArchiveError):
    """A time stamp authority returned no time stamp."""


class StationAway(ArchiveError):
    """No station answers at this address; start 'pywats-archive web' there."""


class ServiceFailed(ArchiveError):
    """An essential part of the service ended; the log says why."""


class SystemServiceFailed(ArchiveError):
    """The system's service manager refused; its own message says why."""


class ConversionInterrupted(ArchiveError):
    """The conversion was interrupted because the service stops; it is repeated at the next start."""


def did_you_mean(text: object, names: Iterable[str]) -> str:
    """Return a question for an error message, with a space behind it: which of the names was meant; empty if none is close."""
    from difflib import get_close_matches  # noqa: PLC0415 (needed for nothing else)

    by_lower = {name.casefold(): name for name in names}
    near = get_close_matches(str(text).casefold(), by_lower, n=1)
    return f"did you mean '{by_lower[near[0]]}'? " if near else ""
