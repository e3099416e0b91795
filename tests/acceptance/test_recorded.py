"""What is on record of a conversion: when it ran, by which version, with what; also where it had to wait."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from operator import attrgetter

from tests.acceptance.test_owed import failing, put_aside
from tests.station import Station

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
    watch = station.add("slow", "own.Slow")
    for name in ("a.log", "b.log", "c.log"):
        (watch / name).write_bytes(name.encode())
    station.run()
    with station.archive() as archive:
        ran = [archive.details(entry.archive_id).conversions[0] for entry in station.entries()]
    assert len(ran) == 3 and all(each.duration_ms >= 500 for each in ran)
    ran.sort(key=attrgetter("started_at"))
    for earlier, later in itertools.pairwise(ran):
        assert later.started_at >= earlier.started_at + timedelta(milliseconds=earlier.duration_ms)


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
    station.run()
    (conversion,) = station.details().conversions
    assert conversion.converter_version == "1.0"
    assert conversion.parameters["key"].startswith("hmac-sha256:")
    kept = station.archive_root / "converters"
    assert all(b"class Warns: pass" not in path.read_bytes() for path in kept.rglob("*") if path.is_file())
