"""Services on Linux, by systemctl."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pywats_archive.errors import SystemServiceFailed, UsageError
from pywats_archive.portable import names
from pywats_archive.portable.files import replace_durably
from pywats_archive.system_service.control import Order, SystemServiceStatus
from pywats_archive.system_service.unit import unit_text

_ROOT = 0
_PROPERTIES = ("LoadState", "ActiveState", "SubState", "UnitFileState", "MainPID")
_BY_HAND = "'pywats-archive service install --print' prints the unit, to be installed by hand"


@dataclass(frozen=True, kw_only=True, slots=True)
class Systemd:
    """The service manager of this computer; tests use another folder and program."""

    folder: Path = Path("/etc/systemd/system")
    booted: Path = Path("/run/systemd/system")
    """There only if systemd is the system's service manager (sd_booted(3))."""
    programs: tuple[Path, ...] = (Path("/usr/bin/systemctl"), Path("/bin/systemctl"))
    journals: tuple[Path, ...] = (Path("/usr/bin/journalctl"), Path("/bin/journalctl"))

    def text(self, order: Order) -> str:
        """Return the unit."""
        return unit_text(order.needs, account=order.account, command=order.command)

    def install(self, order: Order) -> str:
        """Write the unit and enable it."""
        text = self.text(order)
        self._require_systemd()
        path = self.unit_path(order.name)
        try:
            replace_durably(path, text.encode(), partial=path.with_name(f".{path.name}.{os.getpid()}.part"))
            path.chmod(0o644)
        except OSError as exc:
            raise UsageError(f"{path}: cannot be written ({exc.strerror}); use sudo, or {_BY_HAND}") from exc
        self._control("daemon-reload")
        self._control("enable", path.name)
        return str(path)

    def start(self, name: str) -> None:
        """Start the unit."""
        self._require_installed(name)
        self._control("start", f"{name}.service")

    def stop(self, name: str) -> None:
        """Stop the unit; systemctl waits for the end of its conversions."""
        self._require_installed(name)
        self._control("stop", f"{name}.service")

    def remove(self, name: str) -> None:
        """Stop and disable the unit, and remove its file."""
        self._require_installed(name)
        path = self.unit_path(name)
        self._control("disable", "--now", path.name)
        try:
            names.unlink(path, missing_ok=True)
        except OSError as exc:
            raise UsageError(f"{path}: cannot be removed ({exc.strerror}); use sudo") from exc
        self._control("daemon-reload")

    def status(self, name: str) -> SystemServiceStatus:
        """Return the state of the unit."""
        self._require_systemd()
        shown = self._control("show", f"--property={','.join(_PROPERTIES)}", f"{name}.service")
        found = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
        is_installed = found.get("LoadState") == "loaded"
        process = int(found.get("MainPID") or 0)
        return SystemServiceStatus(
            name=name,
            is_installed=is_installed,
            state=f"{found.get('ActiveState')} ({found.get('SubState')})" if is_installed else "not installed",
            is_running=found.get("ActiveState") in ("active", "reloading"),
            starts_with_machine=found.get("UnitFileState") == "enabled",
            process=process or None,
        )

    def unit_path(self, name: str) -> Path:
        """Return the path of a service's unit."""
        return self.folder / f"{name}.service"

    def journal(self, name: str, *, last: int, follow: bool) -> list[str] | None:
        """Return the command that shows the log of a unit; None if the unit is not installed, or journalctl is not there."""
        program = next((each for each in self.journals if each.exists()), None)
        if program is None or not self.unit_path(name).exists():
            return None
        return [
            str(program),
            f"--unit={name}.service",
            f"--lines={last}",
            "--no-pager",
            *(["--follow"] if follow else []),
        ]

    def _require_systemd(self) -> None:
        if not self.booted.is_dir():
            raise UsageError(
                f"systemd does not run on this computer; start 'pywats-archive run' with its own service manager, or {_BY_HAND}"
            )

    def _require_installed(self, name: str) -> None:
        self._require_systemd()
        if not self.unit_path(name).exists():
            raise UsageError(
                f"{self.unit_path(name)}: there is no such unit; install it with 'pywats-archive service install'"
            )

    def _control(self, *words: str) -> str:
        program = next((each for each in self.programs if each.exists()), None)
        if program is None:
            raise UsageError(f"there is no systemctl on this computer; {_BY_HAND}")
        try:
            return run_program([str(program), "--no-ask-password", "--no-pager", *words])
        except SystemServiceFailed as exc:
            if os.geteuid() == _ROOT:
                raise
            raise UsageError(f"{exc}; use sudo") from exc


def run_program(command: Sequence[str]) -> str:
    """Run a program without a shell and return its output; SystemServiceFailed has the program's error."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)  # noqa: S603 (words of ours)
    except OSError as exc:
        raise SystemServiceFailed(f"{command[0]}: cannot be started ({exc.strerror})") from exc
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split()) or f"exit code {done.returncode}"
        raise SystemServiceFailed(f"{' '.join(command)}: {said}")
    return done.stdout


def pass_on(command: Sequence[str]) -> int:
    """Run a program without a shell, with the terminal of this one, and return its exit code; Ctrl-C ends it in order."""
    try:
        with subprocess.Popen(command) as running:  # noqa: S603 (words of ours)
            try:
                return 1 if running.wait() else 0
            except KeyboardInterrupt:  # the program got it too
                running.wait()
                return 0
    except OSError as exc:
        raise SystemServiceFailed(f"{command[0]}: cannot be started ({exc.strerror})") from exc
