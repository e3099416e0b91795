"""A link in a folder of others to one's own configuration must not make their code run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.patience import PATIENCE_S

from pywats_archive.portable.files import WINDOWS

CODE = """
from pathlib import Path
Path(r"{mark}").write_text("ran")
from pywats_client.converters.file_converter import FileConverter
class C(FileConverter):
    name, version, file_patterns = "c", "1", ["*"]
    def convert(self, source, context): ...
"""


@pytest.mark.skipif(WINDOWS, reason="a link needs rights")
def test_a_link_to_ones_own_configuration_runs_no_code_of_its_folder(tmp_path: Path) -> None:
    """The check of the file's owner follows the link; the converters are looked for beside the link."""
    mine, shared, mark = tmp_path / "mine", tmp_path / "shared", tmp_path / "ran"
    (mine / "watch").mkdir(parents=True)
    (shared / "converters").mkdir(parents=True)
    folders = {f"{each}_folder": str(mine / each) for each in ("watch", "done", "error", "pending", "archive")}
    converter = {"name": "c", "module_path": "conv.C", "archive_enabled": True, **folders}
    config = {"service_address": "http://127.0.0.1:1", "api_token": "x" * 20, "converters": [converter]}
    (mine / "config.json").write_text(json.dumps(config))
    # what another account does in a folder where everybody may write
    (shared / "config.json").symlink_to(mine / "config.json")
    (shared / "converters" / "conv.py").write_text(CODE.format(mark=mark))
    words = [sys.executable, "-m", "pywats_archive", "doctor", "--quick"]
    done = subprocess.run(words, cwd=shared, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert not mark.exists(), done.stdout
    assert done.returncode == 2
