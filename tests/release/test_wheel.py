"""What the wheel holds."""

from __future__ import annotations

import zipfile
from pathlib import Path

from tools.release.project import ROOT, build


def test_the_wheel_has_the_templates_and_static_files(tmp_path: Path) -> None:
    """Each file of the web pages is in it, byte for byte."""
    source = ROOT / "src"
    web = source / "pywats_archive" / "web"
    files = [path for name in ("templates", "static") for path in (web / name).rglob("*") if path.is_file()]
    assert len(files) > 30
    with zipfile.ZipFile(build(tmp_path)) as wheel:
        for path in files:
            assert wheel.read(path.relative_to(source).as_posix()) == path.read_bytes(), path
