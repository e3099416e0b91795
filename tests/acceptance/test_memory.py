"""Memory is bounded whatever a file's size."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_SIZE = 1_000_000_000
_SCRIPT = """
import resource, sys
from pathlib import Path
from pywats_archive.archive.sources import ingest
from pywats_archive.archive.core import Archive
from pywats_archive.archive.restore.source import restore_source

root = Path(sys.argv[1])
(root / "small").write_bytes(b"x" * 4_000_000)
with Archive.open(root / "archive", create=True, own=True) as archive:
    def through(name):
        source = ingest.NewSource(path=root / name, converter_name="c", compression_level=1)
        restore_source(archive, ingest.archive_source(archive, source).archive_id, root / "back")
    through("small")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    through("large")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="measures with getrusage")
@pytest.mark.timeout(1800)
def test_a_gigabyte_takes_less_than_64_mb_more(tmp_path: Path) -> None:
    """A source of 1 GB is archived and restored with less than 64 MB of extra memory (invariant 9)."""
    block = b"".join(b"%06d;R%d;PASS;1.234e+02\n" % (n, n % 400) for n in range(40_000))
    with (tmp_path / "large").open("wb") as stream:
        while stream.tell() < _SIZE:
            stream.write(block)
    run = subprocess.run([sys.executable, "-c", _SCRIPT, str(tmp_path)], capture_output=True, text=True, check=True)
    extra_kib = int(run.stdout)
    assert extra_kib < 64 * 1024
    assert (tmp_path / "back" / "large").stat().st_size == (tmp_path / "large").stat().st_size
