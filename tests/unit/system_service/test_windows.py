"""Services of Windows, with its service manager injected: what is asked for, and what its errors become."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pywats_archive.errors import SystemServiceFailed, UsageError
from pywats_archive.system_service.control import Order
from pywats_archive.system_service.needs import Needs
from pywats_archive.system_service.windows import WindowsServices

NAME = "pywats-archive"


class Refusal(Exception):
    """As pywintypes.error."""

    def __init__(self, winerror: int, strerror: str = "It went wrong.") -> None:
        super().__init__(strerror)
        self.winerror, self.strerror = winerror, strerror


class Api:
    """win32service with one computer's services, and win32security with its rights."""

    error = Refusal
    SC_MANAGER_ALL_ACCESS = SC_MANAGER_CONNECT = SERVICE_ALL_ACCESS = POLICY_ALL_ACCESS = 1
    SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START, SERVICE_ERROR_NORMAL, SERVICE_CONTROL_STOP = 0x10, 2, 1, 1
    SERVICE_CONFIG_DESCRIPTION, SERVICE_CONFIG_FAILURE_ACTIONS, SERVICE_CONFIG_DELAYED_AUTO_START_INFO = 1, 2, 3
    SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, SERVICE_CONFIG_PRESHUTDOWN_INFO, SC_ACTION_RESTART = 4, 7, 1

    def __init__(self) -> None:
        self.services: dict[str, dict[str, Any]] = {}
        self.states: list[tuple[int, int]] = []
        """States and checkpoints that the next queries answer; then the service is where it was told to be."""
        self.rights: list[tuple[str, str]] = []
        self.failing: dict[str, int] = {}
        self.handles = 0
        self.visible = 0
        """How often a removed service is still found."""

    def OpenSCManager(self, *_: object) -> str:
        self._fail("OpenSCManager")
        self.handles += 1
        return "manager"

    def CloseServiceHandle(self, handle: object) -> None:
        self.handles -= 1

    def CreateService(self, manager: object, name: str, shown: str, access: int, *more: Any) -> str:
        if name in self.services:
            raise Refusal(1073)
        self.handles += 1
        kind, start, _, command, _, _, _, account, password = more
        self.services[name] = {"kind": kind, "start": start, "command": command, "who": (account, password), "state": 1}
        return name

    def ChangeServiceConfig(self, name: str, *more: Any) -> None:
        self.services[name] |= {"command": more[3], "who": (more[7], more[8])}

    def ChangeServiceConfig2(self, name: str, level: int, value: object) -> None:
        self.services[name][str(level)] = value

    def OpenService(self, manager: object, name: str, access: int) -> str:
        if name not in self.services:
            raise Refusal(1060)
        if self.services[name].get("is removed"):
            self.visible -= 1
            if self.visible < 0:
                raise Refusal(1060)
        self.handles += 1
        return name

    def StartService(self, name: str, words: object) -> None:
        self._fail("StartService")
        self.services[name]["state"] = 4

    def ControlService(self, name: str, control: int) -> None:
        if self.services[name]["state"] == 1:
            raise Refusal(1062)
        self.services[name]["state"] = 1

    def DeleteService(self, name: str) -> None:
        self.services[name]["is removed"] = True

    def QueryServiceStatusEx(self, name: str) -> dict[str, int]:
        state, checkpoint = self.states.pop(0) if self.states else (self.services[name]["state"], 0)
        return {"CurrentState": state, "CheckPoint": checkpoint, "ProcessId": 77 if state == 4 else 0}

    def QueryServiceConfig(self, name: str) -> tuple[Any, ...]:
        return (self.services[name]["kind"], self.services[name]["start"])

    def LookupAccountName(self, computer: object, name: str) -> tuple[str, str, int]:
        return f"sid of {name}", "", 1

    def LsaOpenPolicy(self, *_: object) -> str:
        return "policy"

    def LsaAddAccountRights(self, policy: object, sid: str, rights: tuple[str, ...]) -> None:
        self.rights += [(sid, right) for right in rights]

    def _fail(self, call: str) -> None:
        if call in self.failing:
            raise Refusal(self.failing[call])


def order(account: str = "LocalSystem", password: str | None = None) -> Order:
    needs = Needs(config=Path("config.json"), writable=(), readable=(), stop_limit_s=360)
    command = (
        "C:\\Program Files\\py\\python.exe",
        "-m",
        "pywats_archive",
        "service",
        "host",
        "--config",
        "C:\\a b\\c.json",
    )
    return Order(name=NAME, needs=needs, account=account, password=password, command=command)


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def services(api: Api) -> WindowsServices:
    return WindowsServices(api, api)


def test_a_service_starts_late_with_windows_and_again_after_a_failure(api: Api, services: WindowsServices) -> None:
    """The program's path is quoted, so that no other program with the beginning of its name is started."""
    services.install(order())
    made = api.services[NAME]
    assert made["command"].startswith('"C:\\Program Files\\py\\python.exe" -m') and made["command"].endswith(
        '"C:\\a b\\c.json"'
    )
    assert made["start"] == api.SERVICE_AUTO_START and made["3"] is True
    assert [action for action, _ in made["2"]["Actions"]] == [api.SC_ACTION_RESTART] * 3 and made["4"] is True
    assert made["7"] == 360_000, "a shutdown waits as long as a stop"
    assert made["who"] == (None, None) and api.rights == []
    assert api.handles == 0


def test_an_installed_service_is_changed(api: Api, services: WindowsServices) -> None:
    """A new account and its password are taken over, and a return to LocalSystem."""
    services.install(order())
    services.install(order("station", "secret"))
    assert api.services[NAME]["who"] == (".\\station", "secret")
    services.install(order())
    assert api.services[NAME]["who"] == ("LocalSystem", None)
    assert api.handles == 0


def test_an_account_may_log_on_as_a_service(api: Api, services: WindowsServices) -> None:
    """Without this right the service would not start; Windows' own accounts have it."""
    services.install(order("NT AUTHORITY\\LocalService"))
    assert api.rights == []
    services.install(order(".\\station", "secret"))
    assert api.rights == [("sid of station", "SeServiceLogonRight")]


def test_a_password_is_shown_nowhere(services: WindowsServices) -> None:
    """Neither in the script to be used by hand, nor where an order is logged."""
    wanted = order("station", "secret")
    assert "secret" not in services.text(wanted) and "Get-Credential -UserName 'station'" in services.text(wanted)
    assert "secret" not in repr(wanted)


@pytest.mark.parametrize("quote", ["'", "\u2018", "\u2019", "\u201a", "\u201b"])
def test_a_name_with_a_quote_ends_no_text_of_the_script(services: WindowsServices, quote: str) -> None:
    """What PowerShell would run is only what the script says; it takes typographic quotes for plain ones."""
    text = services.text(replace(order(), command=(f"C:\\it{quote}s\\python.exe", "$(evil)")))
    assert f"BinaryPathName = 'C:\\it{quote}{quote}s\\python.exe $(evil)'" in text


def test_start_and_stop_wait_for_the_service(api: Api, services: WindowsServices) -> None:
    """A stop lasts as long as its conversions, while checkpoints grow."""
    services.install(order())
    api.states = [(2, 1), (2, 2)]
    services.start(NAME)
    found = services.status(NAME)
    assert (found.is_running, found.state, found.process, found.starts_with_machine) == (True, "running", 77, True)
    api.states = [(3, 1), (3, 2), (3, 3)]
    services.stop(NAME)
    assert services.status(NAME).state == "stopped" and api.states == []
    services.stop(NAME)
    services.remove(NAME)
    found = services.status(NAME)
    assert (found.is_installed, found.is_running, found.state) == (False, False, "not installed")
    assert api.handles == 0


def test_a_removed_service_is_gone_when_the_command_ends(
    api: Api, services: WindowsServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows takes its time; who keeps it open is asked to close it."""
    services.install(order())
    api.visible = 2
    services.remove(NAME)
    assert api.visible < 0 and api.handles == 0
    api.services.clear()
    services.install(order())
    api.visible = 1000
    monkeypatch.setattr("pywats_archive.system_service.windows._REMOVED_S", -1.0)
    with pytest.raises(SystemServiceFailed, match="removed once other programs close it"):
        services.remove(NAME)


def test_a_service_that_ends_while_it_starts_is_an_error(api: Api, services: WindowsServices) -> None:
    """It names the log."""
    services.install(order())
    api.states = [(2, 1), (1, 0)]
    with pytest.raises(SystemServiceFailed, match="is stopped, and not running; its log says why"):
        services.start(NAME)


def test_a_service_that_gives_no_sign_is_an_error(
    api: Api, services: WindowsServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop that hangs does not hang the command for ever."""
    services.install(order())
    services.start(NAME)
    api.states = [(3, 1)] * 3
    monkeypatch.setattr("pywats_archive.system_service.windows._NO_PROGRESS_S", -1.0)
    with pytest.raises(SystemServiceFailed, match="is stopping, and not stopped"):
        services.stop(NAME)


def test_without_rights_the_error_says_what_to_do(api: Api, services: WindowsServices) -> None:
    """An ordinary console may not install services."""
    api.failing["OpenSCManager"] = 5
    with pytest.raises(UsageError, match="started as administrator"):
        services.install(order())
    assert api.handles == 0


def test_what_windows_refuses_is_one_error(api: Api, services: WindowsServices) -> None:
    """Its own words are passed on; a service that is not installed is named."""
    with pytest.raises(UsageError, match="no such service"):
        services.start(NAME)
    services.install(order())
    api.failing["StartService"] = 1069
    with pytest.raises(SystemServiceFailed, match="pywats-archive: It went wrong"):
        services.start(NAME)
    assert api.handles == 0
