"""Run the demo and the tests with CPython for Windows under Wine.

python -m tools.windows                 the demo, then the tests; skipped where Wine cannot be installed
python -m tools.windows ARGUMENTS ...   python.exe with these arguments, such as -m pytest tests/unit/blobs
"""

from __future__ import annotations

import sys
from pathlib import Path

from tools.windows.python import ROOT, install
from tools.windows.wine import NoWineError, Wine, require_wine

_PLACE = ROOT / ".venv" / "windows"
_PYTHON = _PLACE / "python"
_INSTALLED = _PLACE / "installed"
_SOURCES = (ROOT / "pyproject.toml", ROOT / "constraints.txt", *sorted(Path(__file__).parent.iterdir()))
_WINE = Wine(_PLACE / "prefix")
_ALL = (
    ("demo", ("-m", "pywats_archive", "demo", "--count", "80"), b"every dropped file is in the archive"),
    ("tests", ("-m", "pytest", "-n", "2", "--timeout", "900", "@tests/on_windows.txt"), b" passed"),
)
"""What runs, and what it prints at its end: the exit code is 0 too if Wine's server ended it."""


def main() -> int:
    """Install what is missing, then run."""
    try:
        require_wine()
    except NoWineError as exc:
        print(f"Skipped the tests for Windows: {exc}.")
        return 0
    if not _is_installed():
        print("== Windows under Wine: installing", flush=True)
        _WINE.create()
        install(_PYTHON)
        _INSTALLED.touch()
    return _run(*sys.argv[1:])[0] if sys.argv[1:] else _run_all()


def _is_installed() -> bool:
    """Whether the installation is younger than all that it was made from."""
    if not _INSTALLED.is_file():
        return False
    made = _INSTALLED.stat().st_mtime
    return all(path.stat().st_mtime <= made for path in _SOURCES if path.is_file())


def _run_all() -> int:
    try:
        for name, arguments, end in _ALL:
            print(f"== Windows under Wine: {name}", flush=True)
            code, output = _run(*arguments)
            if code or end not in output:
                print(f"Failed: {name} (exit code {code}).", flush=True)
                return code or 1
        return 0
    finally:
        _WINE.stop()


def _run(*arguments: str) -> tuple[int, bytes]:
    return _WINE.run(_PYTHON / "python.exe", arguments, folder=ROOT)


if __name__ == "__main__":
    sys.exit(main())
