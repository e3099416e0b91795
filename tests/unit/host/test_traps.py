"""What a configuration can hardly mean is refused, or a person is warned of it; nothing is made of it in silence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pywats_archive.archive.sources.companions import by_rules
from pywats_archive.config.companions import companion_fault
from pywats_archive.errors import ConfigError
from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.host.settings.doubtful import doubtful
from pywats_archive.host.settings.foldernames import require_usable

SECTION = {"name": "csv", "module_path": "own.Csv", "watch_folder": "csv/watch", "archive_enabled": True}


def write(folder: Path, *sections: dict[str, Any], **fields: Any) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps({"converters": list(sections), **fields}), encoding="utf-8")
    return path


def fault(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read_station_config(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000
    return str(caught.value)


@pytest.mark.parametrize("key", ["watch_folder", "done_folder", "error_folder", "pending_folder", "archive_folder"])
@pytest.mark.parametrize(
    ("folder", "told"),
    [
        ("~/logs", "'~' is not expanded"),
        ("~", "'~' is not expanded"),
        ("~pywats/logs", "'~' is not expanded"),
        ("$HOME/logs", "$HOME are not expanded"),
        ("srv/${NAME}/logs", "${NAME} are not expanded"),
        ("%PROGRAMDATA%/logs", "%PROGRAMDATA% are not expanded"),
        ("a\0b", "NUL character"),
        ("a\ud800b", "surrogate"),
        ("x" * 5000, "a name in it has 5000 bytes"),
        ("ab/" * 2000, "more than 4096 bytes"),
        ("file", "is a file; name a folder"),
    ],
)
def test_a_folder_that_cannot_be_meant_is_refused(tmp_path: Path, key: str, folder: str, told: str) -> None:
    """File, converter and key are named in one line, and no folder is made (invariant 11)."""
    (tmp_path / "file").write_text("x")
    message = fault(write(tmp_path, {**SECTION, key: folder}))
    assert all(word in message for word in ("config.json", "'csv'", key, told)), message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "file"]


@pytest.mark.parametrize(
    "folder", ["C$/logs", "$Recycle.Bin/x", "a~1/logs", "100%/logs", "50% off/60%", "PROGRA~1/x", ""]
)
@pytest.mark.parametrize("windows", [True, False])
def test_a_folder_that_only_looks_so_is_taken(tmp_path: Path, folder: str, windows: bool) -> None:
    """Signs of a name's own are no variables."""
    require_usable("watch_folder", folder, "here", base=tmp_path, windows=windows)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("{", "only {stem} and {name}"),
        ("{foo}/*", "only {stem} and {name}"),
        ("{stem.__class__}", "only {stem} and {name}"),
        ("{}", "only {stem} and {name}"),
        ("/etc/*", "relative to the source's folder"),
        ("C:\\logs\\*", "relative to the source's folder"),
        ("", "it is empty"),
        (".", "it is empty"),
        ("a**b", "whole folders"),
        ("a\0", "NUL character"),
    ],
)
def test_a_companion_rule_that_is_none_is_refused(tmp_path: Path, rule: str, told: str) -> None:
    """One clear error names the rule, instead of an unexpected one for each source."""
    message = fault(write(tmp_path, {**SECTION, "archive_companions": ["*.txt", rule]}))
    assert all(word in message for word in ("'csv'", "archive_companions", told)), message


@pytest.mark.posix("no file of Windows may have an asterisk in its name")
def test_companions_of_odd_names_are_found(tmp_path: Path) -> None:
    """A source whose name looks like a rule is taken by its name, and a doubled brace is one."""
    for name in ("{name}.csv", "{name}.txt", "a{b}.log", "[x]*.csv", "[x]*.txt"):
        (tmp_path / name).write_text("x")
    assert by_rules(tmp_path / "{name}.csv", ["{stem}.txt"]) == (tmp_path / "{name}.txt",)
    assert by_rules(tmp_path / "[x]*.csv", ["{stem}.txt"]) == (tmp_path / "[x]*.txt",)
    assert by_rules(tmp_path / "[x]*.csv", ["a{{b}}.log"]) == (tmp_path / "a{b}.log",)
    for rule in ("{stem}.txt", "a{{b}}.log", "**/*.txt", "sn.config"):
        assert companion_fault(rule) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"converters": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
        ('{"converters": [{"name": "a\\u0000", "module_path": "a", "watch_folder": "w"}]}', "NUL character"),
        ('{"converters": [{"name": "\\ud800", "module_path": "a", "watch_folder": "w"}]}', "name = "),
        (
            '{"converters": [{"name": "a", "module_path": "a", "watch_folder": "w", "max_archive_size_gb": Infinity}]}',
            "gb",
        ),
        ('{"converters": [{"name": "a", "module_path": "a", "watch_folder": "w", "min_days": 1e400}]}', "min_days"),
        ('{"x": ' + "9" * 5000 + "}", "cannot be used"),
        ('{"converters_folder": "~/c"}', "converters_folder"),
    ],
)
def test_no_text_is_more_than_one_line_of_error(tmp_path: Path, text: str, told: str) -> None:
    """Whatever a file holds, it is read or refused with file and reason."""
    (tmp_path / "config.json").write_text(text)
    assert told in fault(tmp_path / "config.json")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A folder in the place of the configuration, and one that is larger than any, are one line each."""
    assert "is not a file" in fault(tmp_path)
    with (tmp_path / "config.json").open("wb") as stream:
        stream.truncate(10**9)
    assert "more than any configuration" in fault(tmp_path / "config.json")


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("*.csv;*.json", "write each pattern separately"),
        ("*.csv, *.json", "write each pattern separately"),
        ("*.csv|.json", "write each pattern separately"),
        ("json", "write '*.json'"),
        (".json", "write '*.json'"),
        ("*.JSON ", "ends with a space"),
        ("", "matches nothing"),
        ("**/*.json", "compared with names only"),
        ("sub/*.json", "compared with names only"),
        (r".*\.json", "regular expression"),
        ("^SN.*$", "regular expression"),
        ("*.{json,csv}", "braces have no special meaning"),
    ],
)
def test_a_pattern_that_hardly_matches_is_told(tmp_path: Path, pattern: str, told: str) -> None:
    """A person is warned, by converter, key and pattern, of what would match nothing in silence."""
    (warning,) = doubtful(read_station_config(write(tmp_path, {**SECTION, "file_patterns": ["*.txt", pattern]})))
    assert all(word in warning for word in ("'csv'", "file_patterns", repr(pattern), told)), warning


@pytest.mark.parametrize(
    "pattern", ["*", "*.*", "*.csv", "SN?.*", "result.csv", "[0-9]*_{A}.log", ".*", "a;b.csv", "MEASUREMENT"]
)
def test_a_pattern_that_may_be_meant_is_not_told(tmp_path: Path, pattern: str) -> None:
    """Nobody is warned of what works."""
    assert doubtful(read_station_config(write(tmp_path, {**SECTION, "file_patterns": [pattern]}))) == ()


def test_other_things_that_can_hardly_be_meant_are_told(tmp_path: Path) -> None:
    """No archive at all, spaces around names, and companions outside the folder; not of a converter that is off."""
    off = {**SECTION, "name": "off", "enabled": False, "file_patterns": ["json"]}
    told = doubtful(read_station_config(write(tmp_path, {**SECTION, "archive_enabled": False}, off)))
    assert told == (
        "no converter has archive_enabled, so nothing is archived; set it to true for each converter to archive",
    )
    odd = {**SECTION, "archive_folder": " x /archive", "archive_companions": ["../{stem}.txt"]}
    told = doubtful(read_station_config(write(tmp_path, odd)))
    assert ["ends with a space" in each or "leaves the source's folder" in each for each in told] == [True, True]


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"post_action": "move"}, "post_action 'move' takes the file out"),
        ({"post_action": "keep", "archive_enabled": False}, "without archive_enabled"),
        ({"post_action": "keep", "archive_source_files": False}, "without archive_source_files"),
        ({"converter_type": "folder"}, "a folder converter"),
        ({"converter_type": "scheduled", "schedule_interval_seconds": 1}, "a scheduled converter"),
        ({"post_action": "keep"}, None),
    ],
    ids=str,
)
def test_append_without_an_effect_is_told(tmp_path: Path, keys: dict[str, object], why: str | None) -> None:
    """A person is warned once, with the reason, where ``append`` can do nothing."""
    other = {**SECTION, "name": "other", "archive_enabled": True, "watch_folder": "other"}
    station = read_station_config(write(tmp_path, {**SECTION, "archive_enabled": True, **keys, "append": True}, other))
    told = [each for each in doubtful(station) if "append has no effect" in each]
    assert [why is not None and why in each and "'csv'" in each for each in told] == ([True] if why else [])
    assert station.converters[0].is_appended == (why is None)


@pytest.mark.posix("makes symbolic links")
def test_a_link_makes_no_second_archive(tmp_path: Path) -> None:
    """Reached by a link, relative folders would be others: that is refused, and whole paths or its own path are taken."""
    (tmp_path / "real").mkdir()
    (tmp_path / "etc").mkdir()
    path = write(tmp_path / "real", SECTION)
    link = tmp_path / "etc" / "config.json"
    link.symlink_to(path)
    assert f"is a link to {path}" in fault(link)
    assert list((tmp_path / "etc").iterdir()) == [link]
    read_station_config(path)
    assert "is a link to" in fault(link)
    whole = {**SECTION, "watch_folder": str(tmp_path / "w"), "archive_folder": str(tmp_path / "a")}
    for relative in ({"archive_folder": ""}, {"done_folder": "Done"}):
        write(tmp_path / "real", {**whole, **relative})
        assert "is a link to" in fault(link)
    write(tmp_path / "real", whole, converters_folder="own")
    assert "is a link to" in fault(link)
    write(tmp_path / "real", whole)
    assert read_station_config(link).archive_roots() == (tmp_path / "a",)


@pytest.mark.posix("makes symbolic links")
def test_a_station_that_ran_by_a_link_goes_on(tmp_path: Path) -> None:
    """Where an earlier version has its archive and memory beside the link, they stay in use; a linked folder is no trap."""
    (tmp_path / "real").mkdir()
    (tmp_path / "etc").mkdir()
    path = write(tmp_path / "real", SECTION)
    (tmp_path / "etc" / "config.json").symlink_to(path)
    (tmp_path / "etc" / "pywats-archive.json").write_text("{}")
    station = read_station_config(tmp_path / "etc" / "config.json")
    assert station.archive_roots() == (tmp_path / "etc" / "archive",)
    beside = tmp_path / "real" / "beside.json"
    beside.symlink_to(path)
    assert read_station_config(beside).archive_roots() == (tmp_path / "real" / "archive",)
    (tmp_path / "way").symlink_to(tmp_path / "real")
    assert read_station_config(tmp_path / "way" / "config.json").archive_roots() == (tmp_path / "way" / "archive",)
