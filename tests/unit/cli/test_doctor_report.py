"""The report of doctor, as people read it."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from pywats_archive.cli import doctor_report
from pywats_archive.doctor.examination import Examination, Examined
from pywats_archive.doctor.findings import Check, Findings, Outcome, Result, Role, Use
from pywats_archive.doctor.station.checks import CheckLevel, StationCheck, Topic
from pywats_archive.doctor.verdict import judge

ROLES = (Role.WATCH, Role.DONE, Role.ERROR, Role.PENDING)
STATION = (
    Topic.CONFIGURATION,
    Topic.SECRETS,
    Topic.SERVER,
    Topic.CLOCK,
    Topic.ARCHIVE,
    Topic.SPACE,
    Topic.VERSIONS,
    Topic.SERVICE,
)


def folder(path: str, role: Role, converter: str | None, *outcomes: tuple[Check, Result]) -> Examined:
    """Make the examination of a folder."""
    told = tuple(Outcome(check=check, result=result, told="seen") for check, result in outcomes)
    findings = Findings(path=path, uses=(Use(role=role, converter=converter),), outcomes=told)
    return Examined(findings=findings, verdict=judge(findings))


def examination(*folders: Examined, checks: tuple[StationCheck, ...] = (), is_served: bool = False) -> Examination:
    """Make the examination of a station with three sound converters, and what else is found."""
    sound = [
        folder(
            f"/data/{name}/{role.value}", role, name, (Check.THERE, Result.OK if role is Role.WATCH else Result.WEAK)
        )
        for name in ("ict", "fct", "eol")
        for role in ROLES
    ]
    loaded = [StationCheck(topic=Topic.CONVERTER, subject=name, seen="Any 1.0") for name in ("ict", "fct", "eol")]
    rest = [StationCheck(topic=topic, seen="sound") for topic in STATION]
    return Examination(
        account="wats",
        folders=(folder("/data/archive", Role.ARCHIVE, None, (Check.THERE, Result.WEAK)), *sound, *folders),
        checks=(*loaded, *rest, *checks),
        is_served=is_served,
    )


def drawn(
    monkeypatch: pytest.MonkeyPatch, found: Examination, *, verbose: bool = False, colour: bool = False, named: str = ""
) -> list[str]:
    """The lines of a report."""
    output = StringIO()
    console = Console(
        file=output,
        width=200,
        highlight=False,
        markup=False,
        color_system="standard" if colour else None,
        force_terminal=colour,
    )
    monkeypatch.setattr(doctor_report, "console", console)
    doctor_report.draw(found, verbose=verbose, quick=False, named=named)
    return output.getvalue().splitlines()


def test_a_healthy_station_fits_on_one_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of three converters' folders in 24 lines; those that are not there yet are no fault, and nothing is red or yellow."""
    lines = drawn(monkeypatch, examination())
    assert len(lines) <= 24
    assert "  full     archive  /data/archive (not yet)" in lines
    assert f"  full     ict      {Path('/data/ict')}: watch (not yet: done, error, pending)" in lines
    coloured = "\n".join(drawn(monkeypatch, examination(), colour=True))
    assert "\x1b[32m" in coloured and not any(code in coloured for code in ("[31m", "[33m", "[1;31m"))


@pytest.mark.parametrize(
    ("is_served", "named", "following"),
    [
        (False, " --config c.json", "Next: pywats-archive run --config c.json"),
        (True, " --config c.json", "Next: pywats-archive status --config c.json"),
        (False, " --archive a", "Next: pywats-archive status --archive a"),
    ],
)
def test_a_healthy_station_is_told_what_to_run_next(
    monkeypatch: pytest.MonkeyPatch, is_served: bool, named: str, following: str
) -> None:
    """The service is started, unless it runs already."""
    assert following in drawn(monkeypatch, examination(is_served=is_served), named=named)


def test_a_weak_folder_has_its_own_line_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the worst advice is shown, and how many more there are."""
    weak = folder("/mnt/done", Role.DONE, "ict", (Check.FOLDER_SYNC, Result.WEAK), (Check.ARRIVING, Result.FAILED))
    lines = drawn(monkeypatch, examination(weak))
    at = lines.index("  broken   ict done  /mnt/done")
    assert lines[at + 1].startswith(
        "           a source cannot be moved here: seen. To do: check the rights of /mnt/done"
    )
    assert lines[at + 1].endswith("(1 more with -v)")
    assert any(line.startswith("Something to do for 1 of 14 folders (the weakest: broken") for line in lines)


def test_a_failed_check_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A remark of a sound check is shown with the details only."""
    failed = StationCheck(
        topic=Topic.CONVERTER, subject="new", level=CheckLevel.FAILED, seen="no class", advice="correct it"
    )
    remark = StationCheck(topic=Topic.VERSIONS, seen="SQLite 3", advice="rarely")
    found = examination(checks=(failed, remark))
    lines = drawn(monkeypatch, found)
    assert "  failed   new  no class" in lines and "           To do: correct it" in lines
    assert "Something to do for 1 check." in lines and not any("rarely" in line for line in lines)
    details = drawn(monkeypatch, found, verbose=True)
    assert "           Remark: rarely" in details
    assert any(line.split() == ["is", "there", "not", "yet", "seen"] for line in details)


def test_control_characters_are_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a folder nor a converter's text can disturb a terminal."""
    bad = StationCheck(topic=Topic.CONVERTER, subject="a\x1b[2J", level=CheckLevel.FAILED, seen="b\x07", advice="c\x9b")
    text = "\n".join(drawn(monkeypatch, examination(folder("/d\x1b[2J", Role.ARCHIVE, None), checks=(bad,))))
    assert not {"\x1b", "\x07", "\x9b"} & set(text)
