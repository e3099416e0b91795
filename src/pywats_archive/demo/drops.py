"""The sources of the demo: good files, and every kind of trouble that occurs at a station."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pywats_archive.demo.logfiles import formats
from pywats_archive.demo.logfiles.unit import Unit, tested_unit


@dataclass(frozen=True, kw_only=True, slots=True)
class Drop:
    """One source to be dropped into the watch folder of ``converter``."""

    converter: str
    name: str
    content: bytes = b""
    origin: Path | None = None
    """A file of the user's own to be copied, instead of ``content``."""
    companions: dict[str, bytes | Path] = field(default_factory=dict)
    """Files beside it, by their path relative to the watch folder; they are there first."""
    members: dict[str, bytes] = field(default_factory=dict)
    """Not empty: the source is a folder of these files."""
    slowly: bool = False
    """Written in two halves, some time apart."""
    late: dict[str, bytes] = field(default_factory=dict)
    """Files beside it that arrive only after it was suspended."""


def drop_list(seed: int, count: int) -> tuple[Drop, ...]:
    """Make ``count`` drops in a mixed order; the same for the same seed. ``count`` is at least 20."""
    rng = random.Random(seed)
    special = list(_special(rng))
    ordinary = [_ordinary(rng, number) for number in range(count - len(special))]
    drops = ordinary + special
    rng.shuffle(drops)
    return tuple(drops)


def ordinary_drops(seed: int, count: int, *, first: int = 0) -> tuple[Drop, ...]:
    """Make ``count`` good files, of each format in turn; ``first`` is the number of the first unit."""
    rng = random.Random(seed)
    return tuple(_ordinary(rng, number) for number in range(first, first + count))


def _ordinary(rng: random.Random, number: int) -> Drop:
    unit = tested_unit(rng, serial=f"SN{260000 + number}", steps=rng.randrange(8, 60), fails=rng.random() < 0.08)
    return _FORMATS[number % len(_FORMATS)](rng, unit)


def _json(rng: random.Random, unit: Unit) -> Drop:
    return Drop(converter="json", name=f"{unit.serial}.json", content=formats.wsjf(unit, report_id=_id(rng)))


def _spea(rng: random.Random, unit: Unit) -> Drop:
    return Drop(converter="spea", name=f"{unit.serial}.csv", content=formats.spea(unit))


def _seica(rng: random.Random, unit: Unit) -> Drop:
    return Drop(converter="seica", name=f"{unit.serial}.xml", content=formats.seica(unit))


def _xjtag(rng: random.Random, unit: Unit) -> Drop:
    return Drop(converter="xjtag", name=f"{unit.serial}.xjlog", content=formats.xjtag(unit))


def _klippel(rng: random.Random, unit: Unit) -> Drop:
    header, data = formats.klippel(unit)
    companions: dict[str, bytes | Path] = {f"{unit.serial}/{name}": content for name, content in data.items()}
    return Drop(converter="klippel", name=f"{unit.serial}.txt", content=header, companions=companions)


def _csv(rng: random.Random, unit: Unit) -> Drop:
    companions: dict[str, bytes | Path] = {f"{unit.serial}.limits": formats.limits(unit)}
    return Drop(converter="csv", name=f"{unit.serial}.csv", content=formats.csv(unit), companions=companions)


_FORMATS: tuple[Callable[[random.Random, Unit], Drop], ...] = (_json, _spea, _seica, _xjtag, _klippel, _csv)


def _special(rng: random.Random) -> Iterator[Drop]:
    unit = tested_unit(rng, serial="SN900001")
    yield Drop(converter="json", name="empty.json", content=b"")
    yield Drop(converter="json", name="broken.json", content=b'{"type": "T", "pn": ')
    yield Drop(converter="xjtag", name="not-a-zip.xjlog", content=b"this was to be a zip")
    yield Drop(converter="seica", name="cut-off.xml", content=formats.seica(unit)[:300])
    for number in (1, 2):
        twin = tested_unit(rng, serial=f"SN90001{number}")
        yield Drop(converter="spea", name="duplicate.csv", content=formats.spea(twin))
    for name in ("Prüfling Ø 7.json", "試験結果 2026.json", "Žluťoučký kůň \N{GRINNING FACE}.json"):
        named = tested_unit(rng, serial=f"SN9002{len(name):02d}")
        yield Drop(converter="json", name=name, content=formats.wsjf(named, report_id=_id(rng)))
    long_name = "L" * 250 + ".json"
    yield Drop(
        converter="json", name=long_name, content=formats.wsjf(tested_unit(rng, serial="SN900300"), report_id=_id(rng))
    )
    slow = tested_unit(rng, serial="SN900400", steps=200)
    yield Drop(converter="spea", name="half-written.csv", content=formats.spea(slow), slowly=True)
    waits = tested_unit(rng, serial="SN900500")
    yield Drop(
        converter="csv", name="waits.csv", content=formats.csv(waits), late={"waits.limits": formats.limits(waits)}
    )
    waits_for_ever = tested_unit(rng, serial="SN900501")
    yield Drop(converter="csv", name="limits-never-come.csv", content=formats.csv(waits_for_ever))
    fails = tested_unit(rng, serial="SN900600")
    wrong = {"limits-incomplete.limits": formats.limits(fails)[:40]}
    yield Drop(converter="csv", name="limits-incomplete.csv", content=formats.csv(fails), companions={**wrong})
    yield Drop(converter="json", name="no-unit.json", content=b'{"type": "T", "root": {"name": "MainSequence"}}')
    repaired = _id(rng)
    yield Drop(
        converter="json", name="repair.json", content=formats.repair(unit, report_id=_id(rng), repaired_id=repaired)
    )
    yield Drop(converter="xml", name="refused.xml", content=formats.wsxf(unit, report_id=_id(rng)))
    yield Drop(converter="burn-in", name="BURN_0001", members=_burn_in(unit))


def _burn_in(unit: Unit) -> dict[str, bytes]:
    fields = {"part": unit.part, "serial": unit.serial, "revision": unit.revision, "started": unit.started.isoformat()}
    hours = {f"hour-{number:02d}.txt": f"{60 + number}.5".encode() for number in range(1, 25)}
    return {"unit.json": json.dumps(fields).encode(), **hours, "COMPLETE.marker": b""}


def _id(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))
