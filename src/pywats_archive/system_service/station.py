"""The service of a station: what is to be installed, and what a person should know first."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pywats_archive.config import StationConfig
from pywats_archive.host.own_service import own_service
from pywats_archive.portable.files import WINDOWS
from pywats_archive.portable.private import others_who_may_write
from pywats_archive.system_service.accounts import LOCAL_SYSTEM
from pywats_archive.system_service.control import Order, ServiceControl, SystemServiceStatus
from pywats_archive.system_service.needs import needs_of, outermost
from pywats_archive.system_service.systemd import Systemd
from pywats_archive.system_service.windows import WindowsServices

_WINDOWS_HOST = "pywats_archive.cli.service_host"
"""A module that is loaded fast, since Windows waits for a service for a short time only."""


def control() -> ServiceControl:
    """Return the service manager of this computer."""
    if WINDOWS:
        return WindowsServices()
    return Systemd()


def order(
    station: StationConfig, *, name: str, account: str, password: str | None = None, web: str | None = None
) -> Order:
    """Return what is to be installed for a configuration; ``web`` is the address of its web pages, if it serves them."""
    programs = (Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[1])
    config = str(station.path)
    words = (_WINDOWS_HOST, name, config) if WINDOWS else ("pywats_archive", "run", "--config", config)
    pages = () if web is None else ("--web", web)
    return Order(
        name=name,
        needs=needs_of(station, programs=programs),
        account=account,
        password=password,
        command=(sys.executable, "-m", *words, *pages),
    )


def next_step(found: SystemServiceStatus, *, instance: str | None) -> str:
    """Return what to do after an installation: a service that runs already knows nothing of its new settings."""
    verb, option = "pywats-archive service", f" --instance {instance}" if instance else ""
    if found.is_running:
        return f"it runs with its earlier settings until '{verb} stop{option}' and '{verb} start{option}'"
    return f"start it with '{verb} start{option}'"


def warnings_for(wanted: Order) -> Iterator[str]:
    """Yield the problems that a service would have: missing folders, folders open to others, and pyWATS' own service."""
    own = (folder for folder in wanted.needs.writable if folder != wanted.needs.vault)
    missing = [str(folder) for folder in own if not folder.is_dir()]
    if missing and not WINDOWS:  # the service creates them there
        yield (
            f"missing: {', '.join(missing)}; create {'it' if len(missing) == 1 else 'each'} for the account "
            f"'{wanted.account}' before the start, since the service may create nothing outside its folders"
        )
    yield from _open_to_others(wanted)
    if warning := own_service():
        yield warning


def _open_to_others(wanted: Order) -> Iterator[str]:
    """Yield a line for each folder with code or configuration to which others may write: it runs as the service's account.

    On Windows only if that is LocalSystem, since any other account needs to write there itself.
    """
    if WINDOWS and wanted.account != LOCAL_SYSTEM:
        return
    for folder in outermost([wanted.needs.config.parent, *wanted.needs.readable]):
        others: tuple[str, ...] = ()
        with suppress(OSError):  # it is missing, or the system does not say
            others = others_who_may_write(folder)
        if others:
            yield (
                f"{folder}: {' and '.join(others)} may write there, and so decide what runs as '{wanted.account}'; let only "
                "administrators write there, or name an account with fewer rights with --account"
            )
