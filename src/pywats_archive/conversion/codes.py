"""Keeping the code of what converts: as it was loaded, before the first conversion by it is on record."""

from __future__ import annotations

from pathlib import Path

import structlog

from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import codes
from pywats_archive.errors import ArchiveError
from pywats_archive.models.code import ConverterCode
from pywats_archive.models.conversion import ConverterInfo

log = structlog.get_logger()


class KeptCodes:
    """The code that is known to be kept in one archive; safe to use from many threads."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._known: dict[str, ConverterInfo] = {}
        self._latest = ""

    @property
    def latest(self) -> str:
        """The fingerprint of the code that was kept, or known to be kept, last; empty while there is none."""
        return self._latest

    def info(self, fingerprint: str | None) -> ConverterInfo | None:
        """Return what is known of code that was kept by this object."""
        return self._known.get(fingerprint or "")

    def keep(self, info: ConverterInfo, code: ConverterCode | None = None) -> None:
        """Keep a converter's code, once; without ``code`` it is read where it lies, if it is still the same.

        Durable once this returns. What cannot be kept is a warning: the conversion counts, a replay may lack it.
        """
        if not info.fingerprint or info.fingerprint in self._known:
            self._latest = info.fingerprint or self._latest
            return
        try:
            code = code or _read(info)
            if code is None or code.fingerprint != info.fingerprint:
                log.warning("converter.code_not_kept", fingerprint=info.fingerprint, reason="it was edited meanwhile")
                return
            codes.keep(self._archive, code, version=info.version, distribution=info.distribution)
        except (ArchiveError, OSError) as exc:
            log.warning("converter.code_not_kept", fingerprint=info.fingerprint, reason=str(exc))
            return
        self._known[info.fingerprint] = info
        self._latest = info.fingerprint


def _read(info: ConverterInfo) -> ConverterCode | None:
    files = {name: Path(path).read_bytes() for name, path in info.code_files}
    return ConverterCode(files=files, class_name=info.class_name) if files else None
