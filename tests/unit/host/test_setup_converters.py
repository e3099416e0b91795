"""The converters of a set-up: a new one inherits nothing silently, and one that is there is what was asked for."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pywats_archive.errors import UsageError
from pywats_archive.host.settings.state_file import STATE_FILE
from pywats_archive.host.settings.writing import setup
from pywats_archive.host.settings.writing.setup import make_setup, plan_setup
from pywats_archive.models.settings.setup import NewConverter, SetupAnswers
from pywats_archive.portable import private

ICT = NewConverter(name="ICT", module_path="m.C", watch_folder="ICT/watch")
TOKEN = "c2VjcmV0OnRva2VuLW9mLWEtc3RhdGlvbg=="
ANSWERS = SetupAnswers(service_address="http://127.0.0.1:9", api_token=TOKEN, converters=(ICT,))
FORMER = {
    "archive_source_files": False,
    "on_archive_error": "continue",
    "purge_unsubmitted": True,
    "failed_retention_days": 400,
    "min_entries": 5,
    "min_free_gb": 0,
    "archive_companions": ["*.txt"],
}


def test_a_former_converter_of_the_name_decides_nothing(tmp_path: Path) -> None:
    """What the state file remembers of it counts only where the new section does not say it."""
    (tmp_path / STATE_FILE).write_text(json.dumps({"converters": {"ICT": FORMER}}), encoding="utf-8")
    planned = plan_setup(tmp_path / "config.json", ANSWERS)
    make_setup(planned)
    (written,) = json.loads(planned.plan.path.read_text(encoding="utf-8"))["converters"]
    assert written["archive_source_files"] is True and written["purge_unsubmitted"] is False
    assert (written["on_archive_error"], written["failed_retention_days"], written["min_entries"]) == ("hold", 180, 0)
    assert (written["archive_companions"], written["min_free_gb"]) == ([], 0)
    used = plan_setup(planned.plan.path, SetupAnswers()).station.converter("ICT")
    assert used and used.archive_source_files and used.on_archive_error == "hold" and not used.purge_unsubmitted
    assert any('"min_free_gb": 0' in line for line in planned.plan.lines)


def _station(folder: Path, **keys: Any) -> Path:
    section = {"name": "ICT", "module_path": "m.C", "watch_folder": "ICT/watch", "archive_enabled": True, **keys}
    path = folder / "config.json"
    path.write_text(json.dumps({"converters": [section]}), encoding="utf-8")
    return path


@pytest.mark.parametrize("where", ["config", "state file"])
@pytest.mark.parametrize(("key", "value"), [("archive_enabled", False), ("archive_source_files", False)])
def test_a_converter_that_is_not_archived_is_no_answer(tmp_path: Path, key: str, value: bool, where: str) -> None:
    """Neither by the configuration nor by what pyWATS removed from it; converter, key and value are named."""
    path = _station(tmp_path, **{key: value if where == "config" else None})
    (tmp_path / STATE_FILE).write_text(json.dumps({"converters": {"ICT": {key: value}}}), encoding="utf-8")
    with pytest.raises(UsageError, match=f"'ICT': {key} is false, .*set {key} to true in this converter's section"):
        plan_setup(path, ANSWERS)


def test_a_disabled_converter_is_no_answer(tmp_path: Path) -> None:
    """The service would take no file of it."""
    with pytest.raises(UsageError, match="'ICT': enabled is false"):
        plan_setup(_station(tmp_path, enabled=False), ANSWERS)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("post_action", "delete", 'post_action is "move", not "delete"'),
        ("retention_days", 30, "retention_days is 90, not 30"),
        ("max_archive_size_gb", 2.0, r"max_archive_size_gb is 10\.0, not 2\.0"),
        ("archive_output_reports", False, "archive_output_reports is true, not false"),
        ("archive_folder", "elsewhere", 'archive_folder is ".*archive", not ".*elsewhere"'),
    ],
)
def test_what_was_chosen_must_be_there(tmp_path: Path, key: str, value: Any, told: str) -> None:
    """An option with another value than the converter's is an error; what nobody chose is not compared."""
    path = _station(tmp_path)
    other = replace(ICT, **{key: value})
    assert plan_setup(path, SetupAnswers(converters=(other,))).plan.is_empty
    with pytest.raises(UsageError, match=told):
        plan_setup(path, SetupAnswers(converters=(replace(other, given=(key,)),)))


def test_a_scheduled_converter_that_is_there_needs_no_folder(tmp_path: Path) -> None:
    """Before its code is loaded, the trial of an answer names the usual watch folder."""
    path = _station(tmp_path, watch_folder="", converter_type="scheduled")
    assert plan_setup(path, SetupAnswers(converters=(ICT,))).plan.is_empty


def _interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.posix("a configuration that is there is changed with its rights, and Wine has no icacls")
@pytest.mark.parametrize(("module", "step"), [(private, "_take_rights"), (os, "utime"), (private, "sync_folder")])
def test_ctrl_c_leaves_no_partial_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, step: str) -> None:
    """At any step of writing: a partial file would contain the token; the configuration is as it was."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"api_token": TOKEN, "converters": []}), encoding="utf-8")
    before, planned = path.read_bytes(), plan_setup(path, SetupAnswers(converters=(ICT,)))
    monkeypatch.setattr(module, step, _interrupt)
    with pytest.raises(KeyboardInterrupt):
        make_setup(planned)
    left = {each.relative_to(tmp_path) for each in tmp_path.rglob("*") if each.is_file()}
    assert {each for each in left if each.name != ".lock"} == {Path("config.json")} and path.read_bytes() == before


@pytest.mark.posix("a configuration that is there is changed with its rights, and Wine has no icacls")
def test_ctrl_c_after_the_copy_leaves_no_partial_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy of the former file is whole then, and stays."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"api_token": TOKEN, "converters": []}), encoding="utf-8")
    planned = plan_setup(path, SetupAnswers(converters=(ICT,)))

    def write_and_interrupt(partial: Path, content: bytes, *, model: Path) -> None:
        private.create_like(partial, content, model=model)
        if partial.suffix == ".part":
            raise KeyboardInterrupt

    monkeypatch.setattr("pywats_archive.host.settings.writing.replacing.create_like", write_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        make_setup(planned)
    assert not list(tmp_path.rglob("*.part")) and not (tmp_path / "ICT").exists()


@pytest.mark.posix("a configuration that is there is changed with its rights, and Wine has no icacls")
@pytest.mark.parametrize("is_new", [True, False])
def test_the_folders_of_a_file_in_place_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_new: bool) -> None:
    """Interrupted after the configuration is in place, its watch folders are needed."""
    path = tmp_path / "config.json"
    if not is_new:
        path.write_text('{"converters": []}', encoding="utf-8")
    planned, real = plan_setup(path, SetupAnswers(converters=(ICT,))), setup._create if is_new else setup._change

    def write_and_interrupt(planned: setup.PlannedSetup) -> None:
        real(planned)
        raise KeyboardInterrupt

    monkeypatch.setattr(setup, real.__name__, write_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        make_setup(planned)
    assert path.read_text(encoding="utf-8").split() == planned.content.decode().split()
    assert (tmp_path / "ICT" / "watch").is_dir()
