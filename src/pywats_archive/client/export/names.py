"""Names of files in a zip: Windows can make them, whatever system they come from."""

from __future__ import annotations

import re

_FORBIDDEN = re.compile(r'[<>:"|?*\\/]')
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.IGNORECASE)
"""Names of devices, with any extension (learn.microsoft.com, "Naming Files, Paths, and Namespaces")."""
_LONGEST = 100
_LONGEST_END = 20


def safe(path: str) -> str:
    """Return a relative path with forward slashes whose parts Windows can make: without devices, controls and ``..``."""
    parts = re.split(r"[/\\]", path)
    return "/".join(_part(part) for part in parts if part not in ("", ".")) or "_"


def _part(name: str) -> str:
    printable = "".join(c if c.isprintable() else "_" for c in _FORBIDDEN.sub("_", name))
    shown = _cut(printable).rstrip(". ") or "_"
    return f"_{shown}" if _DEVICE.fullmatch(shown) else shown


def _cut(name: str) -> str:
    if len(name) <= _LONGEST:
        return name
    stem, dot, end = name.rpartition(".")
    end = dot + end if stem and len(end) < _LONGEST_END else ""
    return name[: _LONGEST - len(end)] + end


class Names:
    """The names given in one folder: each once, also where upper and lower case are the same."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def free(self, path: str) -> str:
        """Return a safe name for a path; one that is taken gets a number."""
        wanted = safe(path)
        folder, slash, name = wanted.rpartition("/")
        stem, dot, end = name.rpartition(".") if "." in name[1:] else (name, "", "")
        chosen, number = wanted, 1
        while chosen.casefold() in self._taken:
            number += 1
            chosen = f"{folder}{slash}{stem} ({number}){dot}{end}"
        self._taken.add(chosen.casefold())
        return chosen
