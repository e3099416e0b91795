"""A compliant archive: each act that its rules forbid is refused or has no effect, and is on record."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.command import command
from tests.station import Station, wait_for

from pywats_archive import Client
from pywats_archive.errors import ArchiveInUse, ComplianceRefused
from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.models.event import AuditCategory, EventFilter
from pywats_archive.models.report import SubmissionState
from pywats_archive.pipeline.alerting.compliance import complied


@pytest.fixture
def compliant(station: Station) -> Station:
    """A station whose only converter has a compliant archive with three entries; the first one is held."""
    watch = station.add("c", compliance=True, retention_days=90, post_action="delete")
    for name in ("a", "b", "c"):
        (watch / f"{name}.log").write_bytes(name.encode())
    station.run()
    with Client.from_config(station.root / "config.json") as client:
        client.retention.hold([station.entries()[0].archive_id], "complaint 7")
    return station


@pytest.fixture
def client(compliant: Station) -> Iterator[Client]:
    """A client of that station."""
    with Client.from_config(compliant.root / "config.json", actor="os:ann") as opened:
        yield opened


def refusals(station: Station) -> list[tuple[str, dict[str, Any]]]:
    """Return who tried what against which rule, as the history has it."""
    with Client(station.archive_root) as client:
        found = client.events(EventFilter(kinds=("compliance.refused",))).events
    return [(each.actor, each.details) for each in found]


@pytest.mark.parametrize(
    "change",
    [
        {"retention_days": 89},
        {"failed_retention_days": 100},
        {"max_size_gb": 9.0},
        {"purge_unsubmitted": True},
    ],
)
def test_retention_can_only_grow(compliant: Station, client: Client, change: dict[str, Any]) -> None:
    """A policy that keeps less in any respect is refused, for the library too; one that keeps more is set."""
    before = client.retention.policy("c")
    with pytest.raises(ComplianceRefused, match="retention can only grow"):
        client.retention.set_policy(replace(before, **change), confirmed=True)
    assert client.retention.policy("c") == before
    ((actor, details),) = refusals(compliant)
    assert (actor, details["rule"], details["wanted"]) == ("os:ann", "retention", {**before.as_details(), **change})
    client.retention.set_policy(replace(before, retention_days=91, min_days=3, min_entries=1))
    assert client.retention.policy("c").retention_days == 91


def test_the_policy_of_all_others_can_only_grow(compliant: Station, client: Client) -> None:
    """A converter's own policy is not given up for a default one that keeps less, and the default one grows only."""
    client.retention.set_policy(replace(client.retention.policy("c"), retention_days=100))
    with pytest.raises(ComplianceRefused):
        client.retention.reset_policy("c", confirmed=True)
    with pytest.raises(ComplianceRefused):
        client.retention.set_policy(replace(client.retention.policy("*"), retention_days=1), confirmed=True)
    assert client.retention.policy("c").retention_days == 100
    assert [each["rule"] for _, each in refusals(compliant)] == ["retention"] * 2


def test_a_configuration_can_only_let_retention_grow(compliant: Station) -> None:
    """What keeps less has no effect, on record once; what keeps more in the same change applies."""
    compliant.sections[0] |= {"retention_days": 1, "max_archive_size_gb": 20}
    compliant.run()
    compliant.run()
    with Client.from_config(compliant.root / "config.json") as client:
        policy = client.retention.policy("c")
    assert (policy.retention_days, policy.max_size_gb) == (90, 20)
    listed = command("policy", "list", "--config", str(compliant.root / "config.json")).stdout
    assert "retention can only grow" in listed and "policy set" not in listed
    ((actor, details),) = refusals(compliant)
    assert (actor, details["rule"], details["wanted"]["retention_days"]) == ("configuration", "retention", 1)


@pytest.mark.parametrize(
    "change",
    [
        {"archive_enabled": False},
        {"archive_source_files": False},
        {"archive_output_reports": False},
        {"on_archive_error": "continue"},
    ],
)
def test_archiving_cannot_be_turned_off(compliant: Station, change: dict[str, Any]) -> None:
    """The converter goes on archiving all of it, an alert says why, and the history has it once."""
    compliant.sections[0] |= change
    (compliant.root / "c/watch/d.log").write_bytes(b"d")
    compliant.run()
    entry = compliant.entries()[-1]
    assert entry.source_original_path.endswith("d.log") and entry.source_archived_path
    compliant.run()
    with compliant.archive() as archive:
        (report,) = archive.reports_of(entry.archive_id)
        assert report.submission_state is SubmissionState.ACCEPTED and archive.document(report)
    with Client(compliant.archive_root) as client:
        (alert,) = (each for each in client.statistics().alerts if each.name == "compliance.overruled")
    assert "archiving cannot be turned off" in str(alert.details["reason"])
    (key, value), *_ = change.items()
    assert refusals(compliant) == [
        ("configuration", {"rule": "archiving", "converter_name": "c", "keys": {key: value}})
    ]
    compliant.sections[0].update(archive_enabled=True, archive_source_files=True, archive_output_reports=True)
    compliant.sections[0]["on_archive_error"] = "hold"
    compliant.run()
    with Client(compliant.archive_root) as client:
        assert "compliance.overruled" not in {each.name for each in client.statistics().alerts}


def test_archiving_cannot_be_turned_off_while_the_archive_is_away_or_named_elsewhere(compliant: Station) -> None:
    """A converter that stops archiving and names another folder at once stays in its archive."""
    compliant.sections[0] |= {"archive_enabled": False, "archive_folder": "another"}
    (compliant.root / "c/watch/d.log").write_bytes(b"d")
    compliant.run()
    assert len(compliant.entries()) == 4 and not (compliant.root / "another").exists()
    compliant.archive_root.rename(compliant.root / "unmounted")
    (compliant.root / "c/watch/e.log").write_bytes(b"e")
    with compliant.serving() as service:
        wait_for(lambda: service.parts and service.parts.vitals)
        assert compliant.names("c/watch") == ["e.log"]
        (compliant.root / "unmounted").rename(compliant.archive_root)
        wait_for(lambda: len(compliant.entries()) == 5)


def test_a_renamed_converter_goes_on_archiving(compliant: Station) -> None:
    """The archive of the watch folder counts, if the name of the converter is new and its folder another one."""
    change = {"name": "d", "archive_enabled": False, "compliance": False, "archive_folder": "another"}
    compliant.sections[0] |= change
    (compliant.root / "c/watch/d.log").write_bytes(b"d")
    compliant.run()
    assert [each.converter_name for each in compliant.entries()] == ["c", "c", "c", "d"]
    assert not (compliant.root / "another").exists()
    assert ("configuration", "archiving", "d") in {
        (actor, details["rule"], details.get("converter_name")) for actor, details in refusals(compliant)
    }


def test_an_archive_whose_share_fails_is_what_it_was_when_last_seen(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error other than that of a missing folder stops no converter from starting."""
    station.add("c", archive_enabled=False)
    config, real = read_station_config(station.write_config()), os.stat

    def down(path: Any, *args: Any, **keys: Any) -> os.stat_result:
        if isinstance(path, (str, os.PathLike)) and Path(path).is_relative_to(station.archive_root):
            raise OSError(errno.EHOSTDOWN, "host is down", str(path))
        return real(path, *args, **keys)

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", down)
        assert complied(config) == (config, ())


def test_a_converter_that_names_the_archive_of_another_service_waits_alone(compliant: Station, tmp_path: Path) -> None:
    """With archiving off it must not be converted; the other converters are, and the archive stays the other service's."""
    (tmp_path / "other").mkdir()
    with Station(tmp_path / "other") as other:
        watch = other.add("x", archive_enabled=False, archive_folder=str(compliant.archive_root))
        (watch / "x.log").write_bytes(b"x")
        (other.add("y") / "y.log").write_bytes(b"y")
        with compliant.serving() as service:
            wait_for(lambda: service.parts and service.parts.vitals)
            outcome = other.run()
            assert (other.names("x/watch"), other.names("y/Done")) == (["x.log"], ["y.log"])
            assert any("another service owns" in line for line in outcome.waiting), outcome.waiting
            with Client(other.archive_root) as client:
                (alert,) = (each for each in client.statistics().alerts if each.name == "archive.away")
            assert "a compliant archive that another service owns" in str(alert.details["reason"])
            assert "name another archive_folder" in str(alert.details["reason"])
        other.sections[0]["archive_folder"] = "archive"
        other.run()
        assert other.names("x/Done") == ["x.log"] and len(compliant.entries()) == 3
        with Client(other.archive_root) as client:
            assert client.statistics().alerts == ()


def test_the_archive_of_another_service_is_not_taken_while_that_restarts(compliant: Station, tmp_path: Path) -> None:
    """Else the other service could not start again."""
    (tmp_path / "other").mkdir()
    with Station(tmp_path / "other") as other, ExitStack() as theirs:
        other.add("x", archive_enabled=False, archive_folder=str(compliant.archive_root))
        owner = theirs.enter_context(compliant.serving())
        wait_for(lambda: owner.parts and owner.parts.vitals)
        with other.serving() as service:
            parts = wait_for(lambda: service.parts and service.parts.vitals and service.parts)
            theirs.close()
            pool = parts.places.pool
            with pytest.raises(ArchiveInUse, match="another service owns"):
                pool.attach(pool.mount(compliant.archive_root))


def test_the_rules_hold_from_the_first_start(station: Station) -> None:
    """A converter that shares the archive is archived at once, though another one makes the archive compliant."""
    watch = station.add("b", archive_enabled=False)
    station.add("a", compliance=True)
    (watch / "b.log").write_bytes(b"b")
    station.run()
    assert [each.converter_name for each in station.entries()] == ["b"]


@pytest.mark.parametrize("is_removed", [True, False])
def test_the_setting_cannot_be_taken_back(compliant: Station, client: Client, is_removed: bool) -> None:
    """Neither by the key, nor by all that remembers it: an alert says so, and the rules still apply."""
    if is_removed:
        del compliant.sections[0]["compliance"]
        (compliant.root / "pywats-archive.json").unlink()
    else:
        compliant.sections[0]["compliance"] = False
    compliant.run()
    assert refusals(compliant) == [("configuration", {"rule": "setting", "keys": {"compliance": False}})]
    with pytest.raises(ComplianceRefused, match="nothing is purged by hand"):
        client.retention.purge_named([compliant.entries()[1].archive_id])


def test_an_import_above_the_size_limit_purges_nothing(station: Station) -> None:
    """It needs no confirmation, since no entry leaves a compliant archive for the size limit."""
    (station.add("c", compliance=True, max_archive_size_gb=0.00001) / "a.log").write_bytes(b"a")
    station.run()
    old = station.root / "old"
    old.mkdir()
    for name in ("b", "c", "d"):
        (old / f"{name}.log").write_bytes(name.encode())
    with Client.from_config(station.root / "config.json") as client:
        expected = client.preview_import(old, "c")
        assert expected.purged_at_once == 0 and expected.over_bytes > 0
        assert client.import_done(old, "c").imported == 3
        (kept,) = client.retention.enforce()
    assert (kept.archives_purged, kept.kept) == (0, {"min_days": 4})


def test_nothing_is_purged_by_hand_and_no_hold_is_replaced(compliant: Station, client: Client) -> None:
    """All entries keep their bytes, and the hold its first reason."""
    held, other, _ = compliant.entries()
    with pytest.raises(ComplianceRefused, match="nothing is purged by hand"):
        client.retention.purge_named([other.archive_id], even_damaged=True, unsubmitted=True)
    with pytest.raises(ComplianceRefused, match="a hold cannot be replaced"):
        client.retention.hold([held.archive_id], "another reason")
    assert [each.purged_at for each in compliant.entries()] == [None] * 3
    assert [each.hold_reason for each in client.retention.holds()] == ["complaint 7"]
    assert [(actor, each["rule"]) for actor, each in refusals(compliant)] == [("os:ann", "purge"), ("os:ann", "hold")]


@pytest.mark.parametrize(
    ("answers", "rule"),
    [
        ({"archive_enabled": False}, "archiving"),
        ({"archive_output_reports": False}, "archiving"),
        ({"compliance": False}, "setting"),
        ({"retention_days": "30"}, "retention"),
        ({"min_days": "5", "max_archive_size_gb": "1"}, "retention"),
    ],
)
def test_settings_against_the_rules_are_refused(
    compliant: Station, client: Client, answers: dict[str, Any], rule: str
) -> None:
    """The plan says why, saving writes nothing, and what keeps more is saved."""
    plan = client.settings.plan("c", answers)
    assert [each.key for each in plan.faults] == [[*answers][-1]] and "compliant archive" in plan.faults[0].message
    before = (compliant.root / "config.json").read_bytes()
    with pytest.raises(ComplianceRefused):
        client.settings.save("c", answers, checksum=plan.checksum)
    assert (compliant.root / "config.json").read_bytes() == before
    ((actor, details),) = refusals(compliant)
    assert (actor, details["rule"], details["converter_name"]) == ("os:ann", rule, "c")
    assert client.settings.save("c", {"retention_days": "120"}, checksum=plan.checksum).changes


def test_a_refusal_is_in_the_audit_trail(compliant: Station, client: Client) -> None:
    """An auditor finds the beginning and each refusal in a category of their own."""
    with pytest.raises(ComplianceRefused):
        client.retention.purge_named([compliant.entries()[1].archive_id])
    found = client.audit(EventFilter(categories=(AuditCategory.COMPLIANCE,)))
    assert [each.kind for each in found] == ["compliance.begun", "compliance.refused"]


def test_an_edited_archive_json_has_no_effect(compliant: Station) -> None:
    """Whoever removes the feature, and the key, and what remembers it, finds all of it again at the next start."""
    path = compliant.archive_root / "archive.json"
    fields = json.loads(path.read_text())
    path.chmod(0o600)
    path.write_text(json.dumps({**fields, "format_version": 1, "features": []}))
    compliant.sections[0] |= {"compliance": False, "archive_enabled": False}
    (compliant.root / "pywats-archive.json").unlink()
    (compliant.root / "c/watch/d.log").write_bytes(b"d")
    compliant.run()
    assert json.loads(path.read_text())["features"] == ["compliance"]
    assert len(compliant.entries()) == 4
