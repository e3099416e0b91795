"""What a replay has in the vault is read again, or named if somebody damaged it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pywats_archive.errors import VaultError
from pywats_archive.models.plant.replay import PlannedCode, PlannedSegment, PlantReplay
from pywats_archive.models.time import utc_now
from pywats_archive.plant.replaying.records import keys, plan, results
from pywats_archive.vault.folder import FolderVault

RUN = "20260131-080000-a3f2d9"
SEGMENTS = [PlannedSegment(key=f"a/chains/c/segments/{number:020}.zip", entries=number) for number in range(1, 200)]


@pytest.fixture
def planned(vault: FolderVault) -> PlantReplay:
    """A plan in the vault."""
    made = PlantReplay(
        run=RUN, vault=vault.url, created_at=utc_now(), actor="ann", software="pywats-archive 1", converter_name="ICT",
        from_date=None, to_date=utc_now(), code=PlannedCode(fingerprint="sha256:00", class_name="A"), archives=1,
        segments=len(SEGMENTS), entries=1, problems=("one",),
    )  # fmt: skip
    plan.store(vault, made, SEGMENTS, None)
    return made


def test_a_plan_is_read_as_it_was_stored(vault: FolderVault, planned: PlantReplay) -> None:
    """Each field, and each segment."""
    assert plan.load(vault, RUN) == planned
    assert list(plan.segments(vault, RUN)) == SEGMENTS


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b"{}", b'{"format": 1}', b'{"format": 1, "code": 1, "problems": 1}', b'{"format": 2}', b"\xff" * 9],
)
def test_a_damaged_plan_is_named(vault: FolderVault, tmp_path: Path, planned: PlantReplay, content: bytes) -> None:
    """Whatever stands there, nobody gets a traceback."""
    replace(tmp_path / "vault" / keys.plan_key(RUN), content)
    with pytest.raises(VaultError, match=rf"{RUN}/plan\.json"):
        plan.load(vault, RUN)


def test_a_plan_is_that_of_its_folder(vault: FolderVault, tmp_path: Path, planned: PlantReplay) -> None:
    """A copy of it elsewhere names no results of the first."""
    other = "20260131-080000-000000"
    vault.put_new(keys.plan_key(other), vault.get(keys.plan_key(RUN)))
    assert plan.load(vault, other).run == other


def test_the_list_has_replays_alone(vault: FolderVault, planned: PlantReplay) -> None:
    """Another file below ``replays`` does not stop it."""
    for key in ("replays/notes/plan.json", "replays/plan.json", f"replays/{RUN}/old/plan.json"):
        vault.put_new(key, b"{}")
    assert list(plan.runs(vault)) == [RUN]


@pytest.mark.parametrize("key", [keys.segments_key(RUN), keys.result_key(RUN, SEGMENTS[0].key)])
def test_a_list_or_a_result_with_a_changed_byte_is_named(
    vault: FolderVault, tmp_path: Path, planned: PlantReplay, key: str
) -> None:
    """Each byte after the header of gzip is changed once; what is still readable is read."""
    made = results.SegmentResult(segment=SEGMENTS[0].key, station="s", archive_uuid="a", seconds=1.0, items=[])
    results.store(vault, RUN, made)
    whole = vault.get(key)
    for at in range(10, min(len(whole), 150)):
        replace(tmp_path / "vault" / key, whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        with pytest.raises(VaultError, match="is damaged"):
            list(plan.segments(vault, RUN))
            list(results.stored(vault, RUN))


def replace(path: Path, content: bytes) -> None:
    """Change an object behind the back of the vault."""
    path.chmod(0o600)
    os.truncate(path, 0)
    path.write_bytes(content)
