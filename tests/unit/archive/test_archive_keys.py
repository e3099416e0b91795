"""For whom new blobs are encrypted: for keys that are known to open them, else nothing is archived."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.encrypted import encrypted, without_key

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.keys import create_keys, read_recipients
from pywats_archive.archive.restore.source import restore_source
from pywats_archive.archive.sources.ingest import NewSource, archive_source
from pywats_archive.blobs.encryption.age import MOST_HEADER_BYTES, MOST_RECIPIENTS, header_bytes
from pywats_archive.blobs.encryption.keys import Identity
from pywats_archive.config.keys import IDENTITY_FILE, IDENTITY_VARIABLE, RECIPIENTS_FILE
from pywats_archive.errors import BlobLocked, ConfigError


def name_recipients(folder: Path, *texts: str) -> str:
    """Replace the public keys; returns those that were there."""
    path = folder / RECIPIENTS_FILE
    path.chmod(0o600)
    before = path.read_text()
    path.write_text("\n".join(texts))
    return before


def foreign(count: int = 2) -> list[str]:
    return [str(Identity.generate().recipient) for _ in range(count)]


@pytest.mark.parametrize("keys", ["with the configuration", "beside the archive"])
@pytest.mark.parametrize("is_key_here", [True, False])
def test_nothing_is_archived_for_keys_that_nobody_here_has(tmp_path: Path, keys: str, is_key_here: bool) -> None:
    """The owner is refused in one line; one known key among the recipients is enough, and readers are not concerned."""
    encrypted(tmp_path)
    root, folder = tmp_path / "archive", tmp_path if keys == "with the configuration" else None
    before = name_recipients(tmp_path, *foreign())

    def open_and_close() -> None:
        if is_key_here:
            Archive.open(root, own=True, keys=folder).close()
        else:
            with without_key(tmp_path):
                Archive.open(root, own=True, keys=folder).close()

    with pytest.raises(ConfigError, match=r"recipients\.txt: has none of the keys .* could not be read"):
        open_and_close()
    Archive.open(root, keys=folder).close()
    name_recipients(tmp_path, *foreign(), before.splitlines()[1])
    open_and_close()


def test_no_archive_is_created_for_keys_that_nobody_here_has(tmp_path: Path) -> None:
    """A new archive with foreign public keys is refused before its folder exists."""
    create_keys(tmp_path)
    name_recipients(tmp_path, *foreign())
    with pytest.raises(ConfigError, match="has none of the keys here"):
        Archive.open(tmp_path / "archive", create=True, own=True, keys=tmp_path, encrypt=True)
    assert not (tmp_path / "archive").exists()


def test_the_recovery_key_is_enough_to_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On another computer, without any file of keys beside the archive, the named recovery key opens new blobs."""
    recovery = encrypted(tmp_path)
    for name in (IDENTITY_FILE, RECIPIENTS_FILE):
        (tmp_path / name).unlink()
    (tmp_path / "recovery.txt").write_text(recovery)
    monkeypatch.setenv(IDENTITY_VARIABLE, str(tmp_path / "recovery.txt"))
    Archive.open(tmp_path / "archive", own=True).close()


def test_new_keys_beside_the_archive_are_used_without_a_configuration(tmp_path: Path) -> None:
    """After a change of keys, the old ones open no new blob, also if no configuration is known."""
    encrypted(tmp_path)
    old = (tmp_path / IDENTITY_FILE).read_text()
    for name in (IDENTITY_FILE, RECIPIENTS_FILE):
        (tmp_path / name).unlink()
    create_keys(tmp_path)
    (tmp_path / "a.log").write_bytes(b"a")
    with Archive.open(tmp_path / "archive", own=True) as archive:
        entry = archive_source(archive, NewSource(path=tmp_path / "a.log", converter_name="C"))
        assert restore_source(archive, entry.archive_id, tmp_path / "out").read_bytes() == b"a"
    with without_key(tmp_path):
        (tmp_path / IDENTITY_FILE).write_text(old)
        with Archive.open(tmp_path / "archive") as archive, pytest.raises(BlobLocked, match="none of your keys"):
            restore_source(archive, entry.archive_id, tmp_path / "again")
        (tmp_path / IDENTITY_FILE).unlink()


def test_there_are_never_more_keys_than_a_header_can_hold(tmp_path: Path) -> None:
    """A blob with a longer header could not be read again; a key that is named twice counts once."""
    create_keys(tmp_path)
    most = foreign(MOST_RECIPIENTS)
    name_recipients(tmp_path, *most, *most)
    assert len(read_recipients(tmp_path / RECIPIENTS_FILE)) == MOST_RECIPIENTS
    assert header_bytes(MOST_RECIPIENTS) < MOST_HEADER_BYTES
    name_recipients(tmp_path, *most, *foreign(1))
    with pytest.raises(ConfigError, match=r"names 501 keys; at most 500"):
        read_recipients(tmp_path / RECIPIENTS_FILE)
