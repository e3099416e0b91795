"""A Done folder of pyWATS, as years leave it: sources, zips, reports, and what is none of these."""

from __future__ import annotations

import json
import os
import uuid
import zipfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

OLD = datetime(2021, 3, 4, 5, 6, 8, tzinfo=timezone.utc)
STARTED = "2020-02-13T10:00:00+00:00"


def put(path: Path, content: bytes, *, at: datetime = OLD) -> Path:
    """Write a file that was last changed at that time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


def document(sn: str, **more: Any) -> bytes:
    """Return the JSON of a report with an id of its own."""
    fields = {"type": "T", "id": str(uuid.uuid5(uuid.NAMESPACE_OID, sn)), "pn": "P1", "sn": sn, "rev": "A"}
    rest = {"processCode": 10, "result": "F", "machineName": "M", "location": "L", "purpose": "T", "start": STARTED}
    return json.dumps({**fields, **rest, "root": {"name": "Main", "steps": [{"name": "s"}]}, **more}).encode()


def zipped(path: Path, members: dict[str, bytes], *, at: datetime = OLD) -> Path:
    """Zip some files that were last changed at that time."""
    local = at.astimezone().timetuple()[:6]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(zipfile.ZipInfo(name, local), content)
    return path


def many(folder: Path, number: int) -> None:
    """Fill a Done folder: of each three sources one has a report, and one is zipped."""
    for each in range(number):
        content = f"unit {each}\n".encode() * 40
        if each % 3 == 1:
            folder.mkdir(parents=True, exist_ok=True)
            zipped(folder / f"S{each}.log.zip", {f"S{each}.log": content})
        else:
            put(folder / f"S{each}.log", content)
        if each % 3 == 0:
            put(folder / f"S{each}.json", document(f"SN{each}"))
