"""What ``doctor`` says of open alerts."""

from __future__ import annotations

from pathlib import Path

from pywats_archive.archive import alerts
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.layout import DESCRIPTION
from pywats_archive.doctor.station.alerts import check_alerts
from pywats_archive.doctor.station.checks import CheckLevel
from pywats_archive.models.operation.statistics import OpenAlert
from pywats_archive.models.time import utc_now

ALERT = OpenAlert(name="disk.low", subject="/srv/archive", raised_at=utc_now())


def test_each_open_alert_is_a_warning_once(tmp_path: Path) -> None:
    """An alert of the station is recorded in each of its archives; an archive that does not exist yet has none."""
    roots = [tmp_path / "first", tmp_path / "second"]
    for root in roots:
        with Archive.open(root, create=True, own=True) as archive:
            alerts.put(archive, ALERT)
    (check,) = check_alerts([*roots, tmp_path / "future"])
    assert (check.level, check.subject) == (CheckLevel.WARNING, "disk.low")
    assert "/srv/archive is low on free space" in check.seen and check.advice


def test_without_an_alert_nothing_is_to_be_done(tmp_path: Path) -> None:
    """That is said in one line."""
    Archive.open(tmp_path, create=True, own=True).close()
    (check,) = check_alerts([tmp_path])
    assert check.is_sound and "none" in check.seen


def test_an_archive_that_cannot_be_read_is_not_called_well(tmp_path: Path) -> None:
    """Its alerts are not known."""
    (tmp_path / DESCRIPTION).write_bytes(b"damaged")
    (check,) = check_alerts([tmp_path])
    assert check.level is CheckLevel.SKIPPED and "not known" in check.seen
