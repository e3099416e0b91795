"""The service signs each history at intervals and at its stop; what fails is an alert, tried again, and stops nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.patience import PATIENCE_S
from tests.signing_service import HOUR_S, Service

from pywats_archive.archive.anchors.anchor import Anchor
from pywats_archive.archive.anchors.folders import files_in
from pywats_archive.archive.anchors.signing import KEY_FILE
from pywats_archive.pipeline.background import anchors


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path)
    yield made
    made.archive.close()


@pytest.fixture
def share(service: Service, tmp_path: Path) -> Path:
    folder = tmp_path / "share"
    folder.mkdir()
    service.folders = (folder,)
    return folder


def kept(folder: Path) -> list[Anchor]:
    return [anchor for file in files_in(folder) for anchor in file.anchors]


def test_one_anchor_an_hour_if_anything_happened(service: Service, share: Path) -> None:
    """The first a minute after the start, then one an hour; none while nothing happens."""
    service.act()
    assert [service.step(), service.step(59), service.step(2)] == [0, 0, 1]
    assert [service.step(HOUR_S), service.step(HOUR_S)] == [1, 1]
    service.act()
    assert [service.step(10), service.step(HOUR_S), service.step(HOUR_S)] == [1, 2, 2]
    assert kept(share) == service.noted
    assert service.archive.carried_anchor == service.noted[-1].carried()


def test_the_stop_makes_one(service: Service, share: Path) -> None:
    """At once, whenever the last one was; a second stop without anything new makes none."""
    service.act()
    service.job.end()
    assert len(kept(share)) == 1
    service.restart()
    service.job.end()
    assert len(kept(share)) == 1
    service.act()
    service.job.end()
    assert len(kept(share)) == 2


def test_a_new_process_goes_on_with_the_last_anchor(service: Service) -> None:
    """Reports carry it from the start on, and the next is due an hour after it, not after the start."""
    service.act()
    service.job.end()
    service.act()
    service.restart()
    assert service.step(HOUR_S / 2) == 1
    assert service.archive.carried_anchor == service.noted[0].carried()
    service.restart()
    assert service.step(HOUR_S) == 2


@pytest.mark.parametrize("days", [-800, 800])
def test_a_clock_that_steps_does_not_stop_the_anchors(service: Service, days: int) -> None:
    """Within a process they go on every hour; after a start, one from the future does not count."""
    service.act()
    service.step()
    service.step(61)
    service.now += timedelta(days=days)
    service.act()
    assert [service.step(HOUR_S - 1), service.step(2)] == [1, 2]
    service.act()
    service.restart()
    service.now -= timedelta(days=abs(days))
    assert service.step() == 3


def test_a_folder_that_is_away_is_an_alert_until_it_is_back(service: Service, share: Path) -> None:
    """It gets the last anchor when it is back; the archive's own note is not delayed."""
    service.folders = (share, share.with_name("away"))
    service.act()
    service.step()
    assert service.step(61) == 1 and len(kept(share)) == 1
    assert (
        list(service.open) == [str(share.with_name("away"))] and "not a folder" in service.open[str(service.folders[1])]
    )
    service.folders[1].mkdir()
    service.step(60)
    assert service.open
    service.step(900)
    assert service.open == {} and kept(service.folders[1])[0] == service.noted[0]


def test_a_folder_that_was_away_at_the_stop_gets_the_anchor_after_the_start(service: Service, share: Path) -> None:
    """The next process does not know what the last one could not write: it looks."""
    away = share.rename(share.with_name("moved"))
    service.act()
    service.job.end()
    assert list(service.open) == [str(share)]
    away.rename(share)
    service.restart()
    service.step()
    assert kept(share) == service.noted and service.open == {}


def test_an_alert_on_a_folder_ends_with_its_name_in_the_configuration(service: Service, share: Path) -> None:
    """A folder that is no longer named has no alert."""
    share.rmdir()
    service.act()
    service.job.end()
    assert service.open
    service.folders = ()
    service.step()
    assert service.open == {}


def test_a_folder_that_never_answers_delays_neither_step_nor_stop(
    service: Service, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A share that hangs: an alert, no second thread waits for it, and the stop ends."""
    answers, calls = threading.Event(), list[object]()

    def hang(*_: object) -> object:
        calls.append(1)
        answers.wait(PATIENCE_S)
        return (), ()

    monkeypatch.setattr(anchors, "distribute", hang)
    monkeypatch.setattr(anchors, "_ANSWER_WITHIN_S", 0.05)
    service.act()
    service.step()
    service.step(61)
    assert "does not answer" in service.open[str(share)]
    service.act()
    service.job.end()
    assert len(calls) == 1 and len(service.noted) == 2
    answers.set()


@pytest.mark.parametrize("content", ["damaged", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"])
def test_a_key_that_cannot_be_used_is_an_alert(service: Service, content: str) -> None:
    """Nothing is signed, nothing else is affected, and a key that is put right is used 15 minutes later."""
    key = service.base / KEY_FILE
    key.write_text(content, encoding="ascii")
    service.act()
    service.step()
    assert service.step(61) == 0
    assert list(service.open) == [str(key)]
    key.unlink()
    assert service.step(901) == 1
    assert service.open == {}


def test_an_archive_that_cannot_be_read_does_not_end_the_job(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected error is an alert on the part, and the stop does not raise."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    service.act()
    monkeypatch.setattr(anchors, "make", fail)
    service.step()
    service.step(61)
    assert "ZeroDivisionError" in next(iter(service.open.values()))
    service.job.end()


def test_two_services_of_one_folder_do_not_mix(service: Service, share: Path, tmp_path: Path) -> None:
    """Two stations with the same share, in two threads: each has its own folder with all its anchors."""
    (tmp_path / "other").mkdir()
    other = Service(tmp_path / "other", folders=(share,))
    both = (service, other)
    for each in both:
        each.act()
    threads = [threading.Thread(target=each.job.end) for each in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in both:
        assert kept(share / each.archive.description.archive_uuid) == each.noted != []
    assert len(list(share.iterdir())) == 2
    other.archive.close()
