"""Every kind of problem is found and named, and only that; what is only on its way is none."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.filled import fill, spoil_page
from tests.forged import forge

from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import reports
from pywats_archive.integrity.verify import _is_read_whole, verify
from pywats_archive.models.operation.integrity import Problem, ProblemKind, Thoroughness
from pywats_archive.models.query import EntryFilter
from pywats_archive.retention import enforcing

QUICK = Thoroughness(quick=True)
OF_ROWS = {
    ProblemKind.ROW_ALTERED,
    ProblemKind.ROW_MISSING,
    ProblemKind.ROW_UNRECORDED,
    ProblemKind.SUM_ALTERED,
    ProblemKind.TRIGGER_ALTERED,
    ProblemKind.TEXT_ALTERED,
}
"""What each edit of the catalog below is too; ``test_manipulations.py`` is about these."""


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pristine")
    fill(root)
    return root / "archive"


@pytest.fixture
def root(pristine: Path, tmp_path: Path) -> Path:
    """A copy of the archive, to be spoilt."""
    return Path(shutil.copytree(pristine, tmp_path / "archive"))


def problems(root: Path, thoroughness: Thoroughness | None = None) -> list[Problem]:
    with Archive.open(root) as archive:
        found = list(verify(archive, thoroughness or Thoroughness()))
    return [each.problem for each in found if each.problem and each.problem.kind not in OF_ROWS]


def blobs(root: Path, pattern: str) -> list[Path]:
    return sorted(path for top in ("sources", "reports") for path in (root / top).rglob(pattern))


def overwrite(path: Path, content: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(content)


def sql(root: Path, *statements: str) -> None:
    raw = sqlite3.connect(root / "metadata.db")
    for statement in statements:
        raw.execute(statement)
    raw.commit()
    raw.close()


@pytest.mark.parametrize("how", [Thoroughness(), QUICK, Thoroughness(sample_percent=5, seed="s")])
def test_a_sound_archive_is_sound(root: Path, how: Thoroughness) -> None:
    """Nothing is wrong with an archive of one of everything, each blob is counted once, and nothing changes."""
    before = {path: path.stat().st_mtime_ns for path in blobs(root, "*")}
    assert problems(root, how) == []
    with Archive.open(root) as archive:
        assert sum(each.blobs for each in verify(archive, how)) == len(blobs(root, "*.gz")) == 11
    assert {path: path.stat().st_mtime_ns for path in blobs(root, "*")} == before


@pytest.mark.long
def test_every_hundredth_byte_counts(root: Path) -> None:
    """A flip of any byte of header, content or end of a source, a folder, companions or a report is found at its blob."""
    for pattern in ("*.csv.gz", "*.tar.gz", "*.companions.tar.gz", "*.json.gz"):
        path = blobs(root, pattern)[0]
        content = path.read_bytes()
        step = 100 if len(content) > 2000 else 7
        for at in range(0, len(content), step):
            overwrite(path, content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :])
            (found,) = problems(root)
            assert (root / found.path, found.archive_id) == (path, path.name[:24]), at
        overwrite(path, content)
    assert problems(root) == []


@pytest.mark.long
def test_every_byte_of_a_header_counts_even_quickly(root: Path) -> None:
    """``--quick`` finds a flip of any byte of a header, whatever bit it is."""
    path = blobs(root, "*.csv.gz")[0]
    content = path.read_bytes()
    length = 12 + int.from_bytes(content[10:12], "little") + len("SN0.csv\0")
    for at in range(length):
        overwrite(path, content[:at] + bytes([content[at] ^ (1 << at % 8)]) + content[at + 1 :])
        (found,) = problems(root, QUICK)
        assert found.path.endswith(path.name) and found.kind is ProblemKind.HEADER_DAMAGED, at


def _damage(root: Path) -> str:
    path = blobs(root, "*.csv.gz")[0]
    content = path.read_bytes()
    overwrite(path, content[:2000] + bytes(100) + content[2100:])
    return path.name


def _truncate(root: Path) -> str:
    path = blobs(root, "*.companions.tar.gz")[0]
    overwrite(path, path.read_bytes()[:-9])
    return path.name


def _lengthen(root: Path) -> str:
    path = blobs(root, "*.csv.gz")[0]
    overwrite(path, path.read_bytes() + bytes(512))
    return path.name


def _exchange(root: Path) -> str:
    """Another sound blob in its place, of the same length: only the checksum and the header tell."""
    first, second = blobs(root, "*.csv.gz")[:2]
    overwrite(first, second.read_bytes())
    return first.name


def _remove(pattern: str) -> Callable[[Path], str]:
    def remove(root: Path) -> str:
        path = blobs(root, pattern)[0]
        path.unlink()
        return path.name

    return remove


def _empty(root: Path) -> str:
    path = blobs(root, "*.json.gz")[0]
    overwrite(path, b"")
    return path.name


def _copy(root: Path) -> str:
    path = blobs(root, "*.csv.gz")[0]
    shutil.copy(path, path.with_name(path.name.replace(".csv", ".txt")))
    return path.name.replace(".csv", ".txt")


def _strange(root: Path) -> str:
    (root / "sources" / "2026").mkdir(exist_ok=True)
    (root / "sources" / "2026" / "notes.docx").write_bytes(b"?")
    return "notes.docx"


def _half_written(root: Path) -> str:
    path = blobs(root, "*.csv.gz")[0].with_name(".77-1.part")
    path.write_bytes(b"?")
    return path.name


def _edit_checksum(root: Path) -> str:
    sql(root, "UPDATE archive_entries SET source_checksum = 'sha256:" + "0" * 64 + "' WHERE entry_no = 1")
    return blobs(root, "*.csv.gz")[0].name


def _edit_companion(root: Path) -> str:
    sql(root, "UPDATE archive_entries SET companions = replace(companions, 'sha256:', 'sha256:0') WHERE entry_no = 1")
    return blobs(root, "*.companions.tar.gz")[0].name


def _edit_path(root: Path) -> str:
    sql(root, "UPDATE archive_entries SET source_path = '/elsewhere/SN0.csv' WHERE entry_no = 1")
    return blobs(root, "*.csv.gz")[0].name


def _orphan(root: Path) -> str:
    sql(root, "DELETE FROM archive_entries WHERE serial_number = 'GONE'")
    (path,) = [p for p in blobs(root, "*.json.gz") if p.name[:24] not in {b.name[:24] for b in blobs(root, "*.csv.gz")}]
    return path.name


def _forge(root: Path) -> str:
    """Other content under the same id, with its row, its size and its header made to agree: only the history tells."""
    path = blobs(root, "*.csv.gz")[0]
    sql(root, forge(root, path))
    return path.name


def _take_out(root: Path) -> str:
    """Everything of an entry gone, rows and blobs: only the history tells."""
    sql(root, "DELETE FROM archive_entries WHERE source_kind = 'folder'")
    next(p for p in blobs(root, "*.tar.gz") if "companions" not in p.name).unlink()
    return "metadata.db"


def _edit_event(root: Path) -> str:
    sql(root, "DROP TRIGGER events_stay", "UPDATE events SET actor = 'nobody' WHERE sequence = 3")
    return "metadata.db"


def _remove_event(root: Path) -> str:
    sql(root, "DROP TRIGGER events_are_kept", "DELETE FROM events WHERE sequence = 3")
    return "metadata.db"


@pytest.mark.parametrize(
    ("spoil", "kind", "is_quick"),
    [
        (_damage, ProblemKind.BLOB_DAMAGED, False),
        (_truncate, ProblemKind.BLOB_DAMAGED, True),
        (_lengthen, ProblemKind.BLOB_DAMAGED, True),
        (_exchange, ProblemKind.CHECKSUM_MISMATCH, False),
        (_empty, ProblemKind.HEADER_DAMAGED, True),
        (_remove("*.csv.gz"), ProblemKind.BLOB_MISSING, True),
        (_remove("*.companions.tar.gz"), ProblemKind.BLOB_MISSING, True),
        (_remove("*.json.gz"), ProblemKind.BLOB_MISSING, True),
        (_copy, ProblemKind.BLOB_UNKNOWN, True),
        (_strange, ProblemKind.BLOB_UNKNOWN, True),
        (_half_written, ProblemKind.HALF_WRITTEN, True),
        (_edit_checksum, ProblemKind.CHECKSUM_MISMATCH, False),
        (_edit_companion, ProblemKind.CHECKSUM_MISMATCH, False),
        (_edit_path, ProblemKind.HEADER_DAMAGED, True),
        (_orphan, ProblemKind.ENTRY_MISSING, True),
        (_forge, ProblemKind.RECORD_ALTERED, True),
        (_take_out, ProblemKind.ENTRY_MISSING, True),
        (_edit_event, ProblemKind.CHAIN_BROKEN, True),
        (_remove_event, ProblemKind.CHAIN_BROKEN, True),
    ],
)
def test_each_problem_is_found_and_named_and_only_that(
    root: Path, spoil: Callable[[Path], str], kind: ProblemKind, is_quick: bool
) -> None:
    """One thing spoilt is one problem, of its kind, with its path and what to do; quickly too where no content is needed."""
    name = spoil(root)
    for how in (Thoroughness(), QUICK) if is_quick else (Thoroughness(),):
        (found,) = problems(root, how)
        assert (found.kind, found.path.rpartition("/")[2]) == (kind, name)
        assert str(root) in found.message
        assert ";" in found.message or "rebuild" in found.message


def test_many_problems_do_not_hide_each_other(root: Path) -> None:
    """Every blob but one damaged: each is named, and the sound one is not."""
    paths = blobs(root, "*.gz")
    for path in paths[1:]:
        overwrite(path, path.read_bytes()[:-20])
    assert sorted(found.path for found in problems(root)) == [p.relative_to(root).as_posix() for p in paths[1:]]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="rights are POSIX', and root has them all")
def test_a_blob_that_may_not_be_read_is_named(root: Path) -> None:
    """What the operating system does not give out is a problem of its own."""
    blobs(root, "*.csv.gz")[0].chmod(0)
    assert [found.kind for found in problems(root)] == [ProblemKind.BLOB_UNREADABLE]


def test_beside_an_owner_young_files_are_no_problem(root: Path) -> None:
    """While the service owns the archive its newest files may have no row yet; old ones, and all others once it left, must."""
    for spoil in (_copy, _half_written):
        spoil(root)
    assert len(problems(root)) == 2
    with Archive.open(root, own=True):
        assert problems(root) == []
    for moment in (time.time() + 3600, time.time() - 3600):  # the clock may have been set back since
        with Archive.open(root, own=True), pytest.MonkeyPatch.context() as patch:
            patch.setattr(time, "time", lambda moment=moment: moment)  # a file's ctime cannot be set
            assert {found.kind for found in problems(root)} == {ProblemKind.BLOB_UNKNOWN, ProblemKind.HALF_WRITTEN}


def test_what_was_removed_on_record_is_not_missed(root: Path) -> None:
    """A purged entry's bytes, and a report's document that was not to be kept, may be absent."""
    with Archive.open(root, own=True) as archive:
        entry = archive.find(EntryFilter(serial_number="SN0")).items[0]
        reports.remove_document(archive, archive.reports_of(entry.archive_id)[0])
    assert problems(root) == []
    with Archive.open(root, own=True) as archive:
        assert enforcing.purge_named(archive, [entry.archive_id], actor="it", unsubmitted=True).archives_purged == 1
    assert not list(root.rglob(f"{entry.archive_id}*"))
    assert problems(root) == []


@pytest.mark.parametrize("percent", [1, 5, 50])
def test_a_sample_is_as_large_as_was_asked_for(percent: float) -> None:
    """Of many blobs the part that is read whole is the one asked for, within a tenth."""
    names = [f"sources/2026/02/13/{number}.csv.gz" for number in range(100_000)]
    wanted = Thoroughness(sample_percent=percent, seed="a")
    drawn = sum(_is_read_whole(name, wanted) for name in names)
    assert abs(drawn - 1_000 * percent) < 100 * percent


def test_a_sample_is_the_part_that_was_asked_for_and_changes_with_the_seed(tmp_path: Path) -> None:
    """Of forty damaged contents a sample of half finds about half; the same seed finds the same, another finds others."""
    fill(tmp_path, files=40)
    root, rng = tmp_path / "archive", random.Random(1)
    for path in blobs(root, "*.csv.gz"):
        content = path.read_bytes()
        overwrite(path, content[:1500] + rng.randbytes(300) + content[1800:])

    def found(seed: str) -> set[str]:
        return {each.path for each in problems(root, Thoroughness(sample_percent=50, seed=seed))}

    assert 2 < len(found("a")) < 38  # the names are of this moment: by chance it is less or more once in 10⁹ times
    assert found("a") == found("a") != found("b")


def test_a_damaged_catalog_is_a_problem_too(root: Path) -> None:
    """A page of the catalog overwritten is told as such, and not raised."""
    spoil_page(root / "metadata.db", of="reports")
    found = problems(root)
    assert {each.kind for each in found} == {ProblemKind.CATALOG_DAMAGED}
    assert all("rebuild" in each.message for each in found)


@pytest.mark.parametrize(
    "change",
    [
        "conversion_status = 'HAPPY'",
        "source_size_bytes = 'long'",
        "created_at = '2026-13-45T99:00:00+00:00'",
        "created_at = '2026-01-01T00:00:00'",
        "source_path = CAST(x'ff2f61' AS TEXT)",
        "source_path = '\"half'",
        "companions = '[5]'",
        "converter_name = x'00ff'",
    ],
)
def test_a_row_that_makes_no_sense_is_a_finding_and_the_walk_goes_on(root: Path, change: str) -> None:
    """A row with a value that no program of ours stored is named, and what is wrong after it is found as well."""
    later = blobs(root, "*.gz")[-1]
    sql(root, f"UPDATE archive_entries SET {change} WHERE entry_no = 1")
    (named,) = [each for each in problems(root, QUICK) if each.path == "metadata.db"]
    assert named.kind is ProblemKind.CATALOG_DAMAGED and named.archive_id and named.archive_id in named.message
    later.chmod(0o600)
    later.unlink()
    assert {each.kind for each in problems(root, QUICK)} == {ProblemKind.CATALOG_DAMAGED, ProblemKind.BLOB_MISSING}


@pytest.mark.parametrize("change", ["submission_state = 'LOST'", "size_bytes = 'long'", "accepted_at = 'noon'"])
def test_a_reports_row_that_makes_no_sense_is_a_finding_too(root: Path, change: str) -> None:
    """Such a row of a report is named alone, and no file of its entry counts as one that no row names."""
    sql(root, f"UPDATE reports SET {change} WHERE report_no = 1")
    (found,) = problems(root)
    assert found.kind is ProblemKind.CATALOG_DAMAGED and "a report's row of" in found.message


@pytest.mark.parametrize("change", ["state = 'lost'", "changed_at = 'noon'", "path = CAST(x'ff2f61' AS TEXT)"])
def test_a_row_of_the_ledger_that_makes_no_sense_is_a_finding_too(root: Path, change: str) -> None:
    """Such a row of the ledger is named alone, by its number."""
    sql(
        root,
        "INSERT INTO arrivals (converter_name, path, size_bytes, mtime_ns, first_seen_at, state, changed_at, attempts) "
        "VALUES ('c', '/a', 1, 1, '2026-01-01T00:00:00.000000+00:00', 'seen', '2026-01-01T00:00:00.000000+00:00', 0)",
    )
    sql(root, f"UPDATE arrivals SET {change} WHERE path = '/a'")
    (found,) = problems(root)
    assert found.kind is ProblemKind.CATALOG_DAMAGED and "arrival " in found.message
