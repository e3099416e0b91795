"""What a process needs for its tasks, made once and kept: the vault, the converter processes, and the code.

The credentials of the vault come from the environment or a file of this computer; no task brings them.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from pywats_archive.config.vault import VaultSettings
from pywats_archive.conversion.pool.processes import ConverterProcesses
from pywats_archive.errors import ArchiveError
from pywats_archive.models.plant.replay import PlannedCode
from pywats_archive.plant.replaying import code as packing
from pywats_archive.plant.replaying.records import keys
from pywats_archive.portable.scratch import Scratch
from pywats_archive.vault.credentials import VARIABLES
from pywats_archive.vault.opening import open_vault

_PART_OF_MEMORY = 0.8


class ReplayProcess:
    """Carries out tasks, from several threads."""

    def __init__(self, settings: VaultSettings, processes: int, *, keys_folder: Path | None = None) -> None:
        self.settings = settings
        self.vault = open_vault(settings, tries_again=True)
        self.pool = ConverterProcesses(processes, lower_priority=True, without=VARIABLES)
        self.scratch = Scratch()
        self.keys = keys_folder
        self._codes: dict[str, Path] = {}
        self._mutex = threading.Lock()
        self.memory_share_mb = psutil.virtual_memory().total * _PART_OF_MEMORY / processes / 1e6
        """The memory that a converter may use whose own configuration sets no limit."""

    def code(self, run: str, wanted: PlannedCode) -> Path | None:
        """Return the file that defines the converter, unpacked once; None for an installed package. VaultError if altered."""
        if wanted.distribution:
            return None
        with self._mutex:
            if wanted.fingerprint not in self._codes:
                content = self.vault.get(keys.code_key(run, wanted.fingerprint))
                self._codes[wanted.fingerprint] = packing.unpack(content, wanted, self.scratch.make())
            return self._codes[wanted.fingerprint]

    def require_same(self, software: str) -> None:
        """Raise ArchiveError unless a plan was made by the version that runs here."""
        if software != version():
            raise ArchiveError(
                f"this worker has {version()}, and the replay was planned by {software}; install that version"
            )

    def close(self) -> None:
        """End the converter processes; conversions in progress are interrupted. Idempotent."""
        self.pool.close()
        self.scratch.close()


def version() -> str:
    """Return the name and version of this program."""
    return f"pywats-archive {metadata.version('pywats-archive')}"


class _Kept:
    """What this process keeps between tasks."""

    mutex = threading.Lock()
    own: VaultSettings | None = None
    made: ReplayProcess | None = None


def use(settings: VaultSettings) -> None:
    """Let the tasks in this process use these settings of the vault, whatever they bring."""
    _Kept.own = settings


def of_this_process(settings: Mapping[str, Any], processes: int) -> ReplayProcess:
    """Return the one ReplayProcess of this process for a vault; it ends with the process."""
    found = _Kept.own or VaultSettings(**settings)
    with _Kept.mutex:
        if _Kept.made is None or _Kept.made.settings != found:
            if _Kept.made:
                _Kept.made.close()
            _Kept.made = ReplayProcess(found, processes)
            atexit.register(_Kept.made.close)
        return _Kept.made
