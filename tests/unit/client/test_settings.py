"""The settings of a station as the client reads and changes them."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from tests import filled

from pywats_archive import Client, SettingOrigin, UsageError
from pywats_archive.models.event import EventFilter


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with a converter that has an archive, and one that has none."""
    filled.fill(tmp_path)
    return written(tmp_path / "config.json", {"post_action": "keep", "retention_days": 30, "compression_level": None})


def written(path: Path, keys: dict[str, Any], **arguments: Any) -> Path:
    """Write a configuration; ``keys`` are those of the first converter."""
    first = {"name": "C", "module_path": "m.C", "watch_folder": "C/watch", "archive_enabled": True, **keys}
    second = {"name": "D", "module_path": "m.D", "watch_folder": "D/watch"}
    document = {"api_token": "c2VjcmV0OnRva2Vu", "converters": [{**first, "arguments": arguments}, second]}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_each_value_with_its_origin(config: Path) -> None:
    """A key is in the configuration, in the state file since pyWATS removed it, or a default; a folder is absolute."""
    kept = {"converters": {"C": {"compression_level": 9, "retention_days": 7}, "D": {"append": True}}}
    (config.parent / "pywats-archive.json").write_text(json.dumps(kept), encoding="utf-8")
    with Client.from_config(config) as client:
        found, other = client.settings.converters()
    origins = {each.key: (each.value, each.origin) for each in found.settings}
    assert origins["retention_days"] == (30, SettingOrigin.CONFIGURATION)
    assert origins["post_action"] == ("keep", SettingOrigin.CONFIGURATION)
    assert origins["compression_level"] == (9, SettingOrigin.STATE_FILE)
    assert origins["max_archive_size_gb"] == (10, SettingOrigin.DEFAULT)
    assert origins["watch_folder"] == (str(config.parent / "C" / "watch"), SettingOrigin.CONFIGURATION)
    assert (found.archive, other.value("append")) == (config.parent / "archive", True)


def test_an_argument_that_may_be_a_secret_is_not_shown(config: Path) -> None:
    """Only a value that the latest conversion recorded in clear is shown (invariant 10)."""
    written(config, {}, password="hunter2", limit=3, note="later")
    with Client.from_config(config) as client:
        client._archives.all[0].write(
            lambda tx: tx.exec_driver_sql(
                "UPDATE conversions SET converter_class = 'm.C', parameters = ?",
                (json.dumps({"password": f"hmac-sha256:{'0' * 32}", "limit": 3, "note": "before"}),),
            )
        )
        (shown, _) = client.settings.converters()
    assert [(each.name, each.value, each.is_shown) for each in shown.arguments] == [
        ("password", None, False),
        ("limit", 3, True),
        ("note", None, False),
    ]


def test_a_change_is_on_record(config: Path) -> None:
    """The history of the converter's archive has who changed what; one without an archive has no history (invariant 8)."""
    with Client.from_config(config) as client:
        plan = client.settings.plan("C", {"retention_days": "60"})
        saved = client.settings.save("C", {"retention_days": "60"}, checksum=plan.checksum, actor="quality")
        assert saved.unrecorded is None and [each.after for each in saved.changes] == [60]
        (event,) = client.events(EventFilter(kinds=("settings.changed",))).events
        assert (event.actor, event.details["changes"]) == (
            "quality",
            [{"key": "retention_days", "before": 30, "after": 60}],
        )
        other = {"archive_enabled": False, "archive_folder": "other"}
        client.settings.save("D", other, checksum=client.settings.plan("D", {}).checksum)
        assert len(client.events(EventFilter(kinds=("settings.changed",))).events) == 1


def test_switching_an_archive_on_is_on_record(config: Path) -> None:
    """The history of an archive that is there has who let a further converter use it, before its first entry (invariant 8)."""
    with Client.from_config(config) as client:
        client.settings.save("D", {"archive_enabled": True}, checksum=client.settings.plan("D", {}).checksum)
        (event,) = client.events(EventFilter(kinds=("settings.changed",))).events
    assert event.details["converter_name"] == "D"


def test_the_load_of_the_last_days(config: Path) -> None:
    """The archive tells it; without one, the files that lie in the folders, but no older ones and no links."""
    with Client.from_config(config) as client:
        known = client.settings.expected("C")
        assert known and known.files == client.statistics("C").total_entries and known.disk_bytes(7) > 0
        assert client.settings.expected("D") is None
        done = config.parent / "D" / "Done"
        (done / "lot").mkdir(parents=True)
        for number in range(14):
            (done / f"{number}.csv").write_bytes(b"1;2;3\n" * 1000)
        (done / "lot" / "a.csv").write_bytes(b"1;2;3\n" * 1000)
        (done / "old.csv").write_bytes(b"x")
        os.utime(done / "old.csv", (time.time() - 8 * 86_400,) * 2)
        (done / "link.csv").symlink_to(done / "0.csv")
        seen = client.settings.expected("D")
    assert seen and (seen.days, seen.files, seen.size_bytes) == (7, 15, 15 * 6000)
    assert seen.disk_bytes(7) > seen.disk_bytes(7, reports=False) > 0 and "15 of your files" in seen.measured_on


def test_a_folder_is_examined(config: Path) -> None:
    """The verdict has doctor's words, also for a folder that is not there yet, and leaves nothing behind."""
    with Client.from_config(config) as client:
        found = client.settings.examine("new/archive")
    assert found.folder == config.parent / "new" / "archive" and found.guarantee
    assert not (config.parent / "new").exists()


def test_an_archive_that_is_created_later_is_opened(tmp_path: Path) -> None:
    """A client that was opened before the first source sees what the service archives, and a converter that was added."""
    config = written(tmp_path / "config.json", {})
    with Client.from_config(config) as client:
        assert not client.find().total
        filled.fill(tmp_path)
        document = json.loads(config.read_text(encoding="utf-8"))
        document["converters"].append({"name": "E", "module_path": "m.E", "watch_folder": "E/watch"})
        config.write_text(json.dumps(document), encoding="utf-8")
        client.open_new()
        assert client.roots == (tmp_path / "archive",)
        assert client.find().total == 5
        assert client.converters() == ("C", "D", "E", "S")
        config.write_text("{", encoding="utf-8")
        client.open_new()
        assert client.converters() == ("C", "D", "E", "S")


def test_without_a_configuration_there_are_no_settings(config: Path) -> None:
    """The archive alone has none."""
    with Client(config.parent / "archive") as client:
        with pytest.raises(UsageError, match="no configuration"):
            client.settings.converters()
        client.open_new()
    assert Client.installation().version and any(each.name == "pywats-api" for each in Client.installation().packages)
