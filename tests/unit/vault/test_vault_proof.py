"""A place is tried before it is trusted: two of four real servers say that they store an object once, and replace it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from uuid import uuid4

import pytest
from tests.s3_request import create_locked_bucket
from tests.seaweed import LEAST_UUID, Seaweed, replacing_server

from pywats_archive.errors import KeyMissing, VaultRefused
from pywats_archive.vault.opening import open_vault
from pywats_archive.vault.proof import Proof, prove, require_once
from pywats_archive.vault.store import Vault


def test_a_vault_stores_each_object_once(vault: Vault) -> None:
    """The proof says so, and leaves nothing where it may remove it; the check before the first push does not try that."""
    uuid = str(uuid4())
    assert prove(vault, uuid) == Proof(
        replaces=False, is_racy=False, reads_back=True, locked_until=None, may_remove=True
    )
    assert list(vault.keys(uuid)) == []
    require_once(vault, uuid)
    assert [each.key.rpartition("/")[0] for each in vault.keys(uuid)] == [f"{uuid}/probe"]


def test_what_was_removed_is_gone(vault: Vault) -> None:
    """Only a trial removes anything."""
    vault.put_new("a/probe/1", b"1")
    assert vault.try_remove("a/probe/1")
    with pytest.raises(KeyMissing):
        vault.get("a/probe/1")


@pytest.mark.long
def test_a_server_that_replaces_objects_is_refused(tmp_path: Path) -> None:
    """It answers every conditional put with success, and has the last object then."""
    with replacing_server(tmp_path) as settings:
        liar = open_vault(settings)
        liar.put_new("a/1", b"first")
        liar.put_new("a/1", b"second")
        assert liar.get("a/1") == b"second"
        found = prove(liar, "a")
        assert found.replaces and found.is_racy
        with pytest.raises(VaultRefused, match="replaces objects, so objects are not safe there"):
            require_once(liar, "a")


@pytest.mark.long
def test_a_station_with_the_least_rights_can_remove_nothing(seaweed: Seaweed, tmp_path: Path) -> None:
    """The probe stays; that is the best that a vault can do."""
    vault = open_vault(seaweed.settings(tmp_path, "least", user="least"))
    assert prove(vault, LEAST_UUID) == Proof(
        replaces=False, is_racy=False, reads_back=True, locked_until=None, may_remove=False
    )


@pytest.mark.long
def test_a_lock_of_the_bucket_is_seen(seaweed: Seaweed, tmp_path: Path) -> None:
    """Its default retention holds for what a station stores; who may delete only covers an object, so that is said too."""
    name = f"locked-{uuid4()}"
    create_locked_bucket(seaweed, name)
    admin = seaweed.settings(tmp_path, "plant", user="admin").model_copy(update={"vault_url": f"s3://{name}/plant"})
    found = prove(open_vault(admin), "a")
    assert found.may_remove and found.locked_until
    assert timedelta(hours=23) < found.locked_until - datetime.now(timezone.utc) <= timedelta(hours=24)
