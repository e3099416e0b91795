"""The code that converted is kept as it was loaded, whatever becomes of its file and of its process meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.station import CONVERTER, Station, wait_for

from pywats_archive.archive.results import codes
from pywats_archive.client import Client
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.operation.replay import ReplayRequest

EDITED = """
import helper_of_it
class Edited(Any):
    def outcome(self, source, context):
        import pathlib
        for name in ("own.py", "helper_of_it.py"):
            file = pathlib.Path(__file__).with_name(name)
            file.write_text(file.read_text() + "# edited while it runs\\n", encoding="utf-8")
        if source.path.stem == "hangs":
            time.sleep(600)
        if source.path.stem == "dies":
            os._exit(7)
        return super().outcome(source, context)
"""


@pytest.mark.parametrize("name", ["hangs", "dies", "good"])
def test_a_converter_that_is_edited_while_it_runs_keeps_the_code_that_ran(station: Station, name: str) -> None:
    """Whether it is ended for its time, ends itself or succeeds: the fingerprint on record is of code that is kept."""
    station.code(EDITED)
    (station.root / "converters" / "helper_of_it.py").write_text("VALUE = 1\n", encoding="utf-8")
    limit_s = 2 if name == "hangs" else 60
    (station.add("any", "own.Edited", timeout_seconds=limit_s) / f"{name}.log").write_bytes(b"x")
    station.run()
    (conversion,) = station.details().conversions
    assert conversion.status.value == ("SUCCESS" if name == "good" else "FAILED")
    with station.archive() as archive:
        kept = codes.load(archive, conversion.code_fingerprint)
    assert kept is not None and dict(kept.files) == {
        "own.py": (CONVERTER + EDITED).encode(),
        "helper_of_it.py": b"VALUE = 1\n",
    }
    assert conversion.converter_version == "3.2.1"


def test_each_version_that_converted_is_kept(station: Station) -> None:
    """A service that runs on while its converter is edited, and whose next conversion is killed, has both versions."""
    station.code("HANGS = False\nclass Own(Any):\n" + OUTCOME)
    watch = station.add("any", "own.Own", timeout_seconds=2)
    with station.serving():
        (watch / "1.log").write_bytes(b"1")
        wait_for(lambda: len(station.names("any/Done")) == 1)
        station.code("HANGS = True\nclass Own(Any):\n" + OUTCOME)
        (watch / "2.log").write_bytes(b"2")
        wait_for(lambda: station.names("any/Error") == ["2.log"])
    with station.archive() as archive:
        made = [archive.details(entry.archive_id).conversions[0] for entry in station.entries()]
        kept = [codes.load(archive, conversion.code_fingerprint) for conversion in made]
    assert [b"HANGS = True" in each.files["own.py"] for each in kept if each] == [False, True]


OUTCOME = """    def outcome(self, source, context):
        if HANGS:
            time.sleep(600)
        return super().outcome(source, context)
"""


def test_an_archive_is_asked_once_for_each_version(station: Station) -> None:
    """A worker returns the code only until it is stored: later conversions do not carry it."""
    watch = station.add("any")
    for number in range(5):
        (watch / f"{number}.log").write_bytes(b"%d" % number)
    station.run()
    assert len(list(Path(station.archive_root, "converters").iterdir())) == 1
    assert len({conversion.code_fingerprint for conversion in _conversions(station)}) == 1


TWO = """
class First(Any):
    def outcome(self, source, context):
        return ConverterResult.success_result(report=report(source.path.stem, misc="first"))
class Second(Any):
    def outcome(self, source, context):
        return ConverterResult.success_result(report=report(source.path.stem, misc="second"))
"""


@pytest.mark.parametrize("later", ["edited", "swapped"])
def test_of_two_converters_in_one_file_each_is_replayed_by_its_own(station: Station, later: str) -> None:
    """The original converter is a class: the file may hold another one, and the configuration may name that one now."""
    station.code(TWO)
    for name, module_path in (("one", "own.First"), ("two", "own.Second")):
        (station.add(name, module_path) / f"{name}.log").write_text(name)
    station.run()
    if later == "edited":
        station.code(TWO + "# edited")
    else:
        station.sections[0]["module_path"], station.sections[1]["module_path"] = "own.Second", "own.First"
    with Client.from_config(station.write_config()) as client:
        ids = [entry.archive_id for entry in station.entries()]
        engine = client.reprocessing(actor="engineer")
        done = engine.start(ids, ReplayRequest(dry_run=True, use_current_converter=False), processes=1)
    assert (done.by_comparison, done.skipped_because) == ({"same": 2}, {})


def _conversions(station: Station) -> list[Conversion]:
    with station.archive() as archive:
        return [archive.details(entry.archive_id).conversions[0] for entry in station.entries()]
