"""What only an anchor finds: events cut off, a recomputed history, an older catalog, another key, another archive."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from tests.anchored import anchored, checks, copy_of, kinds, notes, said, signer_of, tamper
from tests.filled import fill

from pywats_archive.archive.anchors.making import make
from pywats_archive.archive.anchors.signing import KEY_FILE
from pywats_archive.archive.core import Archive
from pywats_archive.archive.repair.rebuild import Rebuilding, rebuild
from pywats_archive.archive.results import reports
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.operation.integrity import ProblemKind
from pywats_archive.models.query import EntryFilter

WITHOUT = (
    "no anchor outside the archive: newest events that were cut off, or a recomputed chain, would not be found; "
    "set anchor_folders"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An archive of one of everything."""
    fill(tmp_path)
    return tmp_path / "archive"


@pytest.fixture
def share(tmp_path: Path) -> Path:
    folder = tmp_path / "share"
    folder.mkdir()
    return folder


def without_notes(root: Path) -> None:
    """Remove what the archive itself notes of its anchors, as somebody with all rights would."""
    (root / "anchors.log").unlink()


def test_a_sound_history_stands_up_to_its_anchor(root: Path, share: Path) -> None:
    """Nothing is found, and a note says up to which event the history is proved, by which anchor."""
    made = anchored(root, share)
    assert kinds(root, share) == [] == kinds(root, *made.written) == kinds(root, configured=[share])
    assert f"proved up to event {made.anchor.event} " in said(root, share)
    assert str(made.written[0]) in said(root, configured=[share])


def test_without_an_anchor_outside_that_is_said(root: Path, share: Path) -> None:
    """One line, whether there is none at all, only those in the archive, or an empty folder; none with an anchor outside."""
    assert said(root).endswith(WITHOUT)
    anchored(root)
    assert said(root, configured=[share]).endswith(WITHOUT)
    anchored(root, share)
    assert WITHOUT not in said(root, configured=[share])


def cut_off(root: Path) -> None:
    tamper(root, "DELETE FROM events WHERE sequence > (SELECT max(sequence) - 3 FROM events)")


def remove_one(root: Path) -> None:
    """Remove an event that binds no rows, from the middle."""
    removed = "(SELECT max(sequence) FROM events WHERE kind = 'user.signed_in')"
    tamper(
        root,
        f"UPDATE events SET sequence = -sequence WHERE sequence > {removed}",
        "DELETE FROM events WHERE sequence = (SELECT max(sequence) FROM events)",
        "UPDATE events SET sequence = -sequence - 1 WHERE sequence < 0",
    )


def edit_one(root: Path) -> None:
    tamper(root, "UPDATE events SET actor = 'nobody' WHERE sequence = 2")


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (cut_off, ProblemKind.HISTORY_CUT),
        (remove_one, ProblemKind.HISTORY_CUT),
        (edit_one, ProblemKind.HISTORY_ALTERED),
    ],
)
def test_a_chain_that_is_computed_anew_is_found_with_an_anchor_only(
    root: Path, share: Path, change: Callable[[Path], None], kind: ProblemKind
) -> None:
    """With all rights the chain becomes whole again: without an anchor only the line says what cannot be seen."""
    anchored(root, share, number=4)
    change(root)
    assert kinds(root, share) == kinds(root, configured=[share]) == [kind]
    assert kinds(root) == [kind], "what the archive notes of its anchors was not changed"
    without_notes(root)
    assert kinds(root) == [] and said(root).endswith(WITHOUT)
    assert kinds(root, share) == [kind]


def test_events_after_a_cut_do_not_hide_it(root: Path, share: Path) -> None:
    """The service goes on after the cut, beyond the number of the anchor: its event has another hash."""
    anchored(root, share, number=4)
    cut_off(root)
    without_notes(root)
    anchored(root, number=9)
    assert kinds(root, share) == [ProblemKind.HISTORY_ALTERED]


def test_an_older_catalog_is_found_against_a_newer_anchor(root: Path, share: Path, tmp_path: Path) -> None:
    """metadata.db from before is restored: it is sound, and ends too early."""
    anchored(root, share)
    copy = copy_of(root, tmp_path / "old.db")
    anchored(root, share)
    shutil.copy(copy, root / "metadata.db")
    without_notes(root)
    assert kinds(root) == []
    (found,) = [each.problem for each in checks(root, share) if each.problem]
    assert found.kind is ProblemKind.HISTORY_CUT and "older metadata.db" in found.message


def test_a_report_carries_the_anchor_and_shows_the_change(root: Path) -> None:
    """Each report that is archived later has the anchor in its header: the same without a folder and without the log."""
    with Archive.open(root, own=True) as archive:
        made = make(archive, signer_of(root))
        entry = archive.find(EntryFilter(status=ConversionStatus.SUCCESS)).items[0]
        added = reports.add_report(archive, entry.archive_id, b'{"id": "0e7b5a84-0f5b-44f4-8e2e-2d0a4a6f4b01"}')
        assert archive.blobs.label(added.archived_path).metadata["anchor"] == made.anchor.carried()
    without_notes(root)
    assert kinds(root) == []
    assert any(added.archived_path in each and "own anchors up to" in each for each in notes(root))
    edit_one(root)
    assert ProblemKind.HISTORY_ALTERED in kinds(root)


def test_a_forged_anchor_is_told_from_a_changed_history(root: Path, share: Path) -> None:
    """An anchor whose event, hash, time or key was edited has a wrong signature."""
    (path,) = anchored(root, share).written
    line = path.read_text(encoding="ascii")
    for old, new in ((" event=", " event=1"), ("hash=", "hash=0"), ("time=2", "time=1")):
        changed = line.replace(old, new, 1) if old != "hash=" else line.replace("hash=", "hash=").translate(_SWAPPED)
        path.write_text(changed, encoding="ascii")
        assert kinds(root, path) == [ProblemKind.ANCHOR_DAMAGED], old


_SWAPPED = {ord("0"): "1", ord("1"): "0"}


def test_a_file_without_an_anchor_is_a_finding(root: Path, share: Path) -> None:
    """Whoever names a file or folder relies on what it holds."""
    (share / "note.txt").write_bytes(b"Meeting at ten.\n")
    assert kinds(root, share / "note.txt") == [ProblemKind.ANCHOR_DAMAGED]
    assert kinds(root, share / "missing") == [ProblemKind.ANCHOR_DAMAGED]
    assert kinds(root, share) == [ProblemKind.ANCHOR_FOREIGN]


def test_another_key_is_found(root: Path, share: Path) -> None:
    """An anchor that somebody made with a key of their own, of the right event."""
    made = anchored(root)
    (share / "key").mkdir()
    other = signer_of(share / "key" / "x").anchor(
        made.anchor.archive_uuid, made.anchor.event, made.anchor.hash, made.anchor.at
    )
    (share / "x.anchor").write_text(f"{other.line}\n", encoding="ascii")
    assert kinds(root, share / "x.anchor") == [ProblemKind.ANCHOR_KEY]


def test_a_changed_key_is_on_record_and_reported(root: Path, share: Path) -> None:
    """The new key is an event with its public key; the anchors of both stand."""
    first = anchored(root, share)
    (root.parent / KEY_FILE).rename(root.parent / "old.pem")
    second = anchored(root, share)
    assert first.anchor.key_id != second.anchor.key_id
    assert kinds(root, share) == []
    (note,) = [each for each in notes(root, share) if "signing key changed" in each]
    assert first.anchor.key_id in note and second.anchor.key_id in note
    keys = sorted(path.name for path in root.glob("public-key-*.pem"))
    assert keys == sorted(f"public-key-{each.anchor.key_id}.pem" for each in (first, second))


def test_an_anchor_of_another_archive_is_found(root: Path, share: Path, tmp_path: Path) -> None:
    """Another uuid: a wrong path, or archive.json was exchanged."""
    (tmp_path / "other").mkdir()
    made = anchored(tmp_path / "other" / "archive", share)
    assert kinds(root, *made.written) == [ProblemKind.ANCHOR_FOREIGN]
    assert kinds(root, share) == [ProblemKind.ANCHOR_FOREIGN]


def test_a_folder_that_is_away_is_noted(root: Path, share: Path) -> None:
    """The configured share is not there: the check goes on, and says which anchors were not compared."""
    anchored(root, share)
    away = share.rename(share.with_name("away"))
    assert kinds(root, configured=[share]) == []
    assert any(str(share) in each and "not compared" in each for each in notes(root, configured=[share]))
    assert away.exists()


def test_the_clock_may_go_back(root: Path, share: Path) -> None:
    """An anchor counts by the number of its event; its time is only said."""
    anchored(root, share)
    earlier = datetime.now(timezone.utc) - timedelta(days=400)
    made = anchored(root, share, clock=lambda: earlier)
    assert kinds(root, share) == []
    assert f"event {made.anchor.event} of {earlier:%Y-%m-%d}" in said(root, share)


def test_a_rebuild_that_keeps_the_former_history_is_for_a_person_to_judge(root: Path, share: Path) -> None:
    """Anchors from before agree with the catalog that was put aside, and show nothing of what replaced it."""
    anchored(root, share)
    rebuild(root, Rebuilding(actor="test"))
    assert any("a rebuild replaced" in each for each in notes(root))
    after = anchored(root, share)
    assert kinds(root, share) == [ProblemKind.HISTORY_REPLACED]
    assert kinds(root, *after.written) == []
    assert f"proved up to event {after.anchor.event} " in said(root, share)


def test_a_copy_put_aside_without_a_rebuild_hides_nothing(root: Path, share: Path) -> None:
    """Only a rebuild, which the history records, puts a catalog aside: an old one there is no proof by itself."""
    anchored(root, share)
    copy_of(root, root / "metadata.db.damaged-20260213T143022Z")
    edit_one(root)
    assert kinds(root, share) == [ProblemKind.HISTORY_ALTERED]


@pytest.mark.parametrize("change", [edit_one, cut_off, lambda root: (root / "metadata.db").unlink()])
def test_a_rebuild_that_loses_the_former_history_is_found(
    root: Path, share: Path, change: Callable[[Path], None]
) -> None:
    """Nobody can hide a change behind a rebuild: the anchors from before say what is missing, the later ones stand."""
    anchored(root, share)
    change(root)
    rebuild(root, Rebuilding(actor="test"))
    after = anchored(root, share)
    assert kinds(root, share) == [ProblemKind.HISTORY_LOST]
    assert kinds(root, *after.written) == []
