"""Fill a gap of Wine 8: its CopyFile2 always fails, so Python copies files by itself, as before 3.13 (Wine alone)."""

import sys

if sys.platform == "win32":
    import _winapi

    if hasattr(_winapi, "CopyFile2"):
        del _winapi.CopyFile2
