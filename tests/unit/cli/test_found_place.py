"""What a verb works on when no option says it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from pywats_archive.cli import place
from pywats_archive.cli.place import Place, config_of, place_of, service_config_of
from pywats_archive.errors import ConfigError, UsageError

SECTION = {"name": "ict", "module_path": "own.Any", "watch_folder": "watch"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, and an environment that names nothing."""
    monkeypatch.chdir(tmp_path)
    for name in ("PYWATS_ARCHIVE_CONFIG", "PYWATS_ARCHIVE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture(autouse=True)
def pywats_place(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """pyWATS' default location, with a configuration."""
    own = config(tmp_path_factory.mktemp("pywats") / "config.json", SECTION)
    monkeypatch.setattr(place, "default_config", lambda: own)
    return own


def config(path: Path, *sections: object) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"station_name": "T", "converters": sections}), encoding="utf-8")
    return path


def archive(path: Path) -> Path:
    path.mkdir()
    (path / "archive.json").write_text("{}", encoding="utf-8")
    return path


def test_the_option_wins_then_the_environment_then_the_folder_then_pywats_own_place(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each place is used only if none before it is named, and its path is absolute."""
    assert place_of(None, None).path == place.default_config()
    own = config(here / "config.json", SECTION)
    assert place_of(None, None) == Place(path=own, is_archive=False, found_by="the current folder")
    monkeypatch.setenv("PYWATS_ARCHIVE", str(archive(here / "archive")))
    assert place_of(None, None) == Place(path=here / "archive", is_archive=True, found_by="PYWATS_ARCHIVE")
    monkeypatch.setenv("PYWATS_ARCHIVE_CONFIG", str(config(here / "other" / "config.json").relative_to(here)))
    found = Place(path=here / "other" / "config.json", is_archive=False, found_by="PYWATS_ARCHIVE_CONFIG")
    assert place_of(None, None) == found
    assert place_of(Path("some"), None) == Place(path=here / "some", is_archive=True, found_by="--archive")
    assert place_of(None, Path("some")) == Place(path=here / "some", is_archive=False, found_by="--config")


def test_a_verb_that_needs_a_configuration_is_not_given_an_archive(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PYWATS_ARCHIVE says nothing about converters."""
    monkeypatch.setenv("PYWATS_ARCHIVE", str(archive(here / "archive")))
    assert config_of(None) == place.default_config()


@pytest.mark.parametrize("variable", ["PYWATS_ARCHIVE_CONFIG", "PYWATS_ARCHIVE"])
def test_a_variable_that_names_nothing_is_an_error(here: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """It is not passed over for the next place: that would be another station. An empty variable is as none."""
    config(here / "config.json", SECTION)
    monkeypatch.setenv(variable, str(here / "none"))
    with pytest.raises(UsageError, match=f"{variable}=.*none: there is no .*; correct the variable, or unset it"):
        place_of(None, None)
    assert place_of(None, Path("named.json")).found_by == "--config"
    monkeypatch.setenv(variable, "")
    assert place_of(None, None).found_by == "the current folder"


@pytest.mark.parametrize(
    ("text", "is_used"),
    [
        ('{"converters": [{"name": "ict", "watch_folder": "w"}]}', True),
        ('\ufeff{"converters": [{"module_path": "own.Any"}]}', True),
        ('{"converters": [{"name": "ict", "watch_folder": "w",}]}', True),
        ('{"converters": []}', False),
        ('{"converters": {"less": "css"}}', False),
        ('{"name": "of another program"}', False),
        ("[" * 100_000, False),
        ("[]", False),
        ("// no JSON", False),
    ],
)
def test_only_a_configuration_of_pywats_is_taken_from_the_current_folder(here: Path, text: str, is_used: bool) -> None:
    """Many programs have a config.json; one of pyWATS with a mistake is used, so that the mistake is named."""
    (here / "config.json").write_text(text, encoding="utf-8")
    assert (place_of(None, None).found_by == "the current folder") is is_used


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX: owners")
@pytest.mark.skipif(getattr(os, "geteuid", int)() != 0, reason="only root can change an owner")
def test_a_configuration_of_another_account_must_be_named(here: Path) -> None:
    """Whoever can write to a shared folder would decide which code runs."""
    os.chown(config(here / "config.json", SECTION), 12345, 12345)
    with pytest.raises(UsageError, match=r"belongs to another account.*--config config.json"):
        place_of(None, None)
    assert place_of(None, Path("config.json")).path == here / "config.json"


def test_a_service_never_takes_the_configuration_of_the_current_folder(
    here: Path, pywats_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would move and remove files; the option and the variable name one, as an absolute path."""
    config(here / "config.json", SECTION)
    assert service_config_of(None) == pywats_place
    pywats_place.unlink()
    with pytest.raises(UsageError, match=r"there is no such file; to run this folder's.*--config config.json"):
        service_config_of(None)
    assert service_config_of(Path("config.json")) == here / "config.json"
    monkeypatch.setenv("PYWATS_ARCHIVE_CONFIG", "config.json")
    assert service_config_of(None) == here / "config.json"


def test_without_any_configuration_the_error_says_how_to_name_one(pywats_place: Path) -> None:
    """A report on the installation says where it would be."""
    pywats_place.unlink()
    for find in (lambda: place_of(None, None), lambda: config_of(None), lambda: service_config_of(None)):
        with pytest.raises(ConfigError, match=r"no configuration found: .*--config or PYWATS_ARCHIVE_CONFIG"):
            find()
    assert place.likely_config(None) == pywats_place
