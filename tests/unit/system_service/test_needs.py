"""What the service of a configuration needs from the operating system."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from pywats_archive.config import ConverterConfig, StationConfig
from pywats_archive.config.server import ServerConfig
from pywats_archive.config.vault import VaultSettings
from pywats_archive.errors import UsageError
from pywats_archive.system_service.control import Order
from pywats_archive.system_service.instance import service_name
from pywats_archive.system_service.needs import Needs, needs_of, outermost
from pywats_archive.system_service.station import warnings_for

posix = pytest.mark.skipif(sys.platform == "win32", reason="only a unit of Linux names folders, as POSIX paths")


def needs(*sections: dict[str, Any], **station_keys: Any) -> Needs:
    converters = tuple(
        ConverterConfig.model_validate({"name": f"c{number}", "module_path": "own.Any", **section})
        for number, section in enumerate(sections)
    )
    station = StationConfig(
        path=Path("/etc/pywats/config.json"),
        converters_folder=Path("/etc/pywats/converters"),
        server=ServerConfig(service_address="http://127.0.0.1", api_token="t", station_name="S"),
        converters=converters,
        **station_keys,
    )
    return needs_of(station, programs=[Path("/opt/python")])


def folders(parent: str, **others: str) -> dict[str, str]:
    return {f"{name}_folder": f"{parent}/{name}" for name in ("watch", "done", "error", "pending")} | others


@posix
def test_folders_side_by_side_are_one_writable_folder() -> None:
    """Sources are renamed from the watch folder to Done, not copied: both lie in one mount of the unit."""
    assert needs(folders("/data/icp")).writable == (Path("/etc/pywats"), Path("/data/icp"))


@posix
def test_folders_elsewhere_are_writable_for_themselves() -> None:
    """Done on another disk is named, and nothing beside it."""
    found = needs(folders("/data/icp", done_folder="/mnt/big/Done")).writable
    assert found == (Path("/etc/pywats"), Path("/data/icp"), Path("/mnt/big/Done"))


@posix
@pytest.mark.parametrize("shared", ["/srv", "/mnt", "/home", "/var/lib", "/"])
def test_a_folder_of_the_whole_system_is_never_writable(shared: str) -> None:
    """A watch folder directly in /srv makes itself writable, not all of /srv."""
    found = needs(folders(shared.rstrip("/"))).writable
    assert Path(shared) not in found
    assert {Path(shared, name) for name in ("watch", "done", "error", "pending")} <= set(found)


@posix
def test_copies_anchors_and_the_vault_have_writable_folders() -> None:
    """The folders elsewhere, for copies of the catalogs, signed heads of the histories, and the vault."""
    places = {"backup_folder": Path("/mnt/b"), "anchor_folders": (Path("/mnt/c"), Path("/mnt/d"))}
    found = needs(folders("/data/icp"), **places, vault=VaultSettings(vault_url="/mnt/e"))
    assert {Path("/mnt/b"), Path("/mnt/c"), Path("/mnt/d"), Path("/mnt/e")} <= set(found.writable)


@posix
def test_archives_are_writable_even_if_they_are_switched_off() -> None:
    """What an archive still has in progress is finished, and a converter may be switched on while the service runs."""
    off = {**folders("/data/icp"), "archive_folder": "/archive", "archive_enabled": False, "enabled": False}
    assert Path("/archive") in needs(off).writable


def test_the_stop_waits_for_the_longest_converter() -> None:
    """A minute is left for what follows the conversion (invariant 15)."""
    found = needs(folders("/a", timeout_seconds="900.5"), folders("/b", timeout_seconds="30"))
    assert found.stop_limit_s == 901 + 60
    assert needs().stop_limit_s == 60


def test_the_stop_waits_for_the_last_copy_to_the_vault() -> None:
    """A bucket or a folder gets another minute, and a bucket needs no folder."""
    with_bucket = needs(vault=VaultSettings(vault_url="s3://archives/plant"))
    assert (with_bucket.stop_limit_s, with_bucket.writable) == (60 + 60, needs().writable)


@posix
def test_only_outermost_folders_are_named() -> None:
    """A folder in another writable folder needs no mount of its own, which would make renames impossible."""
    given = [Path("/a/b"), Path("/c/../a/b"), Path("/a/bb"), Path("/a/b/c/d")]
    assert outermost(given) == (Path("/a/b"), Path("/a/bb"))


def test_an_instance_has_a_name_of_its_own() -> None:
    """Two stations on one computer are two services."""
    assert [service_name(None), service_name("line_2-a")] == ["pywats-archive", "pywats-archive-line_2-a"]


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "a@b", "a.b", "ü", "a\n", "x" * 41, "../x"])
def test_an_instance_name_that_is_none_is_refused(name: str) -> None:
    """It becomes part of a unit's file name and of a service's name."""
    with pytest.raises(UsageError, match="--instance"):
        service_name(name)


@posix
def test_a_vault_that_is_not_mounted_is_not_to_be_created(tmp_path: Path) -> None:
    """Its share may be mounted later, and whatever is created in its place would be hidden by it."""
    share, watch = tmp_path / "share" / "vault", tmp_path / "station" / "watch"
    found = needs({"watch_folder": str(watch)}, vault=VaultSettings(vault_url=str(share)))
    assert share in found.writable
    wanted = Order(name="s", needs=found, account="wats", password=None, command=())
    (missing,) = [each for each in warnings_for(wanted) if each.startswith("missing: ")]
    assert str(watch.parent) in missing and str(share) not in missing
