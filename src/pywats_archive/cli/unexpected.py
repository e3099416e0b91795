"""Unexpected errors of the command: one line, and the details in a file that only the user can read."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from importlib import metadata

DEBUG = "PYWATS_ARCHIVE_DEBUG"
"""The environment variable that prints the details instead."""


def message_of(error: Exception) -> str:
    """Write the details of an error to a file that only the user can read; returns the line that names the file."""
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
