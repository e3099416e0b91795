"""A station whose state file requires that every converter is archived."""

from __future__ import annotations

import json
import sys

import pytest
from tests.command import command
from tests.station import Station, wait_for

from pywats_archive.archive.alerts import open_alerts
from pywats_archive.errors import ConfigError
from pywats_archive.host.settings.changing import plan_change
from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.host.settings.state_file import STATE_FILE

RULE = '{ "archive": { "required": true } }'


@pytest.mark.parametrize("verb", ["run --until-idle", "doctor --quick"])
def test_a_converter_that_is_not_archived_is_refused(station: Station, verb: str) -> None:
    """The service does not start: one line names the converter, the key and the file with the rule; no file is touched."""
    watch = station.add("ict", archive_enabled=False)
    (watch / "a.log").write_bytes(b"x")
    (station.root / STATE_FILE).write_text(RULE, encoding="utf-8-sig")
    answer = command(*verb.split(), "--config", station.write_config())
    assert answer.returncode == 2 and answer.stdout == ""
    (line,) = [each for each in answer.stderr.splitlines() if "required" in each or "requires" in each]
    assert "converter 'ict': archive_enabled is false" in line and str(station.root / STATE_FILE) in line
    assert station.names("ict/watch") == ["a.log"] and not station.archive_root.exists()


def test_what_is_archived_or_disabled_runs_and_the_rule_stays(station: Station) -> None:
    """The service adds its own parts to the file, and keeps the rule that a person wrote."""
    watch = station.add("ict")
    station.add("old", archive_enabled=False, enabled=False)
    (watch / "a.log").write_bytes(b"x")
    (station.root / STATE_FILE).write_text(RULE, encoding="utf-8")
    station.run()
    assert station.names("ict/Done") == ["a.log"]
    written = json.loads((station.root / STATE_FILE).read_text(encoding="utf-8"))
    assert written["archive"] == {"required": True} and written["archives"]


def test_a_running_service_and_the_pages_refuse_to_switch_the_archive_off(station: Station) -> None:
    """The former configuration stays in use, with an alert; a form gets the reason as a fault."""
    watch = station.add("ict")
    (station.root / STATE_FILE).write_text(RULE, encoding="utf-8")
    (fault,) = plan_change(station.write_config(), "ict", {"archive_enabled": "false"}).faults
    assert fault.message.startswith("archive_enabled is false, and ")
    with station.serving():
        wait_for((station.archive_root / ".heartbeat").exists)
        station.sections[0]["archive_enabled"] = False
        station.write_config()
        wait_for(lambda: "config.rejected" in _open_alerts(station))
        (watch / "a.log").write_bytes(b"x")
        wait_for(lambda: station.names("ict/Done") == ["a.log"])
    assert len(station.entries()) == 1


@pytest.mark.parametrize("rule", [{"require": True}, {"required": "yes"}, {"required": 1}])
def test_a_rule_with_a_mistake_is_an_error(station: Station, rule: dict[str, object]) -> None:
    """A misspelt rule is not taken for none."""
    station.add("ict", archive_enabled=False)
    (station.root / STATE_FILE).write_text(json.dumps({"archive": rule}), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"pywats-archive\.json: 'archive'"):
        read_station_config(station.write_config())


def test_a_converter_that_keeps_no_sources_is_not_archived(station: Station) -> None:
    """The record of a source without its bytes does not satisfy the rule."""
    station.add("ict", archive_source_files=False)
    (station.root / STATE_FILE).write_text(RULE, encoding="utf-8")
    with pytest.raises(ConfigError, match="archive_source_files is false"):
        read_station_config(station.write_config())


def test_a_file_converted_before_it_is_archived_does_not_satisfy_the_rule(station: Station) -> None:
    """``continue`` converts while the archive fails."""
    station.add("ict", on_archive_error="continue")
    (station.root / STATE_FILE).write_text(RULE, encoding="utf-8")
    with pytest.raises(ConfigError, match=r'on_archive_error is "continue", and .* set on_archive_error to "hold"'):
        read_station_config(station.write_config())


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right on Windows")
def test_a_link_does_not_avoid_the_rule(station: Station) -> None:
    """The rule lies beside the file, and the link elsewhere; the message names the file with the rule."""
    station.add("ict", archive_enabled=False)
    (station.root / STATE_FILE).write_text(RULE, encoding="utf-8")
    link = station.root / "elsewhere" / "config.json"
    link.parent.mkdir()
    link.symlink_to(station.write_config())
    with pytest.raises(ConfigError, match="archive_enabled is false") as error:
        read_station_config(link)
    assert str((station.root / STATE_FILE).resolve()) in str(error.value)


def _open_alerts(station: Station) -> set[str]:
    with station.archive() as archive:
        return {each.name for each in open_alerts(archive)}
