"""pywats' AIConverter: it selects from the station's own converters and the standard ones, and the record says which."""

from __future__ import annotations

import json
import random

import pytest
from tests.station import Station

from pywats_archive import Client, ReplayRequest
from pywats_archive.archive.core import EntryDetails
from pywats_archive.demo.logfiles import unit
from pywats_archive.demo.logfiles.formats import wsjf
from pywats_archive.host.headless import pywats_module

AI = "pywats_client.converters.standard.ai_converter"
JSON = "pywats_client.converters.standard.wats_standard_json_converter.WATSStandardJsonConverter"
PICKY = """
class Picky(Any):
    version = property(lambda self: "7.1")
    arguments_schema = property(lambda self: {
        "greeting": ArgumentDefinition(arg_type=ArgumentType.STRING, default="hello"),
        "line_key": ArgumentDefinition(arg_type=ArgumentType.PASSWORD)})
    def validate(self, source, context):
        if not self.is_loaded or source.path.suffix != ".own":
            return ValidationResult.no_match("not mine")
        return ValidationResult(can_convert=True, confidence=0.9)
    is_loaded = False
    def on_load(self, context):
        self.is_loaded = True
    def convert(self, source, context):
        if b"bad" in source.path.read_bytes():
            raise ValueError("with " + context.arguments["line_key"])
        body = report(source.path.stem, comment=context.arguments["greeting"])
        return ConverterResult.success_result(report={k: v for k, v in body.items() if v is not None})
"""


def run(station: Station) -> dict[str, EntryDetails]:
    """Run the station once over its files; return the entries by their file's name."""
    station.run()
    with station.archive() as archive:
        found = [archive.details(entry.archive_id) for entry in station.entries()]
    return {each.entry.source_original_path.rpartition("watch")[2][1:]: each for each in found}


def test_pywats_alone_has_nothing_to_select_from() -> None:
    """Once it has, ours is no longer needed."""
    ai = pywats_module(AI).AIConverter
    ai.clear_registry()
    ai.initialize_default_converters()
    assert ai.get_registered_converters() == {}
    ai.clear_registry()


def test_each_file_goes_to_the_converter_that_rates_it_best(station: Station) -> None:
    """Own converters have the station's arguments; the conversion, its code and its version are those of the chosen one."""
    station.code(PICKY)
    station.add("Own", "own.Picky", arguments={"greeting": "from Own", "line_key": "s3cret-of-own"})
    station.add("Broken", "none.Missing")
    watch = station.add("AI", f"{AI}.AIConverter")
    (watch / "SN1.own").write_bytes(b"good")
    (watch / "SN2.own").write_bytes(b"bad")
    tested = unit.tested_unit(random.Random(1), serial="SN3")
    (watch / "SN3.json").write_bytes(wsjf(tested, report_id="5e8a4c0e-0000-4000-8000-000000000003"))
    (watch / "SN4.unknown").write_bytes(b"?")
    found = run(station)
    own, bad, standard = (found[name].conversions[-1] for name in ("SN1.own", "SN2.own", "SN3.json"))
    assert (own.status.value, own.converter_class, own.converter_version) == ("SUCCESS", "own.Picky", "7.1")
    assert (standard.status.value, standard.converter_class) == ("SUCCESS", JSON)
    assert found["SN4.unknown"].conversions[-1].status.value in ("SKIPPED", "REJECTED")
    assert bad.status.value == "FAILED" and bad.converter_class == "own.Picky"
    assert "[PASSWORD line_key]" in (bad.error or "") and "s3cret-of-own" not in repr(found)
    assert {each.entry.converter_name for each in found.values()} == {"AI"}
    sent = [json.loads(bodies[-1]) for bodies in station.server.received.values()]
    assert {each["sn"]: each.get("comment") for each in sent}["SN1"] == "from Own"
    assert any("'Broken' was not offered" in warning for warning in own.warnings)


@pytest.mark.long
def test_a_replay_selects_again(station: Station) -> None:
    """Today's converters are selected from; a replay with the original converter says why it is skipped."""
    station.code(PICKY)
    station.add("Own", "own.Picky", arguments={"greeting": "from Own"})
    (station.add("AI", f"{AI}.AIConverter") / "SN1.own").write_bytes(b"good")
    run(station)
    station.code(PICKY.replace('comment=context.arguments["greeting"]', 'comment="mended"'))
    ids = [entry.archive_id for entry in station.entries()]
    with Client.from_config(station.write_config()) as client:
        today = client.replay(ids, ReplayRequest(dry_run=True), processes=1)
        assert [(group.path, group.old, group.new) for group in today.changes] == [("/comment", "from Own", "mended")]
        client.replay(ids, ReplayRequest(), processes=1)
        assert client.details(ids[0]).conversions[-1].converter_class == "own.Picky"
        original = client.replay(ids, ReplayRequest(dry_run=True, use_current_converter=False), processes=1)
        (why,) = original.skipped_because
        assert why.startswith("it was converted by 'own.Picky', which AIConverter had selected")
