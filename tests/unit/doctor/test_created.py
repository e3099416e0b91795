"""Folders that the set-up of a station will create: they are judged as if they were there."""

from __future__ import annotations

from pathlib import Path

from pywats_archive.doctor.examination import Examination, Examined, with_created
from pywats_archive.doctor.findings import Check, Findings, Outcome, Result, Role, Use
from pywats_archive.doctor.verdict import Level, judge


def missing(path: Path, *more: Outcome) -> Examined:
    """Make the examination of a watch folder that is not there."""
    outcomes = (Outcome(check=Check.THERE, result=Result.WEAK, told="elsewhere"), *more)
    findings = Findings(path=str(path), uses=(Use(role=Role.WATCH, converter="ict"),), outcomes=outcomes)
    return Examined(findings=findings, verdict=judge(findings))


def test_a_folder_that_is_created_is_not_missing(tmp_path: Path) -> None:
    """Only that it is not there is forgiven: another weakness stays, and so does another folder's."""
    full = Outcome(check=Check.SPACE, result=Result.FAILED, told="no space")
    paths = [tmp_path / name for name in ("created", "weak", "other")]
    before = Examination(account="me", folders=(missing(paths[0]), missing(paths[1], full), missing(paths[2])))
    assert [each.verdict.level for each in before.folders] == [Level.POOR, Level.BROKEN, Level.POOR]
    after = with_created(before, paths[:2])
    assert [each.verdict.level for each in after.folders] == [Level.FULL, Level.BROKEN, Level.POOR]
    assert [each.findings for each in after.folders] == [each.findings for each in before.folders]
