"""The service copies again what a check found damaged in the vault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.captured import capture_logs
from tests.unit.pipeline.test_ship_job import INTERVAL_S, ShippingService

from pywats_archive.archive.replica import damage
from pywats_archive.replication.verifying import Verifying
from pywats_archive.vault.folder import FolderVault


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ShippingService]:
    made = ShippingService(tmp_path)
    yield made
    made.archive.close()


def test_what_a_check_found_damaged_is_copied_again(service: ShippingService) -> None:
    """With its next copies; the log says so, and once is enough."""
    service.ship()
    service.ship(61)
    vault = FolderVault(Path(service.url))
    segment = next(Path(service.url).rglob("segments/*.zip"))
    segment.chmod(0o600)
    segment.write_bytes(segment.read_bytes()[:-100])
    list(Verifying(service.archive, vault, notes=True).segments())
    assert list(damage.known(service.archive, vault.url).values()) == [None]
    with capture_logs() as lines:
        service.ship(INTERVAL_S)
        service.ship(INTERVAL_S)
    (repair,) = Path(service.url).rglob("repair/*.zip")
    assert [Path(each["key"]).name for each in lines if each["event"] == "vault.repaired"] == [repair.name]
    assert [each.problems for each in Verifying(service.archive, vault).segments() if each.problems] == []
