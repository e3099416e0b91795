"""Nothing is purged that the vault has not confirmed, where that is required (invariant 13)."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.aged import Aged

from pywats_archive.archive import holds, purging
from pywats_archive.archive.purging import Batch
from pywats_archive.archive.repair.rebuild import Rebuilding, rebuild
from pywats_archive.archive.replica import progress
from pywats_archive.archive.results.reports import remove_document
from pywats_archive.catalog import vault_gate
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.models.retention.purge import Obstacle, PurgeReason
from pywats_archive.replication.shipping import Shipping
from pywats_archive.retention import enforcing
from pywats_archive.vault.folder import FolderVault
from pywats_archive.vault.store import MARKER


@pytest.fixture
def aged(tmp_path: Path) -> Iterator[Aged]:
    made = Aged(tmp_path)
    yield made
    made.archive.close()


def shipping(aged: Aged, vault: FolderVault) -> Shipping:
    return Shipping(aged.archive, vault, limit_bytes=4000)


def purged(aged: Aged, entry: ArchiveEntry) -> int:
    """Try to purge an entry, past the plan: by the statement that marks it."""
    batch = Batch(converter_name="c", reason=PurgeReason.MANUAL, archive_ids=[entry.archive_id])
    return purging.purge(aged.archive, batch).entries


def kept(aged: Aged) -> Counter[Obstacle | None]:
    """Give what the plan of a policy says about entries that are due."""
    policy = RetentionPolicy(converter_name="c", retention_days=1)
    return Counter(each.obstacle for each in enforcing.preview(aged.archive, policy, now=aged.now))


def test_an_entry_goes_once_the_vault_has_confirmed_it(aged: Aged, vault: FolderVault) -> None:
    """Not before, neither by the plan nor by the statement; and not if something happened to it since (invariant 13)."""
    one, two = aged.add(days_ago=30), aged.add(days_ago=20)
    progress.require(aged.archive, vault.url)
    assert kept(aged) == {Obstacle.NOT_IN_VAULT: 2} and purged(aged, one) == 0
    list(shipping(aged, vault).ship_all())
    assert kept(aged) == {Obstacle.NOT_IN_VAULT: 2} and purged(aged, one) == 0
    shipping(aged, vault).confirm()
    assert kept(aged) == {None: 2}
    holds.hold(aged.archive, two.archive_id, "an audit", actor="a")
    holds.release(aged.archive, [two.archive_id], actor="a")
    assert kept(aged) == {None: 1, Obstacle.NOT_IN_VAULT: 1}
    assert (purged(aged, one), purged(aged, two)) == (1, 0)


def test_a_confirmation_counts_for_a_day(aged: Aged, vault: FolderVault) -> None:
    """A vault that is away for longer lets nothing be purged."""
    entry = aged.add(days_ago=30)
    progress.require(aged.archive, vault.url)
    list(shipping(aged, vault).ship_all())
    shipping(aged, vault).confirm()
    assert not progress.is_confirmation_due(aged.archive)
    aged.now += timedelta(hours=25)
    assert kept(aged) == {Obstacle.NOT_IN_VAULT: 1} and purged(aged, entry) == 0
    assert progress.is_confirmation_due(aged.archive)
    shipping(aged, vault).confirm()
    assert purged(aged, entry) == 1


def test_a_vault_that_lost_a_segment_confirms_nothing_behind_it(aged: Aged, vault: FolderVault) -> None:
    """A segment that is missing there, or has another size, ends what is confirmed."""
    first, last = aged.add(days_ago=30), aged.add(days_ago=20)
    done = list(shipping(aged, vault).ship_all())
    assert len(done) > 1
    progress.require(aged.archive, vault.url)
    lost = Path(vault.url, done[-1].key)
    content = lost.read_bytes()
    lost.unlink()
    lost.write_bytes(content[:-1])
    aged.now += timedelta(seconds=1)
    assert shipping(aged, vault).confirm() == done[-2].segment.last
    lag = progress.lag(aged.archive, vault.url)
    assert (lag.confirmed, lag.expected) == (done[-2].segment.last, done[-1].segment.last)
    aged.now += timedelta(seconds=1)
    list(shipping(aged, vault).ship_all())
    assert progress.lag(aged.archive, vault.url).expected == done[-1].segment.last
    assert purged(aged, last) == 0
    Path(vault.url, done[0].key).unlink()
    assert shipping(aged, vault).confirm() == 0
    assert purged(aged, first) == 0


def test_an_entry_with_a_blob_that_was_left_out_stays(aged: Aged, vault: FolderVault) -> None:
    """The vault has its rows, and not its bytes."""
    entry, other = aged.add(days_ago=30), aged.add(days_ago=30)
    blob = aged.archive.root / entry.source_archived_path
    aside = blob.rename(blob.with_name("aside"))
    list(shipping(aged, vault).ship_all())
    aside.rename(blob)
    progress.require(aged.archive, vault.url)
    shipping(aged, vault).confirm()
    assert (purged(aged, entry), purged(aged, other)) == (0, 1)


def test_entries_of_a_rebuilt_catalog_stay_until_the_vault_has_them(aged: Aged, vault: FolderVault) -> None:
    """They have no event of their own: their numbers, and those of their reports, are compared (invariant 13)."""
    added = [aged.add(days_ago=30), aged.add(days_ago=20)]
    aged.archive.close()
    rebuild(aged.archive.root, Rebuilding(clock=lambda: aged.now))
    aged.open()
    progress.require(aged.archive, vault.url)
    assert [purged(aged, each) for each in added] == [0, 0]
    shipping(aged, vault).step()
    assert shipping(aged, vault).confirm() > 0
    list(shipping(aged, vault).ship_all())
    shipping(aged, vault).confirm()
    with closing(sqlite3.connect(aged.archive.catalog.path)) as db:
        db.execute("UPDATE vault_segments SET report_no = report_no - 1")
        db.commit()
    assert [purged(aged, each) for each in added] == [1, 0]
    with closing(sqlite3.connect(aged.archive.catalog.path)) as db:
        db.execute("UPDATE vault_segments SET report_no = report_no + 1, entry_no = entry_no - 1")
        db.commit()
    assert purged(aged, added[1]) == 0
    with closing(sqlite3.connect(aged.archive.catalog.path)) as db:
        db.execute("UPDATE vault_segments SET entry_no = entry_no + 1")
        db.commit()
    assert purged(aged, added[1]) == 1


def test_a_report_that_was_removed_keeps_no_entry(aged: Aged, vault: FolderVault) -> None:
    """With ``archive_output_reports = false`` each report goes once the server has it: it is not one that was left out."""
    entry = aged.add(days_ago=30)
    (report,) = aged.archive.details(entry.archive_id).reports
    remove_document(aged.archive, report)
    progress.require(aged.archive, vault.url)
    assert not any(each.left_out for each in shipping(aged, vault).ship_all())
    shipping(aged, vault).confirm()
    assert purged(aged, entry) == 1


def test_without_the_requirement_everything_goes_as_before(aged: Aged, vault: FolderVault) -> None:
    """And what was required and is no longer is in the history, both times."""
    entry = aged.add(days_ago=30)
    progress.require(aged.archive, vault.url)
    progress.require(aged.archive, vault.url)
    progress.require(aged.archive, None)
    assert kept(aged) == {None: 1} and purged(aged, entry) == 1
    with closing(sqlite3.connect(aged.archive.catalog.path)) as db:
        kinds = [kind for (kind,) in db.execute("SELECT kind FROM events WHERE kind LIKE 'vault.%' ORDER BY sequence")]
    assert kinds == ["vault.required", "vault.not_required"]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.sampled_from(["add", "ship", "confirm", "hold", "day", "step"]), max_size=14))
def test_no_plan_and_no_mark_has_an_entry_above_the_confirmed_number(
    tmp_path_factory: pytest.TempPathFactory, acts: list[str]
) -> None:
    """Whatever happened in whichever order (invariant 13)."""
    base = tmp_path_factory.mktemp("gate")
    vault = FolderVault(base / "vault")
    vault.put_new(MARKER, b"{}")
    aged = Aged(base)
    try:
        progress.require(aged.archive, vault.url)
        added = [aged.add(days_ago=30)]
        for act in acts:
            if act == "add":
                added.append(aged.add(days_ago=30))
            elif act == "ship":
                list(shipping(aged, vault).ship_all())
            elif act == "step":
                shipping(aged, vault).step()
            elif act == "confirm":
                shipping(aged, vault).confirm()
            elif act == "hold":
                holds.hold(aged.archive, added[-1].archive_id, "x", actor="a")
                holds.release(aged.archive, [added[-1].archive_id], actor="a")
            else:
                aged.now += timedelta(hours=13)
        with closing(sqlite3.connect(aged.archive.catalog.path)) as db:
            upto, at = db.execute("SELECT last, confirmed_at FROM vault_gate").fetchone()
            is_fresh = at is not None and aged.now - type(aged.now).fromisoformat(at) <= timedelta(days=1)
            newest = dict(db.execute("SELECT archive_id, max(sequence) FROM events GROUP BY archive_id"))
        may = {each.archive_id for each in added if is_fresh and newest[each.archive_id] <= upto}
        policy = RetentionPolicy(converter_name="c", retention_days=1)
        for few in (vault_gate._FEW_EVENTS, -1):
            with patch.object(vault_gate, "_FEW_EVENTS", few):
                decided = list(enforcing.preview(aged.archive, policy, now=aged.now))
            assert {each.archive_id for each in decided if not each.obstacle} == may
        assert {each.archive_id for each in added if purged(aged, each)} == may
    finally:
        aged.archive.close()


def test_an_entry_with_a_blob_beside_the_segments_stays_until_the_vault_has_that(
    aged: Aged, vault: FolderVault
) -> None:
    """Other entries go; and it goes too once the blob is there, with its size. The station sends again what the vault lost."""
    entry, other = aged.add(days_ago=30, size=9000), aged.add(days_ago=30)
    progress.require(aged.archive, vault.url)
    list(shipping(aged, vault).ship_all())
    (large,) = Path(vault.url).rglob("blobs/*.gz")
    content = large.read_bytes()
    large.unlink()
    blob = aged.archive.root / entry.source_archived_path
    aside = blob.rename(blob.with_name("aside"))
    shipping(aged, vault).confirm()
    assert not large.exists()
    aside.rename(blob)
    assert (purged(aged, entry), kept(aged)) == (0, {Obstacle.NOT_IN_VAULT: 1, None: 1})
    large.write_bytes(content[:-1])
    shipping(aged, vault).confirm()
    assert (purged(aged, entry), purged(aged, other)) == (0, 1)
    large.unlink()
    shipping(aged, vault).confirm()
    assert large.read_bytes() == content
    assert purged(aged, entry) == 1


def test_another_blob_is_not_sent_in_place_of_one_that_the_vault_lost(aged: Aged, vault: FolderVault) -> None:
    """Its bytes are whole, and of another object: the entry stays."""
    entry, other = aged.add(days_ago=30, size=9000), aged.add(days_ago=30)
    list(shipping(aged, vault).ship_all())
    (large,) = Path(vault.url).rglob("blobs/*.gz")
    large.unlink()
    blob = aged.archive.root / entry.source_archived_path
    blob.unlink()
    blob.write_bytes((aged.archive.root / other.source_archived_path).read_bytes())
    progress.require(aged.archive, vault.url)
    shipping(aged, vault).confirm()
    assert not list(Path(vault.url).rglob("blobs/*.gz"))
    assert purged(aged, entry) == 0


def test_a_blob_that_is_shipped_while_the_vault_is_asked_is_not_lost(aged: Aged, vault: FolderVault) -> None:
    """``vault push`` beside the service: the lists are from before it, and say nothing of its blobs."""
    list(shipping(aged, vault).ship_all())
    aged.add(days_ago=30, size=9000)

    def push(step: str) -> None:
        if step == "confirm":
            list(shipping(aged, vault).ship_all())

    Shipping(aged.archive, vault, limit_bytes=4000, on_step=push).confirm()
    assert list(Path(vault.url).rglob("blobs/*.gz"))
    assert progress.lag(aged.archive, vault.url).lacking == ()


def test_a_blob_beside_the_segments_is_confirmed_only_after_the_vault_was_asked_for_it(
    aged: Aged, vault: FolderVault
) -> None:
    """Of a segment that is found in the vault again as well: there, the rows were forgotten."""
    entry = aged.add(days_ago=30, size=9000)
    progress.require(aged.archive, vault.url)
    list(shipping(aged, vault).ship_all())
    shipping(aged, vault).confirm()
    with closing(sqlite3.connect(aged.archive.catalog.path)) as db:
        db.execute("DELETE FROM vault_large")
        db.execute("DELETE FROM vault_segments")
        db.commit()
    (large,) = Path(vault.url).rglob("blobs/*.gz")
    blob = aged.archive.root / entry.source_archived_path
    aside, here = large.rename(large.with_name("aside")), blob.rename(blob.with_name("here"))
    list(shipping(aged, vault).ship_all())
    shipping(aged, vault).confirm()
    assert purged(aged, entry) == 0
    aside.rename(large)
    here.rename(blob)
    shipping(aged, vault).confirm()
    assert purged(aged, entry) == 1


def test_what_an_emptied_vault_lacked_is_forgotten(aged: Aged, vault: FolderVault) -> None:
    """A blob that was left out then, and is copied now, keeps no entry."""
    entry = aged.add(days_ago=30)
    blob = aged.archive.root / entry.source_archived_path
    aside = blob.rename(blob.with_name("aside"))
    list(shipping(aged, vault).ship_all())
    aside.rename(blob)
    progress.require(aged.archive, vault.url)
    for segment in Path(vault.url).rglob("*.zip"):
        segment.unlink()
    list(shipping(aged, vault).ship_all())
    shipping(aged, vault).confirm()
    assert purged(aged, entry) == 1


def test_a_former_vault_confirms_nothing_for_the_required_one(aged: Aged, vault: FolderVault) -> None:
    """A round that began before the configuration changed ends with a confirmation of its own vault (invariant 13)."""
    one = aged.add(days_ago=30)
    progress.require(aged.archive, vault.url)
    former = shipping(aged, vault)
    assert list(former.ship_all())
    progress.require(aged.archive, "s3://another/vault")
    former.confirm()
    assert progress.required(aged.archive) == "s3://another/vault" and purged(aged, one) == 0
