"""A standard converter with one limit put right, over 150 files: shown field by field, sent under the same ids, rolled back."""

from __future__ import annotations

import copy
import json
import random
import shutil
from collections.abc import Iterator
from typing import Any

from tests.real_files import SAMPLES
from tests.station import Station

from pywats_archive.archive.results.current import current
from pywats_archive.client import Client
from pywats_archive.demo.logfiles import formats
from pywats_archive.demo.logfiles import unit as units
from pywats_archive.models.operation.replay import ChangeKind, ReplayRequest, ReprocessingResult

STANDARD = "pywats_client.converters.standard"
FORMATS = {
    "spea": ("spea_converter.SPEAConverter", "csv", formats.spea),
    "seica_xml": ("seica_xml_converter.SeicaXMLConverter", "xml", formats.seica),
    "xjtag": ("xjtag_converter.XJTAGConverter", "xjlog", formats.xjtag),
}
HIGHEST_V = 3.5
FIXED = f"""
from math import inf
from pywats_client.converters.standard.spea_converter import SPEAConverter

class Fixed(SPEAConverter):
    def _add_step(self, *, max_str, unit_str, **more):
        if unit_str == "V" and {HIGHEST_V} < self._parse_float(max_str) < inf:
            max_str = "{HIGHEST_V}"
        super()._add_step(max_str=max_str, unit_str=unit_str, **more)
"""
FILES = 150


def test_exactly_what_a_fixed_limit_touches_is_told_sent_and_taken_back(station: Station) -> None:
    """Real files, where they are here, and generated ones: no field more and none less, at the server too, and back again."""
    _drop(station)
    assert station.run().waiting == ()
    before, sent_before = _shown(station), _at_server(station)
    assert len(before) == FILES
    station.code(FIXED)
    station.sections[0]["module_path"] = "own.Fixed"
    wanted = {archive_id: set(_touched(document)) for archive_id, document in before.items()}
    number_touched = sum(map(bool, wanted.values()))
    assert FILES // 5 < number_touched < FILES // 2

    dry = _replayed(station, dry_run=True)
    assert _told(station, dry) == wanted
    assert dry.by_comparison == {"changed": number_touched, "same": FILES - number_touched}
    assert dry.effects == {"replaces": number_touched, "unchanged": FILES - number_touched}
    assert (_shown(station), _at_server(station)) == (before, sent_before)

    done = _replayed(station, submit_to_server=True)
    assert _told(station, done) == wanted
    assert station.run().waiting == ()
    now = _at_server(station)
    assert now.keys() == sent_before.keys()
    assert sum(len(bodies) for bodies in now.values()) == FILES + number_touched
    latest = {report_id: bodies[-1] for report_id, bodies in now.items()}
    assert latest == {document["id"]: _fixed(document) for document in before.values()}

    with Client.from_config(station.write_config()) as client:
        back = client.reprocessing(actor="engineer").rollback(done.run_id or 0)
    assert [each.is_set_back for each in back] == [True] * FILES
    assert sum(len(each.submitted_ids) for each in back) == number_touched
    assert (_shown(station), _at_server(station)) == (before, now)


def _drop(station: Station) -> None:
    """Drop the real files of each format, and generated ones until there are 150 in all."""
    folders = {
        name: station.add(name, f"{STANDARD}.{path}", file_patterns=["*.*"]) for name, (path, *_) in FORMATS.items()
    }
    real = [path for name in FORMATS for path in sorted((SAMPLES / name).glob("*.*"))]
    for path in real:
        shutil.copyfile(path, folders[path.parent.name] / path.name)
    for number in range(FILES - len(real)):
        name = list(FORMATS)[number % len(FORMATS)]
        unit = units.tested_unit(random.Random(number), serial=f"GEN{number:03}", steps=12)
        _, suffix, written = FORMATS[name]
        (folders[name] / f"GEN{number:03}.{suffix}").write_bytes(written(unit))


def _replayed(station: Station, **request: Any) -> ReprocessingResult:
    with Client.from_config(station.write_config()) as client:
        ids = [entry.archive_id for entry in station.entries()]
        return client.reprocessing(actor="engineer").start(ids, ReplayRequest(**request), processes=2)


def _told(station: Station, result: ReprocessingResult) -> dict[str, set[tuple[str, ChangeKind, Any, Any]]]:
    """Return the changes of each entry in a run: path, kind, old and new."""
    with Client.from_config(station.write_config()) as client:
        items = client.reprocessing(actor="engineer").items(result.run_id or 0)
    return {item.archive_id: {(each.path, each.kind, each.old, each.new) for each in item.changes} for item in items}


def _shown(station: Station) -> dict[str, dict[str, Any]]:
    """The document that each entry shows."""
    with station.archive() as archive:
        shown = (current(archive, entry.archive_id) for entry in station.entries())
        return {each.entry.archive_id: json.loads(archive.document(*each.reports)) for each in shown}


def _at_server(station: Station) -> dict[str, list[dict[str, Any]]]:
    return {report_id: list(map(json.loads, bodies)) for report_id, bodies in station.server.received.items()}


def _touched(value: Any, path: str = "") -> Iterator[tuple[str, ChangeKind, Any, Any]]:
    """What the fix changes in a report of the unchanged converter; only one of SPEA files has a measure in V beyond it."""
    if path == "" and not _is_of_spea(value):
        return
    if isinstance(value, dict):
        if _is_beyond(value):
            yield f"{path}/highLimit", ChangeKind.CHANGED, value["highLimit"], HIGHEST_V
        for name, inner in value.items():
            yield from _touched(inner, f"{path}/{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _touched(inner, f"{path}[{number}]")


def _fixed(document: dict[str, Any]) -> dict[str, Any]:
    """The report as the fixed converter has to make it."""
    made = copy.deepcopy(document)
    pending: list[Any] = [made] if _is_of_spea(made) else []
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if _is_beyond(value):
                value["highLimit"] = HIGHEST_V
            pending += value.values()
        elif isinstance(value, list):
            pending += value
    return made


def _is_of_spea(document: dict[str, Any]) -> bool:
    return any("SPEA" in each.get("text", "") for each in document["miscInfos"])


def _is_beyond(value: dict[str, Any]) -> bool:
    return value.get("unit") == "V" and (value.get("highLimit") or 0) > HIGHEST_V
