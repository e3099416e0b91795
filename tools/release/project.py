"""Building the project's own wheel and source, the same bytes at each build of a commit."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DIST = ROOT / "dist"
SUMS = "SHA256SUMS"


def build(folder: Path = DIST) -> Path:
    """Build source and wheel into a folder in place of earlier ones, and return the wheel."""
    for earlier in (*folder.glob("pywats_archive-*.whl"), *folder.glob("pywats_archive-*.tar.gz")):
        earlier.unlink()
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(commit_time())}
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)], environment)
    (wheel,) = folder.glob("pywats_archive-*.whl")
    return wheel


def version_of(wheel: Path) -> str:
    """Read the version from a wheel's name."""
    return wheel.name.split("-")[1]


def commit_time() -> int:
    """Return when the last commit was made, in seconds since 1970; a build of the same commit has the same time."""
    if set_time := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(set_time)
    return int(run(["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]))


def write_sums(folder: Path = DIST) -> None:
    """Write the checksum of each file of a folder, as ``sha256sum --check`` reads them."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name not in (SUMS, ".gitignore"))
    lines = (f"{sha256(path)}  {path.name}\n" for path in files)
    (folder / SUMS).write_text("".join(lines), encoding="ascii", newline="\n")


def sha256(path: Path) -> str:
    """Return the checksum of a small file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def run(words: list[str], environment: dict[str, str] | None = None, text: str | None = None) -> str:
    """Run a program and return what it prints; its own error ends this program."""
    ended = subprocess.run(words, env=environment, input=text, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"{' '.join(words[:5])} ...: exit code {ended.returncode}\n{ended.stdout}{ended.stderr}")
    return ended.stdout
