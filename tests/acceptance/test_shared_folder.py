"""Several converters on one watch folder: each source goes out once, by the one that it belongs to."""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from typing import Any

import pytest
from tests.command import command, started
from tests.station import Station, block_today, wait_for

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.ledger import Sighting
from pywats_archive.models.arrival import ArrivalState

TWO = """
class Strict(Any):
    mark = ""
    def outcome(self, source, context):
        text = source.path.read_text()
        if self.mark not in text:
            raise ValueError(f"no {self.mark} in it")
        body = report(source.path.stem, misc=self.mark)
        return ConverterResult.success_result(report={k: v for k, v in body.items() if v is not None})

class Red(Strict):
    mark = "red"

class Blue(Strict):
    mark = "blue"

class SureBlue(Blue):
    def validate(self, source, context):
        is_blue = "blue" in source.path.read_text()
        return ValidationResult(can_convert=True, confidence=0.9 if is_blue else 0.3, message="")

class TakesAll(Any):
    def validate(self, source, context):
        return ValidationResult(can_convert=True, confidence=0.5, message="")
"""
ARCHIVED = pytest.mark.parametrize("is_archived", [True, False])


def pair(station: Station, first: str, second: str, **keys: Any) -> None:
    """Have two converters watch one folder; ``priority_2`` is that of the second."""
    station.code(TWO)
    priority = keys.pop("priority_2", 5)
    watch = station.add("one", f"own.{first}", **keys)
    station.add(
        "two", f"own.{second}", watch_folder="one/watch", file_patterns=["*.l*"], **{**keys, "priority": priority}
    )
    for number in range(10):
        (watch / f"R{number}.log").write_text("red", encoding="utf-8")
        (watch / f"B{number}.log").write_text("blue", encoding="utf-8")


def sent(station: Station) -> Counter[str]:
    return Counter(json.loads(body)["sn"] for bodies in station.server.received.values() for body in bodies)


ONCE = Counter(f"{colour}{number}" for colour in "RB" for number in range(10))


@ARCHIVED
@pytest.mark.parametrize("second", ["Blue", "SureBlue"])
def test_each_of_two_converters_has_what_is_its_own(station: Station, second: str, is_archived: bool) -> None:
    """Where each of two converters fails at the other's files, all are sent, once, and none fails (invariant 12)."""
    pair(station, "Red", second, archive_enabled=is_archived)
    left = station.run()
    assert left.waiting == () and left.ended["done"] == 20 and "failed" not in left.ended
    assert sent(station) == ONCE and station.names("one/watch") == [] and len(station.names("one/Done")) == 20
    if is_archived:
        done = Counter(a.converter_name for a in station.arrivals() if a.state is ArrivalState.DONE)
        assert done == {"one": 10, "two": 10}


@ARCHIVED
def test_two_that_both_take_all_send_each_file_once(station: Station, is_archived: bool) -> None:
    """Of two equal converters that would take each file the first one has it, alone (invariant 4)."""
    pair(station, "Any", "Any", archive_enabled=is_archived)
    assert station.run().ended == {"done": 20}
    assert sent(station) == ONCE and len(station.names("one/Done")) == 20


def test_the_surest_of_equals_has_it(station: Station) -> None:
    """Of converters with one priority ``validate`` decides, and says so where it does not take the source."""
    pair(station, "TakesAll", "SureBlue")
    station.run()
    takers = {a.path[-6:]: a.converter_name for a in station.arrivals() if a.state is ArrivalState.DONE}
    assert Counter(takers.values()) == {"one": 10, "two": 10} and takers["B0.log"] == "two"
    (told,) = {a.reason for a in station.arrivals() if a.state is ArrivalState.SKIPPED}
    assert told == "'two' has a higher confidence: 0.90, against 0.50 here; left to 'two'"


def test_priority_comes_before_confidence(station: Station) -> None:
    """The converter with the higher priority has what it takes, however sure another one is."""
    pair(station, "TakesAll", "SureBlue", priority=2, priority_2=3)
    assert station.run().ended == {"done": 20}
    assert {a.converter_name for a in station.arrivals()} == {"one"}


def test_what_nobody_takes_fails_once(station: Station) -> None:
    """A file at which all fail goes to Error with the last one's reason; moved back, all try it again (invariant 12)."""
    pair(station, "Red", "Blue")
    (station.root / "one/watch/G.log").write_text("green", encoding="utf-8")
    assert station.run().ended["failed"] == 1
    assert station.names("one/Error") == ["G.log"] and sent(station) == ONCE

    (station.root / "one/Error/G.log").rename(station.root / "one/watch/G.log")
    station.code(TWO.replace('mark = "red"', 'mark = "green"'))
    assert station.run().ended["done"] == 1
    assert station.names("one/Error") == [] and sent(station) == ONCE + Counter(["G"])


def test_what_was_left_to_a_converter_that_is_gone_is_taken_again(station: Station) -> None:
    """What was passed on to a converter that the configuration no longer has is its first one's again (invariant 12)."""
    pair(station, "Red", "Blue", settle_seconds=0.1)
    station.sections[1]["settle_seconds"] = 3600
    with station.serving():
        wait_for(lambda: Counter(a.state for a in station.arrivals())[ArrivalState.SKIPPED] == 10)
        wait_for(lambda: Counter(a.state for a in station.arrivals())[ArrivalState.DONE] == 10)
        assert len(sent(station)) == 10
    del station.sections[1]
    assert station.run().ended == {"failed": 10}
    assert len(station.names("one/Error")) == 10 and station.names("one/watch") == []


def test_what_was_seen_by_two_before_is_taken_by_one(station: Station) -> None:
    """Sources that an earlier version entered for both converters are converted and sent once (invariants 4 and 12)."""
    pair(station, "Any", "Any")
    there = [(str(path), path.stat()) for path in (station.root / "one/watch").iterdir()]
    seen = [Sighting(path=path, size_bytes=s.st_size, mtime_ns=s.st_mtime_ns) for path, s in there]
    with Archive.open(station.archive_root, create=True, own=True) as archive:
        for name in ("two", "one"):
            ledger.enter(archive, name, seen)
    (station.root / "pywats-archive.json").write_text(
        json.dumps({"archives": {str(station.archive_root): archive.description.archive_uuid}}), encoding="utf-8"
    )
    assert station.run().ended == {"done": 20}
    assert sent(station) == ONCE


def test_without_the_archive_each_has_what_is_its_own_too(station: Station) -> None:
    """While the archive fails a source is passed on, too, and archived late by the converter that took it (invariant 11)."""
    pair(station, "Red", "Blue", on_archive_error="continue")
    watch = station.root / "one/watch"
    dropped = {path.name: path.read_bytes() for path in watch.iterdir()}
    for path in watch.iterdir():
        path.unlink()
    station.run()
    blocked = block_today(station.archive_root)
    with station.serving():
        for name, content in dropped.items():
            (watch / name).write_bytes(content)
        wait_for(lambda: sent(station) == ONCE and station.names("one/watch") == [])
        blocked.unlink()
        wait_for(lambda: len(station.names("one/Done")) == 21 and station.names("one/Done/not-archived") == [])
    assert Counter(entry.converter_name for entry in station.entries()) == {"one": 10, "two": 10}


@pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")
def test_killed_at_random_each_file_goes_out_under_one_id(station: Station) -> None:
    """After kills and restarts each source of a shared folder is in Done once, and sent under one id (invariant 5)."""
    pair(station, "Red", "SureBlue")
    words = ("run", "--config", station.write_config(), "--until-idle")
    rng = random.Random(7)
    for _ in range(5):
        service = started(*words)
        time.sleep(rng.uniform(0.3, 3))
        service.kill()
        service.wait()
    assert command(*words).returncode == 0
    ids = Counter(json.loads(bodies[0])["sn"] for bodies in station.server.received.values())
    assert ids == ONCE and station.names("one/watch") == [] and len(station.names("one/Done")) == 20


def test_what_stays_in_a_shared_folder_is_sent_once(station: Station) -> None:
    """With KEEP each file lies there for ever, done by one converter: after a restart nobody takes it again (invariant 4)."""
    pair(station, "Red", "SureBlue", post_action="keep")
    for ended in ({"done": 20, "skipped": 10}, {}):
        assert station.run().ended == ended
        assert sent(station) == ONCE
