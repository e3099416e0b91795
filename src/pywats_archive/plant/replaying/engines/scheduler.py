"""Where the tasks of a replay run, and how each may end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pywats_archive.config.loopback import is_loopback
from pywats_archive.errors import UsageError
from pywats_archive.plant.replaying.work.task import Outcome, Task

Ended = tuple[Task, Outcome | Exception]
"""A task with its outcome, or with the error that ended it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scheduler:
    """A scheduler of Dask: its address, and the certificates that it and the workers know."""

    address: str
    ca_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    is_unprotected: bool = False
    """Whether a scheduler without TLS on another computer is accepted: whoever reaches it can run any code on all of them."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.address)
        if parts.scheme not in ("tcp", "tls") or not parts.hostname or not _port_of(self.address):
            raise UsageError(
                f"--scheduler {self.address}: use tls://HOST:PORT, or tcp://127.0.0.1:PORT on this computer"
            )
        files = (self.ca_file, self.certificate, self.key)
        if self.is_tls and None in files:
            raise UsageError("--scheduler tls://: name --tls-ca-file, --tls-certificate and --tls-key")
        if not self.is_tls and any(files):
            raise UsageError("--scheduler tcp://: has no TLS; use tls:// with these files")
        if not self.is_tls and not self.is_local and not self.is_unprotected:
            raise UsageError(
                f"--scheduler {self.address}: without TLS, everybody in the network can run any code on these computers; "
                "use tls://, or add --unprotected-network if nobody else is in that network"
            )

    @property
    def is_tls(self) -> bool:
        """Whether the connection is encrypted, and both ends show a certificate."""
        return self.address.startswith("tls:")

    @property
    def is_local(self) -> bool:
        """Whether it is on this computer."""
        return is_loopback(urlsplit(self.address).hostname or "")


def _port_of(address: str) -> int | None:
    try:
        return urlsplit(address).port
    except ValueError:
        return None
