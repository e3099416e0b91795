"""What holds in a folder, decided from findings alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pywats_archive.doctor.findings import Check, Findings, Outcome, Result, Role, Use
from pywats_archive.doctor.rating import clock_offset_s, rate_clock, rate_mode, rate_name, rate_space
from pywats_archive.doctor.verdict import Level, judge, worst
from pywats_archive.portable.volumes import FileSystem


def found(role: Role, *outcomes: tuple[Check, Result], system: FileSystem | None = None) -> Findings:
    """Make the findings of a folder."""
    told = tuple(Outcome(check=check, result=result, told="{seen}") for check, result in outcomes)
    return Findings(path="/f", uses=(Use(role=role),), outcomes=told, file_system=system)


@pytest.mark.parametrize(
    ("role", "check", "result", "level"),
    [
        (Role.ARCHIVE, Check.FOLDER_SYNC, Result.OK, Level.FULL),
        (Role.ARCHIVE, Check.FOLDER_SYNC, Result.WEAK, Level.GOOD),
        (Role.ARCHIVE, Check.FILE_SYNC, Result.FAILED, Level.BROKEN),
        (Role.DONE, Check.FILE_SYNC, Result.FAILED, Level.GOOD),
        (Role.ARCHIVE, Check.HARD_LINK, Result.WEAK, Level.GOOD),
        (Role.DONE, Check.EXCLUSIVE, Result.FAILED, Level.BROKEN),
        (Role.ARCHIVE, Check.LOCK, Result.WEAK, Level.GOOD),
        (Role.ARCHIVE, Check.LOCK, Result.FAILED, Level.POOR),
        (Role.ARCHIVE, Check.CATALOG, Result.FAILED, Level.BROKEN),
        (Role.WATCH, Check.EVENTS, Result.FAILED, Level.GOOD),
        (Role.WATCH, Check.OPEN_FILES, Result.WEAK, Level.FULL),
        (Role.WATCH, Check.THERE, Result.WEAK, Level.POOR),
        (Role.DONE, Check.THERE, Result.WEAK, Level.FULL),
        (Role.ERROR, Check.ARRIVING, Result.WEAK, Level.GOOD),
        (Role.ARCHIVE, Check.SPACE, Result.WEAK, Level.POOR),
        (Role.WATCH, Check.SPACE, Result.WEAK, Level.GOOD),
        (Role.WATCH, Check.WRITING, Result.SKIPPED, Level.GOOD),
        (Role.DONE, Check.FOLDER_MOVE, Result.SKIPPED, Level.FULL),
        (Role.WATCH, Check.LONG_PATHS, Result.WEAK, Level.GOOD),
    ],
)
def test_each_check_has_its_weight(role: Role, check: Check, result: Result, level: Level) -> None:
    """A check weighs by what the folder is for; anything less than full says what to change, and quotes what was seen."""
    verdict = judge(found(role, (check, result)))
    assert verdict.level is level
    assert all(advice.means and advice.change for advice in verdict.advice)
    assert level is Level.FULL or verdict.advice


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("check", list(Check))
def test_nothing_fails_in_silence(check: Check, role: Role) -> None:
    """Whatever fails lowers the level, foreseen or not."""
    assert judge(found(role, (check, Result.FAILED))).level is not Level.FULL


@pytest.mark.parametrize(
    ("kind", "role", "level"),
    [
        ("ext4", Role.ARCHIVE, Level.FULL),
        ("xfs", Role.WATCH, Level.FULL),
        ("ntfs", Role.ARCHIVE, Level.FULL),
        ("tmpfs", Role.ARCHIVE, Level.POOR),
        ("overlay", Role.ARCHIVE, Level.POOR),
        ("vfat", Role.DONE, Level.GOOD),
        ("fuse.mergerfs", Role.ARCHIVE, Level.GOOD),
    ],
)
def test_the_kind_of_file_system_counts(kind: str, role: Role, level: Level) -> None:
    """What lies in memory or in a container is never called safe, however well it answers."""
    assert judge(found(role, system=FileSystem(kind=kind, mount_point="/"))).level is level


def test_a_share_is_good_for_dropping_and_less_so_for_an_archive() -> None:
    """A watch folder on a share gets a remark; an archive there is called weaker; missing locks are told."""
    share = FileSystem(kind="nfs4", mount_point="/", is_remote=True)
    assert judge(found(Role.WATCH, system=share)).level is Level.FULL
    assert judge(found(Role.WATCH, system=share)).advice
    assert judge(found(Role.ARCHIVE, system=share)).level is Level.GOOD
    lockless = FileSystem(kind="cifs", mount_point="/", is_remote=True, options=frozenset({"rw", "nobrl"}))
    assert any("another machine" in advice.means for advice in judge(found(Role.ARCHIVE, system=lockless)).advice)


@pytest.mark.parametrize(
    ("path", "is_remote", "is_named"),
    [(r"Z:\logs", True, True), ("z:/logs", True, True), (r"\\server\logs", True, False), (r"D:\logs", False, False)],
)
def test_a_mapped_drive_is_named(path: str, is_remote: bool, is_named: bool) -> None:
    """The account of a service has none of the drives that a person mapped."""
    findings = replace(
        found(Role.WATCH), path=path, file_system=FileSystem(kind="ntfs", mount_point="", is_remote=is_remote)
    )
    verdict = judge(findings)
    assert any("mapped drive" in advice.means for advice in verdict.advice) is is_named
    assert verdict.level is (Level.POOR if is_named else Level.FULL)


def test_the_worst_comes_first_and_counts() -> None:
    """One broken thing makes a folder broken, and one such folder the whole."""
    weak, broken = (Check.FOLDER_SYNC, Result.WEAK), (Check.CATALOG, Result.FAILED)
    verdict = judge(found(Role.ARCHIVE, weak, broken))
    assert [advice.level for advice in verdict.advice] == [Level.BROKEN, Level.GOOD]
    assert "{seen}" in verdict.advice[0].means
    assert worst((judge(found(Role.DONE)), verdict)) is Level.BROKEN and worst(()) is Level.FULL


def test_figures_are_rated() -> None:
    """Space, inodes, clocks, modes and lengths of names have their limits."""
    assert rate_space(10**9, None) is Result.OK and rate_space(10**9 - 1, None) is Result.WEAK
    assert rate_space(10**12, 9) is Result.WEAK
    assert clock_offset_s(10.0, 10.5, 11.0) == 0
    assert clock_offset_s(10.0, 7.0, 11.0) == -3 and clock_offset_s(10.0, 15.0, 11.0) == 4
    assert rate_clock(2.0) is Result.OK and rate_clock(-2.1) is Result.WEAK
    assert rate_name(255) is Result.OK and rate_name(143) is Result.WEAK
    assert rate_mode(0o700, forbidden=0o077) is Result.OK and rate_mode(0o750, forbidden=0o077) is Result.WEAK
