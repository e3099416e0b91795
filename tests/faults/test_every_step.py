"""Every durable step of everything that is done with a source, gone wrong in every way."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest

from pywats_archive.blobs.temporary import Sealed, TemporaryFile
from tests.faults import victim
from tests.faults.drops import OTHER_FILE_SYSTEM
from tests.faults.scenarios import SCENARIOS
from tests.faults.steps import Kind, crash, cut_power, fail_once, fill_disk
from tests.faults.table import TRIED

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="forks, and asks /dev/shm for another file system"),
    pytest.mark.timeout(1800),  # the longest takes 10 seconds of processor time, and more than 200 on a busy machine
]
_NAMES = [
    pytest.param(name, marks=pytest.mark.migrated) if scenario.is_new else name for name, scenario in SCENARIOS.items()
]
"""Where an archive is new, the steps of the migrations go wrong too."""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for one scenario; what it has on another file system goes with it."""
    yield tmp_path
    elsewhere = tmp_path / "place" / "Done"
    if elsewhere.is_symlink():
        shutil.rmtree(elsewhere.readlink())


@pytest.mark.parametrize("kind", [crash, cut_power, fail_once, fill_disk], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name", _NAMES)
def test_nothing_is_lost_whichever_step_goes_wrong(
    folder: Path, name: str, kind: Kind, record_property: Callable[[str, object], None]
) -> None:
    """Whichever step goes wrong, all is as if nothing had been once it goes on (invariants 1 to 8, 12)."""
    if "across" in name and OTHER_FILE_SYSTEM.stat().st_dev == folder.stat().st_dev:
        pytest.skip("there is no other file system here")
    place = victim.prepare(SCENARIOS[name], folder)
    tried = victim.go_wrong_everywhere(SCENARIOS[name], place, kind)
    assert tried > 1
    record_property(TRIED, (name, kind.__name__, tried))


@pytest.mark.parametrize(
    ("broken", "name", "kind", "finding"),
    [
        ("pywats_archive.blobs.store.BlobStore.sync_name", "file", cut_power, "blob is missing"),
        ("tests.faults.victim.recover", "file", crash, "left half-written"),
        ("pywats_archive.archive.repair.recover.adopt", "file", crash, "damaged="),
        ("pywats_archive.portable.files._is_half_renamed", "move", crash, "unit_2.log"),
        ("pywats_archive.archive.core.Archive.remove_uncommitted", "file", fail_once, "is in no row"),
        (
            "pywats_archive.pipeline.postprocess.departing._touched",
            "replaced while it waits",
            crash,
            "1 of 2 sources are archived",
        ),
        (
            "pywats_archive.pipeline.postprocess.departing._touched",
            "grown before it is moved",
            fail_once,
            "1 of 2 contents are archived",
        ),
        (
            "pywats_archive.pipeline.postprocess.departing._compared_again",
            "replaced as it is moved",
            crash,
            "1 of 2 sources are archived",
        ),
        ("tests.faults.acts.give_back", "replaced as it is moved", crash, "1 of 2 sources are archived"),
        (
            "pywats_archive.pipeline.postprocess.late_writes._is_written",
            "grown in Done",
            crash,
            "1 of 2 contents are archived",
        ),
        ("pywats_archive.archive.purging.finish_unfinished", "purge", crash, "companions.tar.gz"),
    ],
    ids=lambda value: value.rpartition(".")[2] if isinstance(value, str) else None,
)
def test_the_harness_sees_what_is_broken(
    folder: Path, monkeypatch: pytest.MonkeyPatch, broken: str, name: str, kind: Kind, finding: str
) -> None:
    """With one safeguard taken out, the same run goes red, and says why: a check that cannot fail proves nothing."""
    place = victim.prepare(SCENARIOS[name], folder)
    monkeypatch.setattr(broken, lambda *arguments, **more: _NOTHING_FOUND)
    with pytest.raises(AssertionError, match=finding):
        victim.go_wrong_everywhere(SCENARIOS[name], place, kind)


def test_the_harness_sees_a_missing_fsync(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A blob that has its name before its bytes are durable is found to be empty after a power cut (invariant 1)."""
    place, seal = victim.prepare(SCENARIOS["file"], folder), TemporaryFile.seal

    def without_fsync(file: TemporaryFile, header: bytes, *, is_reserved: bool) -> Sealed:
        with mock.patch("os.fsync"):
            return seal(file, header, is_reserved=is_reserved)

    monkeypatch.setattr(TemporaryFile, "seal", without_fsync)
    with pytest.raises(AssertionError, match="recorded was"):
        victim.go_wrong_everywhere(SCENARIOS["file"], place, cut_power)


class _NothingFound(str):
    """Stands for what any safeguard gives: nothing was found, nothing is so."""

    found_anything, purges, not_removed = False, 0, ()

    def __bool__(self) -> bool:
        return False


_NOTHING_FOUND = _NothingFound("damaged")
