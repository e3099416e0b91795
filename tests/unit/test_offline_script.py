"""The script that installs a zip, as far as it decides without installing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tools.release.offline.install import closed_folder


@pytest.mark.skipif(sys.platform == "win32", reason="modes of folders are POSIX")
def test_a_python_that_a_service_cannot_read_is_noticed(tmp_path: Path) -> None:
    """A Python in a person's home is of no use to the service's account: the script warns of it."""
    python = tmp_path / "home" / "python"
    python.mkdir(parents=True)
    python.chmod(0o755)
    python.parent.chmod(0o700)
    assert closed_folder(python) == python.parent
    assert closed_folder(Path("/usr")) is None
