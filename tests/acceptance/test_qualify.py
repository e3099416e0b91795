"""``qualify`` carries out the product's own checks on a station, and leaves nothing but its protocol."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.documents import faults_of
from tests.station import Station

from pywats_archive.archive.anchors.signing import is_signature, load_signer
from pywats_archive.cli.qualify import Qualified
from pywats_archive.qualification.operation import CHANGES


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_station_is_qualified(station: Station, tmp_path: Path) -> None:
    """All of the operation passes; the protocol is signed with the station's key; the archive and the disk are as before."""
    (station.add("ict") / "a.log").write_text("a")
    station.run()
    config, to = station.write_config(), tmp_path / "protocol"
    signer = load_signer(Path(config).parent)
    before, archived = sorted(station.root.iterdir()), sorted(station.archive_root.rglob("*.gz"))
    words = [sys.executable, "-m", "pywats_archive", "qualify", "--config", str(config), "--to", str(to), "--json"]
    answer = subprocess.run(words, capture_output=True, text=True, check=False)
    document = json.loads(answer.stdout)
    assert faults_of(document, Qualified) == []
    results = {each["name"]: each["result"] for each in document["protocol"]["checks"] if each["phase"] == "operation"}
    assert set(results.values()) == {"passed"}, document["protocol"]["checks"]
    assert {f"found: {name}" for name in CHANGES} <= set(results)
    assert not [each["found"] for each in document["protocol"]["checks"] if "trigger" in each["found"]]
    assert answer.returncode == (1 if document["protocol"]["failed"] else 0)
    content, signature = Path(document["json_file"]).read_bytes(), Path(document["signature_file"]).read_bytes()
    assert is_signature(signature, content, signer.public_key)
    assert not is_signature(signature, content.replace(b"passed", b"failed"), signer.public_key)
    assert sorted(station.root.iterdir()) == before and sorted(station.archive_root.rglob("*.gz")) == archived
