"""The command ``doctor`` over a station whose parts do not answer."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from tests.command import command
from tests.station import PATIENCE_S, Station, wait_for

from pywats_archive.demo import faults
from pywats_archive.doctor import diagnosis
from pywats_archive.doctor.station.checks import CheckLevel

posix = pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without a signal")


def test_a_wrong_token_ends_with_1(station: Station) -> None:
    """What a submission would only find later is told before the first file, and the token is not (invariant 10)."""
    station.add("ict")
    station.keys["api_token"] = "not-base64!"
    answer = command("doctor", "--config", station.write_config())
    assert answer.returncode == 1 and "answered 401" in answer.stdout
    assert "not-base64!" not in answer.stdout + answer.stderr


def test_quick_asks_no_server(station: Station) -> None:
    """The network is left out, and so are the trials that wait; the converters are loaded."""
    station.add("ict")
    config = station.write_config()
    station.server.fault = faults.always(faults.hang(60))
    station.server.stop()
    document = json.loads(command("doctor", "--quick", "--json", "--config", config).stdout)
    levels = {check["topic"]: check["level"] for check in document["checks"]}
    assert levels["server"] == "skipped" and levels["converter"] == "ok" and "clock" not in levels
    skipped = {c["check"] for folder in document["folders"] for c in folder["checks"] if "--quick" in c["told"]}
    assert skipped == {"lock", "SQLite with WAL", "change events"}


def test_an_archive_alone_has_no_limit_of_free_space(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """``min_free_gb`` is a key of the configuration: without one, a disk below the default limit is no failure."""
    watch = station.add("ict", min_free_gb=0)
    (watch / "SN1.log").write_bytes(b"first")
    station.run()
    usage = shutil.disk_usage(station.root)._replace(total=10**12, free=5 * 10**8)
    monkeypatch.setattr("pywats_archive.doctor.station.archives.shutil.disk_usage", lambda _: usage)
    found = diagnosis.of_archive(station.archive_root, is_quick=True)
    assert not [each for each in found.checks if "min_free_gb" in each.seen or each.level is CheckLevel.FAILED]


def test_a_running_service_is_named_and_not_disturbed(station: Station) -> None:
    """Beside a service doctor opens its archive for reading."""
    station.add("ict")
    with station.serving():
        wait_for((station.archive_root / ".heartbeat").exists)
        document = json.loads(command("doctor", "--json", "--config", station.root / "config.json").stdout)
    (service,) = [check for check in document["checks"] if check["topic"] == "service"]
    assert service["level"] == "ok" and f"process {os.getpid()}" in service["seen"]


@posix
def test_an_interrupted_doctor_leaves_no_process(station: Station, tmp_path: Path) -> None:
    """A converter that hangs when it is loaded ends with doctor."""
    started = tmp_path / "started"
    station.code(f"open({str(started)!r}, 'w').close()\nwhile True: time.sleep(0.05)\n")
    station.add("ict")
    words = [sys.executable, "-m", "pywats_archive", "doctor", "--config", str(station.write_config())]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as doctor:
        wait_for(lambda: started.exists() or doctor.poll() is not None)
        children = psutil.Process(doctor.pid).children(recursive=True)
        doctor.send_signal(signal.SIGTERM)
        _, said = doctor.communicate(timeout=PATIENCE_S)
    assert doctor.returncode == 130 and "Traceback" not in said
    wait_for(lambda: not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children))


@pytest.mark.parametrize(("begins", "told"), [("", "UsageError"), ('if __name__ == "__main__":\n    ', "topics: ")])
def test_a_script_needs_the_guard(station: Station, begins: str, told: str) -> None:
    """Its worker processes import the script again, so one that would begin again in each of them is refused."""
    station.add("ict")
    config, script = station.write_config(), station.root / "script.py"
    call = f"print('topics:', len(Client.doctor(config={str(config)!r}, quick=True).checks))\n"
    script.write_text(f"from pywats_archive import Client\n{begins}{call}", encoding="utf-8")
    ended = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert told in ended.stdout + ended.stderr and (ended.returncode == 0) is bool(begins)
