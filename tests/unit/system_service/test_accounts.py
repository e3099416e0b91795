"""The account that a service runs as."""

from __future__ import annotations

from pathlib import Path

import pytest

from pywats_archive.config import StationConfig
from pywats_archive.config.server import ServerConfig
from pywats_archive.system_service.accounts import account_of, needs_password
from pywats_archive.system_service.windows import windows_account

STATION = StationConfig(
    path=Path("config.json"),
    converters_folder=Path("converters"),
    server=ServerConfig(service_address="http://127.0.0.1", api_token="t", station_name="S"),
    converters=(),
)


@pytest.mark.parametrize("named", [None, "LocalSystem", "localsystem"])
def test_windows_runs_a_service_as_local_system_unless_told_otherwise(named: str | None) -> None:
    """Its name is not taken for an account of this computer, however it is written."""
    assert account_of(STATION, named, windows=True) == "LocalSystem"
    assert account_of(STATION, "wats", windows=True) == "wats"


@pytest.mark.parametrize(
    "account", ["LocalSystem", "NT AUTHORITY\\LocalService", "nt authority\\networkservice", "NT SERVICE\\x", "DOM\\x$"]
)
def test_some_accounts_have_no_password(account: str) -> None:
    """Windows' own, virtual and managed ones."""
    assert not needs_password(account)


@pytest.mark.parametrize("account", ["wats", ".\\wats", "DOMAIN\\wats", "wats@example.com"])
def test_accounts_of_people_have_a_password(account: str) -> None:
    """It is asked for."""
    assert needs_password(account)


def test_an_account_without_a_domain_is_one_of_this_computer() -> None:
    """As the Services console writes it."""
    assert windows_account("wats") == ".\\wats"
    assert [windows_account(name) for name in (".\\wats", "DOM\\wats", "wats@example.com")] == [
        ".\\wats",
        "DOM\\wats",
        "wats@example.com",
    ]
