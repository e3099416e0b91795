"""The baselines: what a plain program does."""

from __future__ import annotations

import os
from pathlib import Path


def durable_write(folder: Path, name: str, data: bytes) -> None:
    """Write, fsync, rename and fsync the folder."""
    temporary = f"{folder}/{name}.tmp"
    descriptor = os.open(temporary, os.O_CREAT | os.O_WRONLY)
    os.write(descriptor, data)
    os.fsync(descriptor)
    os.close(descriptor)
    os.rename(temporary, f"{folder}/{name}")  # noqa: PTH104
    above = os.open(folder, os.O_RDONLY)
    os.fsync(above)
    os.close(above)
