"""What ``show`` prints of an entry, and what ``restore`` brings back beside its source."""

from __future__ import annotations

import json
from pathlib import Path

from tests.command import command
from tests.filled import fill

from pywats_archive import Client


def test_show_begins_with_the_unit_and_its_result(tmp_path: Path) -> None:
    """Each report has its unit and the server's answer; times are local, to the second."""
    fill(tmp_path)
    shown = command("show", "SN0", "--archive", tmp_path / "archive").stdout
    first, *lines = shown.splitlines()
    assert first.startswith("SN0")
    fields = dict(line.strip().split(maxsplit=1) for line in lines if len(line.split(maxsplit=1)) == 2)
    assert fields["part"] == "P" and fields["converted"] == "yes"
    assert any(line.startswith("archived     today ") for line in lines)
    assert "conversion 1" in lines and "report 1" in lines and "events" in lines
    assert any(line.startswith("unit ") and "SN0, part P, result not given" in line for line in lines)
    assert any(line.startswith("server ") and "waits, not tried yet" in line for line in lines)


def test_show_prints_a_report(tmp_path: Path) -> None:
    """Indented for people, and whole with what is known of it as JSON; one that is not there is wrong use."""
    fill(tmp_path)
    here = ("--archive", tmp_path / "archive")
    printed = command("show", "SN0", "--report", "1", *here).stdout
    assert json.loads(printed) == {"type": "T", "sn": "SN0", "pn": "P", "id": json.loads(printed)["id"]}
    assert printed.startswith('{\n  "')
    found = json.loads(command("show", "SN0", "--report", "1", "--json", *here).stdout)
    assert (found["number"], found["document"], found["report"]["serial_number"]) == (1, json.loads(printed), "SN0")
    missing = command("show", "SN0", "--report", "9", *here)
    assert missing.returncode == 2 and "has no report 9; it has 1" in missing.stderr


def test_restore_brings_the_reports_too(tmp_path: Path) -> None:
    """The exact bytes that are sent, under the number that ``show`` has; nothing is replaced (invariant 3)."""
    fill(tmp_path)
    root, target = tmp_path / "archive", tmp_path / "restored"
    first = command("restore", "SN1", "--reports", "--to", target, "--archive", root)
    names = sorted(path.name for path in target.iterdir())
    assert names == ["SN1.csv", *(f"SN1.csv.report-{n}.json" for n in (1, 2, 3)), "SN1.extra"]
    assert first.stdout.splitlines() == [str(target / name) for name in names[:-1]]
    with Client(root) as client:
        archive_id = client.resolve("SN1")
        with client.open_report(archive_id, 2) as report:
            assert (target / "SN1.csv.report-2.json").read_bytes() == report.read()
        (again,) = client.restore([archive_id], target, reports=True)
    assert again.path and again.path.parent != target
    assert [path.parent for path in again.reports] == [again.path.parent] * 3
    assert sorted(path.name for path in target.iterdir() if path.is_file()) == names


def test_a_report_that_cannot_be_read_keeps_no_other_back(tmp_path: Path) -> None:
    """The source and the other reports are there; the exit code and a line say which one is not."""
    fill(tmp_path)
    root, target = tmp_path / "archive", tmp_path / "restored"
    with Client(root) as client:
        reports = client.details(client.resolve("SN1")).reports
    blob = root / reports[1].archived_path
    blob.chmod(0o600)
    blob.write_bytes(b"spoilt")
    done = command("restore", "SN1", "--reports", "--to", target, "--archive", root)
    assert done.returncode == 1 and ": report 2: " in done.stdout
    assert (target / "SN1.csv").exists() and (target / "SN1.csv.report-3.json").exists()
    assert not (target / "SN1.csv.report-2.json").exists()
