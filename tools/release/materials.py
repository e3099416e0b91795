"""The software bill of materials of a set of wheels, as CycloneDX JSON."""

from __future__ import annotations

import os
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

from tools.release.project import ROOT, run


def bill_of_materials(wheels: Path) -> str:
    """Describe each wheel of a folder, of any platform, as none of its code runs: version, licence, dependencies."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=False)
        python = Path(folder) / ("Scripts" if os.name == "nt" else "bin") / "python"
        site = run([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip()
        for wheel in sorted(wheels.glob("*.whl")):
            with zipfile.ZipFile(wheel) as packed:
                packed.extractall(site, [name for name in packed.namelist() if ".dist-info/" in name])
        return run(
            [
                *(
                    sys.executable,
                    "-m",
                    "cyclonedx_py",
                    "environment",
                    "--output-reproducible",
                    "--output-format",
                    "JSON",
                ),
                *("--pyproject", str(ROOT / "pyproject.toml"), str(python)),
            ]
        )
