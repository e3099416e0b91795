"""The operations of a service manager, on any system."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from pywats_archive.system_service.needs import Needs


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """A service to be installed."""

    name: str
    needs: Needs
    account: str
    command: tuple[str, ...]
    password: str | None = field(default=None, repr=False)
    """The account's password, if the service manager asks for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SystemServiceStatus:
    """A service as its service manager sees it."""

    name: str
    """Name of the service."""
    is_installed: bool
    """Whether it is installed."""
    state: str
    """In the service manager's own words."""
    is_running: bool = False
    """Whether it runs."""
    starts_with_machine: bool = False
    """Whether it starts with the machine."""
    process: int | None = None
    """Its process id; None if it does not run."""


class ServiceControl(Protocol):
    """The service manager of a system; UsageError without the rights, SystemServiceFailed if it refuses."""

    def text(self, order: Order) -> str:
        """Return what a person would enter to install the service by hand."""

    def install(self, order: Order) -> str:
        """Install the service, or replace an earlier one, so that it starts with the machine; return where it is."""

    def start(self, name: str) -> None:
        """Start the service."""

    def stop(self, name: str) -> None:
        """Stop the service, and wait until it has stopped."""

    def remove(self, name: str) -> None:
        """Stop and remove the service; the archives stay."""

    def status(self, name: str) -> SystemServiceStatus:
        """Return whether the service is installed and runs."""
