"""Another uuid in archive.json hides no anchors: the history records the uuid, and a key has the anchors of one station."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.anchored import anchored, checks, kinds, said, tamper
from tests.filled import fill

from pywats_archive.archive.core import Archive
from pywats_archive.catalog import events
from pywats_archive.models.operation.integrity import ProblemKind

ALTERED, FOREIGN, CUT = ProblemKind.ARCHIVE_ALTERED, ProblemKind.ANCHOR_FOREIGN, ProblemKind.HISTORY_CUT
OTHER = "00000000-1111-4222-8333-444444444444"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An archive of one of everything."""
    fill(tmp_path)
    return tmp_path / "archive"


@pytest.fixture
def share(tmp_path: Path) -> Path:
    (tmp_path / "share").mkdir()
    return tmp_path / "share"


def rename(root: Path) -> str:
    """Write another uuid into archive.json, and remove the archive's own notes of its anchors; returns the former uuid."""
    path = root / "archive.json"
    document = json.loads(path.read_text("utf-8"))
    former = str(document["archive_uuid"])
    path.chmod(0o600)
    path.write_text(json.dumps({**document, "archive_uuid": OTHER}), encoding="utf-8")
    (root / "anchors.log").unlink()
    return former


def recorded(root: Path) -> list[object]:
    """Return the uuids that the history records."""
    with Archive.open(root) as archive, archive.read() as db:
        return [each.details["archive_uuid"] for each in events.without_archive_id(db, "archive.identified")]


def forget(root: Path) -> None:
    """Take the uuid out of the history, as in an archive of an earlier version."""
    tamper(root, "UPDATE events SET kind = 'user.signed_in', details = '{}' WHERE kind = 'archive.identified'")


def test_another_uuid_is_a_finding_and_hides_no_anchor(root: Path, share: Path) -> None:
    """With the configured folder alone, also where the newest events were cut off meanwhile."""
    anchored(root)
    made = anchored(root, share, number=4)
    former = rename(root)
    assert recorded(root) == [former]
    assert kinds(root) == kinds(root, configured=[share]) == [ALTERED]
    assert f"proved up to event {made.anchor.event} " in said(root, configured=[share])
    tamper(root, "DELETE FROM events WHERE sequence > (SELECT max(sequence) - 3 FROM events)")
    assert kinds(root) == [ALTERED] and kinds(root, configured=[share]) == [ALTERED, CUT]
    tamper(root, "DELETE FROM events WHERE kind IN ('archive.identified', 'key.recorded', 'user.signed_in')")
    assert kinds(root, configured=[share])[-1] is FOREIGN, "the public key beside the catalog"


def test_a_history_recomputed_for_another_uuid_is_found_by_the_key_of_the_anchors(root: Path, share: Path) -> None:
    """The anchors of the former uuid are named, also after the service made new ones; without them nothing is found."""
    made = anchored(root, share)
    former = rename(root)
    tamper(root, f"UPDATE events SET details = replace(details, '{former}', '{OTHER}')")
    assert kinds(root) == [] and kinds(root, configured=[share]) == [FOREIGN]
    anchored(root, share)
    (problem,) = [each.problem for each in checks(root, configured=[share]) if each.problem]
    assert former in problem.message and f"up to event {made.anchor.event} " in problem.message


def test_an_archive_of_an_earlier_version_is_found_by_the_key_too(root: Path, share: Path) -> None:
    """Its history has no uuid until its next anchor, which records it once."""
    anchored(root, share)
    forget(root)
    (root / "anchors.log").unlink()
    for path in share.rglob("*.anchor"):
        path.unlink()
    anchored(root, share)
    anchored(root, share)
    assert len(recorded(root)) == 1 and kinds(root, configured=[share]) == []
    forget(root)
    rename(root)
    assert recorded(root) == [] and FOREIGN in kinds(root, configured=[share])


def test_the_anchors_of_other_stations_in_a_folder_are_not_compared(root: Path, share: Path, tmp_path: Path) -> None:
    """They have keys of their own."""
    (tmp_path / "other").mkdir()
    anchored(tmp_path / "other" / "archive", share)
    anchored(root, share)
    assert kinds(root, configured=[share]) == [] == kinds(tmp_path / "other" / "archive", configured=[share])
