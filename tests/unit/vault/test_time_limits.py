"""A folder vault whose file server hangs: nothing waits for it for ever, and nothing that is only slow is given up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pywats_archive.errors import VaultAway
from pywats_archive.vault import time_limits
from pywats_archive.vault.folder import FolderVault
from pywats_archive.vault.store import MARKER
from pywats_archive.vault.time_limits import TimeLimitedFolderVault

KEY = "7c9e6679/5a1f/segments/000000000001.zip"
CALLS: list[Callable[[TimeLimitedFolderVault], object]] = [
    lambda vault: vault.get(KEY),
    lambda vault: vault.size_of(KEY),
    lambda vault: list(vault.keys("7c9e6679")),
    lambda vault: list(vault.stream(KEY)),
    lambda vault: vault.put_new("7c9e6679/other", b"other"),
    lambda vault: vault.put_file("7c9e6679/other", Path(__file__)),
    lambda vault: vault.try_remove(KEY),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of a vault with an object."""
    made = FolderVault(tmp_path / "vault")
    made.put_new(MARKER, b"{}")
    made.put_new(KEY, b"object")
    return tmp_path / "vault"


@pytest.fixture
def hangs(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Every path of the vault hangs until this is set; nothing else can make a share hang here."""
    answers, path_of = threading.Event(), FolderVault._path

    def path(self: FolderVault, key: str) -> Path:
        answers.wait()
        return path_of(self, key)

    monkeypatch.setattr(FolderVault, "_path", path)
    yield answers
    answers.set()


@pytest.mark.parametrize("call", CALLS)
def test_no_call_waits_for_ever(
    root: Path, hangs: threading.Event, call: Callable[[TimeLimitedFolderVault], object]
) -> None:
    """It says that the file server does not answer, and works again once it does."""
    vault = TimeLimitedFolderVault(root, read_s=0.1, write_s=0.1)
    with pytest.raises(VaultAway, match=r"does not answer within 0\.1 seconds; check the share"):
        call(vault)
    hangs.set()
    assert TimeLimitedFolderVault(root).get(MARKER) == b"{}"


def test_few_threads_wait_for_a_share_that_hangs(root: Path, hangs: threading.Event) -> None:
    """Further calls are refused at once, until it answers again."""
    vault, before = TimeLimitedFolderVault(root, read_s=0.05), threading.enumerate()
    for _ in range(10):
        with pytest.raises(VaultAway):
            vault.get(KEY)
    waiting = [each for each in threading.enumerate() if each.name == "vault folder" and each not in before]
    assert len(waiting) == time_limits._MOST_ABANDONED
    hangs.set()
    for each in waiting:
        each.join()
    assert vault.get(KEY) == b"object"


def test_a_slow_upload_is_not_given_up(root: Path) -> None:
    """While it goes on, it may take longer than an answer may."""
    steps = list[str]()

    def slow(step: str) -> None:
        steps.append(step)
        time.sleep(0.7)

    TimeLimitedFolderVault(root, on_step=slow, write_s=2.5).put_new("7c9e6679/other", b"other")
    assert len(steps) * 0.7 > 2.5
    assert FolderVault(root).get("7c9e6679/other") == b"other"
