"""The setting compliance of an archive: known to history and archive.json, and never taken back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.filled import fill

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import description
from pywats_archive.archive.repair.recover import recover
from pywats_archive.archive.state.compliance import BEGUN, REFUSED, RESTORED
from pywats_archive.catalog import events
from pywats_archive.errors import ComplianceRefused, NewerFormat
from pywats_archive.models.retention.compliance import Rule


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of an archive that was made compliant."""
    fill(tmp_path)
    with Archive.open(tmp_path / "archive", own=True) as archive:
        assert not archive.is_compliant
        archive.compliance.begin(actor="configuration")
        archive.compliance.begin(actor="configuration")
        assert archive.is_compliant
        archive.require_present()
    return tmp_path / "archive"


def kinds(root: Path, *wanted: str) -> list[str]:
    """Return the kinds of these events, in order."""
    with Archive.open(root) as archive, archive.read() as db:
        return [each.kind for each in events.iterate(db) if each.kind in wanted]


def fields(root: Path) -> dict[str, object]:
    """Return the content of archive.json."""
    found: dict[str, object] = json.loads((root / "archive.json").read_text())
    return found


def test_an_archive_knows_it_by_its_history_and_by_archive_json(root: Path) -> None:
    """It begins once, and whatever the configuration says later, the archive says so."""
    assert kinds(root, BEGUN) == [BEGUN]
    assert (fields(root)["format_version"], fields(root)["features"]) == (2, ["compliance"])
    with Archive.open(root) as archive:
        assert archive.is_compliant


def test_an_edited_archive_json_has_no_effect(root: Path) -> None:
    """The next start writes it again, on record; until then the history says so."""
    edited = {**fields(root), "format_version": 1}
    del edited["features"]
    (root / "archive.json").chmod(0o600)
    (root / "archive.json").write_text(json.dumps(edited))
    with Archive.open(root) as archive:
        assert archive.is_compliant
    with Archive.open(root, own=True) as archive:
        recover(archive)
    assert kinds(root, RESTORED) == [RESTORED]
    assert (fields(root)["format_version"], fields(root)["features"]) == (2, ["compliance"])
    with Archive.open(root, own=True) as archive:
        recover(archive)
    assert kinds(root, RESTORED) == [RESTORED]


def test_a_history_that_lost_it_gets_it_from_archive_json(tmp_path: Path) -> None:
    """A catalog that was rebuilt from the blobs alone: archive.json still says so, and the history says it again."""
    fill(tmp_path)
    root = tmp_path / "archive"
    description.add_feature(root, "compliance")
    with Archive.open(root, own=True) as archive:
        assert archive.is_compliant
        recover(archive)
    assert kinds(root, BEGUN) == [BEGUN]


def test_an_older_version_refuses_the_archive(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that knows only format 1 neither reads nor writes it; so does one that lacks a feature."""
    with monkeypatch.context() as older:
        older.setattr(description, "FEATURES_FORMAT", 1)
        with pytest.raises(NewerFormat, match="format 2 is newer than 1"):
            Archive.open(root, own=True)
    monkeypatch.setattr(description, "FEATURES", frozenset[str]())
    with pytest.raises(NewerFormat, match="the feature 'compliance', which this version lacks"):
        Archive.open(root)


def test_a_process_that_has_the_archive_open_goes_on(tmp_path: Path) -> None:
    """Pages that are open while the service makes the archive compliant find the rule, and the archive is not away."""
    fill(tmp_path)
    root = tmp_path / "archive"
    with Archive.open(root) as pages:
        assert not pages.is_compliant
        with Archive.open(root, own=True) as service:
            service.compliance.begin(actor="configuration")
        pages.require_present()
        pages.require_present()
        assert pages.is_compliant


def test_a_refusal_names_the_rule_and_is_on_record(root: Path) -> None:
    """One line says which rule of which archive it was, and the history says who tried what."""
    with Archive.open(root) as archive, pytest.raises(ComplianceRefused) as refused:
        archive.compliance.refuse(Rule.PURGE, "the policy decides", actor="os:ann", entries=["a"])
    assert str(refused.value) == f"{root}: is a compliant archive: nothing is purged by hand; the policy decides"
    with Archive.open(root) as archive, archive.read() as db:
        (event,) = (each for each in events.iterate(db) if each.kind == REFUSED)
    assert (event.actor, event.details) == ("os:ann", {"rule": "purge", "entries": ["a"]})
