"""Facts of pywats-api that the host room works around: each test fails once pyWATS has mended it, and says what to drop."""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
import json
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from pywats_archive.config.keys import ARCHIVE_KEYS
from pywats_archive.host.headless import pywats_module
from pywats_archive.host.settings.state_file import STATE_FILE


def test_croniter_is_not_declared() -> None:
    """Else we need not depend on it for the host's sake."""
    assert not [need for need in metadata.requires("pywats-api") or () if need.startswith("croniter")]


def test_its_converter_pool_loads_nothing() -> None:
    """Its pool imports modules that do not exist, which is why the pipeline is ours."""
    pywats_module("pywats_client.converters.base")
    assert importlib.util.find_spec("pywats_client.converters.registry") is None
    pool = pywats_module("pywats_client.service.async_converter_pool")
    assert "converters.registry import" in inspect.getsource(pool)


def test_there_is_no_archive_action() -> None:
    """Configuration may say ``archive`` (its own comment does), the host's enum cannot."""
    models = pywats_module("pywats_client.converters.models")
    assert {action.value for action in models.PostProcessAction} == {"delete", "move", "zip", "keep"}
    assert models.ConverterResult.success_result(report={}).post_action is models.PostProcessAction.MOVE


def _client_config() -> Any:
    return pywats_module("pywats_client.core.config").ClientConfig


def test_saving_drops_the_archives_keys(tmp_path: Path) -> None:
    """Else nothing need be remembered in a file of ours."""
    path = tmp_path / "config.json"
    keys = dict.fromkeys(ARCHIVE_KEYS, 1)
    path.write_text(json.dumps({"converters": [{"name": "a", "module_path": "b", "archive_folder": "c", **keys}]}))
    config = _client_config().load(path)
    config.save()
    (section,) = json.loads(path.read_text())["converters"]
    assert not [key for key in ARCHIVE_KEYS if key in section and key != "archive_folder"]


def test_a_corrupt_configuration_is_silently_replaced(tmp_path: Path) -> None:
    """Else ``load_and_repair`` could be trusted; the strict reading is ours."""
    path = tmp_path / "config.json"
    path.write_text("{ not json")
    config, _ = _client_config().load_and_repair(path)
    assert config.service_address == "" and config.converters == []


def test_the_memory_is_not_taken_for_a_configuration(tmp_path: Path) -> None:
    """pyWATS takes each ``config*.json`` of its folder for an instance."""
    source = inspect.getsource(pywats_module("pywats_client.core.config").get_all_instance_configs)
    assert 'glob("config*.json")' in source
    (tmp_path / STATE_FILE).write_text("{}")
    assert not list(tmp_path.glob("config*.json"))


def test_an_unknown_key_of_a_part_is_an_error() -> None:
    """Which is why only the keys that we need are given to ``ClientConfig``."""
    with pytest.raises(TypeError):
        _client_config().from_dict({"proxy": {"unknown": 1}})


def test_the_token_is_stored_and_given_as_it_is() -> None:
    """``core.encryption`` is used by nothing that writes a configuration."""
    config = _client_config().from_dict({"service_address": "https://w", "api_token": "dG9rZW4="})
    assert config.get_runtime_credentials() == ("https://w", "dG9rZW4=")
    assert config.to_dict()["api_token"] == "dG9rZW4="


def test_the_parts_of_a_repair_report_that_are_added_by_hand() -> None:
    """Else ``reports._REPAIR_FIELDS`` differs from what the host adds before it posts."""
    source = inspect.getsource(pywats_module("pywats.domains.report.async_repository").AsyncReportRepository.post_wsjf)
    added = {line.split("'")[1] for line in source.splitlines() if "uur_info['" in line}
    assert added == {"processCode", "refUUT", "confirmDate", "finalizeDate", "execTime"}


def test_a_result_has_the_fields_that_we_read() -> None:
    """What ``outcome`` takes out of a result is there."""
    models = pywats_module("pywats_client.converters.models")
    fields = {field.name for field in dataclasses.fields(models.ConverterResult)}
    assert fields >= {"status", "report", "reports", "error", "warnings", "metadata", "suspend_reason", "retry_after"}
    assert fields >= {"post_action"}
