"""Open alerts as sentences."""

from __future__ import annotations

import pytest

from pywats_archive.archive.liveness import unattended
from pywats_archive.models.operation.statistics import OpenAlert
from pywats_archive.models.time import utc_now
from pywats_archive.pipeline.alerting import alerts
from pywats_archive.words import alerts as words

NAMES = {
    value
    for name, value in vars(alerts).items()
    if name.isupper() and isinstance(value, str) and name != "EVALUATED_AGAIN"
}


def said(name: str, **details: object) -> str:
    alert = OpenAlert(name=name, subject="ICT", raised_at=utc_now(), details=details)
    return words.sentence(alert, now=utc_now())


def test_every_alert_has_a_sentence() -> None:
    """No alert is shown as its name alone, and no sentence is left of an alert that is gone."""
    assert NAMES | {unattended.NOT_RUNNING} == set(words._SENTENCES)


@pytest.mark.parametrize("name", sorted(words._SENTENCES))
def test_an_alert_of_an_earlier_version_is_shown_too(name: str) -> None:
    """A detail that it does not have leaves the rest of the sentence."""
    line = said(name)
    assert f"({name}, since today " in line and "{" not in line


def test_a_sentence_has_the_reason_an_example_and_the_name() -> None:
    """Details come in the order of a sentence; sizes have units; one of an unknown alert is not lost."""
    line = said("reports.refused", archive_id="x_1", see="'list'", reason="400: no sn", over_bytes=12_300_000)
    assert line.startswith(
        "The server refused reports of ICT: 400: no sn; over 12.3 MB; for example 'pywats-archive show x_1'; see 'list' ("
    )
    assert said("new.kind", odd="1").startswith("new.kind: ICT: odd 1 (new.kind, since ")
    assert "\x1b" not in said("disk.full", reason="\x1b[31m")
