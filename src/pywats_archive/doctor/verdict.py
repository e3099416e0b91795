"""The guarantees of a folder, and what to change, decided by its findings. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from pywats_archive.doctor.findings import Check, Findings, Outcome, Result, Role
from pywats_archive.portable.volumes import FileSystem


class Level(str, Enum):
    """The levels of guarantees, best first."""

    FULL = "full"
    GOOD = "good"
    POOR = "poor"
    BROKEN = "broken"

    @property
    def rank(self) -> int:
        """0 for the best."""
        return list(Level).index(self)


GUARANTEES = {
    Level.FULL: "survives a crash of the program and a power cut",
    Level.GOOD: "survives a crash of the program; some guarantee is weaker than it could be",
    Level.POOR: "files here can be lost, or handled twice",
    Level.BROKEN: "the service cannot do its work here",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Advice:
    """One weakness; level FULL for a remark that weakens no guarantee."""

    level: Level
    """The level that this weakness allows."""
    means: str
    """What it means."""
    change: str
    """What to change."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Guarantee:
    """The guarantee of a folder, and why it is not better; the worst weakness comes first."""

    level: Level
    advice: tuple[Advice, ...] = ()

    @property
    def guarantee(self) -> str:
        """The level in words."""
        return GUARANTEES[self.level]


def judge(findings: Findings) -> Guarantee:
    """Return the guarantee: the worst level of any rule."""
    system = findings.file_system
    of_place = (*_of_file_system(system, findings.roles), *_of_drive(findings.path, system))
    found = dict.fromkeys([*_of_outcomes(findings), *of_place])
    advice = sorted(found, key=lambda each: -each.level.rank)
    return Guarantee(level=advice[0].level if advice else Level.FULL, advice=tuple(advice))


def worst(verdicts: tuple[Guarantee, ...]) -> Level:
    """Return the level that every folder reaches."""
    return max((verdict.level for verdict in verdicts), key=lambda level: level.rank, default=Level.FULL)


def _of_outcomes(findings: Findings) -> Iterator[Advice]:
    for outcome in findings.outcomes:
        rules = [rule for rule in _RULES if rule.answers(outcome, findings.roles)]
        if not rules and outcome.result is Result.FAILED:
            yield _untried(outcome)
        for rule in rules:
            means, change = (text.format(told=outcome.told, path=findings.path) for text in (rule.means, rule.change))
            yield Advice(level=rule.level, means=means, change=change)


def _untried(outcome: Outcome) -> Advice:
    """Return advice for outcomes without a rule."""
    means = f"{outcome.check.value}: could not be tried ({outcome.told})"
    return Advice(level=Level.GOOD, means=means, change="check the folder's rights and its mount")


def _of_file_system(system: FileSystem | None, roles: frozenset[Role]) -> Iterator[Advice]:
    if system is None:
        return
    if system.is_remote:
        yield from (advice for role, advice in _REMOTE.items() if role in roles)
    elif system.kind in _KINDS:
        yield _KINDS[system.kind]
    elif system.kind.partition(".")[0] == "fuse":
        yield _UNPROVEN
    for option in sorted(system.options & _OPTIONS.keys()):
        yield _OPTIONS[option]


def _of_drive(path: str, system: FileSystem | None) -> Iterator[Advice]:
    if system and system.is_remote and _DRIVE.match(path):
        means = f"lies on the mapped drive {path[:2]}, which only the account that mapped it has: no service has it"
        yield Advice(level=Level.POOR, means=means, change=r"configure the share itself (\\server\share\...)")


_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_ALL = frozenset(Role)
_ARCHIVE = frozenset({Role.ARCHIVE})
_WATCH = frozenset({Role.WATCH})
_TARGETS = frozenset({Role.DONE, Role.ERROR, Role.PENDING})


@dataclass(frozen=True, slots=True)
class _Rule:
    check: Check
    result: Result
    roles: frozenset[Role]
    level: Level
    means: str
    change: str

    def answers(self, outcome: Outcome, roles: frozenset[Role]) -> bool:
        return outcome.check is self.check and outcome.result is self.result and bool(self.roles & roles)


_W, _F, _S = Result.WEAK, Result.FAILED, Result.SKIPPED
_RULES = (
    _Rule(Check.THERE, _F, _ALL, Level.BROKEN, "cannot be used: {told}", "correct its path, its mount or its rights"),
    _Rule(Check.THERE, _W, _WATCH, Level.POOR, "does not exist, so nothing can be dropped; {told}",
          "create {path}; if it is on a share, mount the share first, or the service creates the folder beneath it"),
    _Rule(Check.THERE, _W, _ARCHIVE | _TARGETS, Level.FULL, "does not exist yet; the service creates it; {told}",
          "nothing; if it is on a share, mount the share before the service starts"),
    _Rule(Check.LISTING, _F, _WATCH, Level.BROKEN, "cannot be listed ({told}): no source is ever seen",
          "give the service's account the right to read {path}"),
    _Rule(Check.WRITING, _F, _ARCHIVE, Level.BROKEN, "nothing can be written ({told}): no source can be archived",
          "give the service's account the right to write in {path}, and mount it for writing"),
    _Rule(Check.WRITING, _F, _WATCH, Level.BROKEN, "nothing can be changed ({told}): no source can leave it",
          "give the service's account the right to write in {path}, and mount it for writing"),
    _Rule(Check.WRITING, _F, _TARGETS, Level.BROKEN, "nothing can be written ({told}): sources stay in the watch folder",
          "give the service's account the right to write in {path}, and mount it for writing"),
    _Rule(Check.WRITING, _S, _ALL, Level.GOOD, "nothing was tried: {told}",
          "give each of the converters a watch folder of its own, then run doctor again"),
    _Rule(Check.FILE_SYNC, _F, _ARCHIVE, Level.BROKEN, "no file can be made durable ({told}): nothing can be archived",
          "put the archive on a local disk"),
    _Rule(Check.FILE_SYNC, _F, _WATCH | _TARGETS, Level.GOOD, "a file that is copied here may be lost in a power cut ({told})",
          "put the folder on the same local disk as the watch folder"),
    _Rule(Check.FOLDER_SYNC, _W, _ARCHIVE, Level.GOOD, "new names are not durable: a power cut may lose the latest ones",
          "put the archive on a local disk (ext4, xfs); Windows has no such call: let a UPS shut the station down"),
    _Rule(Check.FOLDER_SYNC, _W, _WATCH | _TARGETS, Level.GOOD,
          "new names are not durable: a power cut may undo the moves of the last second, and a source is taken again",
          "use a local disk (ext4, xfs); Windows has no such call: let a UPS shut the station down"),
    _Rule(Check.FOLDER_SYNC, _F, _ALL, Level.BROKEN, "syncing the folder fails ({told})", "check the disk; use another one"),
    _Rule(Check.HARD_LINK, _W, _ALL, Level.GOOD,
          "there are no hard links ({told}): a crash may leave an empty file under a new name, which is reported",
          "use a file system that has hard links (ext4, xfs, NTFS)"),
    _Rule(Check.EXCLUSIVE, _F, _ALL, Level.BROKEN, "a file cannot be named without the risk of replacing another one: {told}",
          "use another file system: here files could be overwritten or not be moved"),
    _Rule(Check.ARRIVING, _W, _TARGETS, Level.GOOD,
          "lies on another file system than the watch folder: sources are copied, and a crash may leave both ({told})",
          "put it on the same file system as the watch folder"),
    _Rule(Check.ARRIVING, _F, _TARGETS, Level.BROKEN, "a source cannot be moved here: {told}",
          "check the rights of {path} and of the watch folder"),
    _Rule(Check.FOLDER_MOVE, _F, _TARGETS, Level.BROKEN, "a folder cannot be moved here: {told}",
          "use a file system that renames folders"),
    _Rule(Check.LOCK, _W, _ARCHIVE, Level.GOOD, "there are no locks; a marker file is used, and a crash may leave it behind",
          "put the archive on a local disk, or mount the share with locks"),
    _Rule(Check.LOCK, _F, _ARCHIVE, Level.POOR, "locks keep nobody out: {told}; two services could write to one archive",
          "put the archive on a local disk, or mount the share with locks"),
    _Rule(Check.CATALOG, _W, _ARCHIVE, Level.GOOD, "no shared memory for WAL ({told}): readers make the service wait",
          "put the archive on a local disk"),
    _Rule(Check.CATALOG, _F, _ARCHIVE, Level.BROKEN, "the catalog cannot be kept here: {told}",
          "put the archive on a local disk"),
    _Rule(Check.EVENTS, _F, _WATCH, Level.GOOD, "changes are not reported ({told}): a dropped file is found within a minute",
          "on Linux, raise fs.inotify.max_user_watches and max_user_instances; on a share, there may be no remedy"),
    _Rule(Check.OPEN_FILES, _W, _WATCH, Level.FULL,
          "only the time that a file is quiet shows that it is complete ({told}); late writes are archived again",
          "set settle_seconds above the longest pause of the program; on Linux, run the service with CAP_LEASE, or under the "
          "account that writes the files"),
    _Rule(Check.READ_ONLY, _W, _ARCHIVE, Level.GOOD, "archived files cannot be made read-only ({told})",
          "use a file system that keeps modes, and let only the service's account in"),
    _Rule(Check.PRIVATE, _W, _ARCHIVE, Level.GOOD, "other accounts can enter the archive ({told})",
          "chmod 700 {path}; where modes are not kept, mount it with umask=077 (cifs: dir_mode=0700); on Windows, take the "
          "others out of its security settings"),
    _Rule(Check.SPACE, _F, _ALL, Level.BROKEN, "nothing more fits on the disk ({told})", "free some space, or raise the quota"),
    _Rule(Check.SPACE, _W, _ARCHIVE, Level.POOR, "the disk is nearly full ({told}): archiving will stop soon",
          "free some space, or move the archive to a larger disk"),
    _Rule(Check.SPACE, _W, _WATCH | _TARGETS, Level.GOOD, "the disk is nearly full ({told})", "free some space"),
    _Rule(Check.CLOCK, _W, _ALL, Level.GOOD, "its clock and this station's differ ({told}): recorded times will not agree",
          "set both clocks by the same time server"),
    _Rule(Check.LONG_NAMES, _W, _WATCH | _TARGETS, Level.GOOD, "names are limited ({told}): a source with a longer name stays",
          "use a file system that takes 255 bytes"),
    _Rule(Check.LONG_PATHS, _W, _ALL, Level.GOOD, "paths are limited ({told}): files with a longer one fail",
          "switch on long paths (Windows' group policy 'Enable Win32 long paths'), then restart the service"),
    _Rule(Check.FOREIGN_NAMES, _F, _WATCH | _TARGETS, Level.GOOD, "non-ASCII names are not kept: {told}",
          "mount it with UTF-8 names (iocharset=utf8)"),
    _Rule(Check.CLEANING, _F, _ALL, Level.GOOD, "a probe could not be removed: {told}", "remove it by hand"),
)  # fmt: skip

_IN_MEMORY = Advice(
    level=Level.POOR,
    means="lies in memory: a restart or a power cut loses all of it",
    change="put it on a disk",
)
_IN_A_CONTAINER = Advice(
    level=Level.POOR,
    means="lies in a container's own layer, which is lost with the container",
    change="mount a volume there",
)
_NO_JOURNAL = Advice(
    level=Level.GOOD,
    means="the file system has no journal: a power cut may damage a folder",
    change="use ext4, xfs or NTFS",
)
_UNPROVEN = Advice(
    level=Level.GOOD,
    means="what this file system does in a power cut depends on the program behind it",
    change="use a local disk",
)
_KINDS = {
    **dict.fromkeys(("tmpfs", "ramfs", "devtmpfs"), _IN_MEMORY),
    **dict.fromkeys(("overlay", "aufs"), _IN_A_CONTAINER),
    **dict.fromkeys(("vfat", "msdos", "fat", "fat32", "exfat", "ext2"), _NO_JOURNAL),
    **dict.fromkeys(("fuse", "fuseblk"), _UNPROVEN),
}
_REMOTE = {
    Role.ARCHIVE: Advice(
        level=Level.GOOD,
        means="lies on a share: as durable as its server, and its catalog may be opened from this machine alone",
        change="put the archive on a local disk and copy it away; at least let no other machine open it",
    ),
    Role.WATCH: Advice(
        level=Level.FULL,
        means="lies on a share: what other machines drop may be found within a minute, not at once",
        change="nothing; the folder is listed every minute",
    ),
}
_OPTIONS = {
    **dict.fromkeys(
        ("nobarrier", "barrier=0"),
        Advice(
            level=Level.GOOD,
            means="mounted without write barriers: after a power cut, what was synced may be gone",
            change="mount it with barriers",
        ),
    ),
    **dict.fromkeys(
        ("nolock", "nobrl", "local_lock=all", "local_lock=flock"),
        Advice(
            level=Level.GOOD,
            means="mounted without locks on the server: another machine is not kept out",
            change="mount it with locks, or let only this machine use it",
        ),
    ),
    "volatile": Advice(
        level=Level.POOR,
        means="mounted 'volatile': nothing is synced",
        change="mount it without this option",
    ),
}
