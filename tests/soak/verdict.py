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
from pywats_archive.archive.repair.recover import recover
from pywats_archive.archive.restore.source import restore_source
from pywats_archive.models.query import EntryFilter
from tests.faults.check import archive_findings
from tests.soak.drops import LINES, REWRITTEN, SWAPPED, Drop
from tests.soak.siege import Siege

Content = frozenset[tuple[str, bytes]]
Group = tuple[str, ...]
_FAILED = "f"
_GROUPS: tuple[Group, ...] = (*((line,) for line in LINES if line not in SWAPPED), SWAPPED)
"""Converters of which each has what was dropped for it; those that exchange their folders have it together."""


def faults_of(siege: Siege) -> list[str]:
    """Name whatever is lost, double, left over or contradictory."""
    with Archive.open(siege.station.archive_root, own=True) as archive:
        found = recover(archive)
        return [
            *([f"recovery found what the service should have: {found}"] if found.found_anything else []),
            *archive_findings(archive),
            *_archived(siege, archive),
            *_accounts(siege, archive),
            *(fault for group in _GROUPS for fault in _folders(siege, group)),
            *_reports(siege),
        ]


def _archived(siege: Siege, archive: Archive) -> Iterator[str]:
    for group in _GROUPS:
        wanted = Counter(_content(drop) for drop in siege.drops if drop.line in group)
        found = Counter(content for line in group for content in _restored(archive, line))
        yield from _differences("the archive", group, wanted, found)


def _restored(archive: Archive, line: str) -> Iterator[Content]:
    for entry in archive.find(EntryFilter(converter_name=line), limit=100_000).items:
        with tempfile.TemporaryDirectory() as folder:
            yield _lying_at(restore_source(archive, entry.archive_id, Path(folder)))


def _accounts(siege: Siege, archive: Archive) -> Iterator[str]:
    """The ledger has each source once, in a final state; what was only seen as converters exchanged folders, as skipped too."""
    states: Counter[tuple[Group, str]] = Counter()
    groups = {line: group for group in _GROUPS for line in group}
    for account in ledger.accounts(archive):
        group = groups[account.converter_name]
        ended = {state: n for state, n in account.by_state.items() if (group, state) != (SWAPPED, "skipped")}
        states.update({(group, state): number for state, number in ended.items()})
    wanted = Counter((groups[drop.line], "failed" if drop.token.endswith(_FAILED) else "done") for drop in siege.drops)
    if states != wanted:
        yield f"the ledger counts {dict(states - wanted)} too many, {dict(wanted - states)} too few"


def _folders(siege: Siege, group: Group) -> Iterator[str]:
    """Each source lies where its post action puts it, and nowhere else.

    One that was replaced on its way lies nowhere; one that is kept stays in Pending where another has its name by then.
    """
    drops = [drop for drop in siege.drops if drop.line in group]
    well = Counter(_content(drop) for drop in drops if not drop.token.endswith(_FAILED))
    failed = Counter(_content(drop) for drop in drops if drop.token.endswith(_FAILED))
    wanted = {"watch": Counter(), "Done": Counter(), "Error": failed, "Pending": Counter()}
    ends = {"keep": "watch", "move": "Done", "folder": "Done", "zip": "Done", "left": "Done", REWRITTEN: "Done"}
    if group[0] in ends:
        wanted[ends[group[0]]] = well
    for folder, contents in wanted.items():
        if group == ("keep",) and folder == "Pending":
            continue
        places = ("watch", "Pending") if group == ("keep",) and folder == "watch" else (folder,)
        items = [item for line in group for place in places for item in _items(siege.station.root / line / place)]
        yield from (f"{item} is left half-written" for item in items if item.name.endswith(".part"))
        unpack = _zipped if (group[0], folder) == ("zip", "Done") else _lying_at
        found = Counter(map(unpack, items))
        may_lack = contents if group == (REWRITTEN,) else Counter[Content]()
        yield from _differences(folder, group, contents - (may_lack - found), found)


def _items(path: Path) -> list[Path]:
    return list(path.iterdir()) if path.is_dir() else []


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


def _differences(where: str, group: Group, wanted: Counter[Content], found: Counter[Content]) -> Iterator[str]:
    name = " and ".join(group)
    yield from (f"{name}: {where} lacks {_name(content)}" for content in wanted - found)
    yield from (f"{name}: {where} has {_name(content)} too often" for content in found - wanted)


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
