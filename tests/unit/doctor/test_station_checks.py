"""The checks of converters, archives, disk space, rights and versions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.station import Station

from pywats_archive.config import ConverterConfig, StationConfig
from pywats_archive.config.server import ServerConfig
from pywats_archive.conversion.pool.processes import ConverterProcesses
from pywats_archive.doctor.station import archives, converters, rights
from pywats_archive.doctor.station.checks import CheckLevel, StationCheck, Topic
from pywats_archive.doctor.station.space import Growth, check_space
from pywats_archive.doctor.station.versions import check_versions
from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.host.settings.key import KEY_FILE, load_key
from pywats_archive.models.operation.service import ServiceState, ServiceStatus

posix = pytest.mark.skipif(os.name == "nt", reason="modes are POSIX'")


@pytest.fixture(scope="module")
def processes() -> Iterator[ConverterProcesses]:
    """One worker process."""
    with ConverterProcesses(1) as pool:
        yield pool


def loaded(station: Station, processes: ConverterProcesses) -> StationCheck:
    """Check the only converter of a station."""
    config = read_station_config(station.write_config())
    return converters.check_converter(config.converters[0], config, processes)


def test_a_converter_is_named_with_its_version(station: Station, processes: ConverterProcesses) -> None:
    """Its class, version and file show what the service would run."""
    station.add("ICT")
    check = loaded(station, processes)
    assert (check.topic, check.subject, check.level) == (Topic.CONVERTER, "ICT", CheckLevel.OK)
    assert check.seen == "Any 3.2.1 (own.py)" and not check.advice


@pytest.mark.parametrize(
    ("code", "module", "seen"),
    [
        ("", "own.Missing", "has no class 'Missing'"),
        ("", "nowhere.Any", "no such module is installed"),
        ("raise ValueError('no licence file')", "own.Any", "no licence file"),
        ("os._exit(3)", "own.Any", "exit code 3"),
        ("while True: time.sleep(0.01)", "own.Any", "ran longer than 0.5 s"),
    ],
)
def test_a_converter_that_cannot_be_loaded_is_one_line(
    station: Station, processes: ConverterProcesses, code: str, module: str, seen: str
) -> None:
    """Whatever its code does costs its own check alone, in the time allowed."""
    station.code(code)
    station.add("ICT", module, timeout_seconds=0.5 if "while" in code else 60)
    check = loaded(station, processes)
    assert check.level is CheckLevel.FAILED and seen in check.seen and "\n" not in check.seen
    assert "module_path" in check.advice


def test_a_converter_of_another_type_is_told(station: Station, processes: ConverterProcesses) -> None:
    """A folder converter that is configured for files gets files."""
    station.code("class F(FolderConverter):\n    name = 'F'\n    def convert(self, source, context): ...\n")
    station.add("burn-in", "own.F")
    check = loaded(station, processes)
    assert check.level is CheckLevel.WARNING and check.advice == "set converter_type to 'folder'"


def test_its_arguments_are_no_part_of_a_fault(station: Station, processes: ConverterProcesses) -> None:
    """Until the code is loaded nobody knows which of them are secret (invariant 10)."""
    station.code(
        "from pywats_client.converters.base import ConverterBase\n"
        "class P(ConverterBase):\n    name = 'P'\n    def convert_file(self, path, arguments): ...\n"
        "    def __init__(self, key=''):\n        raise ValueError(f'no such key: {key}')\n"
    )
    station.add("ICT", "own.P", arguments={"key": "s3cret-word"})
    check = loaded(station, processes)
    assert check.level is CheckLevel.FAILED and "no such key" in check.seen and "s3cret" not in check.seen


GROWTH = Growth(bytes_per_day=10**9, disk_size_bytes=5 * 10**9, retention_days=90, max_size_bytes=None)


@pytest.mark.parametrize(
    ("growth", "free_gb", "level"),
    [
        (GROWTH, 87, CheckLevel.OK),
        (GROWTH, 85, CheckLevel.WARNING),
        (replace(GROWTH, max_size_bytes=10 * 10**9), 7, CheckLevel.OK),
        (replace(GROWTH, max_size_bytes=10 * 10**9), 5, CheckLevel.WARNING),
        (replace(GROWTH, retention_days=None), 300, CheckLevel.WARNING),
        (replace(GROWTH, retention_days=None), 362, CheckLevel.OK),
        (replace(GROWTH, bytes_per_day=0), 2, CheckLevel.OK),
        (replace(GROWTH, disk_size_bytes=200 * 10**9), 2, CheckLevel.OK),
    ],
)
def test_the_disk_must_hold_what_policies_keep(growth: Growth, free_gb: int, level: CheckLevel) -> None:
    """What is there already counts, the size limit counts, and a gigabyte stays free."""
    check = check_space("/archive", [growth], free_bytes=free_gb * 10**9)
    assert check.level is level and bool(check.advice) is (level is CheckLevel.WARNING)


def test_all_that_grows_on_a_disk_counts_together() -> None:
    """Two converters that fit alone may not fit together, and the day is named."""
    assert check_space("", [GROWTH], free_bytes=100 * 10**9).level is CheckLevel.OK
    check = check_space("", [GROWTH, GROWTH], free_bytes=100 * 10**9)
    assert check.level is CheckLevel.WARNING and "the disk is full in 50 days" in check.seen


def test_less_than_the_minimum_is_a_fault_even_if_nothing_grows() -> None:
    """Below ``min_free_gb`` no new source is archived, so ``doctor`` does not say that all is well."""
    idle = replace(GROWTH, bytes_per_day=0)
    check = check_space("", [idle], free_bytes=63 * 10**9, least_free_bytes=100 * 10**9)
    assert check.level is CheckLevel.FAILED and "63.0 GB free, less than min_free_gb (100.0 GB)" in check.seen
    assert check_space("", [idle], free_bytes=100 * 10**9, least_free_bytes=100 * 10**9).level is CheckLevel.OK


def test_archives_are_opened_and_measured(station: Station, tmp_path: Path) -> None:
    """An archive that is not there yet is no check; a damaged one is a fault."""
    (station.add("ICT") / "SN1.log").write_bytes(b"content")
    station.run()
    roots = {station.archive_root: (), tmp_path / "later": ()}
    opened, space = archives.check_archives(roots)
    assert (opened.topic, opened.seen, opened.level) == (Topic.ARCHIVE, "opens, with 1 entry", CheckLevel.OK)
    assert (space.topic, space.subject, space.level) == (Topic.SPACE, str(station.archive_root), CheckLevel.OK)
    _, low = archives.check_archives({station.archive_root: (None, 0.5, 10**6)})
    assert low.level is CheckLevel.FAILED and "less than min_free_gb (1,000,000.0 GB)" in low.seen
    catalog = station.archive_root / "metadata.db"
    catalog.rename(tmp_path / "away")
    (damaged,) = archives.check_archives(roots)
    (tmp_path / "away").rename(catalog)
    assert damaged.level is CheckLevel.FAILED and "rebuild" in damaged.seen


@pytest.mark.parametrize("state", list(ServiceState))
def test_a_service_that_does_not_run_is_no_fault(state: ServiceState) -> None:
    """One that hangs or died is; a service of several archives is one line."""
    status = ServiceStatus(root=Path("/a"), state=state, process=7, computer="pc")
    (check,) = archives.check_services([status, replace(status, root=Path("/b"))])
    assert check.is_sound is (state not in (ServiceState.STALLED, ServiceState.DIED))


@pytest.mark.parametrize(
    ("versions", "level", "told"),
    [
        ({"pywats-api": "0.6.0rc1"}, CheckLevel.OK, ""),
        ({"pywats-api": "0.7.0"}, CheckLevel.WARNING, "install pywats-api 0.6"),
        ({"httpx": "0.28.1"}, CheckLevel.OK, ""),
        ({"httpx": "1.0.dev3"}, CheckLevel.FAILED, "below version 1"),
        ({"SQLite": "3.51.3"}, CheckLevel.OK, ""),
        ({"SQLite": "3.50.7"}, CheckLevel.OK, ""),
        ({"SQLite": "3.44.6"}, CheckLevel.OK, ""),
        ({"SQLite": "3.45.0"}, CheckLevel.OK, "SQLite 3.51.3"),
        ({"SQLite": "3.40.1", "httpx": "1.0"}, CheckLevel.FAILED, "install httpx below version 1"),
    ],
)
def test_versions_with_known_faults_are_told(versions: dict[str, str], level: CheckLevel, told: str) -> None:
    """A fault that hardly ever shows is a remark; one that stops the service is a fault."""
    check = check_versions(versions)
    assert check.level is level and (told in check.advice if told else not check.advice)


def test_the_installed_versions_are_named() -> None:
    """A report of a fault needs them."""
    seen = check_versions().seen
    assert all(name in seen for name in ("pywats-archive 0", "pywats-api 0.6", "Python 3.", "SQLite 3."))


def test_a_sound_configuration_is_one_line_each(tmp_path: Path) -> None:
    """Doubts replace it."""
    config = configuration(tmp_path)
    (sound,) = rights.check_configuration(config, ())
    assert sound.level is CheckLevel.OK and sound.seen.endswith("1 converter enabled")
    assert [check.level for check in rights.check_configuration(config, ("a doubt",))] == [CheckLevel.WARNING]
    (secrets,) = rights.check_secrets(config, ())
    assert secrets.seen == "no other account can read config.json"
    load_key(tmp_path)
    assert KEY_FILE in next(rights.check_secrets(config, ())).seen
    for name in ("pywats-archive-signing-key.pem", "pywats-archive-identity.txt"):
        (tmp_path / name).touch(mode=0o600)
    listed = next(rights.check_secrets(config, ())).seen
    assert listed.count(" and ") == 1 and listed.count(", ") == 2
    for name in ("pywats-archive-signing-key.pem", "pywats-archive-identity.txt"):
        (tmp_path / name).unlink()
    (shared,) = rights.check_secrets(config, (), group_of=lambda path: "wats" if path == config.path else None)
    assert shared.seen == f"no other account can read {KEY_FILE}, and the group 'wats' can read config.json"
    assert [check.level for check in rights.check_secrets(config, ("everyone may",))] == [CheckLevel.WARNING]


def test_a_station_that_does_nothing_is_not_well(tmp_path: Path) -> None:
    """Without an enabled converter there is nothing that could be wrong, and nothing that is done."""
    (check,) = rights.check_configuration(configuration(tmp_path, 0), ())
    assert check.level is CheckLevel.WARNING and "no converter is enabled" in check.seen and check.advice


def test_a_folder_that_init_has_yet_to_create_is_judged_by_its_parent(tmp_path: Path) -> None:
    """No right is missing where a folder can be created."""
    (sound,) = rights.check_configuration(configuration(tmp_path / "new" / "station"), ())
    assert sound.level is CheckLevel.OK


@posix
def test_a_folder_or_key_without_rights_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root has every right, so the system's answer stands in for another account's."""
    config = configuration(tmp_path)
    load_key(tmp_path)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert next(rights.check_configuration(config, ())).level is CheckLevel.WARNING
    assert [check.level for check in rights.check_secrets(config, ())] == [CheckLevel.FAILED]


def configuration(folder: Path, count: int = 1) -> StationConfig:
    """Make a configuration with so many converters."""
    server = ServerConfig(service_address="http://wats", api_token="dGVzdDp0ZXN0")
    many = tuple(ConverterConfig(name=str(n), module_path="own.Any", watch_folder="w") for n in range(count))
    return StationConfig(path=folder / "config.json", converters_folder=folder, server=server, converters=many)


def test_few_processes_load_many_converters(tmp_path: Path) -> None:
    """A station's converters do not start a process each at once."""
    assert 1 <= converters.process_count(configuration(tmp_path, 50)) <= 4
