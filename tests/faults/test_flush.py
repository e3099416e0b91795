"""A flush that does not do what it says is found by the same runs."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from pywats_archive.blobs.store import BlobStore
from tests.faults import victim
from tests.faults.scenarios import Scenario
from tests.faults.steps import Volume, cut_power
from tests.faults.together import archive_on, drop_some, expect_all

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks")


class Forgetful(Volume):
    """A file system that writes nothing, and says that it did."""

    def sync(self, descriptor: int) -> None:
        os.fstat(descriptor)


class Failing(Volume):
    """A file system that cannot be made durable as a whole."""

    def sync(self, descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def scenario(volume: Volume) -> Scenario:
    """Return the scenario of a batch on a file system."""
    return Scenario(drop=drop_some, act=archive_on(volume), expect=expect_all, has_threads=True)


def test_the_harness_sees_a_missing_flush(tmp_path: Path) -> None:
    """Blobs that have their names before their bytes are durable are found to be empty after a power cut (invariant 1)."""
    place = victim.prepare(scenario(Forgetful()), tmp_path)
    with pytest.raises(AssertionError, match="recorded was"):
        victim.go_wrong_everywhere(scenario(Forgetful()), place, cut_power)


def test_the_harness_sees_a_missing_folder_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that are committed before the names of a batch are durable are found after a power cut (invariant 1)."""
    place = victim.prepare(scenario(Volume()), tmp_path)
    monkeypatch.setattr(BlobStore, "sync_name", lambda store, blob: None)
    with pytest.raises(AssertionError, match="blob is missing"):
        victim.go_wrong_everywhere(scenario(Volume()), place, cut_power)


def test_a_failed_flush_is_made_good_by_fsyncs(tmp_path: Path) -> None:
    """Where the file system as a whole cannot be made durable, each file is, and a power cut takes none (invariant 1)."""
    place = victim.prepare(scenario(Failing()), tmp_path)
    assert victim.go_wrong_everywhere(scenario(Failing()), place, cut_power) > 1
