"""What a siege came to: every source in the archive once and in one folder, every report at the server under one id."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.recover import recover
from pywats_archive.archive.restore import restore_source
from pywats_archive.models.query import EntryFilter
from tests.faults.check import archive_findings
from tests.soak.drops import LINES, Drop
from tests.soak.siege import Siege

Content = frozenset[tuple[str, bytes]]
_FAILED = "f"


def faults_of(siege: Siege) -> list[str]:
    """Name whatever is lost, double, left over or contradictory."""
    with Archive.open(siege.station.archive_root, own=True) as archive:
        found = recover(archive)
        return [
            *([f"recovery found what the service should have: {found}"] if found.found_anything else []),
            *archive_findings(archive),
            *_archived(siege, archive),
            *_accounts(siege, archive),
            *(fault for line in LINES for fault in _folders(siege, line)),
            *_reports(siege),
        ]


def _archived(siege: Siege, archive: Archive) -> Iterator[str]:
    for line in LINES:
        wanted = Counter(_content(drop) for drop in siege.drops if drop.line == line)
        found = Counter(_restored(archive, line))
        yield from _differences("the archive", line, wanted, found)


def _restored(archive: Archive, line: str) -> Iterator[Content]:
    for entry in archive.find(EntryFilter(converter_name=line), limit=100_000).items:
        with tempfile.TemporaryDirectory() as folder:
            yield _lying_at(restore_source(archive, entry.archive_id, Path(folder)))


def _accounts(siege: Siege, archive: Archive) -> Iterator[str]:
    """The ledger has each source once, in a final state."""
    states: Counter[tuple[str, str]] = Counter()
    for account in ledger.accounts(archive):
        states.update({(account.converter_name, state): number for state, number in account.by_state.items()})
    wanted = Counter((drop.line, "failed" if drop.token.endswith(_FAILED) else "done") for drop in siege.drops)
    if states != wanted:
        yield f"the ledger counts {dict(states - wanted)} too many, {dict(wanted - states)} too few"


def _folders(siege: Siege, line: str) -> Iterator[str]:
    """Each source lies where its post action puts it, and nowhere else."""
    drops = [drop for drop in siege.drops if drop.line == line]
    well = Counter(_content(drop) for drop in drops if not drop.token.endswith(_FAILED))
    failed = Counter(_content(drop) for drop in drops if drop.token.endswith(_FAILED))
    wanted = {"watch": Counter(), "Done": Counter(), "Error": failed, "Pending": Counter()}
    place = {"keep": "watch", "move": "Done", "folder": "Done", "zip": "Done"}.get(line)
    if place:
        wanted[place] = well
    for folder, contents in wanted.items():
        path = siege.station.root / line / folder
        items = list(path.iterdir()) if path.is_dir() else []
        yield from (f"{item} is left half-written" for item in items if item.name.endswith(".part"))
        unpack = _zipped if (line, folder) == ("zip", "Done") else _lying_at
        yield from _differences(folder, line, contents, Counter(map(unpack, items)))


def _reports(siege: Siege) -> Iterator[str]:
    """The server has each report that is due, under one id, and the same bytes each time."""
    ids: dict[str, set[str]] = {}
    for report_id, bodies in siege.station.server.received.items():
        serials = {json.loads(body)["sn"] for body in bodies}
        if len(serials) != 1:
            yield f"report {report_id} was sent for {sorted(serials)}"
        for serial in serials:
            ids.setdefault(serial, set()).add(report_id)
    yield from (f"{serial} was sent under {len(each)} ids" for serial, each in ids.items() if len(each) > 1)
    due = {serial for drop in siege.drops for serial in drop.serial_numbers}
    if ids.keys() != due:
        yield f"the server lacks {sorted(due - ids.keys())}, and has {sorted(ids.keys() - due)} too many"


def _differences(where: str, line: str, wanted: Counter[Content], found: Counter[Content]) -> Iterator[str]:
    yield from (f"{line}: {where} lacks {_name(content)}" for content in wanted - found)
    yield from (f"{line}: {where} has {_name(content)} too often" for content in found - wanted)


def _name(content: Content) -> str:
    first = min(content, default=("", b""))[1]
    return f"{first[:10]!r} ({sum(len(body) for _, body in content)} bytes)"


def _content(drop: Drop) -> Content:
    return frozenset(drop.content.items())


def _lying_at(path: Path) -> Content:
    if not path.is_dir():
        return frozenset({("", path.read_bytes())})
    files = (file for file in path.rglob("*") if file.is_file())
    return frozenset((file.relative_to(path).as_posix(), file.read_bytes()) for file in files)


def _zipped(path: Path) -> Content:
    with zipfile.ZipFile(path) as packed:
        return frozenset(("", packed.read(name)) for name in packed.namelist())
