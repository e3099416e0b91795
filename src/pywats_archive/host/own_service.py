"""pyWATS' own service: it would process the same folders as this project's service."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePath, PureWindowsPath
from typing import Any

from pywats_archive.portable.files import WINDOWS

_UNIT, _WINDOWS_SERVICE = "pywats-service", "pyWATS_Service"
"""What pyWATS calls its services: its installers add '@ID' to the unit's name, and '_ID' to that of Windows' service."""
_PROGRAMS, _HOST_PROGRAM, _MODULE = {"pywats-client", "pywats_client"}, "pywats-service", "pywats_client"
_SYSTEMD = Path("/etc/systemd/system")


def own_service(
    *,
    windows: bool = WINDOWS,
    units: Path = _SYSTEMD,
    services: Callable[[], Iterable[Any]] | None = None,
    processes: Callable[[], Iterable[tuple[int, Sequence[str]]]] | None = None,
) -> str | None:
    """Return a warning if pyWATS' own service runs or starts with the machine; None if not."""
    names = list(_windows_services(services or _all_services) if windows else _enabled_units(units))
    running = [number for number, words in (processes or _all_processes)() if is_own_service(words)]
    if not names and not running:
        return None
    found = [f"service {name}" for name in names] + [f"process {number}" for number in running]
    return (
        f"pyWATS' own service is here too ({', '.join(found)}) and would process the same folders; "
        f"{_advice(names, windows=windows)}"
    )


def is_own_service(words: Sequence[str]) -> bool:
    """Return whether a process with this command line is pyWATS' service."""
    names = [PureWindowsPath(word).stem if "\\" in word else PurePath(word).name.removesuffix(".exe") for word in words]
    if names[:1] == [_HOST_PROGRAM]:
        return True
    starts = [number for number, name in enumerate(names[:2]) if name in _PROGRAMS]
    starts += [number + 1 for number, word in enumerate(words[:-1]) if word == "-m" and words[number + 1] == _MODULE]
    return any(words[start + 1 : start + 2] == ["service"] for start in starts)


def _enabled_units(folder: Path) -> Iterator[str]:
    names = {path.name for path in folder.glob(f"*.wants/{_UNIT}*.service")}
    yield from sorted(name for name in names if name == f"{_UNIT}.service" or name.startswith(f"{_UNIT}@"))


def _windows_services(services: Callable[[], Iterable[Any]]) -> Iterator[str]:
    for each in services():
        with suppress(Exception):  # it was removed meanwhile, or may not be queried
            is_own = each.name() == _WINDOWS_SERVICE or each.name().startswith(f"{_WINDOWS_SERVICE}_")
            if is_own and (each.status() != "stopped" or each.start_type() == "automatic"):
                yield each.name()


def _advice(names: Sequence[str], *, windows: bool) -> str:
    if not names:
        return "stop it"
    if windows:
        return "; ".join(f"'sc.exe stop {name}', then 'sc.exe config {name} start= disabled'" for name in names)
    return f"'systemctl disable --now {' '.join(names)}' stops it"


def _all_services() -> Iterable[Any]:
    import psutil  # noqa: PLC0415 (most verbs need it not)

    services: Iterable[Any] = psutil.win_service_iter()
    return services


def _all_processes() -> Iterator[tuple[int, Sequence[str]]]:
    import psutil  # noqa: PLC0415

    for each in psutil.process_iter(["pid", "cmdline"]):
        yield each.info["pid"], each.info["cmdline"] or ()
