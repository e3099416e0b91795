"""A bucket behind a bad network, or in bad hands: nothing is lost, nothing is sent twice, and what was covered is named."""

from __future__ import annotations

import json
from collections import Counter
from itertools import cycle
from pathlib import Path
from uuid import uuid4

import pytest
from tests.flaky import FlakyProxy, Trouble
from tests.s3_request import cover, create_locked_bucket, is_removal_refused, version, versions_of
from tests.seaweed import Seaweed
from tests.vaulted import blobs

from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica import progress
from pywats_archive.errors import VaultAway, VaultRefused
from pywats_archive.replication import names
from pywats_archive.replication.fetching import segment_keys, whole_segment
from pywats_archive.replication.restoring import restore
from pywats_archive.replication.shipping import Shipping
from pywats_archive.replication.verifying import Verifying
from pywats_archive.vault.opening import open_vault
from pywats_archive.vault.store import MARKER, Vault

pytestmark = pytest.mark.long
SMALL = 6000


def ship_through(archive: Archive, vault: Vault, *, tries: int) -> Counter[str]:
    """Ship, and after an error go on, or start anew as a service does; returns the errors by their kind."""
    errors = Counter[str]()
    for number in range(tries):
        if number % 2 == 0:
            shipping = Shipping(archive, vault, limit_bytes=SMALL)
        try:
            for _ in shipping.ship_all():
                pass
        except (VaultAway, VaultRefused) as exc:
            errors[type(exc).__name__] += 1
        else:
            break
    return errors


@pytest.mark.parametrize("trouble", list(Trouble))
def test_each_object_meets_trouble_once(archive: Archive, seaweed: Seaweed, tmp_path: Path, trouble: Trouble) -> None:
    """Also if the server stored it, and its answer was lost: each event is in the vault once, and each file."""
    met = set[str]()

    def plan(method: str, path: str) -> Trouble | None:
        if method != "PUT" or path in met or "/probe/" in path:
            return None
        met.add(path)
        return trouble

    prefix = f"weather/{uuid4()}"
    direct = open_vault(seaweed.settings(tmp_path, prefix))
    direct.put_new(MARKER, b"{}")
    with FlakyProxy(seaweed.endpoint, plan) as proxy:
        vault = open_vault(seaweed.settings(tmp_path, prefix, endpoint=proxy.address))
        errors = ship_through(archive, vault, tries=100)
    kind = "VaultRefused" if trouble is Trouble.REFUSED else "VaultAway"
    segments = list(segment_keys(direct, archive.description.archive_uuid, str(progress.chain_of(archive))))
    assert len(segments) > 3 and errors[kind] >= len(segments)
    assert progress.lag(archive, direct.url).events == 0
    lines = (json.loads(line) for key in segments for line in whole_segment(direct, key).rows())
    numbers = [line["row"]["sequence"] for line in lines if line["table"] == "events"]
    assert numbers == list(range(1, progress.lag(archive, direct.url).newest + 1))
    held = Counter(path for key in segments for path in whole_segment(direct, key).files)
    assert max(held.values()) == 1
    assert restore(direct, tmp_path / "again", actor="a").problems == ()
    assert blobs(tmp_path / "again") == blobs(archive.root)


def test_a_restore_and_a_check_outlast_a_bad_network(archive: Archive, seaweed: Seaweed, tmp_path: Path) -> None:
    """Each request fails at first, in one way or another, and neither has to begin anew."""
    met, troubles = set[tuple[str, str]](), cycle([Trouble.BUSY, Trouble.LOST, Trouble.ANSWER_LOST])

    def plan(method: str, path: str) -> Trouble | None:
        if (method, path) in met:
            return None
        met.add((method, path))
        return next(troubles)

    prefix = f"network/{uuid4()}"
    direct = open_vault(seaweed.settings(tmp_path, prefix))
    direct.put_new(MARKER, b"{}")
    ship_through(archive, direct, tries=1)
    with FlakyProxy(seaweed.endpoint, plan) as proxy:
        patient = open_vault(seaweed.settings(tmp_path, prefix, endpoint=proxy.address), tries_again=True)
        assert restore(patient, tmp_path / "again", actor="a").problems == ()
        met.clear()
        assert {problem for each in Verifying(archive, patient).segments() for problem in each.problems} == set()
    assert len(met) > 5
    assert blobs(tmp_path / "again") == blobs(archive.root)


def test_a_covered_segment_is_named_and_its_first_version_is_there(
    archive: Archive, seaweed: Seaweed, tmp_path: Path
) -> None:
    """In a bucket with a lock nobody removes a version, and whoever stores another one over it is found (invariant 8)."""
    bucket = f"locked-{uuid4()}"
    create_locked_bucket(seaweed, bucket)
    settings = seaweed.settings(tmp_path, "plant", user="admin")
    vault = open_vault(settings.model_copy(update={"vault_url": f"s3://{bucket}/plant"}))
    vault.put_new(MARKER, b"{}")
    assert ship_through(archive, vault, tries=1) == {}
    uuid = archive.description.archive_uuid
    keys = list(segment_keys(vault, uuid, str(progress.chain_of(archive))))
    before = {key: vault.get(key) for key in keys}
    assert [each.problems for each in Verifying(archive, vault).segments()] == [()] * len(keys)

    covered = keys[1]
    cover(seaweed, f"/{bucket}/plant/{covered}", before[keys[2]])
    problems = [problem for each in Verifying(archive, vault).segments() for problem in each.problems]
    assert any(covered in problem for problem in problems)
    newest, first = versions_of(seaweed, f"/{bucket}/plant/{covered}")
    assert version(seaweed, f"/{bucket}/plant/{covered}", first) == before[covered]
    assert all(is_removal_refused(seaweed, f"/{bucket}/plant/{covered}", each) for each in (newest, first))
    assert names.first_of(covered)

    before_repair = {key: vault.get(key) for key in keys}
    repaired = [line for each in Verifying(archive, vault, repairs=True).segments() for line in each.repaired]
    assert repaired and all(covered in line for line in repaired)
    assert [each.problems for each in Verifying(archive, vault).segments()] == [()] * len(keys)
    assert {key: vault.get(key) for key in keys} == before_repair
    done = restore(vault, tmp_path / "again", actor="me")
    assert done.problems == () and blobs(tmp_path / "again") == blobs(archive.root)
