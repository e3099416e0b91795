"""The script that installs a zip, as far as it decides without installing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tools.release.offline.install import closed_folder, enable_packages


@pytest.mark.skipif(sys.platform == "win32", reason="modes of folders are POSIX")
def test_a_python_that_a_service_cannot_read_is_noticed(tmp_path: Path) -> None:
    """A Python in a person's home is of no use to the service's account: the script warns of it."""
    python = tmp_path / "home" / "python"
    python.mkdir(parents=True)
    python.chmod(0o755)
    python.parent.chmod(0o700)
    assert closed_folder(python) == python.parent
    assert closed_folder(Path("/usr")) is None


def test_an_embeddable_python_finds_packages_after_each_installation(tmp_path: Path) -> None:
    """The search path of an embeddable Python gets the packages once, however often it is installed."""
    paths = tmp_path / "python313._pth"
    paths.write_text(
        "python313.zip\n.\n\n# Uncomment to run site.main() automatically\n#import site\n", encoding="utf-8"
    )
    for _ in range(2):
        enable_packages(tmp_path)
        lines = paths.read_text(encoding="utf-8").splitlines()
        assert [line for line in lines if line and not line.startswith("#")] == [
            "python313.zip",
            ".",
            r"Lib\site-packages",
            "import site",
        ]
