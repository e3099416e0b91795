"""What is on record of a conversion: when it ran, by which version, with what; also where it had to wait."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from operator import attrgetter
from typing import Any

import pytest
from tests.acceptance.test_owed import failing, put_aside
from tests.station import Station

from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.time import utc_now

WARNS = (
    "class Warns(Any):\n"
    "    version = property(lambda self: '1.0')\n"
    "    arguments_schema = property(lambda self: {'key': ArgumentDefinition(arg_type=ArgumentType.STRING)})\n"
    "    def outcome(self, source, context):\n"
    "        found = report('S', id='4d7d3d1a-6f6b-4b0b-9d4c-6f1f7f0f2f11')\n"
    "        return ConverterResult.success_result(report=found, warnings=['it is old'])\n"
)


def test_the_time_is_that_of_the_converter(station: Station) -> None:
    """A source that waited for a free process was not converted meanwhile: one process has one at a time."""
    station.code("class Slow(Any):\n    def outcome(self, source, context):\n        time.sleep(0.5)\n")
    assert min(durations_ms(station, "own.Slow")) >= 500


def test_the_time_of_one_that_was_ended_is_its_own_too(station: Station) -> None:
    """It ran for its time limit, however long it had waited before."""
    station.code("class Hangs(Any):\n    def outcome(self, source, context):\n        time.sleep(600)\n")
    assert min(durations_ms(station, "own.Hangs", timeout_seconds=1)) >= 1000


def durations_ms(station: Station, module_path: str, **keys: Any) -> list[int]:
    """Convert three sources with one process, and see that none was converted while another one was."""
    watch = station.add("c", module_path, **keys)
    for name in ("a.log", "b.log", "c.log"):
        (watch / name).write_bytes(name.encode())
    station.run()
    with station.archive() as archive:
        ran = [archive.details(entry.archive_id).conversions[0] for entry in station.entries()]
    assert len(ran) == 3
    ran.sort(key=attrgetter("started_at"))
    for earlier, later in itertools.pairwise(ran):
        assert later.started_at >= earlier.started_at + timedelta(milliseconds=earlier.duration_ms)
    return [each.duration_ms for each in ran]


def test_what_is_archived_late_is_on_record_as_it_was_converted(station: Station) -> None:
    """When, by which version, and with which warnings: whatever the converter has become when the archive is back."""
    station.code(WARNS)
    watch, blocked = failing(station, module_path="own.Warns")
    (watch / "a.log").write_bytes(b"a")
    before = utc_now()
    station.run()
    after = utc_now()
    station.code(WARNS.replace("1.0", "2.0"))
    blocked.unlink()
    station.run()
    (conversion,) = station.details().conversions
    assert (conversion.converter_version, station.entry().converter_version) == ("1.0", "1.0")
    assert before < conversion.started_at < after
    assert conversion.warnings[0] == "it is old" and "archived after its conversion" in conversion.warnings[-1]


def test_a_note_tells_neither_what_is_secret_nor_where_code_lies(station: Station) -> None:
    """An argument that is secret today is never kept in clear (invariant 10); no file is read because a note names it."""
    station.code(WARNS)
    watch, blocked = failing(station, module_path="own.Warns", arguments={"key": "hunter2-secret"})
    (watch / "a.log").write_bytes(b"a")
    station.run()
    (source,) = put_aside(station)
    note = source.parents[1] / "note.json"
    evil = station.root / "evil.py"
    evil.write_text("class Warns: pass\n")
    told = json.loads(note.read_text())
    forged = {"code_files": [["own.py", str(evil)]], "password_arguments": [], "class_name": "Warns"}
    note.write_text(json.dumps(told | forged | {"converter": forged, "converted_at": "yesterday"}))
    station.code(WARNS.replace("1.0", "2.0").replace("ArgumentType.STRING", "ArgumentType.PASSWORD"))
    blocked.unlink()
    (left,) = station.run().waiting
    assert "is not trusted" in left and station.entries() == ()
    station.run(accept_notes=True)
    (conversion,) = station.details().conversions
    assert conversion.converter_version == "1.0"
    assert conversion.parameters["key"].startswith("hmac-sha256:")
    kept = station.archive_root / "converters"
    assert all(b"class Warns: pass" not in path.read_bytes() for path in kept.rglob("*") if path.is_file())


NONSENSE = [
    *(
        {"status": "FINE"},
        {"state": "good"},
        {"reports": [1]},
        {"reports": "one"},
        {"duration_ms": "long"},
        {"error": 5},
    ),
    *({"warnings": [1]}, {"arrival_id": [1]}, {"converter_name": ["on"]}, {"original_path": 5}, None),
]


@pytest.mark.parametrize("nonsense", NONSENSE, ids=str)
def test_a_note_that_makes_no_sense_is_told_and_kept(station: Station, nonsense: dict[str, Any] | None) -> None:
    """It holds the reports that were sent: its source waits, lest it be converted and sent again; the others go on."""
    watch, blocked = failing(station)
    for name in ("a.log", "b.log"):
        (watch / name).write_bytes(name.encode())
    station.run()
    note = put_aside(station)[0].parents[1] / "note.json"
    whole = note.read_text()
    note.write_text(whole[:-9] if nonsense is None else json.dumps(json.loads(whole) | nonsense))
    blocked.unlink()
    for _ in range(2):
        (left,) = station.run().waiting
        assert f"{note}: is invalid" in left
        assert len(station.entries()) == 1 and len(put_aside(station)) == 1
    note.write_text(whole)
    assert not station.run().waiting
    assert len(station.entries()) == 2 and put_aside(station) == []
    assert len(station.server.received) == 2
    states = [arrival.state for arrival in station.arrivals()]
    is_number_lost = nonsense is None or "arrival_id" in nonsense  # the ledger has it for vanished until then
    assert sorted(states) == [ArrivalState.DONE] * 2 + [ArrivalState.VANISHED] * is_number_lost


def test_a_source_without_its_note_is_archived_alone(station: Station) -> None:
    """A person took the note away, or the note never came to the disk."""
    watch, blocked = failing(station)
    (watch / "a.log").write_bytes(b"a")
    station.run()
    (put_aside(station)[0].parents[1] / "note.json").unlink()
    blocked.unlink()
    assert not station.run().waiting
    assert put_aside(station) == [] and station.names("on/Done/not-archived") == []
    assert station.entry().source_size_bytes == 1
    assert len(station.server.received) == 1
