"""Services on Windows, by its service control manager."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pywats_archive.errors import SystemServiceFailed, UsageError
from pywats_archive.system_service.accounts import LOCAL_SYSTEM, needs_password
from pywats_archive.system_service.control import Order, SystemServiceStatus
from pywats_archive.system_service.windows_script import DESCRIPTION, RESTARTS_MS, display_name, script

_ACCESS_DENIED, _NOT_THERE, _EXISTS, _NOT_RUNNING, _RUNNING = 5, 1060, 1073, 1062, 1056
"""ERROR_ACCESS_DENIED, ERROR_SERVICE_DOES_NOT_EXIST, _EXISTS, _NOT_ACTIVE, _ALREADY_RUNNING (Microsoft: system error codes)."""
_UNKNOWN_LEVEL = 124
"""ERROR_INVALID_LEVEL: Wine 8 does not know some settings, and runs the service without them."""
_RESET_S = 86_400
_POLL_S = 0.2
_NO_PROGRESS_S = 60.0
"""How long a service may show no progress while it starts or stops."""
_REMOVED_S = 10.0
"""How long a removed service may stay visible: Windows removes it when nobody has it open any longer."""
_STATES = {
    1: "stopped",
    2: "starting",
    3: "stopping",
    4: "running",
    5: "continuing",
    6: "pausing",
    7: "paused",
}
_STOPPED, _IS_RUNNING = 1, 4


class WindowsServices:
    """The service manager of this computer; ``api`` and ``security`` replace win32service and win32security."""

    def __init__(self, api: Any = None, security: Any = None) -> None:
        self._api = api or _module("win32service")
        self._security = security or _module("win32security")

    def text(self, order: Order) -> str:
        """Return a PowerShell script that installs the service."""
        return script(order)

    def install(self, order: Order) -> str:
        """Create the service, or change an earlier one: delayed automatic start, and a restart after each failure."""
        if needs_password(order.account):
            self._allow_logon(order.account)
        with self._opened_manager(self._api.SC_MANAGER_ALL_ACCESS) as manager:
            service = self._created(manager, order)
            try:
                self._configure(service, order)
            finally:
                self._api.CloseServiceHandle(service)
        return f"the service {order.name}"

    def start(self, name: str) -> None:
        """Start the service, and wait until it runs."""
        with self._opened(name) as service:
            try:
                self._api.StartService(service, None)
            except self._api.error as exc:
                if exc.winerror != _RUNNING:
                    raise
            self._wait(service, name, _IS_RUNNING)

    def stop(self, name: str) -> None:
        """Stop the service, and wait for the end of its conversions."""
        with self._opened(name) as service:
            self._stop(service, name)

    def remove(self, name: str) -> None:
        """Stop and delete the service."""
        with self._opened(name) as service:
            self._stop(service, name)
            self._api.DeleteService(service)
        deadline_s = time.monotonic() + _REMOVED_S
        while self.status(name).is_installed:
            if time.monotonic() > deadline_s:
                raise SystemServiceFailed(
                    f"{name}: is removed once other programs close it, such as the Services console"
                )
            time.sleep(_POLL_S)

    def status(self, name: str) -> SystemServiceStatus:
        """Return the state of the service."""
        try:
            with self._opened(name) as service:
                found = self._api.QueryServiceStatusEx(service)
                start_type = self._api.QueryServiceConfig(service)[1]
        except UsageError:
            return SystemServiceStatus(name=name, is_installed=False, state="not installed")
        return SystemServiceStatus(
            name=name,
            is_installed=True,
            state=_STATES.get(found["CurrentState"], "unknown"),
            is_running=found["CurrentState"] == _IS_RUNNING,
            starts_with_machine=start_type == self._api.SERVICE_AUTO_START,
            process=found["ProcessId"] or None,
        )

    def _created(self, manager: Any, order: Order) -> Any:
        api, command = self._api, subprocess.list2cmdline(order.command)
        kind = (api.SERVICE_WIN32_OWN_PROCESS, api.SERVICE_AUTO_START, api.SERVICE_ERROR_NORMAL)
        account = None if order.account == LOCAL_SYSTEM else windows_account(order.account)
        who = (account, order.password)
        try:
            return api.CreateService(
                manager, order.name, display_name(order), api.SERVICE_ALL_ACCESS, *kind, command, None, 0, None, *who
            )
        except api.error as exc:
            if exc.winerror != _EXISTS:
                raise
        service = api.OpenService(manager, order.name, api.SERVICE_ALL_ACCESS)
        who = (account or LOCAL_SYSTEM, order.password)
        api.ChangeServiceConfig(service, *kind, command, None, 0, None, *who, display_name(order))
        return service

    def _configure(self, service: Any, order: Order) -> None:
        api = self._api
        restarts = [(api.SC_ACTION_RESTART, delay_ms) for delay_ms in RESTARTS_MS]
        actions = {"ResetPeriod": _RESET_S, "RebootMsg": "", "Command": "", "Actions": restarts}
        for level, value in (
            (api.SERVICE_CONFIG_DESCRIPTION, DESCRIPTION),
            (api.SERVICE_CONFIG_DELAYED_AUTO_START_INFO, True),
            (api.SERVICE_CONFIG_FAILURE_ACTIONS, actions),
            (api.SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, True),
            (api.SERVICE_CONFIG_PRESHUTDOWN_INFO, order.needs.stop_limit_s * 1000),
        ):
            try:
                api.ChangeServiceConfig2(service, level, value)
            except api.error as exc:
                if exc.winerror != _UNKNOWN_LEVEL:
                    raise

    def _allow_logon(self, account: str) -> None:
        """Let the account log on as a service, as the Services console does when an account is entered there."""
        security = self._security
        with self._translated(account):
            sid = security.LookupAccountName(None, account.removeprefix(".\\"))[0]
            policy = security.LsaOpenPolicy(None, security.POLICY_ALL_ACCESS)
            security.LsaAddAccountRights(policy, sid, ("SeServiceLogonRight",))

    def _stop(self, service: Any, name: str) -> None:
        try:
            self._api.ControlService(service, self._api.SERVICE_CONTROL_STOP)
        except self._api.error as exc:
            if exc.winerror != _NOT_RUNNING:
                raise
        self._wait(service, name, _STOPPED)

    def _wait(self, service: Any, name: str, state: int) -> None:
        """Wait for a state, as long as the service gives signs of progress (Microsoft: checkpoints)."""
        last, deadline_s = None, time.monotonic() + _NO_PROGRESS_S
        while (found := self._api.QueryServiceStatusEx(service))["CurrentState"] != state:
            if (sign := (found["CurrentState"], found["CheckPoint"])) != last:
                last, deadline_s = sign, time.monotonic() + _NO_PROGRESS_S
            if found["CurrentState"] == _STOPPED or time.monotonic() > deadline_s:
                is_now = _STATES.get(found["CurrentState"], "unknown")
                raise SystemServiceFailed(
                    f"{name}: is {is_now}, and not {_STATES[state]}; its log says why, and so does the event log of Windows"
                )
            time.sleep(_POLL_S)

    @contextmanager
    def _opened(self, name: str) -> Iterator[Any]:
        with self._opened_manager(self._api.SC_MANAGER_CONNECT) as manager, self._translated(name):
            service = self._api.OpenService(manager, name, self._api.SERVICE_ALL_ACCESS)
            try:
                yield service
            finally:
                self._api.CloseServiceHandle(service)

    @contextmanager
    def _opened_manager(self, access: int) -> Iterator[Any]:
        with self._translated("the service manager"):
            manager = self._api.OpenSCManager(None, None, access)
            try:
                yield manager
            finally:
                self._api.CloseServiceHandle(manager)

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except (self._api.error, self._security.error) as exc:
            raise _ERRORS.get(exc.winerror, _refused)(what, str(exc.strerror)) from exc


def windows_account(account: str) -> str:
    """Return the account with its domain; one without belongs to this computer."""
    return account if "\\" in account or "@" in account or account == LOCAL_SYSTEM else f".\\{account}"


def _denied(what: str, why: str) -> Exception:
    return UsageError(f"{what}: access is denied; use a console that was started as administrator")


def _absent(what: str, why: str) -> Exception:
    return UsageError(f"{what}: there is no such service; install it with 'pywats-archive service install'")


def _refused(what: str, why: str) -> Exception:
    return SystemServiceFailed(f"{what}: {why.rstrip('.')}")


_ERRORS: dict[int, Callable[[str, str], Exception]] = {_ACCESS_DENIED: _denied, _NOT_THERE: _absent}


def _module(name: str) -> Any:
    import importlib  # noqa: PLC0415

    try:
        return importlib.import_module(name)
    except ImportError as exc:
        raise UsageError(f"{name} is missing, a part of pywin32; install pywats-archive again") from exc
