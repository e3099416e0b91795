"""Under sudo: whoever is not the archive's account writes nothing into it, or becomes that account first."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.command import command
from tests.station import Station

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import account
from pywats_archive.errors import WrongAccount

WATS = 12345
pytestmark = pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="needs root, as sudo gives it")


def owners(root: Path) -> set[int]:
    return {path.lstat().st_uid for path in (root, *root.rglob("*"))}


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """A station whose files are all of another account than root."""
    with Station(tmp_path / "station") as made:
        (made.add("ict") / "SN1.log").write_text("content")
        made.run()
        for path in (made.root, *made.root.rglob("*")):
            os.chown(path, WATS, WATS)
        yield made


def test_no_verb_that_writes_leaves_a_file_of_root(station: Station) -> None:
    """Each refuses with one line that says as whom to do it; nothing of root's is left, neither lock nor blob."""
    root, entry = station.archive_root, station.entry().archive_id
    config = station.write_config()
    verbs: tuple[list[str | Path], ...] = (
        ["run", "--until-idle", "--config", config],
        ["purge", entry, "--yes", "--archive", root],
        ["hold", "add", entry, "--reason", "x", "--archive", root],
        ["policy", "set", "ict", "--min-days", "9", "--yes", "--archive", root],
        ["reprocess", "start", entry, "--yes", "--config", config],
        ["verify", "--reproduce", "1", "--config", config],
        ["rebuild", "--yes", "--archive", root],
    )
    for words in verbs:
        refused = command(*words)
        assert refused.returncode == 2, (words, refused.stderr)
        assert "sudo -u #12345" in refused.stderr and len(refused.stderr.splitlines()) == 1, (words, refused.stderr)
    assert owners(root) == {WATS}
    with pytest.raises(WrongAccount):
        Archive.open(root, own=True)


def test_what_only_reads_leaves_nothing_of_root_either(station: Station, tmp_path: Path) -> None:
    """root may list, verify and restore; the catalog's log and the lock stay the account's."""
    root = station.archive_root
    (root / ".lock").unlink(missing_ok=True)
    for words in (["list"], ["status"], ["verify"], ["restore", station.entry().archive_id, "--to", tmp_path / "out"]):
        assert command(*words, "--archive", root).returncode == 0, words
    assert owners(root) == {WATS}


def test_root_makes_no_archive_in_another_accounts_folder(tmp_path: Path) -> None:
    """A new archive is the account's whose folder it is made in; one in a folder of root's own is root's."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    os.chown(folder, WATS, WATS)
    with pytest.raises(WrongAccount):
        Archive.open(folder / "archive", create=True, own=True)
    assert list(folder.iterdir()) == []
    Archive.open(tmp_path / "mine", create=True, own=True).close()


def test_the_owner_opens_an_archive_without_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of an account is looked up for a message alone: where a directory service is away, that takes long."""
    asked: list[int] = []
    monkeypatch.setattr(account, "_name", asked.append)
    with Archive.open(tmp_path / "archive", create=True, own=True) as archive:
        archive.compliance.restore()
    assert not asked


def test_becoming_an_account_is_for_good(tmp_path: Path) -> None:
    """Its files are the account's, its groups too, and there is no way back to root."""
    os.chown(tmp_path, WATS, WATS)
    child = os.fork()
    if child == 0:
        try:
            os.chdir(tmp_path)  # what is above it may not be entered by others
            os.setgroups([WATS + 1])  # as root has some
            account.become(account.owner_of(tmp_path))
            Path("made").write_text(json.dumps([os.getuid(), os.geteuid(), os.getgid(), os.getgroups()]))
            try:
                os.setuid(0)
            except PermissionError:
                os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert json.loads((tmp_path / "made").read_text()) == [WATS, WATS, WATS, []]
    assert (tmp_path / "made").stat().st_uid == WATS


def test_a_share_that_knows_one_account_is_no_hindrance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where whatever is made gets the archive's account, as on many shares, anyone who may write does."""
    Archive.open(tmp_path / "archive", create=True, own=True).close()
    monkeypatch.setattr(os, "geteuid", lambda: WATS)
    Archive.open(tmp_path / "archive", own=True).close()
    assert not list((tmp_path / "archive").glob(".*-account.part"))
