"""What the command says of an error that nobody foresaw: one line, and the details in a file of one's own."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from importlib import metadata

DEBUG = "PYWATS_ARCHIVE_DEBUG"
"""The environment variable that has the details printed instead."""


def told(error: Exception) -> str:
    """Put the details of an error where its user alone can read them; returns the line that says where."""
    what = f"an unexpected error ({type(error).__name__}: {' '.join(str(error).split())[:300]})"
    details = "".join(traceback.format_exception(error))
    if os.environ.get(DEBUG):
        sys.stderr.write(details)
        return what
    try:
        descriptor, path = tempfile.mkstemp(prefix="pywats-archive-error-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"pywats-archive {metadata.version('pywats-archive')}, Python {sys.version}\n{details}")
    except OSError:
        return f"{what}; set {DEBUG}=1 and repeat it to see the details"
    return f"{what}; the details are in {path}"
