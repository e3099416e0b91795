"""A folder as read-only media give it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """Mount a folder read-only under another name meanwhile; skips the test where that is not allowed."""
    if sys.platform != "linux":
        pytest.skip("mounts as Linux does")
    mounted = folder.with_name(f"{folder.name}-read-only")
    mounted.mkdir()
    if subprocess.run(["mount", "--bind", folder, mounted], capture_output=True, check=False).returncode:
        pytest.skip("this account may not mount")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", mounted], check=True)
        yield mounted
    finally:
        subprocess.run(["umount", mounted], check=True)
