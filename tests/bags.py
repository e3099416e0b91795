"""Bags in tests: validated by the ``bagit`` package, and by the commands of their own README.txt, word for word."""

from __future__ import annotations

import json
import logging
import shlex
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import bagit

from tests.patience import PATIENCE_S

logging.getLogger("bagit").setLevel(logging.ERROR)


def require_valid(bag: Path) -> list[str]:
    """Validate a bag, and return what the commands of its README.txt print; each must succeed."""
    assert bagit.Bag(str(bag)).validate(processes=1)
    return checked_as_written(bag)


def checked_as_written(bag: Path) -> list[str]:
    """Run the commands of a bag's README.txt in its folder."""
    text = (bag / "README.txt").read_text(encoding="utf-8")
    commands = [line.strip() for line in text.splitlines() if line.startswith(("    sha256sum ", "    openssl "))]
    assert len(commands) >= 3, text
    return [_run(shlex.split(each), bag) for each in commands]


def _run(words: list[str], folder: Path) -> str:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def unpacked(bag: Path, folder: Path) -> Path:
    """Unpack a zipped bag into a folder; returns the bag in it."""
    with zipfile.ZipFile(bag) as packed:
        assert packed.testzip() is None
        packed.extractall(folder)
    (found,) = folder.iterdir()
    return found


def records(bag: Path) -> dict[str, Any]:
    """Return each ``entry.json`` of a bag by the id of its entry."""
    found = [json.loads(path.read_bytes()) for path in bag.glob("data/*/*/entry.json")]
    return {each["entry"]["archive_id"]: each for each in found}


def contents(bag: Path) -> dict[str, bytes]:
    """Return the files of a bag by their path in it, without those that name the bag or the moment."""
    return {
        path.relative_to(bag).as_posix(): path.read_bytes()
        for path in sorted(bag.glob("data/**/*"))
        if path.is_file() and path.name != "entry.json"
    }
