"""Which open alerts ``status FILE`` shows beside a source that waits."""

from __future__ import annotations

import pytest

from pywats_archive.cli.blockers import _OF_ALL, _OF_ITS_CONVERTER, _OF_ITS_FOLDER, blockers
from pywats_archive.models.operation.statistics import OpenAlert
from pywats_archive.models.time import utc_now
from pywats_archive.words.alerts import _SENTENCES

FILE = "/data/ict/watch/SN1.csv"


def names(*alerts: tuple[str, str]) -> list[str]:
    opened = [OpenAlert(name=name, subject=subject, raised_at=utc_now(), details={}) for name, subject in alerts]
    return [each.name for each in blockers(opened, converters=["ICT"], paths=[FILE])]


@pytest.mark.parametrize(
    ("name", "own", "other"),
    [
        ("converter.unavailable", "ICT", "FCT"),
        ("source.stuck", "ICT", "FCT"),
        ("source.open", "/data/ict/watch", "/data/fct/watch"),
        ("watch.taken", "/data/ict/watch", "/data/ict/wat"),
    ],
)
def test_only_alerts_of_its_converter_and_folder_count(name: str, own: str, other: str) -> None:
    """An alert of another converter or folder says nothing about this source."""
    assert names((name, own), (name, other)) == [name]
    assert names((name, other)) == []


def test_alerts_of_the_archive_and_the_station_count() -> None:
    """A full disk stops all sources; an alert about retention stops none."""
    assert names(("disk.low", "/srv/archive"), ("retention.clock", "/srv/archive")) == ["disk.low"]


def test_each_alert_that_is_considered_exists() -> None:
    """No alert is named that was renamed."""
    assert (_OF_ALL | _OF_ITS_CONVERTER | _OF_ITS_FOLDER) - set(_SENTENCES) == set()
