"""The service copies each catalog in use daily, tries again, and raises an alert when no copy can be made for a day."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.aged import Aged
from tests.disk import small_disk

from pywats_archive.archive.copies.place import in_archive
from pywats_archive.archive.core import Archive
from pywats_archive.errors import StorageError
from pywats_archive.pipeline.alerting.alerts import Alerts
from pywats_archive.pipeline.alerting.isolation import IsolatedTasks
from pywats_archive.pipeline.background.copies import CopyJob
from pywats_archive.pipeline.mounts.pool import ArchivePool

DAY = timedelta(days=1)


@dataclass
class Service:
    """The parts that the job needs, over one archive; a step as after a pause."""

    aged: Aged
    backup_folder: Path | None = None

    def __post_init__(self) -> None:
        self.alerts = Alerts(lambda: (self.archive,), clock=lambda: self.now)
        self.pool = ArchivePool(self.aged.base / "config.json", self.alerts, clock=lambda: self.now)
        self.mount = self.pool.mount(self.aged.archive.root)
        self.mount.archive, self.mount.is_used = self.archive, True
        self.stopping = threading.Event()

    @property
    def now(self) -> datetime:
        return self.aged.now

    @property
    def archive(self) -> Archive:
        return self.aged.archive

    def step(self) -> int:
        """Do a step in a service that was just started; returns the number of copies in the archive."""
        job = CopyJob(
            self.pool,
            self.alerts,
            tasks=IsolatedTasks(self.alerts),
            backup_folder=lambda: self.backup_folder,
            clock=lambda: self.now,
            stopping=self.stopping,
        )
        job.step()
        return len(in_archive(self.archive.root).copies())

    @property
    def open(self) -> dict[str, dict[str, object]]:
        """The open alerts by subject, with their fields."""
        return {each.subject: dict(each.fields) for each in self.alerts.open if each.name == "backup.failed"}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(Aged(tmp_path))
    yield made
    made.archive.close()


def test_one_copy_a_day_and_a_week_of_them(service: Service) -> None:
    """Nothing is copied before there is anything; the folder does not grow for ever."""
    assert service.step() == 0
    service.aged.add(days_ago=1)
    assert [service.step(), service.step()] == [1, 1]
    counts = []
    for _ in range(9):
        service.aged.now += DAY
        counts.append(service.step())
    assert counts == [2, 3, 4, 5, 6, 7, 7, 7, 7] and service.open == {}


def test_a_low_disk_gets_no_copy_and_after_a_day_that_is_an_alert(service: Service, tmp_path: Path) -> None:
    """The backup folder is on a disk with room, and gets its copy; with space the alert ends (invariant 11)."""
    with small_disk(tmp_path / "elsewhere", 60) as disk:
        service.backup_folder = disk.mount_point
        service.aged.add(days_ago=1)
        assert service.step() == 1
        service.mount.disk.min_free_gb = (1e6,)
        service.aged.now += DAY
        assert service.step() == 1 and service.open == {}
        service.aged.now += DAY
        assert service.step() == 1
        (fields,) = service.open.values()
        assert "must stay free" in str(fields["reason"]) and fields["last_copy"]
        assert list(service.open) == [str(service.archive.root / "backups")]
        (folder,) = service.backup_folder.iterdir()
        assert len(list(folder.iterdir())) == 3
        service.mount.disk.min_free_gb = ()
        assert service.step() == 2 and service.open == {}


def test_a_backup_folder_that_is_away_is_an_alert_after_a_day(service: Service, tmp_path: Path) -> None:
    """It is not created, since its share may only be unmounted."""
    service.backup_folder = tmp_path / "elsewhere"
    service.aged.add(days_ago=1)
    assert service.step() == 1 and service.open == {}
    service.aged.now += DAY
    assert service.step() == 2
    ((subject, fields),) = service.open.items()
    assert subject.startswith(str(service.backup_folder)) and "mount its disk or share" in str(fields["reason"])
    assert not service.backup_folder.exists()
    service.backup_folder.mkdir()
    service.step()
    assert service.open == {}


def test_a_place_that_cannot_be_listed_keeps_no_other_from_its_copy(service: Service, tmp_path: Path) -> None:
    """A file lies in place of the folder: the other place has its copies, and after a day the alert names this one."""
    service.backup_folder = tmp_path / "elsewhere"
    service.backup_folder.mkdir()
    service.aged.add(days_ago=3)
    in_the_way = service.archive.root / "backups"
    in_the_way.write_bytes(b"")
    with pytest.raises(StorageError, match="cannot be listed"):
        service.step()
    elsewhere = service.backup_folder / service.archive.description.archive_uuid
    assert len(list(elsewhere.iterdir())) == 1 and list(service.open) == [str(in_the_way)]
    in_the_way.unlink()
    assert service.step() == 1 and service.open == {}


def test_a_backup_folder_on_the_same_disk_leaves_the_same_room(service: Service, tmp_path: Path) -> None:
    """What must stay free for sources is not used up by the second copy."""
    service.backup_folder = tmp_path / "elsewhere"
    service.backup_folder.mkdir()
    service.aged.add(days_ago=1)
    service.mount.disk.min_free_gb = (shutil.disk_usage(tmp_path).free / 1e9,)
    assert service.step() == 0 and list(service.backup_folder.iterdir()) == []


def test_a_service_that_stops_makes_no_copy(service: Service) -> None:
    """Stopping does not wait for a copy; the next start makes one (invariant 15)."""
    service.aged.add(days_ago=1)
    service.stopping.set()
    assert service.step() == 0
    service.stopping.clear()
    assert service.step() == 1


def test_an_archive_that_is_away_gets_no_folder_in_its_place(service: Service, tmp_path: Path) -> None:
    """An empty mount point stays empty."""
    service.aged.add(days_ago=1)
    root = service.archive.root
    root.rename(tmp_path / "moved")
    root.mkdir()
    service.step()
    assert list(root.iterdir()) == []
    shutil.rmtree(root)
    (tmp_path / "moved").rename(root)
