"""What doctor finds in folders of Windows; the platform is injected."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.integrity.test_examination import ON_DISK, only, probes, result

from pywats_archive.archive.core import Archive
from pywats_archive.doctor.examination import examine_archive
from pywats_archive.doctor.findings import Check, Result

ON_WINDOWS = replace(ON_DISK, windows=True, has_writer=lambda path, windows: True)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Path]:
    """An archive whose path leaves room for names."""
    Archive.open(tmp_path / "archive", create=True, own=True).close()
    yield tmp_path / "archive"
    assert not probes(tmp_path)


@pytest.mark.parametrize("others", [(), ("everyone",)])
def test_an_archive_that_others_may_read_is_named(archive: Path, others: tuple[str, ...]) -> None:
    """On Windows the rights of the folder count, not its mode."""
    folder = only(examine_archive(archive, replace(ON_WINDOWS, readers=lambda path: others)))
    assert result(folder, Check.PRIVATE) is (Result.WEAK if others else Result.OK)
    assert any("everyone" in advice.means for advice in folder.verdict.advice) is bool(others)


def test_rights_that_windows_does_not_report_are_no_weakness(archive: Path) -> None:
    """The check is skipped, with the reason."""

    def fails(path: Path) -> tuple[str, ...]:
        raise OSError("no answer")

    folder = only(examine_archive(archive, replace(ON_WINDOWS, readers=fails)))
    assert result(folder, Check.PRIVATE) is Result.SKIPPED


@pytest.mark.parametrize("is_limited", [False, True])
def test_a_limit_of_paths_is_found(archive: Path, monkeypatch: pytest.MonkeyPatch, is_limited: bool) -> None:
    """Without long paths Windows creates no folder beyond 248 characters, though each name is short enough."""
    real = os.mkdir

    def mkdir(path: str, *more: int, **others: int) -> None:
        if is_limited and len(os.fspath(path)) > 248:
            raise FileNotFoundError(2, "path not found", path)
        real(path, *more, **others)

    monkeypatch.setattr(os, "mkdir", mkdir)
    folder = only(examine_archive(archive, ON_DISK))
    assert result(folder, Check.LONG_PATHS) is (Result.WEAK if is_limited else Result.OK)
    assert any("long paths" in advice.change for advice in folder.verdict.advice) is is_limited
