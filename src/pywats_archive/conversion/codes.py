"""Keeping the code of what converts: read where it lies, kept once, and only if it is what converted."""

from __future__ import annotations

from pathlib import Path

import structlog

from pywats_archive.archive import codes
from pywats_archive.archive.core import Archive
from pywats_archive.errors import ArchiveError
from pywats_archive.models.code import ConverterCode
from pywats_archive.models.conversion import ConverterInfo

log = structlog.get_logger()


class KeptCodes:
    """The code that is known to be kept in one archive; safe to use from many threads."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._known: set[str] = set()

    def keep(self, info: ConverterInfo) -> None:
        """Keep a converter's code, once. What cannot be kept is a warning: the conversion counts, a replay may lack it."""
        if not (info.fingerprint and info.code_files) or info.fingerprint in self._known:
            return
        try:
            files = {name: Path(path).read_bytes() for name, path in info.code_files}
            code = ConverterCode(files=files, class_name=info.class_name)
            if code.fingerprint != info.fingerprint:
                return  # edited a moment ago: what lies there is the next version, and is kept when it converts
            codes.keep(self._archive, code, version=info.version, distribution=info.distribution)
        except (ArchiveError, OSError, StopIteration) as exc:
            log.warning("converter.code_not_kept", fingerprint=info.fingerprint, reason=str(exc))
            return
        self._known.add(info.fingerprint)
