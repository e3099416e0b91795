"""Importing pyWATS without Qt, and only when it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

ROOMS = (
    "import pywats_archive.host.worker.entry, pywats_archive.host.settings.configfile, "
    "pywats_archive.host.server.submission, sys; "
)


def python(program: str) -> str:
    """Run a program in a process of its own; gives what it printed."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_host_imports_pywats_only_when_needed() -> None:
    """Every command loads this room; few need pyWATS."""
    assert python(ROOMS + "print('pywats' in sys.modules, 'httpx' in sys.modules)") == "False False"


@pytest.mark.long
def test_the_stand_in_is_taken_out_again() -> None:
    """After an import nothing pretends to be PySide6, so that a program that looks for it finds the truth."""
    told = python(
        ROOMS + "from pywats_archive.host.headless import pywats_module as p; import importlib.util as u; "
        "c = p('pywats_client.converters.file_converter'); real = u.find_spec('PySide6') is not None; "
        "print(c.FileConverter.__name__, real or 'PySide6' not in sys.modules, p(c.__name__) is c)"
    )
    assert told == "FileConverter True True"
