"""The wheels of a target: which versions with which hashes, and the files."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tools.release.project import ROOT, run, sha256, version_of
from tools.release.target import Target

BUILD = ROOT / "build" / "wheelhouse"
_INSTALLER = "pip"
"""Is in every zip, so that a Python without ensurepip, as of Debian or of an embeddable Windows Python, will do."""


def download(target: Target, own: Path) -> tuple[Path, Path]:
    """Bring a target's wheels into a new folder; return this folder, and the lock of exactly these files.

    pip judges markers by the computer it runs on, so uv resolves, and pip only fetches what it is given.
    """
    folder = BUILD / str(target)
    shutil.rmtree(folder, ignore_errors=True)
    wheels = folder / "wheels"
    wheels.mkdir(parents=True)
    resolved, locked = folder / "resolved.txt", folder / "requirements.txt"
    resolved.write_text(_resolve(target), encoding="utf-8")
    platforms = (word for each in target.pip_platforms for word in ("--platform", each))
    run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"),
            *("--require-hashes", "--only-binary", ":all:", "--python-version", target.python, *platforms),
            *("--dest", str(wheels), "--requirement", str(resolved)),
        ]
    )
    shutil.copy2(own, wheels)
    locked.write_text(_lock(target, own, wheels), encoding="utf-8", newline="\n")
    return wheels, locked


def _resolve(target: Target) -> str:
    """Return all requirements of a target within constraints.txt, wheels only, with the registry's hashes."""
    return run(
        [
            *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate"),
            *("--generate-hashes", "--only-binary", ":all:", "--constraints", str(ROOT / "constraints.txt")),
            *("--python-platform", target.uv_platform, "--python-version", target.python),
            *("--extra", "web", "--extra", "vault", "--extra", "plant", str(ROOT / "pyproject.toml"), "-"),
        ],
        text=_INSTALLER,
    )


def _lock(target: Target, own: Path, wheels: Path) -> str:
    """Return the version and the hash of each wheel of a folder."""
    lines = [f"# pywats-archive {version_of(own)} for {target}: install with --require-hashes\n"]
    for wheel in sorted(wheels.glob("*.whl"), key=lambda path: path.name.lower()):
        name, version = wheel.name.split("-")[:2]
        lines.append(f"{name.replace('_', '-')}=={version} --hash=sha256:{sha256(wheel)}\n")
    return "".join(lines)
