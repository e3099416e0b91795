"""Time stamps (RFC 3161) of anchors, from a real authority made by openssl, carried by hand."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.authority import Authority
from tests.command import command
from tests.station import Station


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "tsa")


@pytest.fixture
def config(station: Station) -> str:
    (station.add("C") / "SN1.log").write_bytes(b"content")
    station.run()
    return str(station.root / "config.json")


def stamps(station: Station) -> list[Path]:
    return (
        sorted((station.archive_root / "timestamps").glob("*"))
        if (station.archive_root / "timestamps").exists()
        else []
    )


def test_request_and_answer_are_carried_by_hand(config: str, station: Station, authority: Authority) -> None:
    """The request is written, the answer kept with an event, and openssl finds it to be of the anchor in the archive."""
    request = station.root / "head.tsq"
    assert command("anchor", "--config", config, "--request", request).returncode == 0
    assert command("anchor", "--config", config, "--request", request).returncode == 2, "nothing is overwritten"
    kept = command(
        *("anchor", "--config", config, "--response", authority.answer(request)),
        *("--tsa-certificate", authority.certificate),
    )
    assert kept.returncode == 0 and "not checked" not in kept.stdout, kept.stderr
    anchor, stamp = stamps(station)
    check = ["openssl", "ts", "-verify", "-data", str(anchor), "-in", str(stamp), "-CAfile", str(authority.certificate)]
    assert "Verification: OK" in subprocess.run(check, capture_output=True, text=True, check=True).stdout
    found = command("events", "--config", config, "--kind", "anchor.timestamped", "--json").stdout
    assert stamp.name in found


def test_an_answer_of_another_authority_is_refused(
    config: str, station: Station, authority: Authority, tmp_path: Path
) -> None:
    """Its signature leads to no certificate that is trusted; nothing is kept."""
    request = station.root / "head.tsq"
    command("anchor", "--config", config, "--request", request)
    other = Authority(tmp_path / "other")
    words = ("anchor", "--config", config, "--response", authority.answer(request))
    refused = command(*words, "--tsa-certificate", other.certificate)
    assert refused.returncode == 2 and "trusted authority" in refused.stderr and stamps(station) == []
    assert "not checked" in command(*words).stdout and len(stamps(station)) == 2


def test_an_answer_to_something_else_is_refused(config: str, station: Station, authority: Authority) -> None:
    """A stamp of another text, an answer that refuses, and a file that is none: each is named, and nothing is kept."""
    text, request = station.root / "text", station.root / "text.tsq"
    text.write_bytes(b"something else")
    query = ["openssl", "ts", "-query", "-data", str(text), "-sha256", "-cert", "-out", str(request)]
    subprocess.run(query, check=True, capture_output=True)
    other = command("anchor", "--config", config, "--response", authority.answer(request))
    assert other.returncode == 2 and "none of the anchors" in other.stderr
    none = command("anchor", "--config", config, "--response", text)
    assert none.returncode == 2 and "no answer of a time stamp authority" in none.stderr
    assert stamps(station) == []


@pytest.fixture
def stamp(config: str, station: Station, authority: Authority) -> Path:
    """The file of a time stamp in the archive."""
    request = station.root / "head.tsq"
    command("anchor", "--config", config, "--request", request)
    assert command("anchor", "--config", config, "--response", authority.answer(request)).returncode == 0
    return stamps(station)[1]


def verified(config: str, *words: str | Path) -> dict[str, Any]:
    done = command("verify", "--chain", "--config", config, "--json", *words)
    document: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode == 1) == bool(document["problems"])
    return document


def problems(config: str, *words: str | Path) -> list[str]:
    return [each["kind"] for each in verified(config, *words)["problems"]]


def test_verify_names_the_newest_time_stamp(config: str, station: Station, authority: Authority, stamp: Path) -> None:
    """With its event and the authority's time; whether the authority was checked is said, and the key names its certificate."""
    event = int(stamp.stem.split("_")[1])
    (history,) = verified(config)["histories"]
    assert history["stamped"].startswith(f"event {event} at ") and stamp.name in history["stamped"]
    assert history["is_authority_known"] is False
    assert "set time_stamp_certificates" in command("verify", "--config", config).stdout
    (history,) = verified(config, "--tsa-certificate", authority.certificate)["histories"]
    assert history["is_authority_known"] is True and f"event {event} " in history["stamped"]
    station.keys["time_stamp_certificates"] = str(authority.certificate)
    said = command("verify", "--config", station.write_config()).stdout
    assert f"time-stamped up to event {event} " in said and "time_stamp_certificates" not in said


def test_a_time_stamp_of_another_authority_is_a_finding(
    config: str, station: Station, authority: Authority, stamp: Path, tmp_path: Path
) -> None:
    """So is a file without certificates: the check never falls back to none. The page of the web has words for it."""
    other = Authority(tmp_path / "other")
    assert problems(config, "--tsa-certificate", other.certificate) == ["stamp_untrusted"]
    assert verified(config, "--tsa-certificate", other.certificate)["histories"][0]["stamped"] is None
    assert problems(config, "--tsa-certificate", stamp) == ["stamp_untrusted"]
    station.keys["time_stamp_certificates"] = "missing.pem"
    assert problems(str(station.write_config())) == ["stamp_untrusted"]
    assert problems(config, "--tsa-certificate", authority.certificate) == []


def test_a_time_stamp_that_was_changed_or_removed_is_a_finding(
    config: str, station: Station, authority: Authority, stamp: Path
) -> None:
    """Another answer to the same request, another anchor beside it, no anchor, no answer."""
    answer, beside = stamp.read_bytes(), stamp.with_suffix(".anchor")
    anchor = beside.read_bytes()
    stamp.chmod(0o600)
    beside.chmod(0o600)
    stamp.write_bytes(authority.answer(station.root / "head.tsq").read_bytes())
    assert problems(config) == ["stamp_damaged"]
    stamp.write_bytes(answer)
    command("anchor", "--config", config)
    beside.write_text(
        (station.archive_root / "anchors.log").read_text("ascii").splitlines()[-1] + "\n", encoding="ascii"
    )
    assert problems(config) == ["stamp_damaged"]
    beside.unlink()
    assert problems(config) == ["stamp_damaged"]
    beside.write_bytes(anchor)
    assert problems(config) == []
    stamp.unlink()
    assert problems(config) == ["stamp_missing"]
    stamp.write_bytes(answer)


def test_a_time_stamp_without_its_event_is_checked_too(config: str, stamp: Path) -> None:
    """As after a crash between the file and its event: its content still shows damage."""
    content = stamp.read_bytes()
    for place in range(len(content) - 40, len(content), 10):
        copy = stamp.with_name(f"{stamp.stem}_2.tsr")
        copy.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert problems(config) == ["stamp_damaged"]
        copy.unlink()
