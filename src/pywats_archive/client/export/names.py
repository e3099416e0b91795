"""Names of files in a zip: Windows can make them, whatever system they come from."""

from __future__ import annotations

import re
from collections.abc import Collection

_FORBIDDEN = re.compile(r'[<>:"|?*\\/]')
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.IGNORECASE)
"""Names of devices, with any extension (learn.microsoft.com, "Naming Files, Paths, and Namespaces")."""
_LONGEST = 100
_LONGEST_END = 20
_LONGEST_BYTES = 200
"""In UTF-8: a file system takes 255, and a number may be added."""


def safe(path: str) -> str:
    """Return a relative path with forward slashes whose parts Windows can make: without devices, controls and ``..``."""
    parts = re.split(r"[/\\]", path)
    return "/".join(_part(part) for part in parts if part not in ("", ".")) or "_"


def _part(name: str) -> str:
    printable = "".join(c if c.isprintable() else "_" for c in _FORBIDDEN.sub("_", name))
    shown = _cut(printable).rstrip(". ") or "_"
    return f"_{shown}" if _DEVICE.fullmatch(shown) else shown


def _cut(name: str) -> str:
    if len(name) <= _LONGEST and len(name.encode()) <= _LONGEST_BYTES:
        return name
    stem, dot, end = name.rpartition(".")
    end = dot + end if stem and len(end) < _LONGEST_END else ""
    room = _LONGEST_BYTES - len(end.encode())
    return name[: _LONGEST - len(end)].encode()[:room].decode(errors="ignore") + end


class Names:
    """The names given in one folder: each is of one file or of a folder, also where upper and lower case are the same."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def free(self, path: str) -> str:
        """Return a safe name for a path; one that is taken gets a number, and so does a folder that is a file already."""
        *parents, name = safe(path).split("/")
        folder = ""
        for parent in parents:
            made = _first_free(folder, parent, "", self._files)
            self._folders.add(made.casefold())
            folder = f"{made}/"
        stem, dot, end = name.rpartition(".") if "." in name[1:] else (name, "", "")
        chosen = _first_free(folder, stem, dot + end, self._files | self._folders)
        self._files.add(chosen.casefold())
        return chosen


def _first_free(folder: str, stem: str, end: str, taken: Collection[str]) -> str:
    chosen, number = f"{folder}{stem}{end}", 1
    while chosen.casefold() in taken:
        number += 1
        chosen = f"{folder}{stem} ({number}){end}"
    return chosen
