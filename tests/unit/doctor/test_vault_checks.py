"""What ``doctor`` says of the vault."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pywats_archive.archive.core import Archive
from pywats_archive.config.vault import VaultSettings
from pywats_archive.doctor.station.checks import CheckLevel
from pywats_archive.doctor.station.vault import check_vault, rate
from pywats_archive.models.time import utc_now
from pywats_archive.vault import marker
from pywats_archive.vault.folder import FolderVault
from pywats_archive.vault.proof import Proof

OK, WARNING, FAILED = CheckLevel.OK, CheckLevel.WARNING, CheckLevel.FAILED
BUCKET, FOLDER = "s3://archives/plant", "/mnt/nas/archives"


@pytest.mark.parametrize(
    ("url", "replaces", "is_racy", "reads_back", "may_remove", "level", "says"),
    [
        (
            BUCKET,
            False,
            False,
            True,
            False,
            OK,
            "good: each object is stored once, and this station can remove none; no lock",
        ),
        (
            BUCKET,
            False,
            False,
            True,
            True,
            WARNING,
            "good, not full: each object is stored once, but this key may delete",
        ),
        (FOLDER, False, False, True, True, OK, "good: each object is stored once; this account can remove files"),
        (FOLDER, False, False, True, False, OK, "good"),
        (BUCKET, True, False, True, False, FAILED, "replaces objects"),
        (BUCKET, True, False, False, False, FAILED, "replaces objects"),
        (BUCKET, False, True, True, False, FAILED, "replaces objects that arrive at once"),
        (BUCKET, False, False, False, False, FAILED, "returned other bytes"),
    ],
)
def test_each_proof_has_its_level(
    url: str, replaces: bool, is_racy: bool, reads_back: bool, may_remove: bool, level: CheckLevel, says: str
) -> None:
    """A vault that replaces objects is not used; one whose key may delete is good, not full."""
    proof = Proof(replaces=replaces, is_racy=is_racy, reads_back=reads_back, locked_until=None, may_remove=may_remove)
    found = rate(VaultSettings(vault_url=url), proof)
    assert (found.level, found.subject) == (level, url) and says in found.seen


def test_a_lock_makes_a_vault_full() -> None:
    """If the station can remove nothing either; a key that may delete can still cover what is locked."""
    proof = Proof(replaces=False, is_racy=False, reads_back=True, locked_until=utc_now(), may_remove=False)
    assert rate(VaultSettings(vault_url=BUCKET), proof).seen.startswith("full: each object is stored once, is locked")
    assert rate(VaultSettings(vault_url=BUCKET), replace(proof, may_remove=True)).level is WARNING


def test_a_folder_is_tried(tmp_path: Path) -> None:
    """Below the folder of the station's archive."""
    settings = VaultSettings(vault_url=str(tmp_path / "vault"))
    with Archive.open(tmp_path / "archive", own=True, create=True) as archive:
        uuid = archive.description.archive_uuid
    (missing,) = check_vault(settings, [tmp_path / "archive"])
    assert (missing.level, "mount the share" in missing.seen) == (WARNING, True)
    marker.create(FolderVault(tmp_path / "vault"))
    (found,) = check_vault(settings, [tmp_path / "archive"])
    assert (found.level, found.seen[:4]) == (OK, "good")
    assert [path.name for path in (tmp_path / "vault").iterdir() if path.is_dir()] == [uuid]


def test_what_is_no_vault_is_named(tmp_path: Path) -> None:
    """With what to do about it."""
    (tmp_path / "vault.json").write_bytes(b"{}")
    (found,) = check_vault(VaultSettings(vault_url=str(tmp_path)), [])
    assert (found.level, "name another place" in found.seen) == (FAILED, True)


def test_credentials_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """As a fault of the vault, with the file."""
    settings = VaultSettings(vault_url=BUCKET, vault_credentials=str(tmp_path / "vault.key"))
    (found,) = check_vault(settings, [])
    assert (found.level, found.subject) == (FAILED, BUCKET)
    assert found.seen.startswith(f"{tmp_path / 'vault.key'}: vault_credentials cannot be read")
